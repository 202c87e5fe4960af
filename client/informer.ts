import { pause, systemRandom, type Clock, type Random } from '../machinery/clock.ts';
import { deepFreeze } from '../machinery/freeze.ts';
import type { Kind, KubernetesObject } from '../machinery/kinds/kind.ts';
import { ApiError, failure, isReason } from '../machinery/status.ts';
import { createBackoff, type Backoff } from './backoff.ts';
import type { Client } from './client.ts';
import { createInformerStore, keyOf, type IndexFunction } from './informer-store.ts';
import { createKeyWaiters } from './key-waiters.ts';
import { silentLog, type Log } from './log.ts';
import { createRevisionGate } from './revision-gate.ts';
import type { WatchEvent } from './transport.ts';
import { messageOf } from '../machinery/thrown.ts';

/** `undefined` before: added; `undefined` after: gone. Called for every version that the informer sees, in order. */
export type ChangeHandler<T> = { changed(before: T | undefined, after: T | undefined): void }['changed'];

/** A live, local copy of one kind's objects. What it hands out is shared: nobody may change it. */
export interface Informer<T extends KubernetesObject> {
  readonly kind: Kind<T>;
  /** By `namespace/name` (or `name`). */
  get(key: string): T | undefined;
  list(): readonly T[];
  /** Objects under a value of an index; throws when there is no such index. */
  byIndex(name: string, value: string): readonly T[];
  /** Has the first list been taken in? */
  readonly synced: boolean;
  /** Everything up to here is in; '' before the first list. */
  readonly revision: string;
  /** Why the copy may be behind; undefined while the watch is up. For `/readyz`. */
  readonly behind: string | undefined;
  /** Calls `handler` for the objects present (as added) at once, then for each change; the answer unsubscribes. It must not throw. */
  onChange(handler: ChangeHandler<T>): () => void;
  waitForSync(signal: AbortSignal): Promise<void>;
  /** Resolves when everything up to `revision` is in. */
  waitForRevision(revision: string, signal: AbortSignal): Promise<void>;
  /** Resolves when `condition` holds for the object under `key` (undefined: it isn't there, by a list that is in). */
  waitUntil(key: string, condition: (object: T | undefined) => boolean, signal: AbortSignal): Promise<void>;
  /** Keeps the copy up to date until `signal` aborts, then resolves. Once per informer. */
  run(signal: AbortSignal): Promise<void>;
}

export interface InformerOptions<T> {
  readonly clock: Clock;
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  readonly indexes?: Readonly<Record<string, IndexFunction<T>>>;
  readonly log?: Log;
  readonly random?: Random;
  /** Freeze what is handed out: tests set it, so that a change throws. */
  readonly freeze?: boolean;
  /** A watch without a single event or bookmark for so long is dead. Servers send a bookmark about every minute. */
  readonly silenceMs?: number;
}

/** Items parsed in one turn of the event loop. */
const pageSize = 500;
const defaultSilenceMs = 150_000;
const relistMs = 1000;
/** Each watch lasts between this and twice this, so that many watchers don't reconnect at once. */
const watchSeconds = 300;

interface State<T extends KubernetesObject> {
  readonly client: Client;
  readonly kind: Kind<T>;
  readonly options: InformerOptions<T>;
  readonly random: Random;
  readonly log: Log;
  readonly backoff: Backoff;
  /** The revision to watch from: of the last list or event; '' asks for a list. */
  position: string;
  listedAt: number;
  /** One version is in: `undefined` is a deletion. */
  readonly apply: (key: string, object: T | undefined) => void;
  readonly keys: () => Iterable<string>;
  readonly reach: (revision: string) => void;
  readonly report: (behind: string | undefined) => void;
}

/** An informer; it does nothing before `run`. List first, then watch from that revision; a lost watch resumes, a revision that is gone lists again. */
export function createInformer<T extends KubernetesObject>(client: Client, kind: Kind<T>, options: InformerOptions<T>): Informer<T> {
  const store = createInformerStore<T>(options.indexes ?? {});
  const gate = createRevisionGate();
  const handlers = new Set<ChangeHandler<T>>();
  const waiters = createKeyWaiters<T>();
  let behind: string | undefined = 'not started';
  let started = false;
  const random = options.random ?? systemRandom;
  const state: State<T> = {
    client, kind, options, random,
    log: options.log ?? silentLog,
    backoff: createBackoff({ firstMs: 100, longestMs: 30_000, random }),
    position: '',
    listedAt: Number.NEGATIVE_INFINITY,
    keys: () => store.keys(),
    reach: (revision) => gate.reach(revision),
    report: (reason) => {
      behind = reason;
    },
    apply: (key, object) => {
      const before = store.get(key);
      if (before === undefined && object === undefined) return;
      if (before !== undefined && object !== undefined && sameVersion(before, object)) return;
      const after = options.freeze === true ? deepFreeze(object) : object;
      store.set(key, after);
      for (const handler of handlers) handler(before, after);
      waiters.seen(key, after);
    },
  };
  return {
    kind,
    get: (key) => store.get(key),
    list: () => store.list(),
    byIndex: (name, value) => store.byIndex(name, value),
    get synced() {
      return gate.revision !== '';
    },
    get revision() {
      return gate.revision;
    },
    get behind() {
      return behind;
    },
    onChange(handler) {
      for (const object of store.list()) handler(undefined, object);
      handlers.add(handler);
      return () => void handlers.delete(handler);
    },
    waitForSync: (signal) => gate.wait('0', signal),
    waitForRevision: (revision, signal) => gate.wait(revision, signal),
    async waitUntil(key, condition, signal) {
      await gate.wait('0', signal);
      await waiters.wait(key, condition, store.get(key), signal);
    },
    run(signal) {
      if (started) throw new Error(`the informer of ${kind.plural} runs already`);
      started = true;
      return listAndWatch(state, signal);
    },
  };
}

