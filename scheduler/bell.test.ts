import { describe, expect, it } from 'vitest';
import { createBell } from './bell.ts';
import { createInbox } from './inbox.ts';

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

describe('an inbox', () => {
  it('holds each name once, in the order of arrival, and tells of the first', () => {
    let arrivals = 0;
    const inbox = createInbox(() => (arrivals += 1));
    for (const name of ['b', 'a', 'b']) inbox.put(name);
    expect([arrivals, inbox.size]).toEqual([1, 2]);
    expect([inbox.take(), inbox.take(), inbox.take()]).toEqual(['b', 'a', undefined]);
  });
});
