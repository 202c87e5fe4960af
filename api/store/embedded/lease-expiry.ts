/** Deletes what was put with a lease when its time is over. Deadlines are on disk, so that a restart forgets none. */
import type { Clock } from '../clock.ts';
import type { StoredLease } from './protocol.ts';

export interface LeaseExpiry {
  /** Has it been granted, and is its time not over? */
  exists(lease: number): boolean;
  /** An id never given before. */
  nextId(): number;
  add(lease: StoredLease): void;
  close(): void;
}

export interface LeaseExpiryOptions {
  readonly clock: Clock;
  readonly leases: readonly StoredLease[];
  /** Deletes the keys and forgets the lease. */
  readonly expire: (lease: number) => Promise<void>;
  /** After this many milliseconds a failed expiry (a full disk) is tried again. */
  readonly retryMs: number;
  readonly onProblem: (what: string, error: Error) => void;
}

/** Node's timers hold 31 bits of milliseconds. */
const longestTimerMs = 0x7fff_ffff;

export function createLeaseExpiry({ clock, leases, expire, retryMs, onProblem }: LeaseExpiryOptions): LeaseExpiry {
  const deadlines = new Map(leases.map(({ id, deadline }) => [id, deadline]));
  const timers = new Map<number, { cancel(): void }>();
  let last = Math.max(0, ...deadlines.keys());
  let isOpen = true;
  for (const lease of leases) arm(lease.id, lease.deadline - clock.now());

  function arm(id: number, waitMs: number): void {
    if (!isOpen) return;
    timers.set(id, clock.after(Math.min(Math.max(waitMs, 0), longestTimerMs), () => due(id)));
  }

  function due(id: number): void {
    const left = (deadlines.get(id) ?? 0) - clock.now();
    if (left > 0) return arm(id, left);
    expire(id).then(
      () => {
        deadlines.delete(id);
        timers.delete(id);
      },
      (error: unknown) => {
        onProblem(`end of lease ${id}`, error instanceof Error ? error : new Error(String(error)));
        arm(id, retryMs);
      },
    );
  }

  return {
    exists: (id) => (deadlines.get(id) ?? 0) > clock.now(),
    nextId: () => (last = Math.max(last + 1, clock.now())),
    add({ id, deadline }) {
      deadlines.set(id, deadline);
      arm(id, deadline - clock.now());
    },
    close() {
      isOpen = false;
      for (const timer of timers.values()) timer.cancel();
      timers.clear();
    },
  };
}
