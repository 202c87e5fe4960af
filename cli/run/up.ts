import { freeClusterCidr, defaultNodeName, primaryAddress, requireRoot } from '../host.ts';
import { openDataDir } from '../data-dir.ts';
import { takeControl } from '../control.ts';
import { openLog } from '../log.ts';
import type { Invocation } from '../terminal.ts';
import { writeAdminKubeconfig } from './admin.ts';
import { startControlPlane, type ControlPlane, type ControlPlaneOptions } from './control-plane.ts';
import { detach } from './detach.ts';
import { startNode } from './node.ts';
import { nodeReady } from './node-ready.ts';
import { untilToldToStop } from './stop.ts';

export interface UpOptions {
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
  if (options.detach) return detach(invocation, options.dataDir);
  const { terminal } = invocation;
  const since = stopwatch();
  const { path: dataDir, identity } = await openDataDir(options.dataDir, 'up', async () => ({
    clusterCidr: options.clusterCidr ?? (await freeClusterCidr()), nodeName: options.nodeName ?? defaultNodeName(),
  }));
  const stop = untilToldToStop(invocation.stop, options.stopPods);
  const control = await takeControl(dataDir, stop);
  const log = openLog(dataDir, options.logLevel);
  const address = await primaryAddress();
  const clusterCidr = identity.clusterCidr ?? '10.42.0.0/16';
  try {
    const plane = await startControlPlane(planeOptions(invocation, options, { dataDir, clusterCidr, address, log }));
    terminal.line(`API server: ${plane.api.url} answers (${since()})`);
    const kubeconfig = await writeAdminKubeconfig(dataDir, plane.pki, plane.api.url, `coracle-${identity.instance}`);
    try {
      await runNode(plane, { dataDir, instance: identity.instance, nodeName: identity.nodeName ?? defaultNodeName(), address, clusterCidr, version: invocation.version, log }, async (nodeName) => {
        await nodeReady(plane.clientFor({ name: 'kubernetes-admin', groups: ['system:masters'] }), nodeName, AbortSignal.any([stop.asked, AbortSignal.timeout(readyMs)]));
        terminal.line(`Node ${nodeName}: Ready (${since()})`);
        terminal.line(`kubectl --kubeconfig ${kubeconfig} get nodes`);
        invocation.ready();
      }, stop);
    } finally {
      await plane.stop();
    }
  } finally {
    log.flush();
    await control.close();
  }
  if (stop.stopPods()) {
    const { destroyInstance } = await import('../../node-agent/runtime/teardown.ts');
    await destroyInstance({ instance: identity.instance, dataDir });
  }
}

type NodeStart = Omit<Parameters<typeof startNode>[0], 'client' | 'tls'>;

async function runNode(plane: ControlPlane, start: NodeStart, started: (nodeName: string) => Promise<void>, stop: ReturnType<typeof untilToldToStop>): Promise<void> {
  const { nodeName, address } = start;
  const { certPem, keyPem } = await plane.pki.agentCertificate(nodeName, [address]);
  const node = await startNode({
    ...start,
    client: plane.clientFor({ name: `system:node:${nodeName}`, groups: ['system:nodes', 'system:authenticated'] }),
    tls: { certPem, keyPem, caPem: plane.pki.caPem },
  });
  try {
    await Promise.race([started(nodeName), plane.failed, node.failed]);
    await Promise.race([stop.told, plane.failed, node.failed]);
  } catch (error) {
    // Being told to stop while starting is no failure.
    if (!stop.asked.aborted) throw error;
  } finally {
    await node.stop();
  }
}

function planeOptions(
  { version }: Invocation, { apiAddress, apiPort }: UpOptions, known: Pick<ControlPlaneOptions, 'dataDir' | 'clusterCidr' | 'log'> & { readonly address: string },
): ControlPlaneOptions {
  const { address, ...rest } = known;
  return { ...rest, address: apiAddress, port: apiPort, names: [address], version };
}

/** Seconds since it was made, as text. */
function stopwatch(): () => string {
  const started = performance.now();
  return () => `${((performance.now() - started) / 1000).toFixed(2)} s`;
}
