import type { Clock } from './clock.ts';
import type { LeaseId, Store } from './store.ts';

/** Writes with the same time to live within this time share a lease; they may live so much longer. */
const shareMs = 60_000;

/** Leases for objects that expire (Events), one per minute and time to live instead of one per object. */
export interface SharedLeases {
  /** A lease that a key put now lives under for `ttlSeconds` to `ttlSeconds + 60`. */
  leaseFor(ttlSeconds: number): Promise<LeaseId>;
}

export function createSharedLeases(store: Pick<Store, 'grantLease'>, clock: Pick<Clock, 'now'>): SharedLeases {
  const current = new Map<number, { readonly until: number; readonly lease: Promise<LeaseId> }>();

  return {
    leaseFor(ttlSeconds) {
      const now = clock.now();
      const held = current.get(ttlSeconds);
      if (held !== undefined && now < held.until) return held.lease;
      const lease = store.grantLease(ttlSeconds + shareMs / 1000);
      const granted = { until: now + shareMs, lease };
      current.set(ttlSeconds, granted);
      lease.catch(() => {
        if (current.get(ttlSeconds) === granted) current.delete(ttlSeconds);
      });
      return lease;
    },
  };
}
