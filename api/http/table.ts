import type { KubernetesObject } from '../../machinery/kinds/kind.ts';
import type { Resource } from '../resources/define.ts';
import type { Entry } from '../store/cache.ts';

/** Objects as rows for people, columns chosen by their kind. Source: "Receiving resources as Tables", API concepts. */

export type IncludeObject = 'Metadata' | 'None' | 'Object';

export interface TableRenderer {
  /** `columnDefinitions` as JSON. */
  columns(resource: Resource): string;
  /** One row as JSON. */
  row(resource: Resource, entry: Entry, include: IncludeObject): string;
}

/** Cells that don't read the clock are made once for each version of an object. */
export function createTableRenderer(now: () => number): TableRenderer {
  const definitions = new WeakMap<Resource, string>();
  const fixedCells = new WeakMap<Entry, readonly (string | undefined)[]>();

  function columns(resource: Resource): string {
    const known = definitions.get(resource);
    if (known !== undefined) return known;
    const text = JSON.stringify(resource.columns.map(({ name, type, format = '', description, priority = 0 }) =>
      ({ name, type, format, description, priority })));
    definitions.set(resource, text);
    return text;
  }

  function cells(resource: Resource, entry: Entry): string {
    let fixed = fixedCells.get(entry);
    if (fixed === undefined) {
      fixed = resource.columns.map((column) => (column.timed === true ? undefined : cell(column, entry.object, 0)));
      fixedCells.set(entry, fixed);
    }
    return fixed.map((text, index) => text ?? cell(resource.columns[index], entry.object, now())).join(',');
  }

  return {
    columns,
    row(resource, entry, include) {
      const object = include === 'None' ? '' : `,"object":${entry.encoded(include === 'Object' ? 'json' : 'metadata').toString()}`;
      return `{"cells":[${cells(resource, entry)}]${object}}`;
    },
  };
}

function cell(column: Resource['columns'][number] | undefined, object: KubernetesObject, now: number): string {
  return JSON.stringify(column?.cell(object, now) ?? null);
}

/** `includeObject` of the query; anything unknown is the default. */
export function includeObject(query: Readonly<Record<string, string>>): IncludeObject {
  const { includeObject: asked } = query;
  return asked === 'None' || asked === 'Object' ? asked : 'Metadata';
}

/** What a table's JSON has before its rows. */
export function tableHead(metadata: object, columns: string): string {
  return `{"kind":"Table","apiVersion":"meta.k8s.io/v1","metadata":${JSON.stringify(metadata)},"columnDefinitions":${columns},"rows":[`;
}
