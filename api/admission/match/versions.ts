import { apiVersionOf, type KubernetesObject } from '../../../machinery/kinds/kind.ts';
import type { Draft } from '../../../machinery/kinds/wire.ts';
import type { Resource } from '../../resources/define.ts';

/** The further versions of a resource's objects, itself among them. */
export type VersionsOf = (resource: Resource) => readonly Resource[];

/** `object`, one of `from`, as `to` shows it: another version of the same objects. Throws what converting it throws. */
export async function asVersion(object: KubernetesObject, from: Resource, to: Resource): Promise<KubernetesObject> {
  if (from === to) return object;
  const remote = from.storedAs?.remote ?? to.storedAs?.remote;
  if (remote !== undefined) {
    const [converted = object] = await remote.convert([object], apiVersionOf(to));
    return converted;
  }
  const copy = structuredClone(object) as Draft<KubernetesObject>;
  const stored = from.storedAs?.toStored(copy) ?? copy;
  return { ...(to.storedAs?.fromStored(stored) ?? stored), apiVersion: apiVersionOf(to), kind: to.kind };
}
