import { describe, expect, it } from 'vitest';
import { createSparePool } from './spare-pool.ts';

/** A pool of named spares, `a1`, `b2`, …; `settled` lets its background work run dry. */
function poolOf(first: readonly string[], changes: { readonly busy?: () => boolean; readonly make?: () => Promise<string> } = {}) {
  const ended: string[] = [];
  const failures: unknown[] = [];
  let made = 0;
  const pool = createSparePool<string, string>({
    first, busy: changes.busy ?? (() => false), failed: (error) => failures.push(error),
    make: changes.make ?? ((kind) => Promise.resolve(`${kind}${made += 1}`)),
    end: (spare) => {
      ended.push(spare);
      return Promise.resolve();
    },
  });
  return { pool, ended, failures, settled: () => new Promise((resolve) => { setImmediate(resolve); }) };
}

describe('a pool of spares', () => {
  it('is empty before it is filled, and hands out the oldest of a kind', async () => {
    const { pool, settled } = poolOf(['a', 'b', 'a']);
    expect(pool.take('a')).toBeUndefined();
    pool.fill();
    await settled();
    expect([pool.take('a'), pool.take('b'), pool.take('a'), pool.take('a'), pool.take('b')]).toEqual(['a1', 'b2', 'a3', undefined, undefined]);
  });

  it('ends spares of a kind that is not asked for any more, to make room', async () => {
    const { pool, settled, ended } = poolOf(['a', 'a']);
    pool.fill();
    await settled();
    expect([pool.take('b'), pool.take('b')]).toEqual([undefined, undefined]);
    pool.fill();
    await settled();
    expect(ended).toEqual(['a1', 'a2']);
    expect([pool.take('b'), pool.take('b')]).toEqual(['b3', 'b4']);
  });

  it('makes none while a pod waits', async () => {
    let busy = true;
    const { pool, settled } = poolOf(['a'], { busy: () => busy });
    pool.fill();
    await settled();
    expect(pool.take('a')).toBeUndefined();
    busy = false;
    pool.fill();
    await settled();
    expect(pool.take('a')).toBe('a1');
  });

  it('tells of a failure and tries again when asked', async () => {
    const results = [Promise.reject(new Error('no')), Promise.resolve('seventh')];
    const { pool, failures, settled } = poolOf(['a'], { make: () => results.shift() ?? Promise.resolve('eighth') });
    pool.fill();
    await settled();
    expect(failures).toHaveLength(1);
    pool.fill();
    await settled();
    expect(pool.take('a')).toBe('seventh');
  });

  it('ends what it has when closed, and makes no more', async () => {
    const { pool, ended, settled } = poolOf(['a', 'b']);
    pool.fill();
    await pool.close();
    pool.fill();
    await settled();
    expect(ended).toEqual(['a1', 'b2'].slice(0, ended.length));
    expect(pool.take('a')).toBeUndefined();
  });
});
