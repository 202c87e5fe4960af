import type { TestProject } from 'vitest/node';
import { startEtcd } from '../suites/etcd.ts';
import { importWeb, instanceOf, newDataDir, remove, removeAtExit, storeFlags, up, type ClusterAddress } from './coracle.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** The cluster that the files share, each in a namespace of its own. */
    readonly cluster: ClusterAddress;
    /** Of the etcd that clusters keep their state in: see `storeFlags`. None: they use the embedded store. */
    readonly etcdEndpoints: readonly string[];
  }
}

/** One cluster for all end-to-end files: up before the first, and gone without a trace after the last. */
export default async function shareCluster(project: TestProject): Promise<() => Promise<void>> {
  const dataDir = await newDataDir('e2e');
  // `CORACLE_TEST_STORE=etcd npm test -- --project e2e`: the same demands on clusters whose state is in etcd.
  const etcd = process.env['CORACLE_TEST_STORE'] === 'etcd' ? await startEtcd() : undefined;
  const endpoints = etcd?.endpoints ?? [];
  try {
    project.provide('etcdEndpoints', endpoints);
    const running = await up(dataDir, ...storeFlags(dataDir, endpoints));
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
