import { Namespace } from '../../../machinery/kinds/core.ts';
import type { KubernetesObject } from '../../../machinery/kinds/kind.ts';
import { matches, selectorOf, type LabelSelector, type Selector } from '../../../machinery/selectors.ts';
import type { Admitted } from '../admission.ts';

/** Selectors of namespaces and objects, read once. */
export interface Selectors {
  readonly namespaces: Selector;
  readonly objects: Selector;
}

export function selectorsOf({ namespaceSelector, objectSelector }: { readonly namespaceSelector?: LabelSelector; readonly objectSelector?: LabelSelector }): Selectors {
  return { namespaces: selectorOf(namespaceSelector ?? {}), objects: selectorOf(objectSelector ?? {}) };
}

/** Whether both select: the namespace that the write is in (a Namespace is in itself), and the object before or after the write. */
export function selected({ namespaces, objects }: Selectors, write: Admitted, object: KubernetesObject | undefined): boolean {
  return namespaceSelected(namespaces, write, object) && objectSelected(objects, write, object);
}

function namespaceSelected(selector: Selector, write: Admitted, object: KubernetesObject | undefined): boolean {
  if (selector.length === 0) return true;
  const { resource } = write;
  if (resource.group === '' && resource.plural === 'namespaces') return matches(selector, (object ?? write.old)?.metadata?.labels);
  if (resource.scope === 'Cluster') return true;
  return matches(selector, write.caches.of(Namespace).get(undefined, write.namespace)?.object.metadata?.labels);
}

function objectSelected(selector: Selector, { old }: Admitted, object: KubernetesObject | undefined): boolean {
  if (selector.length === 0) return true;
  return [object, old].some((one) => one !== undefined && matches(selector, one.metadata?.labels));
}
