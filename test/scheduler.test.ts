import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createClient, type Client } from '../client/client.ts';
import { createRecorder } from '../client/events.ts';
import { createInformer, type Informer } from '../client/informer.ts';
import { silentLog } from '../client/log.ts';
import { systemClock, systemRandom } from '../machinery/clock.ts';
import { Event, Node, Pod, type PodCondition } from '../machinery/kinds/core.ts';
import { podCondition } from '../machinery/pod/readiness.ts';
import { createScheduler, type Scheduler } from '../scheduler/scheduler.ts';
import { startTestServer, type TestServer } from './test-server.ts';

/** The scheduler as its own user on a real API server. */
const deadlineMs = 20_000;
let server: TestServer;
let scheduler: Scheduler;
let client: Client;
let pods: Informer<Pod>;
let events: Informer<Event>;
const stop = new AbortController();
let running: Promise<unknown>;
let startScheduler: () => () => Promise<void>;
let stopScheduler: () => Promise<void>;

beforeAll(async () => {
  server = await startTestServer();
  ({ client } = server);
  const own = createClient(server.server.localTransport({ name: 'system:kube-scheduler', groups: ['system:authenticated'] }));
  const recorder = createRecorder(own, { component: 'default-scheduler', clock: systemClock });
  const create = (): Scheduler => createScheduler({ client: own, recorder, clock: systemClock, random: systemRandom, log: silentLog, freeze: true });
  pods = createInformer(client, Pod, { clock: systemClock, namespace: 'default' });
  events = createInformer(client, Event, { clock: systemClock, namespace: 'default' });
  running = Promise.all([pods.run(stop.signal), events.run(stop.signal)]);
  startScheduler = () => {
    scheduler = create();
    const stopThis = new AbortController();
    const ended = scheduler.run(stopThis.signal);
    return async () => {
      stopThis.abort();
      await ended;
    };
  };
  stopScheduler = startScheduler();
}, 60_000);

afterAll(async () => {
  await stopScheduler();
  stop.abort();
  await running;
  await server.dispose();
});

function soon(): AbortSignal {
  return AbortSignal.timeout(deadlineMs);
}

async function addNode(name: string, cpu: string, spec: Node['spec'] = {}): Promise<void> {
  const amounts = { cpu, memory: '4Gi', pods: '10' };
  const node = await client.create(Node, { metadata: { name, labels: { 'kubernetes.io/hostname': name } }, spec });
  // Taints that say that the node isn't ready are the node controller's to take off.
  const taints = (node.spec?.taints ?? []).filter(({ key }) => key !== 'node.kubernetes.io/not-ready');
  const updated = await client.update(Node, { ...node, spec: { ...node.spec, taints } });
  await client.updateStatus(Node, { ...updated, status: { capacity: amounts, allocatable: amounts } });
}

async function addPod(name: string, cpu: string, spec: Partial<NonNullable<Pod['spec']>> = {}): Promise<void> {
  const containers = [{ name: 'main', image: 'example/none', resources: { requests: { cpu } } }];
  await client.create(Pod, { metadata: { name, namespace: 'default' }, spec: { containers, automountServiceAccountToken: false, ...spec } });
}

async function nodeOf(name: string): Promise<string> {
  await pods.waitUntil(`default/${name}`, (pod) => (pod?.spec?.nodeName ?? '') !== '', soon());
  return pods.get(`default/${name}`)?.spec?.nodeName ?? '';
}

async function refusalOf(name: string): Promise<PodCondition | undefined> {
  await pods.waitUntil(`default/${name}`, (pod) => pod !== undefined && podCondition(pod, 'PodScheduled')?.status === 'False', soon());
  const pod = pods.get(`default/${name}`);
  return pod && podCondition(pod, 'PodScheduled');
}

/** The node, or undefined once the pod has been refused. */
async function verdictOn(name: string): Promise<string | undefined> {
  await pods.waitUntil(`default/${name}`, (pod) => pod !== undefined && podCondition(pod, 'PodScheduled') !== undefined, soon());
  return pods.get(`default/${name}`)?.spec?.nodeName;
}

async function eventAbout(name: string, reason: string): Promise<Event> {
  const matches = (event: Event | undefined): boolean => event?.involvedObject.name === name && event.reason === reason;
  return new Promise((resolve, reject) => {
    soon().addEventListener('abort', () => reject(new Error(`no event ${reason} about ${name}`)));
    events.onChange((_before, after) => {
      if (after !== undefined && matches(after)) resolve(after);
    });
  });
}

