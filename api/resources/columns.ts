import type { KubernetesObject } from '../../machinery/kinds/kind.ts';
import type { PodTemplateSpec } from '../../machinery/kinds/core.ts';
import { formatSelector, selectorOf, type LabelSelector } from '../../machinery/selectors.ts';
import type { Column } from './define.ts';

/** Columns that several kinds have, and how cells show what is absent. Source: kubectl's output for each kind. */

export const none = '<none>';
export const unknown = '<unknown>';

/** A column of text. `priority` 1: only with `-o wide`. */
export function text<T extends KubernetesObject>(name: string, description: string, cell: (object: T) => string, priority: 0 | 1 = 0): Column<T> {
  return { name, type: 'string', description, priority, cell: (object) => cell(object) };
}

/** A column that shows a time relative to now. */
export function timed<T extends KubernetesObject>(name: string, description: string, cell: (object: T, now: number) => string, priority: 0 | 1 = 0): Column<T> {
  return { name, type: 'string', description, priority, timed: true, cell: (object, now) => cell(object, now) };
}

export function count<T extends KubernetesObject>(name: string, description: string, cell: (object: T) => number, priority: 0 | 1 = 0): Column<T> {
  return { name, type: 'integer', description, priority, cell: (object) => cell(object) };
}

/** The `Created At` column of kinds without columns of their own. */
export function createdAt<T extends KubernetesObject>(): Column<T> {
  return { name: 'Created At', type: 'date', description: 'When the object was created.', cell: (object) => object.metadata?.creationTimestamp ?? null };
}

export const joined = (parts: readonly string[]): string => (parts.length === 0 ? none : parts.join(','));

/** `a=b,c=d`, as a Service's selector or labels are shown. */
export function labelsText(labels: Readonly<Record<string, string>> | undefined): string {
  return joined(Object.entries(labels ?? {}).map(([key, value]) => `${key}=${value}`).toSorted());
}

interface Templated extends KubernetesObject {
  readonly spec?: { readonly template?: PodTemplateSpec; readonly selector?: LabelSelector };
}

/** The wide columns of whatever makes pods of a template. */
export function templateColumns<T extends Templated>(): readonly Column<T>[] {
  const containers = (object: T) => object.spec?.template?.spec?.containers ?? [];
  return [
    text<T>('Containers', "Names of the template's containers.", (object) => containers(object).map((container) => container.name).join(','), 1),
    text<T>('Images', "Images of the template's containers.", (object) => containers(object).map((container) => container.image ?? '').join(','), 1),
    text<T>('Selector', 'Which pods belong to the object.', (object) => formatSelector(selectorOf(object.spec?.selector ?? {})) || none, 1),
  ];
}
