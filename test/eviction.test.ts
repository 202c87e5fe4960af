import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock, type Clock } from '../machinery/clock.ts';
import { Event, Node, Pod, ServiceAccount } from '../machinery/kinds/core.ts';
import type { Kind, KubernetesObject } from '../machinery/kinds/kind.ts';
import { evictionSettings, parseThresholds } from '../node-agent/eviction/thresholds.ts';
import { destroyInstance } from '../node-agent/runtime/teardown.ts';
import { newInstance, startTestAgent, takeInWeb, type TestAgent } from './test-agent.ts';
import { startTestServer, type TestServer } from './test-server.ts';

/** A node that can never have enough memory: what it lets in, and whom it ends. */

const instance = newInstance();
let test: TestServer;
/** Time as the node has it: its looks are ten seconds apart. */
const speed = 20;
const begun = systemClock.now();
const quick: Clock = { now: () => begun + (systemClock.now() - begun) * speed, setTimer: (ms, run) => systemClock.setTimer(ms / speed, run) };
let agent: TestAgent | undefined;

beforeAll(async () => {
  test = await startTestServer();
  await test.client.create(ServiceAccount, { metadata: { namespace: 'default', name: 'default' } });
  await takeInWeb({ dataDir: test.dataDir, instance });
  agent = await startTestAgent(test, { instance, clock: quick, eviction: evictionSettings({ hard: parseThresholds('memory.available<1Ei') }) });
}, 60_000);

afterAll(async () => {
  await agent?.stop();
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
