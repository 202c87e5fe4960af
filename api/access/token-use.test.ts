import { afterAll, beforeAll, expect, it } from 'vitest';
import { Secret } from '../../machinery/kinds/core.ts';
import { startTestCluster, type TestCluster } from './test-cluster.ts';
import { createTokenUse } from './token-use.ts';

let cluster: TestCluster;

beforeAll(async () => {
  cluster = await startTestCluster();
});
afterAll(() => cluster.close());

it('is noted once a day, whoever else labels the Secret, and not of one that is gone', async () => {
  const problems: unknown[] = [];
  const use = createTokenUse({ writer: () => cluster.writer, report: (error) => void problems.push(error) });
  const place = { namespace: 'a', name: 's' };
  const kept = () => cluster.caches.of(Secret).get('a', 's');
  const noted = async () => {
    use.note(place);
    use.note(place);
    await use.close();
    await cluster.caches.waitForNewest(AbortSignal.timeout(10_000));
    return kept()?.object.metadata?.labels;
  };
  await cluster.put(Secret, { metadata: { ...place, labels: { team: 'red' } }, data: { token: 'eA==' } });
  expect(await noted()).toEqual({ team: 'red', 'kubernetes.io/legacy-token-last-used': '2026-01-01' });
  const revision = kept()?.revision;
  await noted();
  expect(kept()?.revision).toBe(revision);
  cluster.time += 86_400_000;
  expect(await noted()).toEqual({ team: 'red', 'kubernetes.io/legacy-token-last-used': '2026-01-02' });
  await cluster.remove(Secret, place);
  expect(await noted()).toBeUndefined();
  expect(problems).toEqual([]);
});
