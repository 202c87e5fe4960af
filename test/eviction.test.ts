import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createClient } from '../client/client.ts';
import { silentLog } from '../client/log.ts';
import { systemClock, type Clock } from '../machinery/clock.ts';
import { Event, Node, Pod, ServiceAccount } from '../machinery/kinds/core.ts';
import type { Kind, KubernetesObject } from '../machinery/kinds/kind.ts';
import { createAgent } from '../node-agent/agent.ts';
import { evictionSettings, parseThresholds } from '../node-agent/eviction/thresholds.ts';
import { openImageStore } from '../node-agent/images/store.ts';
import { openRuntime } from '../node-agent/runtime/native-runtime.ts';
import { destroyInstance } from '../node-agent/runtime/teardown.ts';
import { startTestServer, type TestServer } from './test-server.ts';

/** A node that can never have enough memory: what it lets in, and whom it ends. */

const image = join(import.meta.dirname, '..', 'generated', 'images', 'web.tar');
const instance = `t${randomBytes(4).toString('hex').slice(0, 5)}`;
let test: TestServer;
const stop = new AbortController();
/** Time as the node has it: its looks are ten seconds apart. */
const speed = 20;
const begun = systemClock.now();
const quick: Clock = { now: () => begun + (systemClock.now() - begun) * speed, setTimer: (ms, run) => systemClock.setTimer(ms / speed, run) };
let done: Promise<void>;

beforeAll(async () => {
  test = await startTestServer();
  await test.client.create(ServiceAccount, { metadata: { namespace: 'default', name: 'default' } });
  const runtime = await openRuntime({ dataDir: test.dataDir, instance, log: silentLog });
  const images = await openImageStore({ dataDir: test.dataDir, unpack: (each) => runtime.unpack(each) });
  await images.import(image, { name: 'web:1' });
  await runtime.close();
  const agent = createAgent({
    client: createClient(await test.transportAs('system:node:n1', ['system:nodes'])), runtime: (events) => openRuntime({ dataDir: test.dataDir, instance, log: silentLog, events }),
    nodeName: 'n1', dataDir: test.dataDir, tls: { ...(await test.pki.agentCertificate('n1', ['127.0.0.1'])), caPem: test.pki.caPem }, address: '127.0.0.1', port: 0,
    clock: quick, log: silentLog, eviction: evictionSettings({ hard: parseThresholds('memory.available<1Ei') }),
  });
  done = agent.run(stop.signal);
  await Promise.race([agent.listening, done]);
}, 60_000);

afterAll(async () => {
  stop.abort();
  await done;
  await destroyInstance({ instance, dataDir: test.dataDir });
  await test.dispose();
}, 60_000);

/** On the node's own network: nobody gives it a share of addresses here. */
function podOf(name: string, container: object = {}, spec: object = {}): Pod {
  return {
    metadata: { namespace: 'default', name },
    spec: { nodeName: 'n1', hostNetwork: true, terminationGracePeriodSeconds: 30, automountServiceAccountToken: false, containers: [{ name: 'main', image: 'web:1', command: ['sleep', '1000'], ...container }], ...spec },
  };
}

/** The first state of an object that is as wanted. */
async function until<T extends KubernetesObject>(kind: Kind<T>, namespace: string | undefined, holds: (object: T) => boolean): Promise<T> {
  const signal = AbortSignal.timeout(30_000);
  for await (const batch of test.client.watch(kind, { ...(namespace === undefined ? {} : { namespace }), signal })) {
    for (const { type, object } of batch) if (type !== 'BOOKMARK' && holds(object)) return object;
  }
  throw new Error('the watch ended');
}

const ended = (name: string): Promise<Pod> => until(Pod, 'default', ({ metadata, status }) => metadata?.name === name && status?.phase === 'Failed');

describe('a node that is short of memory', () => {
  it('says so in its conditions', async () => {
    const node = await until(Node, undefined, ({ status }) => status?.conditions?.some(({ type, status: is }) => type === 'MemoryPressure' && is === 'True') === true);
    expect(node.status?.conditions?.find(({ type }) => type === 'MemoryPressure')).toMatchObject({ reason: 'KubeletHasInsufficientMemory', message: 'kubelet has insufficient memory available' });
    expect(node.status?.conditions?.find(({ type }) => type === 'DiskPressure')?.status).toBe('False');
  });

  it('lets no pod in that asks for none', async () => {
    await test.client.create(Pod, podOf('idle'));
    const { status } = await ended('idle');
    expect(status).toMatchObject({ phase: 'Failed', reason: 'Evicted', message: 'Pod was rejected: The node had condition: [MemoryPressure]. ' });
    expect(status?.containerStatuses).toBeUndefined();
  });

  it('ends who asked for some, but not who keeps the cluster going', async () => {
    await test.client.create(Pod, podOf('critical', {}, { priorityClassName: 'system-cluster-critical' }));
    await until(Pod, 'default', ({ metadata, status }) => metadata?.name === 'critical' && status?.phase === 'Running');
    await test.client.create(Pod, podOf('asking', { resources: { requests: { memory: '64Mi' } } }));
    const { status } = await ended('asking');
    expect(status).toMatchObject({ reason: 'Evicted', message: expect.stringMatching(/^The node was low on resource: memory\. Threshold quantity: 1Ei, available: \d+\w*\. $/) });
    expect(status?.conditions).toContainEqual(expect.objectContaining({ type: 'DisruptionTarget', status: 'True', reason: 'TerminationByKubelet', message: status?.message }));
    expect(status?.containerStatuses?.[0]?.state?.terminated).toBeDefined();
    await until(Event, undefined, ({ reason, message }) => reason === 'EvictionThresholdMet' && message === 'Attempting to reclaim memory');
    expect((await test.client.get(Pod, { namespace: 'default', name: 'critical' })).status?.phase).toBe('Running');
  });
});
