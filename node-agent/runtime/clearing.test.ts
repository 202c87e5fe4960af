import { expect, it } from 'vitest';
import { silentLog } from '../../client/log.ts';
import { manualClock } from '../../machinery/clock.ts';
import { createClearing } from './clearing.ts';

const settle = (): Promise<void> => new Promise((resolve) => { setImmediate(resolve); });

it('what a failed start left is taken away, however often that takes', async () => {
  const clock = manualClock();
  let refusals = 3;
  let cleared = false;
  const clearing = createClearing(() => (refusals-- > 0 ? Promise.reject(new Error('busy')) : Promise.resolve()), clock, silentLog);
  await clearing.clear({ cgroups: ['/c'] }, () => { cleared = true; });
  for (const ms of [999, 1, 1999, 1, 3999]) {
    clock.advance(ms);
    await settle();
    expect(cleared).toBe(false);
  }
  clock.advance(1);
  await settle();
  expect([cleared, clock.pending()]).toEqual([true, 0]);
});

it('what is left when the agent ends is the next one\'s', async () => {
  const clock = manualClock();
  const clearing = createClearing(() => Promise.reject(new Error('busy')), clock, silentLog);
  await clearing.clear({ cgroups: [] });
  clearing.close();
  expect(clock.pending()).toBe(0);
});
