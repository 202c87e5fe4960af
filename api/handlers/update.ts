import { Path, invalid, invalidObject } from '../../machinery/field-path.ts';
import type { KubernetesObject } from '../../machinery/kinds/kind.ts';
import type { Draft } from '../../machinery/kinds/wire.ts';
import { failure } from '../../machinery/status.ts';
import { keepValid, trackUpdate } from '../field-management/track.ts';
import type { Call, Result } from '../request.ts';
import type { Resource } from '../resources/define.ts';
import type { Entry } from '../store/cache.ts';
import { admitted } from './admitted.ts';
import { mayGoNow } from './delete.ts';
import { bindToRequest, carryOver, dropRepeatedOwners, metadataOf, validateMetadata, validateMetadataUpdate } from './metadata.ts';
import { nextStage, sizeOf } from './stages.ts';
import { trackedWrite } from './tracked-write.ts';
import { checkWriteOptions } from './write-options.ts';
import { changeObject, conflict, isDryRun, modified, type Outcome, type Writer } from './writer.ts';

/** PUT on an object or its `/status`: 200 with the stored object. */
export async function update(writer: Writer, call: Call): Promise<Result> {
  const { resource, body, info, query } = call;
  checkWriteOptions(call);
  if (body === undefined) throw failure('BadRequest', 'the request has no body: send the whole object');
  const options = { fieldValidation: query['fieldValidation'], warn: call.warn };
  const { entry } = await changeObject(writer, resource, info.namespace, info.name, isDryRun(query), async (current) => {
    const draft = writer.codec.decode(resource, body, options);
    await nextStage(sizeOf(body));
    checkVersionNamed(resource, info.name, draft);
    return replaced(writer, call, current, draft);
  });
  return { type: 'entry', code: 200, resource, entry };
}

/** Settles a draft's owners, before admission: what that adds belongs to nobody. */
export type Own = (draft: Draft<KubernetesObject>, old: KubernetesObject) => void;

/**
 * The write that turns `current` into `draft`: every rule of an update, whoever made the draft (PUT, PATCH, apply). `own`: who owns
 * what afterwards, where that isn't a plain update's business. Throws 400, 409, 422.
 */
export async function replaced(writer: Writer, call: Call, current: Entry, draft: Draft<KubernetesObject>, own: Own = ownsChanges(writer, call)): Promise<Outcome> {
  const { resource, info } = call;
  const old = current.exact;
  bindToRequest(draft, resource, info);
  dropRepeatedOwners(draft, call.warn);
  checkPreconditions(resource, current, draft);
  const isStatus = info.subresource === 'status' || info.subresource === 'approval';
  if (isStatus) keepAllButStatus(resource, draft, old);
  else if (resource.status) keepField(draft, old, 'status');
  resource.defaults?.(draft);
  const size = Math.max(sizeOf(call.body), current.stored.length);
  await nextStage(size);
  own(draft, old);
  await nextStage(size);
  const write = admitted(writer, call, { operation: 'UPDATE', name: info.name, old });
  const owners = draft.metadata?.managedFields;
  await writer.admission.mutate(write, draft);
  keepValid(draft, owners, call.warn);
  if (isStatus) resource.prepareForStatusUpdate?.(draft, old, writer.now());
  else resource.prepareForUpdate?.(draft, old);
  carryOver(resource, draft, old);
  await nextStage(size);
  const errors = [...validateMetadata(resource, draft), ...validateMetadataUpdate(draft, old), ...validated(resource, draft, old, isStatus ? info.subresource : '')];
  if (errors.length > 0) throw invalidObject(resource, info.name, errors);
  await writer.admission.validate(write, draft);
  if (asksAnew(draft, old, isStatus)) for (const warning of resource.warnings?.(draft, old) ?? []) call.warn(warning);
  return mayGoNow(resource, draft) ? { type: 'delete' } : { type: 'put', object: draft };
}

/** Who changes a label, or a controller that writes a status, is not told again. */
function asksAnew({ metadata }: KubernetesObject, old: KubernetesObject, isStatus: boolean): boolean {
  return !isStatus && (metadata?.generation === undefined || metadata.generation !== old.metadata?.generation);
}

function ownsChanges(writer: Writer, call: Call): Own {
  return (draft, old) => { trackUpdate(trackedWrite(writer, call), draft, old); };
}

function validated(resource: Resource, draft: KubernetesObject, old: KubernetesObject, statusPart: string) {
  if (statusPart !== '') return resource.validateStatusUpdate?.(draft, old, statusPart) ?? [];
  return [...(resource.validate?.(draft) ?? []), ...(resource.validateUpdate?.(draft, old) ?? [])];
}

/** Throws 422 when the kind wants a version and there is none. The answer names the resource where others name the kind. */
function checkVersionNamed(resource: Resource, name: string, draft: Draft<KubernetesObject>): void {
  if (resource.updatesNameVersion !== true || (metadataOf(draft).resourceVersion ?? '') !== '') return;
  throw invalidObject({ group: resource.group, kind: resource.plural }, name, [invalid(new Path('metadata').child('resourceVersion'), 0, 'must be specified for an update')]);
}

/** `resourceVersion` and `uid` in the body of an update are conditions on the stored object. */
function checkPreconditions(resource: Resource, current: Entry, draft: Draft<KubernetesObject>): void {
  const { resourceVersion, uid } = metadataOf(draft);
  if (uid !== undefined && uid !== '' && uid !== current.uid) {
    throw conflict(resource, current.name, `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${current.uid}`);
  }
  if (resourceVersion !== undefined && resourceVersion !== '' && resourceVersion !== '0' && resourceVersion !== String(current.revision)) {
    throw conflict(resource, current.name, modified);
  }
}

function keepField(draft: Draft<KubernetesObject>, old: KubernetesObject, field: string): void {
  const value: unknown = Reflect.get(old, field);
  if (value === undefined) Reflect.deleteProperty(draft, field);
  else Reflect.set(draft, field, structuredClone(value));
}

/** A status write may change the status, labels, annotations and finalizers; the rest is the old object's. */
function keepAllButStatus(resource: Resource, draft: Draft<KubernetesObject>, old: KubernetesObject): void {
  const fields = new Set([...Object.keys(draft), ...Object.keys(old)]);
  for (const field of fields) if (!['status', 'metadata', 'kind', 'apiVersion'].includes(field)) keepField(draft, old, field);
  if (resource.custom === undefined && resource.statusKeepsMetadata !== true) keepOwners(metadataOf(draft), old);
  else keepMetadata(draft, old);
}

/** Of custom resources and some other kinds a status write may change nothing else. */
function keepMetadata(draft: Draft<KubernetesObject>, old: KubernetesObject): void {
  const { managedFields } = metadataOf(draft);
  keepField(draft, old, 'metadata');
  if (managedFields !== undefined) metadataOf(draft).managedFields = managedFields;
}

function keepOwners(metadata: ReturnType<typeof metadataOf>, old: KubernetesObject): void {
  const owners = old.metadata?.ownerReferences;
  if (owners === undefined) delete metadata.ownerReferences;
  else metadata.ownerReferences = structuredClone(owners) as NonNullable<typeof metadata.ownerReferences>;
}
