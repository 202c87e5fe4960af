import { describe, expect, it } from 'vitest';
import { untilToldToStop } from './stop.ts';

describe('untilToldToStop', () => {
  it('hears a signal to the process', async () => {
    const signal = new AbortController();
    const stop = untilToldToStop(signal.signal, false);
    expect(stop.asked.aborted).toBe(false);
    signal.abort();
    await stop.told;
    expect([stop.asked.aborted, stop.stopPods()]).toEqual([true, false]);
  });

  it('hears an order, and that pods shall end', async () => {
    const stop = untilToldToStop(new AbortController().signal, false);
    stop.stop({ stopPods: true });
    await stop.told;
    expect(stop.stopPods()).toBe(true);
  });

  it('keeps to ending pods once that was chosen', () => {
    const stop = untilToldToStop(new AbortController().signal, true);
    stop.stop({ stopPods: false });
    expect(stop.stopPods()).toBe(true);
  });
});
