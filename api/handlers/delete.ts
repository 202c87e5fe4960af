import type { KubernetesObject, ObjectMeta } from '../../machinery/kinds/kind.ts';
import type { Draft } from '../../machinery/kinds/wire.ts';
import type { Call, Result } from '../request.ts';
import type { Resource } from '../resources/define.ts';
import type { Entry } from '../store/cache.ts';
import { admitted } from './admitted.ts';
import { deleteOptions, type DeleteOptions } from './delete-options.ts';
import { draftOf, metadataOf } from './metadata.ts';
import { changeObject, conflict, type Changed, type Outcome, type Writer } from './writer.ts';
import { timestamp } from '../../machinery/conditions.ts';

/** Deletion in steps: finalizers first, grace next, gone last. Source: "Finalizers", "Garbage collection", "Pod lifecycle: termination". */

const foreground = 'foregroundDeletion';
const orphan = 'orphan';

/** DELETE on an object: the object when it lingers (or its kind answers so), else a Status. */
export async function deleteObject(writer: Writer, call: Call): Promise<Result> {
  const { resource, info } = call;
  const options = deleteOptions(writer, call);
  const { entry, deleted } = await deleteWith(writer, call, info.name, options);
  if (resource.deletion.warning !== undefined && options.propagationPolicy === undefined) call.warn(resource.deletion.warning);
  if (!deleted || resource.deletion.answersObject === true) return { type: 'entry', code: 200, resource, entry };
  const details = { name: info.name, ...(resource.group === '' ? {} : { group: resource.group }), kind: resource.plural, uid: entry.uid };
  return { type: 'object', code: 200, resource, object: { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', details } as KubernetesObject };
}

/** One deletion as `options` want it; also what eviction and deletecollection do. `last`: what becomes of the object before it goes. */
export function deleteWith(
  writer: Writer, call: Call, name: string, options: DeleteOptions, last: (object: KubernetesObject) => KubernetesObject = (object) => object,
): Promise<Changed> {
  const { resource, info } = call;
  return changeObject(writer, resource, info.namespace, name, options.dryRun, async (current) => {
    checkPreconditions(resource, current, options);
    const asked = { kind: 'DeleteOptions', apiVersion: 'meta.k8s.io/v1', ...optionsValue(options) };
    await writer.admission.validate(admitted(writer, call, { operation: 'DELETE', name, old: current.exact, subresource: '', dryRun: options.dryRun, options: asked }), undefined);
    return removed(resource, last(current.exact), options, writer.now());
  });
}

function optionsValue({ dryRun, uid, resourceVersion, ...rest }: DeleteOptions): object {
  const preconditions = { ...(uid === undefined ? {} : { uid }), ...(resourceVersion === undefined ? {} : { resourceVersion }) };
  return { ...rest, ...(Object.keys(preconditions).length === 0 ? {} : { preconditions }), ...(dryRun ? { dryRun: ['All'] } : {}) };
}

function checkPreconditions(resource: Resource, current: Entry, options: DeleteOptions): void {
  if (options.uid !== undefined && options.uid !== current.uid) {
    throw conflict(resource, current.name, `Precondition failed: UID in precondition: ${options.uid}, UID in object meta: ${current.uid}`);
  }
  if (options.resourceVersion !== undefined && options.resourceVersion !== String(current.revision)) {
    throw conflict(resource, current.name, `Precondition failed: ResourceVersion in precondition: ${options.resourceVersion}, ResourceVersion in object meta: ${current.revision}`);
  }
}

/** The next step of an object's deletion. Pure; `now` in milliseconds. */
export function removed(resource: Resource, object: KubernetesObject, options: DeleteOptions, now: number): Outcome {
  const draft = draftOf(object);
  const metadata = metadataOf(draft);
  const finalizers = finalizersFor(metadata.finalizers ?? [], options.propagationPolicy ?? resource.deletion.defaultPropagation);
  if (finalizers.length === 0) delete metadata.finalizers;
  else metadata.finalizers = finalizers;
  const grace = Math.max(0, resource.deletion.graceSeconds?.(object, options.gracePeriodSeconds) ?? 0);
  begin(resource, draft, metadata, grace, now);
  return mayGoNow(resource, draft) ? { type: 'delete' } : { type: 'put', object: draft };
}

function begin(resource: Resource, draft: Draft<KubernetesObject>, metadata: Draft<ObjectMeta>, grace: number, now: number): void {
  const running = metadata.deletionTimestamp !== undefined;
  // A second deletion may only hasten the first.
  if (running && grace >= (metadata.deletionGracePeriodSeconds ?? 0)) return;
  metadata.deletionTimestamp = timestamp(now + grace * 1000);
  metadata.deletionGracePeriodSeconds = grace;
  if (!running && metadata.generation !== undefined) metadata.generation += 1;
  resource.deletion.begin?.(draft);
}

function finalizersFor(present: readonly string[], policy: DeleteOptions['propagationPolicy']): string[] {
  const others = present.filter((finalizer) => finalizer !== foreground && finalizer !== orphan);
  if (policy === 'Foreground') return [...others, foreground];
  if (policy === 'Orphan') return [...others, orphan];
  return policy === undefined ? [...present] : others;
}

/** Is nothing left that holds a deleting object? */
export function mayGoNow(resource: Resource, object: KubernetesObject): boolean {
  const { deletionTimestamp, deletionGracePeriodSeconds = 0, finalizers = [] } = object.metadata ?? {};
  return deletionTimestamp !== undefined && finalizers.length === 0 && deletionGracePeriodSeconds === 0 && resource.deletion.blocked?.(object) !== true;
}
