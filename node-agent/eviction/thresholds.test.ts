import { describe, expect, it } from 'vitest';
import { parsePeriod } from '../period.ts';
import { evictionSettings, keptFree, parseGracePeriods, parseMinimumReclaim, parseThresholds } from './thresholds.ts';

describe('eviction thresholds', () => {
  it('are Kubernetes\' when nobody says otherwise', () => {
    const { thresholds, transitionMs } = evictionSettings({});
    expect(thresholds).toEqual([
      { signal: 'memory.available', value: { count: 104_857_600 }, graceMs: 0 }, { signal: 'nodefs.available', value: { share: 0.1 }, graceMs: 0 },
      { signal: 'nodefs.inodesFree', value: { share: 0.05 }, graceMs: 0 }, { signal: 'imagefs.available', value: { share: 0.15 }, graceMs: 0 },
      { signal: 'imagefs.inodesFree', value: { share: 0.05 }, graceMs: 0 },
    ]);
    expect(transitionMs).toBe(300_000);
  });

  it('are read as the kubelet reads them', () => {
    expect(parseThresholds('memory.available<1Gi, nodefs.available<12.5%,pid.available<0%')).toEqual(new Map<string, object>([['memory.available', { count: 1024 ** 3 }], ['nodefs.available', { share: 0.125 }]]));
    expect(parseThresholds('')).toEqual(new Map());
    expect(parseMinimumReclaim('imagefs.available=2Gi,nodefs.available=5%')).toEqual(new Map<string, object>([['imagefs.available', { count: 2 * 1024 ** 3 }], ['nodefs.available', { share: 0.05 }]]));
    expect(parseGracePeriods('memory.available=1m30s')).toEqual(new Map([['memory.available', 90_000]]));
  });

  it.each([
    ['disk.available<1Gi', 'disk.available is no eviction signal'], ['memory.available', 'it looks like memory.available<…'], ['memory.available<', 'it looks like'], ['memory.available<-1Gi', 'is no quantity'],
    ['memory.available<0', 'must be positive'], ['memory.available<101%', 'no more than 100%'], ['memory.available<x%', 'is no percentage'], ['memory.available<1,memory.available<2', 'is there twice'],
  ])('%s is refused', (text, message) => {
    expect(() => parseThresholds(text)).toThrow(message);
  });

  it('that are soft have a grace period, and each its minimum to reclaim', () => {
    const soft = parseThresholds('memory.available<1Gi');
    expect(() => evictionSettings({ soft })).toThrow('grace period must be specified for the soft eviction threshold memory.available');
    const { thresholds } = evictionSettings({ hard: new Map(), soft, softGraceMs: new Map([['memory.available', 5000]]), minReclaim: new Map([['memory.available', { count: 5 }]]) });
    expect(thresholds).toEqual([{ signal: 'memory.available', value: { count: 1024 ** 3 }, graceMs: 5000, minReclaim: { count: 5 } }]);
  });

  it('keep free what pods can\'t have', () => {
    const settings = evictionSettings({ hard: parseThresholds('memory.available<100,nodefs.available<10%'), soft: parseThresholds('pid.available<50'), softGraceMs: new Map([['pid.available', 1]]) });
    expect([keptFree(settings, 'memory.available', 1000), keptFree(settings, 'memory.available', 60), keptFree(settings, 'nodefs.available', 1000), keptFree(settings, 'pid.available', 1000)]).toEqual([100, 60, 100, 0]);
  });

  it.each(['-5s', '5', 'soon'])('%s is no period', (text) => {
    expect(() => parsePeriod(text)).toThrow('it is no period');
  });
});
