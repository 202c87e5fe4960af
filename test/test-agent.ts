import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { createClient } from '../client/client.ts';
import { silentLog } from '../client/log.ts';
import type { Transport } from '../client/transport.ts';
import { systemClock } from '../machinery/clock.ts';
import { createAgent, type AgentOptions } from '../node-agent/agent.ts';
import { openImageStore } from '../node-agent/images/store.ts';
import { openRuntime } from '../node-agent/runtime/native-runtime.ts';
import type { TestServer } from './test-server.ts';

/** The agent of node `n1` on a test server's API and the real runtime: pods are processes on this machine. */
export interface TestAgent {
  readonly port: number;
  /** Its pods run on: `destroyInstance` ends them. */
  stop(): Promise<void>;
}

export interface TestAgentOptions extends Pick<AgentOptions, 'clusterCidr' | 'eviction'>, Partial<Pick<AgentOptions, 'dataDir' | 'clock' | 'log'>> {
  readonly instance: string;
  /** How it reaches the API; absent: as its node. */
  readonly transport?: Transport;
}

const image = join(import.meta.dirname, '..', 'generated', 'images', 'web.tar');

export const newInstance = (): string => `t${randomBytes(4).toString('hex').slice(0, 5)}`;

/** Resolves when it listens. */
export async function startTestAgent(test: TestServer, { instance, transport, dataDir = test.dataDir, clock = systemClock, log = silentLog, ...options }: TestAgentOptions): Promise<TestAgent> {
  const client = createClient(transport ?? await test.transportAs('system:node:n1', ['system:nodes']));
  const tls = { ...(await test.pki.agentCertificate('n1', ['127.0.0.1'])), caPem: test.pki.caPem };
  const stop = new AbortController();
  const agent = createAgent({ ...options, client, tls, dataDir, clock, log, nodeName: 'n1', address: '127.0.0.1', port: 0, runtime: (events) => openRuntime({ dataDir, instance, log, events }) });
  const done = agent.run(stop.signal);
  const port = await Promise.race([agent.listening, done.then(() => 0)]);
  return {
    port,
    async stop() {
      stop.abort();
      await done;
    },
  };
}

/** Takes in the image `web:1`, beside an agent or before there is one. */
export async function takeInWeb({ dataDir, instance, log = silentLog }: Pick<AgentOptions, 'dataDir'> & Pick<TestAgentOptions, 'instance' | 'log'>): Promise<void> {
  const runtime = await openRuntime({ dataDir, instance, log });
  const images = await openImageStore({ dataDir, unpack: (each) => runtime.unpack(each) });
  await images.import(image, { name: 'web:1' });
  await runtime.close();
}
