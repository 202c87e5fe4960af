import { describe, expect, it } from 'vitest';
import { manualClock } from '../../machinery/clock.ts';
import { askAgain, askEach, type Answer } from './adoption.ts';

const never = new AbortController().signal;

/** Lets everything that is due happen. */
const settle = (): Promise<void> => new Promise((resolve) => { setImmediate(resolve); });

describe('asking what an earlier agent left', () => {
  it('bounds how many are asked at once', async () => {
    let [asking, most] = [0, 0];
    const names = Array.from({ length: 100 }, (_none, index) => `pod-${index}`);
    const answers = await askEach(names, (name) => async () => {
      asking += 1;
      most = Math.max(most, asking);
      await settle();
      asking -= 1;
      return { is: 'here', value: name };
    });
    expect([answers.size, most]).toEqual([100, 16]);
    expect(answers.get('pod-7')).toEqual({ is: 'here', value: 'pod-7' });
  });

  it('goes on asking one that is silent, less and less often, until it answers', async () => {
    const clock = manualClock();
    const began = clock.now();
    const asked: { readonly after: number; readonly deadlineMs: number }[] = [];
    const ask = (deadlineMs: number): Promise<Answer<string>> => {
      asked.push({ after: clock.now() - began, deadlineMs });
      return Promise.resolve(clock.now() - began > 12_000 ? { is: 'here', value: 'well again' } : { is: 'silent' });
    };
    const answer = askAgain(ask, clock, never);
    while (asked.at(-1) === undefined || (asked.at(-1)?.after ?? 0) <= 12_000) {
      clock.advance(250);
      await settle();
    }
    expect(await answer).toEqual({ is: 'here', value: 'well again' });
    expect(asked.map(({ after }) => after)).toEqual([250, 750, 1750, 3750, 7750, 15_750]);
    expect(asked.map(({ deadlineMs }) => deadlineMs)).toEqual([2000, 4000, 8000, 16_000, 32_000, 60_000]);
    expect(clock.pending()).toBe(0);
  });

  it('ends when it is gone, and when nobody wants to know any more', async () => {
    const clock = manualClock();
    const gone = askAgain(() => Promise.resolve({ is: 'gone' }), clock, never);
    clock.advance(250);
    expect(await gone).toEqual({ is: 'gone' });
    const stop = new AbortController();
    const stopped = askAgain(() => Promise.resolve({ is: 'silent' }), clock, stop.signal);
    stop.abort(new Error('the agent ends'));
    await expect(stopped).rejects.toThrow('the agent ends');
    expect(clock.pending()).toBe(0);
  });
});
