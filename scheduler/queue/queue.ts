import { createHeap, type Heap } from '../../machinery/heap.ts';
import type { PodClass } from '../classes/pod-class.ts';
import type { Waiting } from './waiting.ts';

/**
 * The pods without a node. Source: "Scheduling Framework", queueing; kube-scheduler: a pod that was refused backs off 1 s, then
 * twice as long each time, to 10 s.
 */
export interface Queue {
  /** To be tried next, by priority, then by arrival. */
  activate(waiting: Waiting): void;
  /** Nothing takes it until one of `wakeOn` happens. */
  park(waiting: Waiting, wakeOn: number, now: number): void;
  /** To be tried again after a back-off: something went wrong that is not about nodes. */
  retryLater(waiting: Waiting, now: number): void;
  gate(waiting: Waiting): void;
  remove(waiting: Waiting): void;
  /**
   * Something happened to a node. Of the classes that wait for such an event, `refused` is asked: undefined, the node would take
   * them now, and they wake; else the events that would change its mind, for which they wait from now on, too.
   */
  wake(events: number, refused: (podClass: PodClass) => number | undefined, now: number): void;
  /** The next to try; it is out of the queue then, and one attempt older. */
  next(now: number): Waiting | undefined;
  /** When a failed pod is to be tried again, in milliseconds; undefined: none. */
  readonly nextRetry: number | undefined;
  /** Is there something to try at `now`? */
  ready(now: number): boolean;
}

const firstBackoffMs = 1000;
const longestBackoffMs = 10_000;

/** An entry holds as long as the pod hasn't moved since. */
interface Entry {
  readonly waiting: Waiting;
  readonly moves: number;
}

/** Pods of one class that no node takes. */
interface Parked {
  readonly pods: Set<Waiting>;
  /** The events that may help any of them. */
  wakeOn: number;
}

export function createQueue(): Queue {
  const active = createHeap<Entry>(({ waiting: a }, { waiting: b }) => a.priority > b.priority || (a.priority === b.priority && a.ticket < b.ticket));
  const byTime = (): Heap<Entry> => createHeap<Entry>(({ waiting: a }, { waiting: b }) => a.notBefore < b.notBefore || (a.notBefore === b.notBefore && a.ticket < b.ticket));
  const [woken, failed] = [byTime(), byTime()];
  /** By class, since pods of one class are woken by the same things. */
  const parked = new Map<PodClass, Parked>();

  const move = (waiting: Waiting, place: Waiting['place']): Entry => {
    if (waiting.place === 'parked') unpark(waiting);
    waiting.place = place;
    waiting.moves += 1;
    return { waiting, moves: waiting.moves };
  };
  const unpark = (waiting: Waiting): void => {
    const peers = parked.get(waiting.podClass);
    peers?.pods.delete(waiting);
    if (peers?.pods.size === 0) parked.delete(waiting.podClass);
  };
  /** The first entry of now, or undefined. */
  const peek = (heap: Heap<Entry>): Waiting | undefined => {
    for (;;) {
      const entry = heap.peek();
      if (entry === undefined || entry.moves === entry.waiting.moves) return entry?.waiting;
      heap.pop();
    }
  };
  const activate = (waiting: Waiting): void => active.push(move(waiting, 'active'));
  const promote = (heap: Heap<Entry>, now: number): void => {
    for (let due = peek(heap); due !== undefined && due.notBefore <= now; due = peek(heap)) activate(due);
  };
  return {
    activate,
    park(waiting, wakeOn, now) {
      move(waiting, 'parked');
      waiting.notBefore = now + backoffMs(waiting.attempts);
      const peers = parked.get(waiting.podClass);
      parked.set(waiting.podClass, { pods: (peers?.pods ?? new Set()).add(waiting), wakeOn: (peers?.wakeOn ?? 0) | wakeOn });
    },
    retryLater(waiting, now) {
      waiting.notBefore = now + backoffMs(waiting.attempts);
      failed.push(move(waiting, 'failed'));
    },
    gate: (waiting) => void move(waiting, 'gated'),
    remove: (waiting) => void move(waiting, 'out'),
    wake(events, refused, now) {
      // Who is woken leaves the collection that is walked, which a Map and a Set allow.
      for (const [podClass, peers] of parked) {
        if ((peers.wakeOn & events) === 0) continue;
        const wakeOn = refused(podClass);
        peers.wakeOn |= wakeOn ?? 0;
        if (wakeOn !== undefined) continue;
        for (const waiting of peers.pods) {
          if (waiting.notBefore <= now) activate(waiting);
          else woken.push(move(waiting, 'woken'));
        }
      }
    },
    next(now) {
      promote(failed, now);
      promote(woken, now);
      // A back-off lets others go first; when there are none it would only waste time.
      const waiting = peek(active) ?? peek(woken);
      if (waiting === undefined) return undefined;
      move(waiting, 'out');
      waiting.attempts += 1;
      return waiting;
    },
    get nextRetry() {
      return peek(failed)?.notBefore;
    },
    ready: (now) => peek(active) !== undefined || peek(woken) !== undefined || (peek(failed)?.notBefore ?? Infinity) <= now,
  };
}

function backoffMs(attempts: number): number {
  return Math.min(longestBackoffMs, firstBackoffMs * 2 ** Math.max(0, attempts - 1));
}
