import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { systemCode } from '../../machinery/thrown.ts';
import { replaceFile } from '../replace-file.ts';
import type { PodNetwork } from '../runtime/runtime.ts';

/** The pod network as it was set up last, in the data directory: the API may be out of reach when the machine starts again. */
export interface LastNetwork {
  /** Undefined: there was none, or nobody can read it. */
  read(): Promise<PodNetwork | undefined>;
  write(network: PodNetwork): Promise<void>;
}

export function lastNetworkIn(dataDir: string): LastNetwork {
  const path = join(dataDir, 'pod-network.json');
  return {
    async read() {
      try {
        const value: unknown = JSON.parse(await readFile(path, 'utf8'));
        // Written below alone, atomically.
        return value as PodNetwork;
      } catch (error) {
        if (systemCode(error) === 'ENOENT' || error instanceof SyntaxError) return undefined;
        throw error;
      }
    },
    write: (network) => replaceFile(path, JSON.stringify(network)),
  };
}
