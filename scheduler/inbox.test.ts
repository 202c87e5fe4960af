import { describe, expect, it } from 'vitest';
import { createInbox } from './inbox.ts';

describe('an inbox', () => {
  it('holds each name once, in the order of arrival, and tells of the first', () => {
    let arrivals = 0;
    const inbox = createInbox(() => (arrivals += 1));
    for (const name of ['b', 'a', 'b']) inbox.put(name);
    expect([arrivals, inbox.size]).toEqual([1, 2]);
    expect([inbox.take(), inbox.take(), inbox.take()]).toEqual(['b', 'a', undefined]);
  });
});
