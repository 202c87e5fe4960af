import type { Call, Result } from '../request.ts';
import { requireReadable } from '../store/unreadable.ts';
import { freshEnough, revisionOf, type Reader } from './reader.ts';
import { notFound } from './writer.ts';

/** GET on an object, or on its `/status`. `resourceVersion`: "" is the newest, "0" any, N at least as new. */
export async function get(reader: Reader, call: Call): Promise<Result> {
  const { resource, info, query, signal } = call;
  await freshEnough(reader, revisionOf(query['resourceVersion']), signal);
  const cache = reader.caches.of(resource);
  const namespace = info.namespace === '' ? undefined : info.namespace;
  requireReadable(cache, cache.keyOf(namespace, info.name));
  const entry = cache.get(namespace, info.name);
  if (entry === undefined) throw notFound(resource, info.name);
  await reader.caches.ready(resource, [entry]);
  return { type: 'entry', code: 200, resource, entry };
}
