import { describe, expect, it } from 'vitest';
import { createSparePool } from './spare-pool.ts';

/** A pool of numbers; `settled` lets its background work run dry. */
function poolOf(size: number, changes: { readonly busy?: () => boolean; readonly make?: () => Promise<number> } = {}) {
  const ended: number[] = [];
  const failures: unknown[] = [];
  let made = 0;
  const pool = createSparePool<number>({
    size, busy: changes.busy ?? (() => false), failed: (error) => failures.push(error),
    make: changes.make ?? (() => Promise.resolve(made += 1)),
    end: (spare) => {
      ended.push(spare);
      return Promise.resolve();
    },
  });
  return { pool, ended, failures, settled: () => new Promise((resolve) => { setImmediate(resolve); }) };
}

describe('a pool of spares', () => {
  it('is empty before it is filled, and hands out the oldest', async () => {
    const { pool, settled } = poolOf(2);
    expect(pool.take()).toBeUndefined();
    pool.fill();
    await settled();
    expect([pool.take(), pool.take(), pool.take()]).toEqual([1, 2, undefined]);
  });

  it('makes none while a pod waits', async () => {
    let busy = true;
    const { pool, settled } = poolOf(1, { busy: () => busy });
    pool.fill();
    await settled();
    expect(pool.take()).toBeUndefined();
    busy = false;
    pool.fill();
    await settled();
    expect(pool.take()).toBe(1);
  });

  it('tells of a failure and tries again when asked', async () => {
    const results = [Promise.reject(new Error('no')), Promise.resolve(7)];
    const { pool, failures, settled } = poolOf(1, { make: () => results.shift() ?? Promise.resolve(8) });
    pool.fill();
    await settled();
    expect(failures).toHaveLength(1);
    pool.fill();
    await settled();
    expect(pool.take()).toBe(7);
  });

  it('ends what it has when closed, and makes no more', async () => {
    const { pool, ended, settled } = poolOf(2);
    pool.fill();
    await pool.close();
    pool.fill();
    await settled();
    expect(ended).toEqual([1, 2].slice(0, ended.length));
    expect(pool.take()).toBeUndefined();
  });
});
