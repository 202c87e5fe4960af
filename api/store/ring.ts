import { CompactedError, type Revision } from './store.ts';
import type { Transition } from './transition.ts';

/** The recent past of one resource, bounded in bytes and in number. */
export interface Ring {
  push(transition: Transition): void;
  /** What happened after `revision`, in order. Throws `CompactedError` when the ring no longer has it all. */
  after(revision: Revision): readonly Transition[];
}

export interface RingLimits {
  readonly bytes: number;
  readonly count: number;
}

/** Dropped slots are given back when they are this many and half of the array. */
const minSlack = 1024;

/** `start`: the revision of the state that the first transition changes. */
export function createRing(start: Revision, limits: RingLimits): Ring {
  let kept: (Transition | undefined)[] = [];
  let first = 0;
  let bytes = 0;
  let oldest = start;

  function dropFirst(): void {
    const dropped = kept[first];
    kept[first] = undefined;
    first++;
    if (dropped === undefined) return;
    bytes -= dropped.bytes;
    oldest = dropped.revision;
  }

  function compact(): void {
    if (first < minSlack || first * 2 < kept.length) return;
    kept = kept.slice(first);
    first = 0;
  }

  /** Index of the first transition after `revision`. */
  function search(revision: Revision): number {
    let low = first;
    let high = kept.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((kept[middle]?.revision ?? 0) <= revision) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  return {
    push(transition) {
      kept.push(transition);
      bytes += transition.bytes;
      while (kept.length - first > limits.count || (bytes > limits.bytes && kept.length - first > 1)) dropFirst();
      compact();
    },
    after(revision) {
      if (revision < oldest) throw new CompactedError(oldest);
      return kept.slice(search(revision)).filter((each) => each !== undefined);
    },
  };
}
