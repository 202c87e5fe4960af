import type { TestProject } from 'vitest/node';
import { startEtcd } from '../suites/etcd.ts';
import { importWeb, instanceOf, newDataDir, remove, removeAtExit, up, type ClusterAddress } from './coracle.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** The cluster that the files share, each in a namespace of its own. */
    readonly cluster: ClusterAddress;
  }
}

/** One cluster for all end-to-end files: up before the first, and gone without a trace after the last. */
export default async function shareCluster(project: TestProject): Promise<() => Promise<void>> {
  const dataDir = await newDataDir('e2e');
  // `CORACLE_TEST_STORE=etcd npm test -- --project e2e`: the same demands on a cluster whose state is in etcd.
  const etcd = process.env['CORACLE_TEST_STORE'] === 'etcd' ? await startEtcd() : undefined;
  try {
    const running = await up(dataDir, ...(etcd === undefined ? [] : ['--store', 'etcd', '--etcd-endpoints', etcd.endpoints.join(',')]));
    const instance = await instanceOf(dataDir);
    await importWeb(dataDir);
    project.provide('cluster', { dataDir, instance });
    const remaining = (): void => removeAtExit(dataDir);
    process.once('exit', remaining);
    return async () => {
      process.off('exit', remaining);
      await remove(dataDir);
      await running.ended;
      await etcd?.dispose();
    };
  } catch (error) {
    await remove(dataDir);
    await etcd?.dispose();
    throw error;
  }
}
