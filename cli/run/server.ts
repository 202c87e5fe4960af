import { join } from 'node:path';
import { takeControl } from '../control.ts';
import { openDataDir, writeDurably } from '../data-dir.ts';
import { primaryAddress } from '../host.ts';
import { openLog } from '../log.ts';
import type { Invocation } from '../terminal.ts';
import { writeAdminKubeconfig } from './admin.ts';
import { startControlPlane } from './control-plane.ts';
import { detach } from './detach.ts';
import { untilToldToStop } from './stop.ts';

export interface ServerOptions {
  readonly dataDir: string;
  readonly apiPort: number;
  readonly apiAddress: string;
  readonly advertise?: string;
  readonly clusterCidr: string;
  readonly logLevel: string;
  readonly detach: boolean;
}

/** The control plane in this process, until told to stop. Needs no root. */
export async function runServer(invocation: Invocation, options: ServerOptions): Promise<void> {
  if (options.detach) return detach(invocation, options.dataDir);
  const { terminal, version } = invocation;
  const { path: dataDir, identity } = await openDataDir(options.dataDir, 'server', () => ({ clusterCidr: options.clusterCidr }));
  const stop = untilToldToStop(invocation.stop, false);
  const control = await takeControl(dataDir, stop);
  const log = openLog(dataDir, options.logLevel);
  const advertise = options.advertise ?? (await primaryAddress());
  try {
    const plane = await startControlPlane({
      dataDir, address: options.apiAddress, port: options.apiPort, names: [advertise], advertise, clusterCidr: identity.clusterCidr ?? options.clusterCidr, version, log,
    });
    try {
      const kubeconfig = await writeAdminKubeconfig(dataDir, plane.pki, plane.api.url, `coracle-${identity.instance}`);
      const token = await plane.api.joinToken();
      await writeDurably(join(dataDir, 'join-token'), `${token}\n`, 0o600);
      terminal.line(`API server: ${plane.api.url} answers`);
      terminal.line(`kubectl --kubeconfig ${kubeconfig} get nodes`);
      terminal.line(`to add a machine, run there: coracle agent --server ${plane.api.url} --token $(the text of ${join(dataDir, 'join-token')})`);
      invocation.ready();
      await Promise.race([stop.told, plane.failed]);
    } finally {
      await plane.stop();
    }
  } finally {
    log.flush();
    await control.close();
  }
}
