import { describe, expect, it } from 'vitest';
import { manualClock, pause } from './clock.ts';

describe('a manual clock', () => {
  it('runs timers in order, each at its own time, those set meanwhile included', () => {
    const clock = manualClock(0);
    const seen: string[] = [];
    const note = (name: string) => (): void => void seen.push(`${name}@${clock.now()}`);
    clock.setTimer(20, note('b'));
    clock.setTimer(10, () => {
      note('a')();
      clock.setTimer(5, note('c'));
    });
    clock.setTimer(30, note('late'));
    clock.setTimer(15, note('cancelled'))();
    clock.advance(25);
    expect(seen).toEqual(['a@10', 'c@15', 'b@20']);
    expect(clock.now()).toBe(25);
    expect(clock.pending()).toBe(1);
  });

  it('ends a pause in time, or with the reason of an abort', async () => {
    const clock = manualClock(0);
    const stop = new AbortController();
    const first = pause(clock, 10, stop.signal);
    clock.advance(10);
    await first;
    const second = pause(clock, 10, stop.signal);
    stop.abort(new Error('stop'));
    await expect(second).rejects.toThrow('stop');
    await expect(pause(clock, 10, stop.signal)).rejects.toThrow('stop');
    expect(clock.pending()).toBe(0);
  });
});
