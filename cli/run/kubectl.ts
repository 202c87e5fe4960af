import { spawn } from 'node:child_process';
import { constants as access, existsSync } from 'node:fs';
import { access as checkAccess } from 'node:fs/promises';
import { constants } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { readIdentity } from '../data-dir.ts';
import { CommandFailure } from '../failure.ts';
import type { Invocation, Terminal } from '../terminal.ts';

/** kubectl's exit code. The cluster is that of `CORACLE_DATA_DIR` (default `/var/lib/coracle`) unless KUBECONFIG or `--kubeconfig` names another. */
export async function runKubectl({ root, defaultDataDir, environment, terminal }: Invocation, args: readonly string[]): Promise<number> {
  const program = join(root, 'generated/bin/kubectl');
  await checkAccess(program, access.X_OK).catch((error: unknown) => {
    throw new CommandFailure(`kubectl is not set up: run 'npm run setup' in ${root}`, { cause: error });
  });
  // Empty is unset, as for kubectl.
  const named = environment['KUBECONFIG'] || undefined;
  const kubeconfig = named ?? join(defaultDataDir, 'admin.kubeconfig');
  const isMissing = !args.some((word) => /^--(kubeconfig|server)\b|^-s/.test(word)) && kubeconfig.split(':').every((file) => !existsSync(file));
  const child = spawn(program, args, { stdio: ['inherit', 'inherit', isMissing ? 'pipe' : 'inherit'], env: { ...environment, KUBECONFIG: kubeconfig } });
  const told = child.stderr === null ? undefined : passOn(child.stderr, terminal);
  // The terminal sends its signals to kubectl too; this process only reports how it ended.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal));
  const ended = await new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal])));
  });
  await told;
  // Not before it: `kubectl version --client` needs no cluster.
  if (ended !== 0 && isMissing) {
    terminal.complain(`coracle: there is no ${kubeconfig}: ${await remedyFor(defaultDataDir, named)}`);
  }
  return ended;
}

async function remedyFor(dataDir: string, named: string | undefined): Promise<string> {
  if (named !== undefined) return "start a cluster with 'coracle up', or unset KUBECONFIG, which names that file";
  if ((await readIdentity(dataDir))?.role === 'agent') return 'this machine is a node: copy the admin.kubeconfig of its server, and name the copy in KUBECONFIG';
  return "start a cluster with 'coracle up', or name its data directory in CORACLE_DATA_DIR";
}

/** What kubectl complains of, without its many words on localhost:8080, where it looks for a cluster that nothing names. */
async function passOn(complaints: Readable, terminal: Terminal): Promise<void> {
  for await (const line of createInterface({ input: complaints })) {
    if (!/localhost:8080.*refused/.test(line)) terminal.complain(line);
  }
}
