import { describe, expect, it } from 'vitest';
import { createBell } from './bell.ts';

describe('a bell', () => {
  it('wakes who waits', async () => {
    const bell = createBell();
    const waiting = bell.wait(new AbortController().signal);
    bell.ring();
    await waiting;
  });

  it('is heard though it rang before, and once however often it rang', async () => {
    const bell = createBell();
    const stop = new AbortController();
    bell.ring();
    bell.ring();
    await bell.wait(stop.signal);
    let woke = false;
    const second = bell.wait(stop.signal).then(() => (woke = true));
    await Promise.resolve();
    expect(woke).toBe(false);
    stop.abort();
    await second;
  });
});
