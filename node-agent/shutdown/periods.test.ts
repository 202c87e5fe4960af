import { describe, expect, it } from 'vitest';
import type { Pod } from '../../machinery/kinds/core.ts';
import { parseShutdownPeriod, parseShutdownPeriods, shutdownGroups, shutdownPeriods, within } from './periods.ts';

const critical = 2_000_000_000;
const both = shutdownPeriods({ graceMs: 30_000, criticalMs: 10_000 });

describe('the periods of a shutdown', () => {
  it('are the ordinary pods\' and then the critical ones\'', () => {
    expect(both).toEqual([{ priority: 0, periodMs: 20_000 }, { priority: critical, periodMs: 10_000 }]);
    expect(shutdownPeriods({ graceMs: 30_000 })).toEqual([{ priority: 0, periodMs: 30_000 }, { priority: critical, periodMs: 0 }]);
  });

  it('are none unless somebody says so', () => {
    expect(shutdownPeriods({})).toEqual([]);
    expect(shutdownPeriods({ graceMs: 0, criticalMs: 0 })).toEqual([]);
  });

  it('are lowest priority first', () => {
    expect(shutdownPeriods({ byPriority: parseShutdownPeriods('1000=1m, 0=20s,-5=2s') })).toEqual([{ priority: -5, periodMs: 2000 }, { priority: 0, periodMs: 20_000 }, { priority: 1000, periodMs: 60_000 }]);
  });

  it('go together', () => {
    expect(() => shutdownPeriods({ graceMs: 5000, criticalMs: 6000 })).toThrow('is a part of --shutdown-grace-period');
    expect(() => shutdownPeriods({ graceMs: 5000, byPriority: [{ priority: 0, periodMs: 1 }] })).toThrow('leave these out');
  });

  it.each([['5', 'it looks like 0=20s'], ['', 'it looks like'], ['a=1s', 'it looks like'], ['0=1', 'it is no period'], ['0=20ms', 'a second at least'], ['0=1s,0=2s', 'the priority 0 is there twice']])('%s by priority is refused', (text, message) => {
    expect(() => parseShutdownPeriods(text)).toThrow(message);
  });

  it('are 0 or a second at least', () => {
    expect([parseShutdownPeriod('0s'), parseShutdownPeriod('1m30s')]).toEqual([0, 90_000]);
    expect(() => parseShutdownPeriod('900ms')).toThrow('a second at least');
  });

  it('are cut where they matter least when the machine doesn\'t wait so long', () => {
    const lengths = (limitMs: number): readonly number[] => within(both, limitMs).map(({ periodMs }) => periodMs);
    expect([Infinity, 30_000, 15_000, 4000, -1].map(lengths)).toEqual([[20_000, 10_000], [20_000, 10_000], [5000, 10_000], [0, 4000], [0, 0]]);
  });
});

describe('who ends with whom', () => {
  const podOf = (priority: number): Pod => ({ spec: { containers: [], ...(priority === 0 ? {} : { priority }) } });
  const groups = (periods: Parameters<typeof within>[0], priorities: readonly number[]): readonly unknown[] => shutdownGroups(periods, priorities, podOf).map(({ periodMs, members }) => [periodMs, members]);

  it('are those of a priority, the least first', () => {
    expect(groups(both, [critical + 1000, 0, critical, 5, critical - 1, -7])).toEqual([[20_000, [0, 5, critical - 1, -7]], [10_000, [critical + 1000, critical]]]);
  });

  it('is nobody in a group without pods', () => {
    expect(groups(both, [critical])).toEqual([[10_000, [critical]]]);
    expect(groups(both, [])).toEqual([]);
  });

  it('goes by the lowest period below all of them', () => {
    expect(groups([{ priority: 10, periodMs: 1 }, { priority: 20, periodMs: 2 }], [5, 10, 19, 20, 21])).toEqual([[1, [5, 10, 19]], [2, [20, 21]]]);
  });
});
