import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseSchedule } from './schedule.ts';

function times(schedule: string, zone: string, after: string, count: number): readonly (string | undefined)[] {
  const parsed = parseSchedule(schedule, zone);
  const found: (number | undefined)[] = [];
  for (let at: number | undefined = Date.parse(after); at !== undefined && found.length < count;) found.push(at = parsed.next(at));
  return found.map((at) => (at === undefined ? undefined : new Date(at).toISOString().replace(':00.000Z', 'Z')));
}

describe('a schedule', () => {
  it.each<[string, string, string, string, readonly (string | undefined)[]]>([
    ['every five minutes', '*/5 * * * *', 'UTC', '2026-01-01T00:05:00.5Z', ['2026-01-01T00:10Z', '2026-01-01T00:15Z']],
    ['at once after its own time, not on it', '0 * * * *', 'UTC', '2026-01-01T00:00:00Z', ['2026-01-01T01:00Z']],
    ['of lists, ranges and names', '5,10-12 8-16/4 * jan-feb mon', 'UTC', '2026-01-01T00:00:00Z', ['2026-01-05T08:05Z', '2026-01-05T08:10Z', '2026-01-05T08:11Z', '2026-01-05T08:12Z', '2026-01-05T12:05Z']],
    ['from a start in steps', '30/15 * * * *', 'UTC', '2026-01-01T00:00:00Z', ['2026-01-01T00:30Z', '2026-01-01T00:45Z', '2026-01-01T01:30Z']],
    ['a day of the month or of the week', '0 0 13 * fri', 'UTC', '2026-01-01T00:00:00Z', ['2026-01-02T00:00Z', '2026-01-09T00:00Z', '2026-01-13T00:00Z']],
    ['a day of the week with any day of the month', '0 0 ? * 5', 'UTC', '2026-01-01T00:00:00Z', ['2026-01-02T00:00Z', '2026-01-09T00:00Z']],
    ['every second day of the month or a Friday', '0 0 */2 * 5', 'UTC', '2026-01-01T00:00:00Z', ['2026-01-02T00:00Z', '2026-01-03T00:00Z', '2026-01-05T00:00Z']],
    ['daily in a zone', '30 8 * * *', 'Europe/Berlin', '2026-01-01T00:00:00Z', ['2026-01-01T07:30Z']],
    ['a time that the clock leaps over', '30 2 * * *', 'Europe/Berlin', '2026-03-28T12:00:00Z', ['2026-03-30T00:30Z']],
    ['a time that comes twice', '30 2 * * *', 'Europe/Berlin', '2026-10-24T12:00:00Z', ['2026-10-25T00:30Z', '2026-10-25T01:30Z', '2026-10-26T01:30Z']],
    ['a leap day', '0 0 29 2 *', 'UTC', '2026-03-01T00:00:00Z', ['2028-02-29T00:00Z']],
    ['a day that never comes', '59 23 31 2 *', 'UTC', '2026-01-01T00:00:00Z', [undefined]],
    ['@hourly', '@hourly', 'UTC', '2026-01-01T00:10:00Z', ['2026-01-01T01:00Z']],
    ['@weekly', '@weekly', 'UTC', '2026-01-01T00:10:00Z', ['2026-01-04T00:00Z']],
    ['@every, from the last time on', '@every 1h30m', 'UTC', '2026-01-01T00:10:00.7Z', ['2026-01-01T01:40Z', '2026-01-01T03:10Z']],
  ])('is due: %s', (_name, schedule, zone, after, expected) => {
    expect(times(schedule, zone, after, expected.length)).toEqual(expected);
  });

  it.each([['* * * *'], ['61 * * * *'], ['x * * * *'], ['5-1 * * * *'], ['*/0 * * * *'], ['@often'], ['@every soon']])('is refused: %s', (schedule) => {
    expect(() => parseSchedule(schedule, 'UTC')).toThrow('');
  });

  it('is refused in a zone that is none', () => {
    expect(() => parseSchedule('* * * * *', 'Mars/Olympus').next(0)).toThrow('Mars/Olympus');
  });

  it('moves on, to whole minutes that its fields name', () => {
    const schedule = fc.record({ minute: fc.nat(59), hour: fc.nat(23), after: fc.integer({ min: 0, max: 2 ** 41 }) });
    fc.assert(fc.property(schedule, ({ minute, hour, after }) => {
      const next = new Date(parseSchedule(`${minute} ${hour} * * *`, 'UTC').next(after) ?? 0);
      expect([next.getUTCMinutes(), next.getUTCHours(), next.getTime() % 60_000]).toEqual([minute, hour, 0]);
      expect(next.getTime() > after && next.getTime() - after <= 86_400_000).toBe(true);
    }));
  });
});
