/** Deletes what was put with a lease when its time is over. Deadlines are on disk, so that a restart forgets none. */
import { asError } from '../errors.ts';
import type { Clock } from '../../../machinery/clock.ts';
import type { LeaseId } from '../store.ts';
import type { StoredLease } from './protocol.ts';

export interface LeaseExpiry {
  /** Has it been granted, and is its time not over? */
  exists(lease: number): boolean;
  /** Resolves with the id of a new lease once it is durable. */
  grant(ttlSeconds: number): Promise<LeaseId>;
  close(): void;
}

export interface LeaseExpiryOptions {
  readonly clock: Clock;
  readonly leases: readonly StoredLease[];
  /** Makes a lease durable. */
  readonly record: (lease: StoredLease) => Promise<unknown>;
  /** Deletes the keys and forgets the lease. */
  readonly expire: (lease: number) => Promise<void>;
  /** After this many milliseconds a failed expiry (a full disk) is tried again. */
  readonly retryMs: number;
  readonly onProblem: (what: string, error: Error) => void;
}

export function createLeaseExpiry({ clock, leases, record, expire, retryMs, onProblem }: LeaseExpiryOptions): LeaseExpiry {
  const deadlines = new Map(leases.map(({ id, deadline }) => [id, deadline]));
  const timers = new Map<number, () => void>();
  let last = Math.max(0, ...deadlines.keys());
  let isOpen = true;
  for (const lease of leases) arm(lease.id, lease.deadline - clock.now());

  function arm(id: number, waitMs: number): void {
    if (!isOpen) return;
    timers.set(id, clock.setTimer(waitMs, () => due(id)));
  }

  function due(id: number): void {
    const left = (deadlines.get(id) ?? 0) - clock.now();
    if (left > 0) return arm(id, left); // a lease of more than 24 days
    expire(id).then(
      () => {
        deadlines.delete(id);
        timers.delete(id);
      },
      (error: unknown) => {
        onProblem(`end of lease ${id}`, asError(error));
        arm(id, retryMs);
      },
    );
  }

  return {
    exists: (id) => (deadlines.get(id) ?? 0) > clock.now(),
    async grant(ttlSeconds) {
      // Never an id of the past, though its lease is forgotten: somebody may still put keys with it.
      const id = (last = Math.max(last + 1, clock.now()));
      const deadline = clock.now() + ttlSeconds * 1000;
      await record({ id, deadline });
      deadlines.set(id, deadline);
      arm(id, deadline - clock.now());
      return String(id);
    },
    close() {
      isOpen = false;
      for (const cancel of timers.values()) cancel();
      timers.clear();
    },
  };
}
