import { jsonPatch } from '../../machinery/patch/json-patch.ts';
import { isObject } from '../../machinery/patch/json-value.ts';
import { mergePatch } from '../../machinery/patch/merge-patch.ts';
import type { KubernetesObject } from '../../machinery/kinds/kind.ts';
import type { Draft } from '../../machinery/kinds/wire.ts';
import { failure } from '../../machinery/status.ts';
import { applyPatch, type Call, type Result } from '../request.ts';
import type { Resource } from '../resources/define.ts';
import { apply } from './apply.ts';
import { nextStage, sizeOf } from './stages.ts';
import { replaced } from './update.ts';
import { checkWriteOptions } from './write-options.ts';
import { changeObject, isDryRun, type Writer } from './writer.ts';

/**
 * PATCH on an object or its `/status`: 200 with the stored object. The patch is applied to the newest version and again to a
 * newer one when somebody wrote in between; a `resourceVersion` in it is a condition. Source: "Patch", API concepts.
 */
export async function patch(writer: Writer, call: Call): Promise<Result> {
  checkWriteOptions(call);
  checkPatchType(call);
  if (call.patchType === applyPatch) return apply(writer, call);
  const { resource, info, query, body } = call;
  const { entry } = await changeObject(writer, resource, info.namespace, info.name, isDryRun(query), async (current) => {
    const draft = patched(writer, call, current.exact);
    await nextStage(Math.max(sizeOf(body), current.stored.length));
    return replaced(writer, call, current, draft);
  });
  return { type: 'entry', code: 200, resource, entry };
}

/** What the call's patch makes of `original`, decoded as the call's resource. Throws 400, 413, 415, 422. */
export function patched(writer: Writer, call: Call, original: KubernetesObject): Draft<KubernetesObject> {
  const { resource, body, query } = call;
  if (body === undefined) throw failure('BadRequest', 'the request has no body: send a patch');
  const duplicates: string[] = [];
  const change = writer.codec.parse(body, { fieldValidation: 'Warn', warn: (text) => { duplicates.push(call.patchType === jsonPatchType ? `json patch ${text}` : text); } });
  return writer.codec.check(resource, withoutSameOwners(merged(writer, call, original, change), original), { fieldValidation: query['fieldValidation'], warn: call.warn, duplicates });
}

/** Owners that the patch left alone need not be read again: an update without any keeps those that are stored. */
function withoutSameOwners(value: unknown, original: KubernetesObject): unknown {
  const metadata = isObject(value) ? value['metadata'] : undefined;
  if (!isObject(value) || !isObject(metadata) || metadata['managedFields'] === undefined || metadata['managedFields'] !== original.metadata?.managedFields) return value;
  const { managedFields: _same, ...rest } = metadata;
  return { ...value, metadata: rest };
}

function merged(writer: Writer, call: Call, original: KubernetesObject, change: unknown): unknown {
  switch (call.patchType) {
    case jsonPatchType: return jsonPatch(original, change);
    case 'application/merge-patch+json': return mergePatch(original, objectPatch(change));
    case strategicType: return writer.codec.strategicMerge(call.resource, original, objectPatch(change));
    default: throw unsupportedPatch();
  }
}

const jsonPatchType = 'application/json-patch+json';

const strategicType = 'application/strategic-merge-patch+json';

export const patchTypes = [jsonPatchType, 'application/merge-patch+json', strategicType, applyPatch] as const;

/** 415. `resource`: what is patched, if only through its Scale. No definition says how lists of custom resources are to be merged: Kubernetes takes no such patches of them. */
export function unsupportedPatch(resource?: Resource) {
  const accepted = resource?.custom === undefined ? patchTypes : patchTypes.filter((type) => type !== strategicType);
  return failure('UnsupportedMediaType', `the body of the request was in an unknown format - accepted media types include: ${accepted.join(', ')}`);
}

/** Throws 415. */
export function checkPatchType({ resource, patchType }: Pick<Call, 'resource' | 'patchType'>): void {
  if (patchType === strategicType && resource.custom !== undefined) throw unsupportedPatch(resource);
}

function objectPatch(change: unknown): object {
  if (typeof change !== 'object' || change === null || Array.isArray(change)) throw failure('BadRequest', 'error decoding patch: a merge patch must be an object');
  return change;
}
