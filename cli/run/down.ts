import { rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import { destroyInstance } from '../../node-agent/runtime/teardown.ts';
import { connectControl } from '../control.ts';
import { readIdentity, type Identity } from '../data-dir.ts';
import { CommandFailure } from '../failure.ts';
import { requireRoot } from '../host.ts';
import type { Invocation } from '../terminal.ts';

/** How long an orderly end may take. */
const stopMs = 30_000;

export interface DownOptions {
  readonly dataDir: string;
  readonly purge: boolean;
}

/** Stops the Coracle that runs on a data directory, and removes all that bears its instance id. Nothing there is no error. */
export async function runDown({ terminal }: Invocation, options: DownOptions): Promise<void> {
  requireRoot('down');
  const dataDir = resolve(options.dataDir);
  const identity = await readIdentity(dataDir);
  if (identity === undefined) {
    terminal.line(`nothing to do: ${dataDir} is no data directory of Coracle`);
    return;
  }
  const running = await connectControl(dataDir);
  if (running !== undefined) {
    terminal.line(`stopping Coracle (pid ${running.pid})`);
    try {
      await running.stop({ stopPods: false }, AbortSignal.timeout(stopMs));
    } catch (error) {
      if (!(error instanceof CommandFailure)) throw error;
      terminal.complain(`it did not end within ${stopMs / 1000} s: killing it`);
      process.kill(running.pid, 'SIGKILL');
      await running.ended;
    }
  }
  await destroyInstance({ instance: identity.instance, dataDir, volumes: options.purge });
  terminal.line('pods, mounts, network devices and cgroups are removed');
  if (options.purge) {
    await rm(dataDir, { recursive: true, force: true });
    terminal.line(`${dataDir} is removed`);
    if (identity.store === 'etcd') terminal.line(stateInEtcd(identity));
  }
}

function stateInEtcd({ etcdPrefix = '' }: Identity): string {
  const where = etcdPrefix === '' ? "'etcdctl del --prefix /registry/' and 'etcdctl del --prefix /bootstrap/'" : `'etcdctl del --prefix ${etcdPrefix}/'`;
  return `the cluster's state stays in etcd, for its other servers; when there is none, nobody can open it any more: ${where} remove it`;
}
