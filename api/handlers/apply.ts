import { forbidden, invalidObject, invalid, Path, required, tooLong, type FieldError } from '../../machinery/field-path.ts';
import type { KubernetesObject } from '../../machinery/kinds/kind.ts';
import type { Draft } from '../../machinery/kinds/wire.ts';
import { failure } from '../../machinery/status.ts';
import { applied, checkedConfig, type Application } from '../field-management/apply.ts';
import type { Call, Result } from '../request.ts';
import { createFrom } from './create.ts';
import { metadataOf } from './metadata.ts';
import { trackedWrite } from './tracked-write.ts';
import { replaced } from './update.ts';
import { changeObject, conflict, isDryRun, modified, notFound, type Writer } from './writer.ts';

/** The one patch that is a whole configuration: what it doesn't say is left to others. Source: "Server-Side Apply". */
export const applyPatch = 'application/apply-patch+yaml';

/** PATCH with a configuration to apply, on an object or its `/status`: 200, or 201 when there was no object. Throws 400, 403, 409, 422. */
export async function apply(writer: Writer, call: Call): Promise<Result> {
  const { resource, info, query } = call;
  const application = applicationOf(writer, call);
  for (;;) {
    const present = writer.caches.of(resource).get(info.namespace === '' ? undefined : info.namespace, info.name);
    if (present === undefined) {
      const created = await createApplied(writer, call, application);
      if (created !== undefined) return created;
      continue;
    }
    const { entry } = await changeObject(writer, resource, info.namespace, info.name, isDryRun(query), (current) =>
      replaced(writer, call, current, decoded(writer, call, applied(application, current.object)), () => undefined));
    return { type: 'entry', code: 200, resource, entry };
  }
}

/** What the call wants applied. Throws 400, 422. */
export function applicationOf(writer: Writer, call: Call): Application {
  const { resource, body, query, info } = call;
  if (body === undefined) throw failure('BadRequest', 'the request has no body: send the configuration to apply');
  const config = checkedConfig(resource, writer.codec.parse(body), info.namespace);
  return { ...trackedWrite(writer, call), config, force: isTrue(query['force']) };
}

/** Undefined: somebody was faster. */
async function createApplied(writer: Writer, call: Call, application: Application): Promise<Result | undefined> {
  const { resource, info } = call;
  if (info.subresource !== '') throw notFound(resource, info.name);
  writer.authorize(call.user, { ...info, verb: 'create' });
  const draft = decoded(writer, call, applied(application, undefined));
  const { uid, resourceVersion } = metadataOf(draft);
  if ((uid ?? '') !== '') throw conflict(resource, info.name, `uid mismatch: the provided object specified uid ${uid}, and no existing object was found`);
  if ((resourceVersion ?? '') !== '') throw conflict(resource, info.name, modified);
  return createFrom(writer, call, draft, () => undefined);
}

function decoded(writer: Writer, call: Call, object: Draft<KubernetesObject>): Draft<KubernetesObject> {
  return writer.codec.check(call.resource, object, { fieldValidation: call.query['fieldValidation'], warn: call.warn });
}

const longestManager = 128;

/** Throws 422 unless the options fit the kind of patch. */
export function checkPatchOptions({ query, patchType }: Call): void {
  const { fieldManager = '', force } = query;
  const errors: FieldError[] = [];
  const path = new Path('fieldManager');
  if (patchType === applyPatch) {
    if (fieldManager === '') errors.push(required(path, 'is required for apply patch'));
  } else if (force !== undefined) {
    errors.push(forbidden(new Path('force'), 'may not be specified for non-apply patch'));
  }
  errors.push(...managerErrors(fieldManager));
  if (errors.length > 0) throw invalidObject({ group: 'meta.k8s.io', kind: 'PatchOptions' }, '', errors);
}

/** What is wrong with a `fieldManager`. */
export function managerErrors(manager: string): FieldError[] {
  const path = new Path('fieldManager');
  const errors: FieldError[] = Buffer.byteLength(manager) > longestManager ? [tooLong(path, longestManager)] : [];
  for (const [position, character] of [...manager].entries()) {
    if (/[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/u.test(character)) errors.push(invalid(path, manager, `invalid character ${codePoint(character)} (at position ${position})`));
  }
  return errors;
}

/** `U+0007`, as Go prints what can't be shown. */
function codePoint(character: string): string {
  return `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`;
}

function isTrue(option: string | undefined): boolean {
  return option === 'true' || option === '1';
}
