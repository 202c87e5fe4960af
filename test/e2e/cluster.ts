import type { TestProject } from 'vitest/node';
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
  try {
    const running = await up(dataDir);
    const instance = await instanceOf(dataDir);
    await importWeb(dataDir);
    project.provide('cluster', { dataDir, instance });
    const remaining = (): void => removeAtExit(dataDir);
    process.once('exit', remaining);
    return async () => {
      process.off('exit', remaining);
      await remove(dataDir);
      await running.ended;
    };
  } catch (error) {
    await remove(dataDir);
    throw error;
  }
}
