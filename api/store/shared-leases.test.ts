import { describe, expect, it } from 'vitest';
import { LeaseNotFoundError } from './errors.ts';
import { createSharedLeases, withSharedLeases } from './shared-leases.ts';
import type { Store, Transaction } from './store.ts';

describe('shared leases', () => {
  it('grant one a minute and time to live, which outlives what is put with it', async () => {
    let now = 0;
    const granted: number[] = [];
    const leases = createSharedLeases({ grantLease: async (ttlSeconds) => String(granted.push(ttlSeconds)) }, { now: () => now });
    expect(await Promise.all([leases.leaseFor(3600), leases.leaseFor(3600), leases.leaseFor(60)])).toEqual(['1', '1', '2']);
    now = 59_999;
    expect(await leases.leaseFor(3600)).toBe('1');
    now = 60_000;
    expect(await leases.leaseFor(3600)).toBe('3');
    expect(granted).toEqual([3660, 120, 3660]);
  });

  it('are asked for again after a failure', async () => {
    let fails = true;
    const leases = createSharedLeases({ grantLease: async () => {
      if (fails) throw new Error('disk full');
      return '1';
    } }, { now: () => 0 });
    await expect(leases.leaseFor(60)).rejects.toThrow('disk full');
    fails = false;
    expect(await leases.leaseFor(60)).toBe('1');
  });

  it('that are lost are replaced, and what was to be written under them is written', async () => {
    const sent: Transaction[] = [];
    let grants = 0;
    const store: Store = {
      range: () => Promise.reject(new Error('not asked for')),
      watch: () => ({ close: () => undefined }),
      compact: () => Promise.resolve(),
      close: () => Promise.resolve(),
      grantLease: async () => `lease-${++grants}`,
      async commit(transaction) {
        sent.push(transaction);
        if (transaction.writes.some((write) => write.type === 'put' && write.lease === 'lease-1')) throw new LeaseNotFoundError('lease-1');
        return { committed: true, revision: 7 };
      },
    };
    const leases = createSharedLeases(store, { now: () => 0 });
    const lease = await leases.leaseFor(60);
    const writes = [{ type: 'put', key: '/a', value: Buffer.alloc(0), lease }, { type: 'delete', key: '/b' }] as const;
    expect(await withSharedLeases(store, leases).commit({ compares: [], writes })).toEqual({ committed: true, revision: 7 });
    expect(sent[1]?.writes).toEqual([{ ...writes[0], lease: 'lease-2' }, writes[1]]);
    expect(await leases.leaseFor(60)).toBe('lease-2');
    await expect(withSharedLeases({ ...store, commit: () => Promise.reject(new LeaseNotFoundError('other')) }, leases).commit({ compares: [], writes: [{ ...writes[0], lease: 'other' }] })).rejects.toThrow('lease other');
  });
});
