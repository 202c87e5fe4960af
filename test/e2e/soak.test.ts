import { expect, inject, it } from 'vitest';
import { soak } from '../soak/soak.ts';

const isThorough = process.env['CI'] === 'true';
const seconds = isThorough ? 300 : 60;
const restSeconds = isThorough ? 30 : 1;
const seed = 2026;

it('pods that come and go, under an agent that is killed, leave nothing', async () => {
  const { created, deleted, executed, before, after, supervisorKib } = await soak({ seconds, pods: 20, kills: 10, seed, restSeconds, etcdEndpoints: inject('etcdEndpoints') });
  expect([created > seconds, deleted > seconds / 2, executed > 0, supervisorKib.count > 10]).toEqual([true, true, true, true]);
  // The agent that ends is not the one that began: what one process leaks, the hour-long form without kills shows.
  expect(after.files).toBeLessThanOrEqual(before.files + 16);
  expect(supervisorKib.most).toBeLessThan(1024);
}, (seconds + restSeconds * 2 + 300) * 1000);
