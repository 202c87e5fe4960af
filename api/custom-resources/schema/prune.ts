import { pathText } from '../../schema/walk/problem.ts';
import { isObject, type Structural } from './structural.ts';

/**
 * Drops the fields that a schema doesn't have. Where a schema preserves unknown fields they stay, but what it does specify is
 * pruned all the same. Source: "Field pruning", CustomResourceDefinitions.
 */

const metaFields: ReadonlySet<string> = new Set(['apiVersion', 'kind', 'metadata']);
/** As many as Kubernetes reports. */
const mostUnknown = 100;

/** Prunes `object`, a whole custom resource, in place. Gives the paths of what was dropped, in the order met, at most 100. */
export function prune(object: Record<string, unknown>, schema: Structural): readonly string[] {
  const walk: Walk = { steps: [], unknown: [] };
  pruneMembers(object, schema, walk, true);
  return walk.unknown;
}

/** Prunes a value in place as its own schema wants it, which may be that of a field. */
export function pruneByItself(value: unknown, schema: Structural): void {
  pruneValue(value, schema, { steps: [], unknown: [] });
}

interface Walk {
  readonly steps: (string | number)[];
  readonly unknown: string[];
}

/** `schema` undefined: nothing is specified, so no field of an object stays. */
function pruneValue(value: unknown, schema: Structural | undefined, walk: Walk): void {
  if (Array.isArray(value)) pruneItems(value, schema, walk);
  else if (isObject(value)) pruneMembers(value, schema, walk, schema?.embedded === true);
}

function pruneItems(items: readonly unknown[], schema: Structural | undefined, walk: Walk): void {
  if (schema?.preserveUnknown === true && schema.items === undefined) return;
  const at = walk.steps.push(0) - 1;
  for (const [index, item] of items.entries()) {
    walk.steps[at] = index;
    pruneValue(item, schema?.items, walk);
  }
  walk.steps.pop();
}

function pruneMembers(object: Readonly<Record<string, unknown>>, schema: Structural | undefined, walk: Walk, isWhole: boolean): void {
  const at = walk.steps.push('') - 1;
  for (const key of Object.keys(object)) {
    if (isWhole && metaFields.has(key)) continue;
    walk.steps[at] = key;
    const known = schema?.properties.get(key);
    if (known !== undefined) {
      pruneValue(object[key], known, walk);
    } else if (schema?.additional !== undefined) {
      pruneValue(object[key], schema.additional === true ? undefined : schema.additional, walk);
    } else if (schema?.preserveUnknown !== true) {
      if (walk.unknown.length < mostUnknown) walk.unknown.push(pathText(walk.steps));
      Reflect.deleteProperty(object, key);
    }
  }
  walk.steps.pop();
}
