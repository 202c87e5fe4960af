import { describe, expect, it } from 'vitest';
import { nothingReserved, parseReserved } from './reserved.ts';

describe('what a machine keeps for itself', () => {
  it.each([
    ['cpu=500m', { cpuMillis: 500 }],
    ['memory=1Gi,ephemeral-storage=10G', { memoryBytes: 1024 ** 3, storageBytes: 10e9 }],
    ['cpu=1, memory=0', { cpuMillis: 1000 }],
  ])('is read from %s', (text, expected) => {
    expect(parseReserved(text)).toEqual({ ...nothingReserved, ...expected });
  });

  it.each([
    ['disk=1Gi', '"disk" is not one of cpu, memory, ephemeral-storage'], ['memory', '"" is no amount of memory'], ['cpu=-1', '"-1" is no amount of cpu'],
    ['memory=1Gb', '"1Gb" is no amount of memory'], ['toString=1', '"toString" is not one of'], ['', '"" is not one of'],
  ])('is refused as %s', (text, message) => {
    expect(() => parseReserved(text)).toThrow(message);
  });
});
