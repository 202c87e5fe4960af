import { describe, expect, it } from 'vitest';
import { humanDuration } from './define.ts';

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

describe('humanDuration', () => {
  it.each([
    [-3 * second, '<invalid>'], [-second, '0s'], [0, '0s'], [119 * second, '119s'], [2 * minute, '2m'], [3 * minute + 12 * second, '3m12s'],
    [10 * minute + 5 * second, '10m'], [179 * minute, '179m'], [3 * hour, '3h'], [5 * hour + 20 * minute, '5h20m'], [8 * hour + minute, '8h'],
    [47 * hour, '47h'], [2 * day + 4 * hour, '2d4h'], [8 * day + hour, '8d'], [400 * day, '400d'], [3 * 365 * day, '3y'], [2 * 365 * day + 5 * day, '2y5d'], [9 * 365 * day, '9y'],
  ])('%d ms is %s', (milliseconds, text) => {
    expect(humanDuration(milliseconds)).toBe(text);
  });
});
