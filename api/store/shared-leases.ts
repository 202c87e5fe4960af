import type { Clock } from '../../machinery/clock.ts';
import { LeaseNotFoundError } from './errors.ts';
import type { LeaseId, Store, Transaction } from './store.ts';

/** Writes with the same time to live within this time share a lease; they may live so much longer. */
const shareMs = 60_000;

/** Leases for objects that expire (Events), one per minute and time to live instead of one per object. */
export interface SharedLeases {
  /** A lease that a key put now lives under for `ttlSeconds` to `ttlSeconds + 60`. */
  leaseFor(ttlSeconds: number): Promise<LeaseId>;
  /** What takes the place of a lease that is gone; undefined: it was none of these. */
  insteadOf(lease: LeaseId): Promise<LeaseId> | undefined;
}

export function createSharedLeases(store: Pick<Store, 'grantLease'>, clock: Pick<Clock, 'now'>): SharedLeases {
  const current = new Map<number, { readonly until: number; readonly lease: Promise<LeaseId> }>();
  /** Time to live of each lease that may still be written under. */
  const granted = new Map<LeaseId, { readonly ttlSeconds: number; readonly until: number }>();

  function grant(ttlSeconds: number): Promise<LeaseId> {
    const until = clock.now() + shareMs;
    const lease = store.grantLease(ttlSeconds + shareMs / 1000);
    const held = { until, lease };
    current.set(ttlSeconds, held);
    lease.then((id) => {
      for (const [old, { until: ended }] of granted) if (ended + shareMs < clock.now()) granted.delete(old);
      granted.set(id, { ttlSeconds, until });
    }, () => {
      if (current.get(ttlSeconds) === held) current.delete(ttlSeconds);
    });
    return lease;
  }

  function leaseFor(ttlSeconds: number): Promise<LeaseId> {
    const held = current.get(ttlSeconds);
    return held !== undefined && clock.now() < held.until ? held.lease : grant(ttlSeconds);
  }

  return {
    leaseFor,
    insteadOf(lease) {
      const known = granted.get(lease);
      if (known === undefined) return undefined;
      granted.delete(lease);
      return grant(known.ttlSeconds);
    },
  };
}

/** `store` whose transactions survive the loss of a shared lease (revoked by somebody, or run out while etcd had no leader): they are sent again under a new one. */
export function withSharedLeases(store: Store, leases: SharedLeases): Store {
  return {
    ...store,
    async commit(transaction) {
      try {
        return await store.commit(transaction);
      } catch (error) {
        const again = error instanceof LeaseNotFoundError ? await underNewLeases(transaction, leases) : undefined;
        if (again === undefined) throw error;
        return store.commit(again);
      }
    },
  };
}

async function underNewLeases(transaction: Transaction, leases: SharedLeases): Promise<Transaction | undefined> {
  const replaced = new Map<LeaseId, LeaseId>();
  for (const write of transaction.writes) {
    if (write.type !== 'put' || write.lease === undefined || replaced.has(write.lease)) continue;
    const lease = await leases.insteadOf(write.lease);
    if (lease !== undefined) replaced.set(write.lease, lease);
  }
  if (replaced.size === 0) return undefined;
  return {
    ...transaction,
    writes: transaction.writes.map((write) => (write.type === 'put' && write.lease !== undefined ? { ...write, lease: replaced.get(write.lease) ?? write.lease } : write)),
  };
}
