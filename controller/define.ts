import type { Clock, Random } from '../machinery/clock.ts';
import { pause } from '../machinery/clock.ts';
import { controllerOf } from '../machinery/owner-references.ts';
import type { Kind, KubernetesObject } from '../machinery/kinds/kind.ts';
import { isReason } from '../machinery/status.ts';
import type { Client } from '../client/client.ts';
import type { Recorder } from '../client/events.ts';
import { addressKey, keyOf } from '../client/informer-store.ts';
import type { Log } from '../client/log.ts';
import { createWorkQueue, type WorkQueue } from '../client/work-queue.ts';
import { carryOut, type Hold } from './carry-out.ts';
import type { Caches, Informers } from './caches.ts';
import { forEachKind, type Kinds } from './kinds.ts';
import type { Step } from './steps.ts';

/** What every controller is given. */
export interface Shell {
  readonly client: Client;
  readonly informers: Informers;
  /** A recorder that speaks for a component: `deployment-controller`. */
  recorder(component: string): Recorder;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Keys of one controller that are worked on at the same time. */
  readonly concurrency: number;
  readonly metrics: ControllerMetrics;
}

export interface ControllerMetrics {
  /** One pass over one key: how long it took, and how it ended. */
  reconciled(controller: string, outcome: 'success' | 'conflict' | 'error', milliseconds: number): void;
}

/** A controller, whatever its kinds: `all.ts` lists them. */
export interface Controller {
  readonly name: string;
  /** Runs until `signal` aborts and work under way has ended. */
  run(shell: Shell, signal: AbortSignal): Promise<void>;
}

/** Another kind whose changes concern a primary object. */
export interface Watch {
  readonly kind: Kind;
  /** Keys of the primary objects to plan again. Called with the object before and after a change. */
  keys(object: KubernetesObject, caches: Caches): readonly string[];
  /** Does this change concern anybody? Default: every change. */
  concerns?(before: KubernetesObject | undefined, after: KubernetesObject | undefined): boolean;
}

export interface ObserveContext {
  readonly caches: Caches;
  readonly client: Client;
  readonly signal: AbortSignal;
  readonly now: number;
}

export interface Definition<P extends KubernetesObject, O> {
  readonly name: string;
  /** Who events are said by. Default: `<name>-controller`. */
  readonly component?: string;
  readonly primary: Kind<P>;
  readonly watches: readonly Watch[];
  /** Further watches, one for each kind there is at the moment. */
  readonly watchesEach?: { readonly kinds: Kinds; watch(kind: Kind): Watch };
  /** What the plan needs to know besides the object: from the caches, or live where the caches can't tell. */
  observe(object: P, context: ObserveContext): O | Promise<O>;
  /** Pure. `now` in milliseconds. */
  plan(object: P, observed: O, now: number): readonly Step[];
  /** What to do when a step has failed, before the key backs off: conditions that tell users. Pure. */
  planFailure?(object: P, observed: O, failure: unknown, now: number): readonly Step[];
  /** Its keys share something scarce: one at a time, and never on caches that miss a write made for any of them. */
  readonly serial?: boolean;
  /** Which primary objects to look at when they change; default: all. */
  selects?(object: P): boolean;
}

/** Longest wait for a cache to show our own writes; the key then backs off, still held. */
const catchUpMs = 30_000;
const drainMs = 2000;

export function watching<T extends KubernetesObject>(kind: Kind<T>, keys: (object: T, caches: Caches) => readonly string[], concerns?: (before: T | undefined, after: T | undefined) => boolean): Watch {
  // A kind's informer hands out that kind's objects.
  const erased = keys as unknown as Watch['keys'];
  return concerns === undefined ? { kind, keys: erased } : { kind, keys: erased, concerns: concerns as unknown as NonNullable<Watch['concerns']> };
}

/** Objects that a primary object manages: their changes concern their managing owner. */
export function owns(kind: Kind, primary: Kind): Watch {
  return {
    kind,
    keys(object) {
      const owner = controllerOf(object.metadata);
      return owner?.kind === primary.kind ? [addressKey(primary.scope === 'Cluster' ? undefined : object.metadata?.namespace, owner.name)] : [];
    },
  };
}

/** A controller from its plan: watches, queue, back-off, metrics, and never a plan on caches older than its own writes. */
export function defineController<P extends KubernetesObject, O>(definition: Definition<P, O>): Controller {
  return { name: definition.name, run: (shell, signal) => runController(definition, shell, signal) };
}

