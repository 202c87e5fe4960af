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

/**
 * PATCH with a configuration to apply, on an object or its `/status`: 200, or 201 when there was no object. What the configuration
 * doesn't say is left to others. Throws 400, 403, 409, 422. Source: "Server-Side Apply".
 */
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
      replaced(writer, call, current, decoded(writer, call, applied(application, current.exact)), () => undefined));
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

function isTrue(option: string | undefined): boolean {
  return option === 'true' || option === '1';
}
