import { expect, it } from 'vitest';
import { fuzz } from './run.ts';

const isThorough = process.env['CI'] === 'true';
const seconds = isThorough ? 60 : 8;
const restSeconds = isThorough ? 30 : 0;

/** Known to be good; `npm run fuzz` takes others. */
const seed = 2026;

it('odd requests are answered, never by 500, and leave nothing in memory', async () => {
  const { sent, codes, failures, complaints, grownMib } = await fuzz({ seconds, seed, restSeconds });
  expect(failures.map(({ what, request: { method, path, body } }) => `${what}: ${method} ${path} ${body.toString('latin1').slice(0, 500)}`)).toEqual([]);
  expect(complaints).toBe('');
  expect([sent > 100, (codes['200'] ?? 0) > 0, (codes['201'] ?? 0) > 0, (codes['422'] ?? 0) > 0]).toEqual([true, true, true, true]);
  if (isThorough) expect(grownMib).toBeLessThanOrEqual(64);
}, (seconds + restSeconds + 60) * 1000);
