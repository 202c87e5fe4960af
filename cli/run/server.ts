import { isIP } from 'node:net';
import { join } from 'node:path';
import { replaceFile } from '../../node-agent/replace-file.ts';
import { requireUnchanged } from '../data-dir.ts';
import { ownAddresses, primaryAddress } from '../host.ts';
import type { Invocation } from '../terminal.ts';
import type { AccessOptions } from './access.ts';
import { writeAdminKubeconfig } from './admin.ts';
import { defaultClusterCidr, startControlPlane } from './control-plane.ts';
import { detach } from './detach.ts';
import { runSession, type Session } from './session.ts';
import { checkStoreOptions, storeIdentity, type StoreOptions } from './store.ts';

export interface ServerOptions extends StoreOptions, AccessOptions {
  readonly dataDir: string;
  readonly apiPort: number;
  readonly apiAddress: string;
  readonly advertise?: string;
  readonly clusterCidr?: string;
  readonly logLevel: string;
  readonly detach: boolean;
}

/** The control plane in this process, until told to stop. Needs no root. */
export async function runServer(invocation: Invocation, options: ServerOptions): Promise<void> {
  if (options.detach) return detach(invocation, options.dataDir);
  const fresh = () => ({ clusterCidr: options.clusterCidr ?? defaultClusterCidr, ...storeIdentity(options) });
  await runSession(invocation, 'server', options, fresh, (session) => runControlPlane(invocation, options, session));
}

async function runControlPlane(invocation: Invocation, options: ServerOptions, { dataDir, identity, log, stop }: Session): Promise<void> {
  const { terminal, version } = invocation;
  requireUnchanged({ path: dataDir, identity }, 'clusterCidr', '--cluster-cidr', options.clusterCidr);
  const store = checkStoreOptions(options, { path: dataDir, identity });
  const advertise = options.advertise ?? (await primaryAddress());
  const plane = await startControlPlane({
    dataDir, store, access: options, endpoint: isIP(advertise) === 0 ? await primaryAddress() : advertise, address: options.apiAddress, port: options.apiPort, names: [...new Set([advertise, ...ownAddresses()])], advertise, clusterCidr: identity.clusterCidr ?? defaultClusterCidr, version, log,
  });
  try {
    const kubeconfig = await writeAdminKubeconfig(dataDir, plane.pki, plane.api.url, `coracle-${identity.instance}`);
    const tokenFile = join(dataDir, 'join-token');
    await replaceFile(tokenFile, `${await plane.api.joinToken()}\n`);
    terminal.line(`API server: ${plane.api.url} answers`);
    terminal.line(`kubectl --kubeconfig ${kubeconfig} get nodes`);
    const isReachable = advertise !== '127.0.0.1';
    if (!isReachable) terminal.line('this machine has no address that others could use: start again with --advertise ADDRESS once it has one');
    if (isReachable) terminal.line(`to add a machine, run on it: coracle agent --server ${plane.api.url} --token "$(cat join-token)", join-token being a copy of ${tokenFile}`);
    invocation.ready();
    await Promise.race([stop.told, plane.failed]);
  } finally {
    await plane.stop();
  }
}
