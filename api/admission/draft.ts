import type { KubernetesObject } from '../../machinery/kinds/kind.ts';
import type { Draft } from '../../machinery/kinds/wire.ts';

/** Makes `draft` what `next` is: whoever holds the draft sees the change. */
export function replaceDraft(draft: Draft<KubernetesObject>, next: Draft<KubernetesObject>): void {
  for (const field of Object.keys(draft)) if (!Object.hasOwn(next, field)) Reflect.deleteProperty(draft, field);
  for (const [field, value] of Object.entries(next)) Reflect.set(draft, field, value);
}
