import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { judge, noMemory, observe, type Judgement, type Memory, type Observations } from './pressure.ts';
import { evictionSettings, type Signal, type Threshold } from './thresholds.ts';

const memory = (available: number): Observations => new Map<Signal, { available: number; capacity: number }>([['memory.available', { available, capacity: 1000 }], ['nodefs.available', { available: 500, capacity: 1000 }]]);
const hard: Threshold = { signal: 'memory.available', value: { count: 100 }, graceMs: 0, minReclaim: { count: 50 } };
const soft: Threshold = { signal: 'memory.available', value: { count: 300 }, graceMs: 60_000 };

/** One look after the other: what is left, and when. */
function looks(thresholds: readonly Threshold[], steps: readonly (readonly [number, number])[], transitionMs = 300_000): readonly Judgement[] {
  let before: Memory = noMemory;
  return steps.map(([available, now]) => {
    const judged = judge(thresholds, memory(available), before, transitionMs, now);
    before = judged.memory;
    return judged;
  });
}

describe('the pressure on a node', () => {
  it('is none while enough is left', () => {
    expect(looks([hard], [[100, 0]])[0]).toMatchObject({ pressures: [], due: [] });
  });

  it('acts at a hard threshold at once, until its minimum is reclaimed too', () => {
    expect(looks([hard], [[99, 0], [120, 10], [149, 20], [150, 30]]).map(({ due }) => due.length)).toEqual([1, 1, 1, 0]);
  });

  it('acts at a soft threshold after its grace period, counted anew when it was met in between', () => {
    const judged = looks([soft], [[200, 0], [200, 59_999], [400, 60_000], [200, 61_000], [200, 120_999], [200, 121_000]]);
    expect(judged.map(({ due }) => due.length)).toEqual([0, 0, 0, 0, 0, 1]);
    expect(judged[0]?.pressures).toEqual(['MemoryPressure']);
  });

  it('is told of for a while after it was seen last', () => {
    expect(looks([hard], [[99, 0], [900, 299_999], [900, 300_000]]).map(({ pressures }) => pressures)).toEqual([['MemoryPressure'], ['MemoryPressure'], []]);
    expect(looks([hard], [[99, 0], [900, 1]], 0).map(({ pressures }) => pressures)).toEqual([['MemoryPressure'], []]);
  });

  it('takes memory before all else', () => {
    const disk: Threshold = { signal: 'nodefs.available', value: { share: 0.6 }, graceMs: 0 };
    const judged = judge([disk, hard], memory(5), noMemory, 0, 0);
    expect(judged).toMatchObject({ pressures: ['MemoryPressure', 'DiskPressure'], due: [hard, disk] });
  });

  it('is what the machine\'s numbers say', () => {
    const reading = {
      at: 0, startedAt: 0, cpuNanos: 0, interfaces: [], memory: { totalBytes: 1000, usageBytes: 980, workingSetBytes: 900, rssBytes: 0, swapBytes: 0 },
      disk: { capacityBytes: 100, availableBytes: 14, usedBytes: 86, inodes: 0, inodesFree: 0 }, processes: { most: 1000, running: 400 },
    };
    expect([...observe(reading)]).toEqual([
      ['memory.available', { available: 100, capacity: 1000 }], ['nodefs.available', { available: 14, capacity: 100 }], ['imagefs.available', { available: 14, capacity: 100 }], ['pid.available', { available: 600, capacity: 1000 }],
    ]);
    // One file system for all: images run short first.
    expect(judge(evictionSettings({}).thresholds.filter(({ signal }) => signal !== 'memory.available'), observe(reading), noMemory, 0, 0).due.map(({ signal }) => signal)).toEqual(['imagefs.available']);
  });

  it('never wants anything done that was not met for its grace period', () => {
    fc.assert(fc.property(fc.array(fc.tuple(fc.nat(400), fc.integer({ min: 1, max: 50_000 })), { maxLength: 20 }), (steps) => {
      let now = 0;
      const at = steps.map(([available, after]) => [available, now += after] as const);
      for (const [index, { due }] of looks([soft], at).entries()) {
        const sinceMet = at.slice(0, index + 1).findLastIndex(([available]) => available >= 300) + 1;
        const metFor = sinceMet > index ? -1 : (at[index]?.[1] ?? 0) - (at[sinceMet]?.[1] ?? 0);
        expect(due.length > 0).toBe(metFor >= soft.graceMs);
      }
    }));
  });
});
