import { requireUnchanged } from '../data-dir.ts';
import { defaultNodeName, freeClusterCidr, primaryAddress, requireRoot } from '../host.ts';
import type { Invocation } from '../terminal.ts';
import type { AccessOptions } from './access.ts';
import { admin, writeAdminKubeconfig } from './admin.ts';
import { defaultClusterCidr, startControlPlane, type ControlPlane } from './control-plane.ts';
import { detach } from './detach.ts';
import { startNode } from './node.ts';
import { nodeReady } from './node-ready.ts';
import { nodeSettings, type NodeFlags, type NodeSettings } from './node-settings.ts';
import { runSession, type Session } from './session.ts';
import { complainOfShutdown } from './shutdown.ts';
import type { Stop } from './stop.ts';
import { checkStoreOptions, storeIdentity, type StoreOptions } from './store.ts';

export interface UpOptions extends StoreOptions, AccessOptions, NodeFlags {
  readonly dataDir: string;
  readonly apiPort: number;
  readonly apiAddress: string;
  readonly nodeName?: string;
  readonly clusterCidr?: string;
  readonly logLevel: string;
  readonly stopPods: boolean;
  readonly detach: boolean;
}

const readyMs = 60_000;

/** A whole cluster in this process, until told to stop. */
export async function runUp(invocation: Invocation, options: UpOptions): Promise<void> {
  requireRoot('up');
  const settings = nodeSettings(options);
  await complainOfShutdown(invocation.terminal, settings);
  if (options.detach) return detach(invocation, options.dataDir);
  const since = stopwatch();
  const fresh = async () => ({ clusterCidr: options.clusterCidr ?? (await freeClusterCidr()), nodeName: options.nodeName ?? defaultNodeName(), ...storeIdentity(options) });
  await runSession(invocation, 'up', options, fresh, (session) => runCluster(invocation, options, settings, session, since));
}

async function runCluster(invocation: Invocation, options: UpOptions, settings: NodeSettings, { dataDir, identity, log, stop }: Session, since: () => string): Promise<void> {
  const { terminal, version } = invocation;
  requireUnchanged({ path: dataDir, identity }, 'nodeName', '--node-name', options.nodeName);
  requireUnchanged({ path: dataDir, identity }, 'clusterCidr', '--cluster-cidr', options.clusterCidr);
  const store = checkStoreOptions(options, { path: dataDir, identity });
  const { instance, clusterCidr = defaultClusterCidr, nodeName = defaultNodeName() } = identity;
  const address = await primaryAddress();
  const plane = await startControlPlane({ dataDir, store, access: options, clusterCidr, log, version, address: options.apiAddress, port: options.apiPort, names: [address], endpoint: address });
  try {
    terminal.line(`API server: ${plane.api.url} answers (${since()})`);
    const kubeconfig = await writeAdminKubeconfig(dataDir, plane.pki, plane.api.url, `coracle-${instance}`);
    await runNode(plane, { dataDir, instance, nodeName, address, clusterCidr, settings, version, log }, stop, async () => {
      await nodeReady(plane.clientFor(admin), nodeName, AbortSignal.any([stop.asked, AbortSignal.timeout(readyMs)]));
      terminal.line(`Node ${nodeName}: Ready (${since()})`);
      terminal.line(`kubectl --kubeconfig ${kubeconfig} get nodes`);
      invocation.ready();
    });
  } finally {
    await plane.stop();
  }
}

type NodeStart = Omit<Parameters<typeof startNode>[0], 'client' | 'tls'>;

/** Runs this machine's node; `started` waits until it is Ready. */
async function runNode(plane: ControlPlane, start: NodeStart, stop: Stop, started: () => Promise<void>): Promise<void> {
  const { nodeName, address } = start;
  const { certPem, keyPem } = await plane.pki.agentCertificate(nodeName, [address]);
  const node = await startNode({
    ...start,
    client: plane.clientFor({ name: `system:node:${nodeName}`, groups: ['system:nodes', 'system:authenticated'] }),
    tls: { certPem, keyPem, caPem: plane.pki.caPem },
  });
  try {
    await Promise.race([node.listening.then(started), stop.told, plane.failed, node.failed]);
    await Promise.race([stop.told, plane.failed, node.failed]);
  } catch (error) {
    // Being told to stop while starting is no failure.
    if (!stop.asked.aborted) throw error;
  } finally {
    await node.stop();
  }
}

/** Seconds since it was made, as text. */
function stopwatch(): () => string {
  const started = performance.now();
  return () => `${((performance.now() - started) / 1000).toFixed(2)} s`;
}