async function listAndWatch<T extends KubernetesObject>(state: State<T>, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      if (state.position === '') await list(state, signal);
      await watch(state, signal);
    } catch (error) {
      if (signal.aborted) break;
      if (isReason(error, 'Expired', 'Gone') && state.position !== '') {
        state.position = '';
        // At once, unless it has only just been listed: a server that keeps refusing what it lists must not be asked in a loop.
        if (state.options.clock.now() - state.listedAt > relistMs) continue;
      }
      await retryLater(state, error, signal);
    }
  }
  state.report('stopped');
}

async function retryLater<T extends KubernetesObject>(state: State<T>, error: unknown, signal: AbortSignal): Promise<void> {
  const message = messageOf(error);
  const waitMs = state.backoff.next();
  state.report(message);
  if (!(error instanceof ApiError)) state.log.error({ err: error, resource: state.kind.plural }, 'an informer failed in an unforeseen way');
  else state.log.warn({ resource: state.kind.plural, code: error.code, waitMs }, `an informer lost the API: ${message}`);
  // An abort ends the wait early; the caller's loop sees it.
  await pause(state.options.clock, waitMs, signal).catch(() => undefined);
}

function selection<T>(options: InformerOptions<T>): { namespace?: string; labelSelector?: string; fieldSelector?: string } {
  const { namespace, labelSelector, fieldSelector } = options;
  return {
    ...(namespace === undefined ? {} : { namespace }),
    ...(labelSelector === undefined ? {} : { labelSelector }),
    ...(fieldSelector === undefined ? {} : { fieldSelector }),
  };
}

/** Takes in a whole list, page by page, and what has gone since. */
async function list<T extends KubernetesObject>(state: State<T>, signal: AbortSignal): Promise<void> {
  state.report('listing');
  const present = new Map<string, T>();
  let next = '';
  let revision = '';
  do {
    const page = await state.client.list(state.kind, { ...selection(state.options), limit: pageSize, signal, ...(next === '' ? {} : { continue: next }) });
    for (const object of page.items) present.set(keyOf(object), object);
    next = page.metadata.continue ?? '';
    revision = page.metadata.resourceVersion ?? '';
  } while (next !== '');
  if (revision === '') throw failure('InternalError', `the list of ${state.kind.plural} came without a resourceVersion`);
  for (const key of [...state.keys()].filter((known) => !present.has(known))) state.apply(key, undefined);
  for (const [key, object] of present) state.apply(key, object);
  state.position = revision;
  state.listedAt = state.options.clock.now();
  state.reach(revision);
}

/** Follows one watch to its end, moving the position with each event. */
async function watch<T extends KubernetesObject>(state: State<T>, signal: AbortSignal): Promise<void> {
  const { clock, silenceMs = defaultSilenceMs } = state.options;
  const silence = new AbortController();
  const deadline = (): (() => void) => clock.setTimer(silenceMs, () => silence.abort());
  const startedAt = clock.now();
  const from = state.position;
  let cancel = deadline();
  try {
    const batches = state.client.watch(state.kind, {
      ...selection(state.options), resourceVersion: from, allowWatchBookmarks: true,
      timeoutSeconds: Math.round(watchSeconds * (1 + state.random())), signal: AbortSignal.any([signal, silence.signal]),
    });
    state.report(undefined);
    for await (const batch of batches) {
      cancel();
      cancel = deadline();
      for (const event of batch) take(state, event);
      state.reach(state.position);
      state.backoff.reset();
    }
  } catch (error) {
    // A silent watch is our own doing: it is opened anew below.
    if (!silence.signal.aborted) throw error;
  } finally {
    cancel();
  }
  if (signal.aborted) return;
  if (silence.signal.aborted) state.log.warn({ resource: state.kind.plural }, 'a watch went silent: it is opened anew');
  // A watch that ends at once and brings nothing must not be asked for in a loop.
  else if (state.position === from && clock.now() - startedAt < 1000) await pause(clock, state.backoff.next(), signal).catch(() => undefined);
}

function take<T extends KubernetesObject>(state: State<T>, event: WatchEvent<T>): void {
  if (event.type !== 'BOOKMARK') state.apply(keyOf(event.object), event.type === 'DELETED' ? undefined : event.object);
  const revision = event.object.metadata?.resourceVersion;
  if (revision !== undefined && revision !== '') state.position = revision;
}

function sameVersion(a: KubernetesObject, b: KubernetesObject): boolean {
  return a.metadata?.resourceVersion === b.metadata?.resourceVersion && a.metadata?.uid === b.metadata?.uid;
}
