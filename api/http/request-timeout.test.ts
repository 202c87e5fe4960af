import { describe, expect, it } from 'vitest';
import { askedTimeoutMs } from './request-timeout.ts';

describe('the time that a caller gives a request', () => {
  it('is the server\'s when it is none or nothing, and refused when nobody can read it', () => {
    expect([askedTimeoutMs({}), askedTimeoutMs({ timeout: '0s' }), askedTimeoutMs({ timeout: '-2s' }), askedTimeoutMs({ timeout: '2s' }), askedTimeoutMs({ timeout: '1m.5s' })]).toEqual([undefined, undefined, undefined, 2000, 60_500]);
    expect(() => askedTimeoutMs({ timeout: 'soon' })).toThrow('invalid timeout specified in the request URL');
  });
});
