import type { KubernetesObject } from '../../machinery/kinds/kind.ts';
import type { Draft } from '../../machinery/kinds/wire.ts';
import { failure, isReason } from '../../machinery/status.ts';
import { applied, checkedConfig, type Application } from '../field-management/apply.ts';
import type { Call, Result } from '../request.ts';
import { requireReadable } from '../store/unreadable.ts';
import { createFrom } from './create.ts';
import { metadataOf } from './metadata.ts';
import { nextStage, sizeOf } from './stages.ts';
import { trackedWrite } from './tracked-write.ts';
import { replaced } from './update.ts';
import { changeObject, conflict, isDryRun, modified, notFound, type Writer } from './writer.ts';

/** Rounds in which others make and delete what is to be applied. */
const maxAttempts = 8;

/**
 * PATCH with a configuration to apply, on an object or its `/status`: 200, or 201 when there was no object. What the configuration
 * doesn't say is left to others. Throws 400, 403, 409, 422. Source: "Server-Side Apply".
 */
export async function apply(writer: Writer, call: Call): Promise<Result> {
  const { resource, info, query, body } = call;
  const application = applicationOf(writer, call);
  for (let attempt = 1; ; attempt++) {
    const cache = writer.caches.of(resource);
    const namespace = info.namespace === '' ? undefined : info.namespace;
    requireReadable(cache, cache.keyOf(namespace, info.name));
    const present = cache.get(namespace, info.name);
    try {
      if (present === undefined) return await createApplied(writer, call, application);
      const { entry } = await changeObject(writer, resource, info.namespace, info.name, isDryRun(query), async (current) => {
        const size = Math.max(sizeOf(body), current.stored.length);
        await nextStage(size);
        const merged = applied(application, current.exact);
        await nextStage(size);
        const draft = decoded(writer, call, merged);
        await nextStage(size);
        return replaced(writer, call, current, draft, () => undefined);
      });
      return { type: 'entry', code: 200, resource, entry };
    } catch (error) {
      // Somebody made it, or deleted it, in between.
      if (attempt === maxAttempts || !isReason(error, present === undefined ? 'AlreadyExists' : 'NotFound')) throw error;
      await writer.caches.waitForNewest(call.signal);
    }
  }
}

/** What the call wants applied. Throws 400, 422. */
export function applicationOf(writer: Writer, call: Call): Application {
  const { resource, body, query, info } = call;
  if (body === undefined) throw failure('BadRequest', 'the request has no body: send the configuration to apply');
  const config = checkedConfig(resource, writer.codec.parse(body, { fieldValidation: query['fieldValidation'], warn: call.warn }), info.namespace);
  return { ...trackedWrite(writer, call), config, force: isTrue(query['force']) };
}

async function createApplied(writer: Writer, call: Call, application: Application): Promise<Result> {
  const { resource, info } = call;
  if (info.subresource !== '') throw notFound(resource, info.name);
  writer.authorize(call.user, { ...info, verb: 'create' });
  const size = sizeOf(call.body);
  await nextStage(size);
  const merged = applied(application, undefined);
  await nextStage(size);
  const draft = decoded(writer, call, merged);
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
