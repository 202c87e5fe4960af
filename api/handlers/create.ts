import { invalidObject } from '../../machinery/field-path.ts';
import type { KubernetesObject } from '../../machinery/kinds/kind.ts';
import type { Draft } from '../../machinery/kinds/wire.ts';
import { failure } from '../../machinery/status.ts';
import { refused } from '../access/refused.ts';
import { keepValid, trackCreate } from '../field-management/track.ts';
import type { Call, Result } from '../request.ts';
import type { Resource } from '../resources/define.ts';
import type { Entry } from '../store/cache.ts';
import { admitted } from './admitted.ts';
import { bindToRequest, draftOf, dropRepeatedOwners, generatedName, metadataOf, stampNew, validateMetadata } from './metadata.ts';
import { nextStage, sizeOf } from './stages.ts';
import { trackedWrite } from './tracked-write.ts';
import { checkWriteOptions } from './write-options.ts';
import { alreadyExists, conflict, fittingBytes, handlerKey, isDryRun, modified, putOf, readable, writeCharged, type Writer } from './writer.ts';

/** How often a name is drawn again when the drawn one is taken. Source: KEP-4420, retry on generateName. */
const nameDraws = 8;

/** POST on a collection: 201 with the stored object. */
export async function create(writer: Writer, call: Call): Promise<Result> {
  const { resource, body, query } = call;
  checkWriteOptions(call);
  if (body === undefined) throw failure('BadRequest', 'the request has no body: send the object to create');
  const draft = writer.codec.decode(resource, body, { fieldValidation: query['fieldValidation'], warn: call.warn });
  await nextStage(sizeOf(body));
  return createFrom(writer, call, draft, (object) => { trackCreate(trackedWrite(writer, call), object); });
}

/** The write of a new object, whoever made the draft (POST, apply). `own` settles its owners once defaults are in. Throws 400, 409, 422. */
export async function createFrom(writer: Writer, call: Call, draft: Draft<KubernetesObject>, own: (draft: Draft<KubernetesObject>) => void): Promise<Result> {
  const { resource, query } = call;
  bindToRequest(draft, resource, call.info);
  dropRepeatedOwners(draft, call.warn);
  if (resource.refusesNew !== undefined) throw refused({ group: resource.group, resource: resource.plural, name: metadataOf(draft).name ?? '' }, resource.refusesNew);
  const base = metadataOf(draft).name === undefined ? (metadataOf(draft).generateName ?? '') : '';
  const admittedObject = await prepared(writer, call, draft, own);
  const dryRun = isDryRun(query);
  const size = sizeOf(call.body);
  for (let draw = 1; ; draw++) {
    const object = base === '' ? admittedObject : draftOf(admittedObject);
    if (base !== '') metadataOf(object).name = generatedName(base, writer.nameSuffix());
    await nextStage(size);
    // After the name is drawn: a Job's pods are labelled with it.
    resource.prepareForCreate?.(object);
    const errors = [...validateMetadata(resource, object), ...(resource.validate?.(object) ?? []), ...(resource.validateCreate?.(object) ?? [])];
    if (errors.length > 0) throw invalidObject(resource, object.metadata?.name ?? '', errors);
    if (draw === 1) for (const warning of [...(resource.createWarnings?.(object) ?? []), ...(resource.warnings?.(object) ?? [])]) call.warn(warning);
    await writer.admission.validate(admitted(writer, call, { operation: 'CREATE', name: object.metadata?.name ?? '', old: undefined, subresource: '' }), object);
    await nextStage(size);
    const entry = await insert(writer, resource, object, dryRun);
    if (entry !== undefined) return { type: 'entry', code: 201, resource, entry };
    if (base === '' || draw === nameDraws) throw alreadyExists(resource, object.metadata?.name ?? '');
  }
}

/** Defaults, admission and the server's own fields. */
async function prepared(writer: Writer, call: Call, draft: Draft<KubernetesObject>, own: (draft: Draft<KubernetesObject>) => void): Promise<Draft<KubernetesObject>> {
  const { resource } = call;
  stampNew(writer, resource, draft);
  resource.defaults?.(draft);
  const size = sizeOf(call.body);
  await nextStage(size);
  // What admission adds belongs to nobody.
  own(draft);
  await nextStage(size);
  const owners = draft.metadata?.managedFields;
  await writer.admission.mutate(admitted(writer, call, { operation: 'CREATE', name: metadataOf(draft).name ?? '', old: undefined, subresource: '' }), draft);
  keepValid(draft, owners, call.warn);
  resource.defaults?.(draft);
  return draft;
}

/** More rounds than any contention for addresses needs. */
const maxAttempts = 64;

/** Undefined: the name is taken. */
async function insert(writer: Writer, resource: Resource, object: Draft<KubernetesObject>, dryRun: boolean): Promise<Entry | undefined> {
  const cache = writer.caches.of(resource);
  const { namespace, name = '' } = object.metadata ?? {};
  if (cache.get(namespace, name) !== undefined) return undefined;
  const key = cache.keyOf(namespace, name);
  const source = writer.companions?.get(handlerKey(resource));
  for (let attempt = 0; attempt < maxAttempts; attempt++) {
    // A second round must not find the address that the first one drew.
    const asked = source === undefined ? object : draftOf(object);
    const companions = await source?.create(asked);
    const value = await fittingBytes(writer, resource, asked);
    const result = await writeCharged(writer, { resource, object: asked, isRetry: attempt > 0 }, async (quota) => (dryRun ? undefined : writer.store.commit({
      compares: [{ key, revision: 0 }, ...(companions?.compares ?? []), ...quota.compares],
      writes: [await putOf(writer, resource, key, value), ...(companions?.writes ?? []), ...quota.writes],
    })));
    if (result === undefined) return readable(writer, resource, writer.caches.entry(resource, key, value, 0));
    if (result.committed) return readable(writer, resource, writer.caches.entry(resource, key, value, result.revision));
    if (result.current[0] !== undefined) return undefined;
  }
  throw conflict(resource, name, modified);
}