async function runController<P extends KubernetesObject, O>(definition: Definition<P, O>, shell: Shell, signal: AbortSignal): Promise<void> {
  const { informers, clock, random, log } = shell;
  const queue = createWorkQueue({ clock, random, failed: (key, error, waitMs) => logFailure(definition.name, log, key, error, waitMs) });
  const kinds = [definition.primary, ...definition.watches.map(({ kind }) => kind)];
  await Promise.all(kinds.map((kind) => informers.informer(kind).waitForSync(signal))).catch(unlessAborted(signal));
  if (signal.aborted) return;
  const unsubscribe = subscribe(definition, informers, queue);
  const recorder = shell.recorder(definition.component ?? `${definition.name}-controller`);
  const holds = new Map<string, readonly Hold[]>();
  await queue.run(definition.serial === true ? 1 : shell.concurrency, async (key) => {
    const startedAt = clock.now();
    try {
      const again = await reconcile(definition, shell, recorder, holds, key, signal);
      shell.metrics.reconciled(definition.name, 'success', clock.now() - startedAt);
      return again;
    } catch (error) {
      shell.metrics.reconciled(definition.name, isReason(error, 'Conflict') ? 'conflict' : 'error', clock.now() - startedAt);
      throw error;
    }
  }, signal);
  for (const end of unsubscribe) end();
  await drained(recorder, clock);
}

/** Lets the last events out, for a moment: the API may be gone already. */
async function drained(recorder: Recorder, clock: Clock): Promise<void> {
  const done = new AbortController();
  const late = pause(clock, drainMs, done.signal).catch(() => undefined);
  await Promise.race([recorder.drain(), late]);
  done.abort();
}

/** Passes failures on, other than the abort itself. */
export function unlessAborted(signal: AbortSignal): (error: unknown) => void {
  return (error) => {
    if (!signal.aborted) throw error;
  };
}

function subscribe<P extends KubernetesObject, O>(definition: Definition<P, O>, informers: Informers, queue: WorkQueue): (() => void)[] {
  const primary = informers.informer(definition.primary).onChange((before, after) => {
    const object = after ?? before;
    if (object !== undefined && (definition.selects?.(object) ?? true)) queue.add(keyOf(object));
  });
  const others = definition.watches.map((watch) => follow(watch, informers, queue));
  const { watchesEach } = definition;
  const each = watchesEach === undefined ? [] : [forEachKind(watchesEach.kinds, (kind) => follow(watchesEach.watch(kind), informers, queue))];
  return [primary, ...others, ...each];
}

function follow(watch: Watch, informers: Informers, queue: WorkQueue): () => void {
  return informers.informer(watch.kind).onChange((before, after) => {
    if (watch.concerns?.(before, after) === false) return;
    for (const object of [before, after]) {
      if (object !== undefined) for (const key of watch.keys(object, informers)) queue.add(key);
    }
  });
}

async function reconcile<P extends KubernetesObject, O>(
  definition: Definition<P, O>, shell: Shell, recorder: Recorder, holds: Map<string, readonly Hold[]>, key: string, signal: AbortSignal,
): Promise<{ readonly againAfterMs?: number }> {
  const { informers, client, clock } = shell;
  const heldUnder = definition.serial === true ? '' : key;
  await settle(holds.get(heldUnder) ?? [], shell, signal);
  holds.delete(heldUnder);
  const object = informers.informer(definition.primary).get(key);
  if (object === undefined) return {};
  const tools = { client, recorder };
  const observed = await definition.observe(object, { caches: informers, client, signal, now: clock.now() });
  const outcome = await carryOut(definition.plan(object, observed, clock.now()), tools);
  if (outcome.holds.length > 0) holds.set(heldUnder, outcome.holds);
  if (outcome.failure === undefined) return outcome.againAfterMs === undefined ? {} : { againAfterMs: outcome.againAfterMs };
  const told = await carryOut(definition.planFailure?.(object, observed, outcome.failure, clock.now()) ?? [], tools);
  if (told.holds.length > 0) holds.set(heldUnder, [...outcome.holds, ...told.holds]);
  throw outcome.failure;
}

/** Waits until the caches show what this controller wrote for the key. */
async function settle(holds: readonly Hold[], shell: Shell, signal: AbortSignal): Promise<void> {
  if (holds.length === 0) return;
  const done = new AbortController();
  const late = pause(shell.clock, catchUpMs, AbortSignal.any([signal, done.signal])).then(() => {
    throw new Error(`a cache has not caught up with our own writes within ${catchUpMs / 1000} s`);
  });
  try {
    await Promise.race([late, Promise.all(holds.map((hold) => shown(hold, shell.informers, AbortSignal.any([signal, done.signal]))))]);
  } finally {
    done.abort(new Error('no longer waited for'));
    await late.catch(() => undefined);
  }
}

function shown(hold: Hold, informers: Informers, signal: AbortSignal): Promise<void> {
  const informer = informers.known(hold.kind);
  if (informer === undefined) return Promise.resolve();
  const waiting = hold.type === 'revision'
    ? informer.waitForRevision(hold.revision, signal)
    : informer.waitUntil(hold.key, (object) => object?.metadata?.uid !== hold.uid || object.metadata.deletionTimestamp !== undefined, signal);
  // Whoever loses the race in `settle` must not be an unhandled rejection.
  waiting.catch(() => undefined);
  return waiting;
}

function logFailure(controller: string, log: Log, key: string, error: unknown, waitMs: number): void {
  // Somebody else wrote first: the ordinary way of things.
  if (isReason(error, 'Conflict')) log.debug({ controller, key, waitMs }, 'a write met a newer version');
  else log.warn({ controller, key, err: error, waitMs }, 'a controller could not finish with an object');
}