describe('the scheduler on a real API server', () => {
  it('tells a pod that there are no nodes, and binds it when one arrives', async () => {
    await addPod('early', '100m');
    expect(await refusalOf('early')).toMatchObject({ reason: 'Unschedulable', message: 'no nodes available to schedule pods' });
    await addNode('n1', '1');
    expect(await nodeOf('early')).toBe('n1');
    expect(await eventAbout('early', 'Scheduled')).toMatchObject({ type: 'Normal', message: 'Successfully assigned default/early to n1', source: { component: 'default-scheduler' } });
    const bound = pods.get('default/early');
    expect(bound && podCondition(bound, 'PodScheduled')).toMatchObject({ status: 'True' });
  });

  it("says in Kubernetes' words why no node takes a pod, and node by node when asked", async () => {
    await addNode('control', '8', { taints: [{ key: 'node-role.kubernetes.io/control-plane', effect: 'NoSchedule' }] });
    await addPod('big', '4');
    const message = '0/2 nodes are available: 1 Insufficient cpu, 1 node(s) had untolerated taint(s). no new claims to deallocate, preemption: '
      + '0/2 nodes are available: 2 Preemption is not helpful for scheduling.';
    expect(await refusalOf('big')).toMatchObject({ reason: 'Unschedulable', message, observedGeneration: 1 });
    expect(await eventAbout('big', 'FailedScheduling')).toMatchObject({ type: 'Warning', message });
    expect(scheduler.explain('default/big')?.nodes).toEqual([
      { node: 'n1', plugin: 'NodeResourcesFit', reasons: ['Insufficient cpu'] },
      { node: 'control', plugin: 'TaintToleration', reasons: ['node(s) had untolerated taint(s)'], detail: 'node-role.kubernetes.io/control-plane=:NoSchedule' },
    ]);
  });

  it('binds a waiting pod once the taint that kept it away is gone', async () => {
    const node = await client.get(Node, { name: 'control' });
    await client.update(Node, { ...node, spec: { ...node.spec, taints: [] } });
    expect(await nodeOf('big')).toBe('control');
  });

  it('binds a waiting pod once a pod that took the room is deleted', async () => {
    await addPod('wide', '3800m');
    expect(await nodeOf('wide')).toBe('control');
    await addPod('late', '900m', { nodeSelector: { 'kubernetes.io/hostname': 'control' } });
    expect((await refusalOf('late'))?.message).toMatch(/^0\/2 nodes are available: 1 Insufficient cpu, 1 node\(s\) didn't match Pod's node affinity\/selector\. /);
    await client.delete(Pod, { namespace: 'default', name: 'wide' }, { gracePeriodSeconds: 0 });
    expect(await nodeOf('late')).toBe('control');
  });

  it('leaves gated pods alone until their gates are gone, and the pods of other schedulers for good', async () => {
    await addPod('gated', '10m', { schedulingGates: [{ name: 'example.com/wait' }] });
    await addPod('foreign', '10m', { schedulerName: 'other' });
    await addPod('after', '10m');
    await nodeOf('after');
    expect(pods.get('default/gated')?.spec?.nodeName).toBeUndefined();
    expect(scheduler.explain('default/gated')?.gate).toBe('waiting for scheduling gates: [example.com/wait]');
    await client.patch(Pod, { namespace: 'default', name: 'gated' }, 'application/merge-patch+json', { spec: { schedulingGates: null } });
    expect(await nodeOf('gated')).not.toBe('');
    expect(pods.get('default/foreign')?.spec?.nodeName).toBeUndefined();
    expect(scheduler.explain('default/foreign')).toBeUndefined();
  });

  it('never gives a node more than it has, however many pods come at once', async () => {
    await addNode('many', '2', { taints: [{ key: 'only', effect: 'NoSchedule' }] });
    const names = Array.from({ length: 30 }, (_, i) => `many-${i}`);
    await Promise.all(names.map((name) => addPod(name, '250m', { tolerations: [{ operator: 'Exists' }], nodeSelector: { 'kubernetes.io/hostname': 'many' } })));
    const bound = (await Promise.all(names.map(verdictOn))).filter((node) => node === 'many');
    expect(bound).toHaveLength(8);
  });

  it('knows after a restart what is taken, and binds what came meanwhile', async () => {
    await stopScheduler();
    await addPod('no-room', '250m', { tolerations: [{ operator: 'Exists' }], nodeSelector: { 'kubernetes.io/hostname': 'many' } });
    await addPod('room', '250m', { tolerations: [{ operator: 'Exists' }], nodeSelector: { 'kubernetes.io/hostname': 'control' } });
    stopScheduler = startScheduler();
    expect(await nodeOf('room')).toBe('control');
    expect((await refusalOf('no-room'))?.message).toMatch(/1 Insufficient cpu/);
  });
});
