/**
 * The requests of one priority level that wait: many queues, and each flow has a hand of them that no other flow is likely to
 * share, so that who asks too much waits behind itself. Among queues the one whose turn it is by the work served so far.
 * Pure. Source: "API priority and fairness", queuing; shuffle sharding; start-time fair queuing.
 */
export interface QueueSet<T extends Waiting> {
  readonly size: number;
  /** False: its queue is full. */
  add(item: T, flow: string): boolean;
  /** Who comes next; undefined: nobody waits. */
  peek(): T | undefined;
  /** Takes the one that `peek` shows. */
  take(): T | undefined;
  /** One that doesn't wait any more. */
  remove(item: T): boolean;
}

export interface Waiting {
  /** Seats. */
  readonly width: number;
}

export interface QueueLimits {
  readonly queues: number;
  readonly handSize: number;
  readonly queueLengthLimit: number;
}

interface Queue<T> {
  readonly items: { readonly item: T; readonly start: number }[];
  /** When, in the level's virtual time, all that came so far is served. */
  finish: number;
}

export function createQueueSet<T extends Waiting>({ queues: count, handSize, queueLengthLimit }: QueueLimits): QueueSet<T> {
  const queues: Queue<T>[] = Array.from({ length: Math.max(1, count) }, () => ({ items: [], finish: 0 }));
  let size = 0;
  let virtual = 0;

  /** The queue of the flow's hand in which least waits. */
  function shortest(flow: string): Queue<T> | undefined {
    let best: Queue<T> | undefined;
    for (const index of handOf(hashOf(flow), queues.length, handSize)) {
      const queue = queues[index];
      if (queue !== undefined && (best === undefined || queue.items.length < best.items.length)) best = queue;
    }
    return best;
  }

  function next(): Queue<T> | undefined {
    let best: Queue<T> | undefined;
    for (const queue of queues) {
      const head = queue.items[0];
      if (head !== undefined && (best?.items[0] === undefined || head.start < best.items[0].start)) best = queue;
    }
    return best;
  }

  return {
    get size() {
      return size;
    },
    add(item, flow) {
      const queue = shortest(flow);
      if (queue === undefined || queue.items.length >= queueLengthLimit) return false;
      const start = Math.max(virtual, queue.finish);
      queue.finish = start + item.width;
      queue.items.push({ item, start });
      size += 1;
      return true;
    },
    peek: () => next()?.items[0]?.item,
    take() {
      const head = next()?.items.shift();
      if (head === undefined) return undefined;
      size -= 1;
      virtual = Math.max(virtual, head.start);
      return head.item;
    },
    remove(item) {
      for (const { items } of queues) {
        const at = items.findIndex((one) => one.item === item);
        if (at < 0) continue;
        items.splice(at, 1);
        size -= 1;
        return true;
      }
      return false;
    },
  };
}

/** `handSize` different queues of `count`, dealt by the hash alone. */
export function handOf(hash: number, count: number, handSize: number): number[] {
  const hand: number[] = [];
  let entropy = hash >>> 0;
  for (let dealt = 0; dealt < Math.min(handSize, count); dealt++) {
    const left = count - dealt;
    let card = entropy % left;
    // Another hash for the next card: 32 bits are soon spent.
    entropy = mix(entropy + 0x9e3779b9);
    for (const taken of hand.toSorted((a, b) => a - b)) if (card >= taken) card++;
    hand.push(card);
  }
  return hand;
}

function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return mix(hash >>> 0);
}

function mix(value: number): number {
  let hash = value | 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
