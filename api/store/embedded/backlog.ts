import { OverloadedError } from '../errors.ts';
import type { TransactionResult } from '../store.ts';
import type { StoredLease } from './protocol.ts';
import type { Decision } from './versions.ts';

/** A decided transaction, or a change of a lease, with who waits for it. */
export interface Accepted extends Decision {
  readonly bytes: number;
  readonly granted?: StoredLease;
  readonly revoked?: number;
  readonly resolve: (result: TransactionResult) => void;
  readonly reject: (error: Error) => void;
}

/** More in one batch would keep the main thread publishing for too long. */
const maxBatchRows = 2048;
const maxBatchBytes = 4 * 1024 * 1024;
const maxQueuedBytes = 64 * 1024 * 1024;

/** What waits for the disk. */
export interface Backlog {
  readonly isEmpty: boolean;
  /** Throws `OverloadedError` when more waits than the store takes. */
  admit(): void;
  push(accepted: Accepted): void;
  /** As much as makes a batch, in order. */
  take(): readonly Accepted[];
  takeAll(): readonly Accepted[];
}

export function createBacklog(): Backlog {
  let waiting: Accepted[] = [];
  let bytes = 0;

  function takeFirst(count: number): readonly Accepted[] {
    const taken = waiting.slice(0, count);
    waiting = waiting.slice(count);
    for (const each of taken) bytes -= each.bytes;
    return taken;
  }

  return {
    get isEmpty() {
      return waiting.length === 0;
    },
    admit() {
      if (bytes >= maxQueuedBytes) throw new OverloadedError(`${bytes} bytes are waiting to be written`);
    },
    push(accepted) {
      waiting.push(accepted);
      bytes += accepted.bytes;
    },
    take() {
      let batchRows = 0;
      let batchBytes = 0;
      let count = 0;
      for (const { steps, bytes: size } of waiting) {
        if (batchRows >= maxBatchRows || batchBytes >= maxBatchBytes) break;
        batchRows += steps.length;
        batchBytes += size;
        count++;
      }
      return takeFirst(count);
    },
    takeAll: () => takeFirst(waiting.length),
  };
}
