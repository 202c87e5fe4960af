import { apiVersionOf, type KubernetesObject } from '../../machinery/kinds/kind.ts';
import type { JsonObject } from '../../machinery/patch/json-value.ts';
import { difference, has, isEmpty, setOf, union, type FieldSet } from '../../machinery/patch/structured/field-set.ts';
import type { Owner } from '../../machinery/patch/structured/owners.ts';
import type { Resource } from '../resources/define.ts';
import { applyTo, type Application } from './apply.ts';
import { identityText, readEntries, unmanaged, writeEntries, type Entries, type Managed } from './entries.ts';
import { formsOf } from './forms.ts';
import { withUpdate } from './track.ts';

/**
 * Ownership through `/scale`: a Scale has one number, and who owns it there owns the workload's own. Source: "Server-Side Apply",
 * and the scale subresource's field manager of kube-apiserver, as observed.
 */

const inScale = setOf(['f:spec', 'f:replicas']);
const scalePath = ['f:spec', 'f:replicas'];

/** The write of a Scale for a workload. */
export interface ScaleWrite {
  /** The workload's. */
  readonly resource: Resource;
  readonly scales: Resource;
  readonly manager: string;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** The workload's entries after an update of its Scale. */
export function trackScale(write: ScaleWrite, workload: KubernetesObject, before: KubernetesObject, after: KubernetesObject): Entries {
  const { resource, scales, manager, now } = write;
  const parent = parentOf(workload);
  if (parent.owners.size === 0) return [];
  const id = identityText({ manager, operation: 'Update', apiVersion: apiVersionOf(resource), subresource: 'scale' });
  const update = { apiVersion: apiVersionOf(scales), id, now };
  return backInParent(resource, parent, withUpdate(formsOf(scales, 'scale'), update, before as JsonObject, after as JsonObject, inScaleOf(resource, scales, parent)));
}

/** A Scale with a configuration applied, and the workload's entries afterwards. Throws 409. */
export function applyScale(write: ScaleWrite, application: Application, workload: KubernetesObject, scale: KubernetesObject): { object: JsonObject; entries: Entries } {
  const { resource, scales } = write;
  const parent = parentOf(workload);
  const { object, managed } = applyTo(application, scale, inScaleOf(resource, scales, parent));
  return { object, entries: backInParent(resource, parent, managed) };
}

function parentOf(workload: KubernetesObject): Managed {
  return readEntries(workload.metadata?.managedFields ?? [], true) ?? unmanaged;
}

/** Where the workload has the number, as a path of its sets. */
function pathIn({ scale }: Resource): string[] {
  return (scale?.replicasPath ?? ['spec', 'replicas']).map((name) => `f:${name}`);
}

/** Those who own the workload's number, as owners of its Scale's. */
function inScaleOf(resource: Resource, scales: Resource, { owners, times }: Managed): Managed {
  const path = pathIn(resource);
  const own = [...owners].filter(([, { fields }]) => has(fields, path)).map(([id, owner]): [string, Owner] => [id, { ...owner, fields: inScale, apiVersion: apiVersionOf(scales) }]);
  return { owners: new Map(own), times };
}

/** The workload's entries: who has lost the Scale's number has lost its own, who has gained it too. */
function backInParent(resource: Resource, { owners }: Managed, scaled: Managed): Entries {
  const path = pathIn(resource);
  const number: FieldSet = setOf(path);
  const next = new Map<string, Owner>();
  for (const [id, owner] of owners) {
    const fields = ownsNumber(scaled.owners.get(id)) ? union(owner.fields, number) : difference(owner.fields, number);
    if (!isEmpty(fields)) next.set(id, { ...owner, fields });
  }
  for (const [id, owner] of scaled.owners) if (!next.has(id) && ownsNumber(owner)) next.set(id, { ...owner, fields: number, apiVersion: apiVersionOf(resource) });
  return writeEntries({ owners: next, times: scaled.times });
}

function ownsNumber(owner: Owner | undefined): boolean {
  return owner !== undefined && has(owner.fields, scalePath);
}
