import { describe, expect, it } from 'vitest';
import { parseDuration } from './duration.ts';

describe('a duration', () => {
  it.each([
    ['1m30s', 90_000_000_000n], ['1.5h', 5_400_000_000_000n], ['250ms', 250_000_000n], ['3us', 3000n], ['3µs', 3000n], ['7ns', 7n], ['.5s', 500_000_000n], ['1.s', 1_000_000_000n], ['-2s', -2_000_000_000n], ['+2s', 2_000_000_000n], ['0', 0n], ['-0', 0n],
    ['5', undefined], ['', undefined], ['-', undefined], ['s', undefined], ['.s', undefined], ['1s x', undefined], ['1 s', undefined], ['1d', undefined], ['3000000h', undefined],
  ])('%s is %s ns', (text, nanos) => {
    expect(parseDuration(text)).toBe(nanos);
  });
});
