import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createAddressPool } from './address-pool.ts';
import { formatAddress, parseAddress, parseRange } from './ipv4.ts';

const taken = (pool: ReturnType<typeof createAddressPool>): string | undefined => {
  const address = pool.take();
  return address === undefined ? undefined : formatAddress(address);
};

describe('a node\'s addresses', () => {
  it('leave out network, bridge and broadcast, and run out', () => {
    const pool = createAddressPool(parseRange('10.1.2.0/29'));
    expect(formatAddress(pool.gateway)).toBe('10.1.2.1');
    expect(Array.from({ length: 6 }, () => taken(pool))).toEqual(['10.1.2.2', '10.1.2.3', '10.1.2.4', '10.1.2.5', '10.1.2.6', undefined]);
  });

  it('rest as long as possible once freed, and longer while a device has them', () => {
    const pool = createAddressPool(parseRange('10.1.2.0/29'));
    taken(pool);
    pool.free(parseAddress('10.1.2.2'));
    expect([taken(pool), taken(pool)]).toEqual(['10.1.2.3', '10.1.2.4']);
    expect(pool.take((address) => address !== parseAddress('10.1.2.5'))).toBe(parseAddress('10.1.2.6'));
  });

  it('of adopted pods are reserved once', () => {
    const pool = createAddressPool(parseRange('10.1.2.0/29'));
    expect([pool.reserve(parseAddress('10.1.2.2')), pool.reserve(parseAddress('10.1.2.2')), pool.reserve(parseAddress('10.9.9.9'))]).toEqual([true, false, false]);
    expect(taken(pool)).toBe('10.1.2.3');
  });

  it('are never given twice, whatever the order of takes and frees', () => {
    fc.assert(fc.property(fc.array(fc.option(fc.nat({ max: 40 })), { maxLength: 200 }), (steps) => {
      const pool = createAddressPool(parseRange('10.1.2.0/27'));
      const held: number[] = [];
      for (const step of steps) {
        if (step !== null && held.length > 0) pool.free(held.splice(step % held.length, 1)[0] ?? 0);
        else {
          const address = pool.take();
          if (address === undefined) expect(held).toHaveLength(29);
          else held.push(address);
        }
        expect(new Set(held).size).toBe(held.length);
      }
    }));
  });
});
