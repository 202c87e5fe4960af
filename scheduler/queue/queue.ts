import { createHeap, type Heap } from '../../machinery/heap.ts';
import type { PodClass } from '../classes/pod-class.ts';
import { createParked } from './parked.ts';
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
  /** Something happened to a node: wakes the pods that it would take now; `refused` as in `Parked`. */
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

export function createQueue(): Queue {
  const active = createHeap<Entry>(({ waiting: a }, { waiting: b }) => a.priority > b.priority || (a.priority === b.priority && a.ticket < b.ticket));
  const [woken, failed] = [createHeap(isDueBefore), createHeap(isDueBefore)];
  const parked = createParked();

  const move = (waiting: Waiting, place: Waiting['place']): Entry => {
    if (waiting.place === 'parked') parked.remove(waiting);
    waiting.place = place;
    waiting.moves += 1;
    return { waiting, moves: waiting.moves };
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
      parked.add(waiting, wakeOn);
    },
    retryLater(waiting, now) {
      waiting.notBefore = now + backoffMs(waiting.attempts);
      failed.push(move(waiting, 'failed'));
    },
    gate: (waiting) => void move(waiting, 'gated'),
    remove: (waiting) => void move(waiting, 'out'),
    wake(events, refused, now) {
      for (const waiting of parked.woken(events, refused)) {
        if (waiting.notBefore <= now) activate(waiting);
        else woken.push(move(waiting, 'woken'));
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

function isDueBefore({ waiting: a }: Entry, { waiting: b }: Entry): boolean {
  return a.notBefore < b.notBefore || (a.notBefore === b.notBefore && a.ticket < b.ticket);
}

function backoffMs(attempts: number): number {
  return Math.min(longestBackoffMs, firstBackoffMs * 2 ** Math.max(0, attempts - 1));
}

/** The first entry that still holds; those of the past are dropped. */
function peek(heap: Heap<Entry>): Waiting | undefined {
  for (;;) {
    const entry = heap.peek();
    if (entry === undefined || entry.moves === entry.waiting.moves) return entry?.waiting;
    heap.pop();
  }
}
