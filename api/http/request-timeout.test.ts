import { describe, expect, it } from 'vitest';
import { askedTimeoutMs, durationMs } from './request-timeout.ts';

describe('the time that a caller gives a request', () => {
  it.each([['34s', 34_000], ['1m30s', 90_000], ['1.5h', 5_400_000], ['250ms', 250], ['0', 0], ['-2s', -2000], ['.5s', 500], ['5', undefined], ['', undefined], ['s', undefined], ['1s x', undefined]])('%s is %s ms', (text, want) => {
    expect(durationMs(text)).toBe(want);
  });

  it('is the server\'s when it is none or nothing, and refused when nobody can read it', () => {
    expect([askedTimeoutMs({}), askedTimeoutMs({ timeout: '0s' }), askedTimeoutMs({ timeout: '2s' })]).toEqual([undefined, undefined, 2000]);
    expect(() => askedTimeoutMs({ timeout: 'soon' })).toThrow('invalid timeout specified in the request URL');
  });
});
