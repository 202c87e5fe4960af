import { describe, expect, it } from 'vitest';
import { health, type HealthCheck } from './health.ts';

const checks: readonly HealthCheck[] = [
  { name: 'ping', live: true, problem: () => undefined },
  { name: 'sync', live: false, problem: () => 'behind' },
];

describe('health', () => {
  it.each([
    ['/livez', false, [], 200, 'ok'],
    ['/livez', true, [], 200, '[+]ping ok\nlivez check passed\n'],
    ['/readyz', false, [], 500, '[+]ping ok\n[-]sync failed: reason withheld\nreadyz check failed\n'],
    ['/readyz', false, ['sync'], 200, 'ok'],
    ['/readyz/ping', false, [], 200, 'ok'],
    ['/readyz/none', false, [], 404, '404 page not found\n'],
  ])('%s, verbose %s, without %s', async (path, verbose, exclude, code, text) => {
    expect(await health(path, checks, { verbose, exclude })).toEqual({ code, text });
  });
});
