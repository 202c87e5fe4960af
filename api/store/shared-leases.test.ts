import { describe, expect, it } from 'vitest';
import { createSharedLeases } from './shared-leases.ts';

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
});
