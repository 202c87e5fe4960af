import { createClient } from '../../client/client.ts';
import { httpsTransport } from '../../client/https.ts';
import { takeControl } from '../control.ts';
import { openDataDir } from '../data-dir.ts';
import { CommandFailure } from '../failure.ts';
import { defaultNodeName, primaryAddress, requireRoot } from '../host.ts';
import { openLog } from '../log.ts';
import type { Invocation } from '../terminal.ts';
import { detach } from './detach.ts';
import { joinCluster } from './join.ts';
import { startNode } from './node.ts';
import { nodeReady } from './node-ready.ts';
import { untilToldToStop } from './stop.ts';

export interface AgentOptions {
  readonly server: string;
  readonly token?: string;
  readonly dataDir: string;
  readonly nodeName?: string;
  readonly nodeAddress?: string;
  readonly port?: number;
  readonly logLevel: string;
  readonly stopPods: boolean;
  readonly detach: boolean;
}

const readyMs = 60_000;

/** One node in this process, until told to stop. */
export async function runAgent(invocation: Invocation, options: AgentOptions): Promise<void> {
  requireRoot('agent');
  if (options.detach) return detach(invocation, options.dataDir);
  const { terminal, version } = invocation;
  const { path: dataDir, identity } = await openDataDir(options.dataDir, 'agent', () => ({ nodeName: options.nodeName ?? defaultNodeName() }));
  const nodeName = identity.nodeName ?? defaultNodeName();
  if (options.nodeName !== undefined && options.nodeName !== nodeName) {
    throw new CommandFailure(`${dataDir} is node '${nodeName}', not '${options.nodeName}': leave --node-name out, or choose another --data-dir`);
  }
  const stop = untilToldToStop(invocation.stop, options.stopPods);
  const control = await takeControl(dataDir, stop);
  const log = openLog(dataDir, options.logLevel);
  const address = options.nodeAddress ?? (await primaryAddress());
  try {
    const joined = await joinCluster({ dataDir, server: options.server, token: options.token, nodeName, address, signal: stop.asked });
    const transport = httpsTransport({ server: options.server, ca: joined.caPem, cert: joined.client.certPem, key: joined.client.keyPem, userAgent: 'coracle-agent' });
    const client = createClient(transport);
    const node = await startNode({
      dataDir, instance: identity.instance, nodeName, address, client, version, log, ...(options.port === undefined ? {} : { port: options.port }),
      tls: { ...joined.serving, caPem: joined.caPem },
    });
    try {
      await Promise.race([nodeReady(client, nodeName, AbortSignal.any([stop.asked, AbortSignal.timeout(readyMs)])), node.failed]);
      terminal.line(`Node ${nodeName}: Ready`);
      invocation.ready();
      await Promise.race([stop.told, node.failed]);
    } catch (error) {
      if (!stop.asked.aborted) throw error;
    } finally {
      await node.stop();
      transport.close();
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
