import { createHeap, type Heap } from '../../machinery/heap.ts';
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
  /** Wakes parked pods that wait for one of the events and, by class, would now be taken. */
  wake(events: number, takes: (waiting: Waiting) => boolean, now: number): void;
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

export function createQueue(): Queue {
  const active = createHeap<Entry>(({ waiting: a }, { waiting: b }) => a.priority > b.priority || (a.priority === b.priority && a.ticket < b.ticket));
  const byTime = (): Heap<Entry> => createHeap<Entry>(({ waiting: a }, { waiting: b }) => a.notBefore < b.notBefore || (a.notBefore === b.notBefore && a.ticket < b.ticket));
  const [woken, failed] = [byTime(), byTime()];
  /** By class, since pods of one class are woken by the same things. */
  const parked = new Map<Waiting['podClass'], Set<Waiting>>();

  const move = (waiting: Waiting, place: Waiting['place']): Entry => {
    if (waiting.place === 'parked') unpark(waiting);
    waiting.place = place;
    waiting.moves += 1;
    return { waiting, moves: waiting.moves };
  };
  const unpark = (waiting: Waiting): void => {
    const peers = parked.get(waiting.podClass);
    peers?.delete(waiting);
    if (peers?.size === 0) parked.delete(waiting.podClass);
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
      waiting.wakeOn = wakeOn;
      waiting.notBefore = now + backoffMs(waiting.attempts);
      const peers = parked.get(waiting.podClass);
      if (peers === undefined) parked.set(waiting.podClass, new Set([waiting]));
      else peers.add(waiting);
    },
    retryLater(waiting, now) {
      waiting.notBefore = now + backoffMs(waiting.attempts);
      failed.push(move(waiting, 'failed'));
    },
    gate: (waiting) => void move(waiting, 'gated'),
    remove: (waiting) => void move(waiting, 'out'),
    wake(events, takes, now) {
      // Who is woken leaves the set that is walked, which a Set and a Map allow.
      for (const peers of parked.values()) {
        const [first] = peers;
        if (first === undefined || (first.wakeOn & events) === 0 || !takes(first)) continue;
        for (const waiting of peers) {
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
