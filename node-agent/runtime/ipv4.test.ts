import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatAddress, parseAddress, parseRange } from './ipv4.ts';

describe('IPv4', () => {
  it('prints what it reads', () => {
    fc.assert(fc.property(fc.ipV4(), (text) => formatAddress(parseAddress(text)) === text));
  });

  it.each(['', '1.2.3', '1.2.3.4.5', '1.2.3.256', '01.2.3.4', '1.2.3.x', ' 1.2.3.4'])('refuses the address %j', (text) => {
    expect(() => parseAddress(text)).toThrow(`'${text}' is no IPv4 address`);
  });

  it('reads ranges', () => {
    expect(parseRange('10.42.3.0/24')).toEqual({ net: 0x0a2a0300, prefix: 24 });
    expect(parseRange('0.0.0.0/0')).toEqual({ net: 0, prefix: 0 });
  });

  it.each([['10.42.3.1/24', 'has bits set'], ['10.42.3.0', 'is no IPv4 range'], ['10.42.3.0/33', 'is no IPv4 range'], ['10.42.3.0/24/1', 'is no IPv4 range']])('refuses the range %j', (text, why) => {
    expect(() => parseRange(text)).toThrow(why);
  });
});
