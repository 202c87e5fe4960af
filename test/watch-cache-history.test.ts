import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe } from 'vitest';
import { openEmbedded } from '../api/store/embedded.ts';
import { openEtcd } from '../api/store/etcd.ts';
import { startEtcd, type EtcdCluster } from './suites/etcd.ts';
import { watchCacheHistory } from './suites/watch-cache-history.ts';

const isThorough = process.env['CI'] === 'true';

describe('the watch cache', () => {
  watchCacheHistory('the embedded store', async () => {
    const path = await mkdtemp(join(tmpdir(), 'watch-cache-'));
    return {
      open: () => openEmbedded({ path }),
      crash: () => Promise.resolve(),
      [Symbol.asyncDispose]: () => rm(path, { recursive: true }),
    };
  }, isThorough ? 100 : 40);

  describe('on etcd', () => {
    let etcd: EtcdCluster;
    let runs = 0;

    beforeAll(async () => {
      etcd = await startEtcd();
    });
    afterAll(() => etcd.dispose());

    watchCacheHistory('etcd', async () => {
      const root = `/run-${runs++}`;
      return {
        open: () => openEtcd({ endpoints: etcd.endpoints, root, compactionPeriodMs: 0 }),
        async crash() {
          const [member] = etcd.members;
          await member?.kill();
          await member?.start();
        },
        [Symbol.asyncDispose]: () => Promise.resolve(),
      };
    }, isThorough ? 20 : 8);
  });
});
