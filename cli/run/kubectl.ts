import { spawn } from 'node:child_process';
import { constants as access, existsSync } from 'node:fs';
import { access as checkAccess } from 'node:fs/promises';
import { constants } from 'node:os';
import { join } from 'node:path';
import { CommandFailure } from '../failure.ts';
import type { Invocation } from '../terminal.ts';

/** kubectl's exit code. The cluster is that of `CORACLE_DATA_DIR` (default `/var/lib/coracle`) unless KUBECONFIG or `--kubeconfig` names another. */
export async function runKubectl({ root, defaultDataDir, environment, terminal }: Invocation, args: readonly string[]): Promise<number> {
  const program = join(root, 'generated/bin/kubectl');
  await checkAccess(program, access.X_OK).catch((error: unknown) => {
    throw new CommandFailure(`kubectl is not set up: run 'npm run setup' in ${root}`, { cause: error });
  });
  const kubeconfig = environment['KUBECONFIG'] ?? join(defaultDataDir, 'admin.kubeconfig');
  const isMissing = !args.some((word) => word.startsWith('--kubeconfig')) && kubeconfig.split(':').every((file) => !existsSync(file));
  const child = spawn(program, args, { stdio: 'inherit', env: { ...environment, KUBECONFIG: kubeconfig } });
  // The terminal sends its signals to kubectl too; this process only reports how it ended.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal));
  const ended = await new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal])));
  });
  // kubectl itself tells of localhost:8080 only. Not before it: `kubectl version --client` needs no cluster.
  if (ended !== 0 && isMissing) {
    const remedy = environment['KUBECONFIG'] === undefined ? 'name its data directory in CORACLE_DATA_DIR' : 'unset KUBECONFIG, which names that file';
    terminal.complain(`coracle: there is no ${kubeconfig}: start a cluster with 'coracle up', or ${remedy}`);
  }
  return ended;
}
