import type { TestProject } from 'vitest/node';
import { newDataDir, remove, startUntil } from '../e2e/coracle.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Data directory of the control plane that the files share; it has no node. */
    readonly controlPlane: string;
  }
}

/** One `coracle server` for all files: each keeps to namespaces and names of its own. */
export default async function shareControlPlane(project: TestProject): Promise<() => Promise<void>> {
  const dataDir = await newDataDir('conformance');
  try {
    const running = await startUntil(/^API server: /m, ['server', '--data-dir', dataDir, '--api-port', '0']);
    project.provide('controlPlane', dataDir);
    return async () => {
      running.kill('SIGTERM');
      await running.ended;
      await remove(dataDir);
    };
  } catch (error) {
    await remove(dataDir);
    throw error;
  }
}
