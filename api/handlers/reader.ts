import type { Clock } from '../../machinery/clock.ts';
import type { ApiError } from '../../machinery/status.ts';
import { failure } from '../../machinery/status.ts';
import type { Caches } from '../store/cache.ts';
import type { Revision, Store } from '../store/store.ts';

/** What the reading verbs work with. */
export interface Reader {
  readonly store: Store;
  readonly caches: Caches;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** In [0, 1). */
  readonly random: () => number;
  readonly setTimer: Clock['setTimer'];
}

/** How long a read waits for a revision that has not been seen yet. Source: the watch cache of kube-apiserver, as observed. */
const longestWaitMs = 3000;

/** A `resourceVersion` of the query; undefined when there is none. Throws 400. */
export function revisionOf(text: string | undefined): Revision | undefined {
  if (text === undefined || text === '') return undefined;
  const revision = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(revision)) {
    throw failure('BadRequest', `Invalid value: ${JSON.stringify(text)}: strconv.ParseUint: parsing ${JSON.stringify(text)}: invalid syntax`);
  }
  return revision;
}

/**
 * Waits until the cache shows what a read with `revision` must see: everything committed so far (undefined), anything (0),
 * or that revision. Throws 504 when it doesn't come in time. Source: "Resource versions", API concepts.
 */
export async function freshEnough(reader: Pick<Reader, 'caches'>, revision: Revision | undefined, signal: AbortSignal): Promise<void> {
  const { caches } = reader;
  if (revision === undefined) return caches.waitForNewest(signal);
  if (revision <= caches.revision) return;
  const wait = AbortSignal.timeout(longestWaitMs);
  try {
    await caches.waitFor(revision, AbortSignal.any([signal, wait]));
  } catch (error) {
    if (wait.aborted) throw tooLarge(revision, caches.revision);
    throw error;
  }
}

function tooLarge(revision: Revision, current: Revision): ApiError {
  return failure('Timeout', `Too large resource version: ${revision}, current: ${current}`, {
    causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }], retryAfterSeconds: 1,
  });
}

/** The revision is gone: 410, and the client lists again. */
export function expired(message: string): ApiError {
  return failure('Expired', message);
}
