import { createClient } from '../../client/client.ts';
import { httpsTransport } from '../../client/https.ts';
import { requireUnchanged } from '../data-dir.ts';
import { messageOf } from '../../machinery/thrown.ts';
import { defaultNodeName, primaryAddress, requireRoot } from '../host.ts';
import type { Invocation } from '../terminal.ts';
import { detach } from './detach.ts';
import { joinCluster } from './join.ts';
import { startNode } from './node.ts';
import { nodeReadyAtLast } from './node-ready.ts';
import { nodeSettings, type NodeFlags, type NodeSettings } from './node-settings.ts';
import { runSession, type Session } from './session.ts';
import { complainOfShutdown } from './shutdown.ts';

export interface AgentOptions extends NodeFlags {
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

/** One node in this process, until told to stop. */
export async function runAgent(invocation: Invocation, options: AgentOptions): Promise<void> {
  requireRoot('agent');
  const settings = nodeSettings(options);
  await complainOfShutdown(invocation.terminal, settings);
  if (options.detach) return detach(invocation, options.dataDir);
  const fresh = () => ({ nodeName: options.nodeName ?? defaultNodeName() });
  await runSession(invocation, 'agent', options, fresh, (session) => runNode(invocation, options, settings, session));
}

async function runNode(invocation: Invocation, { server, token, port, ...options }: AgentOptions, settings: NodeSettings, { dataDir, identity, log, stop }: Session): Promise<void> {
  const { instance, nodeName = defaultNodeName() } = identity;
  requireUnchanged({ path: dataDir, identity }, 'nodeName', '--node-name', options.nodeName);
  const address = options.nodeAddress ?? (await primaryAddress());
  const joined = await joinCluster({ dataDir, server, token, nodeName, address, signal: stop.asked });
  const transport = httpsTransport({ server, ca: joined.caPem, cert: joined.client.certPem, key: joined.client.keyPem, userAgent: 'coracle-agent' });
  const client = createClient(transport);
  const node = await startNode({
    dataDir, instance, nodeName, address, client, settings, version: invocation.version, log, ...(port === undefined ? {} : { port }), tls: { ...joined.serving, caPem: joined.caPem },
  });
  try {
    const ready = node.listening.then(() => nodeReadyAtLast(client, nodeName, stop.asked, (error) => {
      invocation.terminal.line(`${server} can't be reached (${messageOf(error)}): the pods of this machine go on, and node ${nodeName} is back when it answers`);
      // Whoever waits for this process waits for no server.
      invocation.ready();
    }));
    await Promise.race([ready, stop.told.then(() => stop.asked.throwIfAborted()), node.failed]);
    invocation.terminal.line(`Node ${nodeName}: Ready`);
    invocation.ready();
    await Promise.race([stop.told, node.failed]);
  } catch (error) {
    // Being told to stop while starting is no failure.
    if (!stop.asked.aborted) throw error;
  } finally {
    await node.stop();
    transport.close();
  }
}
