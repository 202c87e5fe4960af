import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { setTimeout as turn } from 'node:timers/promises';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Client } from '../../client/client.ts';
import { silentLog } from '../../client/log.ts';
import { manualClock, type ManualClock } from '../../machinery/clock.ts';
import type { Pod, PodStatus } from '../../machinery/kinds/core.ts';
import { RuntimeError, type ContainerSpec, type Runtime, type Sandbox, type ContainerExit, type SandboxSpec, type StartedContainer } from '../runtime/runtime.ts';
import { noRegistrySettings } from '../images/registry-settings.ts';
import type { NodeContext } from './handle.ts';
import { sandboxSpec } from './effects/sandbox.ts';
import { noMemoryQos } from './memory-qos.ts';
import { readPodRecords } from './records.ts';
import { newState, recordOf, type Outcome, type Run } from './state.ts';
import { createPodWorker, type PodWorker } from './worker.ts';
import { createPodWorkers } from './workers.ts';

/** Pods on a machine that refuses things, by a clock that tests drive. */
let dataDir: string;
let clock: ManualClock;
let stop: AbortController;
let asked: string[];
/** What the machine refuses, and how often yet. */
let refusals: Map<string, number>;
let worker: PodWorker | undefined;
let reported: PodStatus[];

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'coracle-worker-'));
  [clock, stop, asked, refusals, reported] = [manualClock(), new AbortController(), [], new Map(), []];
});
afterEach(async () => {
  stop.abort();
  await worker?.settled();
  await rm(dataDir, { recursive: true, force: true });
});

async function ask(what: string): Promise<void> {
  asked.push(what);
  const left = refusals.get(what) ?? 0;
  refusals.set(what, left - 1);
  await Promise.resolve();
  if (left > 0) throw new RuntimeError('Failed', `the machine refuses: ${what}`);
}

/** A node that does nothing special with memory. */
const plain = { memoryQos: noMemoryQos, swap: { behavior: 'NoSwap' } } as const;

const none = (): Promise<never> => Promise.reject(new RuntimeError('Failed', 'not here'));

function makeSandbox(spec: SandboxSpec, exits = new Map<string, ContainerExit>()): Sandbox {
  const running = new Map<string, StartedContainer>();
  return {
    uid: spec.uid, spec, address: '10.0.0.9', refusal: undefined, recursiveReadOnly: true, answers: true, running, exits, exec: none, resize: none, attach: none, dial: none,
    async start({ id }) {
      await ask('start');
      const started = { containerId: id, pid: 1, startedAt: clock.now() };
      running.set(id, started);
      return started;
    },
    signal: (_id, signal) => ask(`signal ${signal}`),
    remove: (id) => ask(`remove ${id}`),
    destroy: () => ask('destroy'),
  };
}

const unused = (): never => {
  throw new Error('nobody asks for this');
};

function node(): NodeContext {
  const runtime: Runtime = {
    async createSandbox(spec) {
      await ask('create');
      return makeSandbox(spec);
    },
    recover: unused, cgroupVersion: 2, weighClasses: unused, configureNetwork: unused, unpack: unused, opaqueDirectories: unused, pack: unused, usage: unused, close: unused, mountMemory: unused, usersRefusal: unused, limitDirectory: unused, limitsDisk: () => false,
    async removeDirectory(directory) {
      await ask(`remove ${basename(directory)}`);
      await rm(directory, { recursive: true, force: true });
    },
  };
  const image = { id: 'sha256:1', references: ['web:1'], repoDigests: [], sizeBytes: 1, layers: [], config: { command: ['serve'], entrypoint: [], env: [], workingDir: '/', user: '', labels: {} } };
  return {
    client: { delete: () => ask('delete') } as unknown as Client, clock, log: silentLog, runtime, dataDir, memoryDir: join(dataDir, 'memory'), nodeName: 'n1', hostAddress: '127.0.0.1',
    images: { resolve: () => Promise.resolve(image), pull: unused, import: unused, list: unused, remove: unused } as unknown as NodeContext['images'], users: () => Promise.resolve({ uid: 0, gid: 0, groups: [], home: '/root' }), hostResolver: () => Promise.resolve(''),
    runtimeClasses: { handlerOf: async () => '' }, imagePolicies: { current: async () => [] }, objects: { hold: () => ({ configMap: unused, secret: unused, release: () => undefined }), run: unused },
    recorder: { record: (_regarding, _type, reason) => void asked.push(reason), drain: unused },
    statuses: { write: (_pod, status) => void reported.push(status), check: () => undefined, show: () => undefined, flush: () => ask('flush'), forget: () => undefined },
    allocatable: () => ({}), ...plain, cpus: undefined, heldChanged: () => undefined, podsBeside: () => [], services: () => [], clusterDns: undefined, registries: noRegistrySettings, defaultSeccomp: () => Buffer.alloc(0), memoryCapacityBytes: 1, hugePageSizes: [], pidsLimit: undefined,
    refusal: () => undefined, networkReady: () => Promise.resolve(), newId: () => `${asked.length}`.padStart(64, '0'),
  };
}

const pod: Pod = { metadata: { name: 'web', namespace: 'ns', uid: 'u' }, spec: { enableServiceLinks: false, terminationGracePeriodSeconds: 5, containers: [{ name: 'a', image: 'web:1', livenessProbe: { tcpSocket: { host: '127.0.0.1', port: 1 } } }] } };

function begin(): PodWorker {
  worker = createPodWorker(node(), { pod, state: newState(clock.now()), sandbox: undefined }, stop.signal, () => undefined);
  return worker;
}

/** Lets time pass in steps, and what it brings happen (files are written by real time), until `holds`. */
async function until(holds: () => boolean): Promise<void> {
  for (let steps = 0; !holds(); steps++) {
    if (steps > 10_000) throw new Error(`it never happened; asked: ${asked.join(', ')}`);
    if (steps % 4 === 3) clock.advance(500);
    await turn(1);
  }
}

const count = (what: string): number => asked.filter((each) => each === what).length;
const isRunning = (): boolean => worker !== undefined && recordOf(worker.state(), 'a').current?.startedAt !== undefined;

describe('a pod on a machine that refuses', () => {
  it('kills a condemned container again when the first kill was refused', async () => {
    refusals.set('signal 9', 2).set('signal 15', 1);
    begin();
    await until(isRunning);
    // Its probe fails: nothing listens there.
    await until(() => count('signal 9') === 3);
    const sentAt = clock.now();
    // One that it reached but did not end is killed once more, later.
    await until(() => count('signal 9') === 4);
    expect(clock.now() - sentAt).toBeGreaterThanOrEqual(9000);
    // As many failures as it takes; what is being killed is not asked again.
    expect(count('Unhealthy')).toBe(3);
  });

  it('takes half a sandbox away before it makes another, however often that takes', async () => {
    refusals.set('destroy', 3);
    const { lost } = begin();
    await until(isRunning);
    lost();
    await until(() => count('create') === 2 && isRunning());
    expect(asked.filter((each) => each === 'destroy' || each === 'create')).toEqual(['create', 'destroy', 'destroy', 'destroy', 'destroy', 'create']);
  });

  it('ends a pod whose sandbox is half taken away', async () => {
    refusals.set('destroy', 2).set('delete', 1);
    const { lost, desire } = begin();
    await until(isRunning);
    lost();
    desire({ ...pod, metadata: { ...pod.metadata, deletionTimestamp: '2026-01-01T00:00:00Z', deletionGracePeriodSeconds: 1 } });
    await until(() => count('delete') === 2);
    expect(count('destroy')).toBe(3);
    worker?.remove();
    await until(() => !existsSync(join(dataDir, 'pods', 'u')));
  });

  it('comes back to a step that failed in a way that nobody foresaw', async () => {
    refusals.set('flush', 1);
    const { desire } = begin();
    await until(isRunning);
    worker?.lost();
    desire({ ...pod, metadata: { ...pod.metadata, deletionTimestamp: '2026-01-01T00:00:00Z', deletionGracePeriodSeconds: 1 } });
    await until(() => count('delete') === 1);
    expect(count('flush')).toBe(2);
  });
});

describe('a container', () => {
  it('finds the file for its last words writable, whatever user it runs as', async () => {
    begin();
    await until(isRunning);
    const files = join(dataDir, 'pods', 'u', 'files');
    const [file = ''] = (await readdir(files)).filter((name) => name.startsWith('termination-'));
    expect((await stat(join(files, file))).mode & 0o777).toBe(0o666);
  });

  it('is neither ready nor probed before its postStart hook is over', async () => {
    const hooked: Pod = { ...pod, spec: { enableServiceLinks: false, containers: [{ name: 'a', image: 'web:1', lifecycle: { postStart: { sleep: { seconds: 5 } } }, livenessProbe: { tcpSocket: { host: '127.0.0.1', port: 1 } } }] } };
    worker = createPodWorker(node(), { pod: hooked, state: newState(clock.now()), sandbox: undefined }, stop.signal, () => undefined);
    await until(isRunning);
    const startedAt = clock.now();
    const isReported = () => reported.some(({ containerStatuses }) => containerStatuses?.[0]?.ready === true);
    await until(isReported);
    expect(clock.now() - startedAt).toBeGreaterThanOrEqual(5000);
    expect(count('Unhealthy')).toBe(0);
    await until(() => count('Unhealthy') === 1);
  });

  it('that can\'t be configured is tried again as soon as the pod\'s own annotations have changed', async () => {
    const env = [{ name: 'PART', valueFrom: { fieldRef: { fieldPath: "metadata.annotations['part']" } } }];
    const container = { name: 'a', image: 'web:1', env, volumeMounts: [{ name: 'work', mountPath: '/work', subPathExpr: '$(PART)/here' }] };
    const parted: Pod = { ...pod, spec: { enableServiceLinks: false, volumes: [{ name: 'work', emptyDir: {} }], containers: [container] } };
    worker = createPodWorker(node(), { pod: parted, state: newState(clock.now()), sandbox: undefined }, stop.signal, () => undefined);
    const waitingReason = () => recordOf(worker?.state() ?? newState(0), 'a').waiting?.reason;
    await until(() => waitingReason() === 'CreateContainerConfigError');
    const { retryAt = 0 } = recordOf(worker.state(), 'a');
    worker.desire({ ...parted, metadata: { ...parted.metadata, annotations: { part: 'mine' } } });
    await until(isRunning);
    expect(clock.now()).toBeLessThan(retryAt);
  });
});

describe('a pod that the node can\'t afford', () => {
  it('is ended for good, sooner than it asked for, once', async () => {
    refusals.set('signal 15', 1);
    const { evict } = begin();
    await until(isRunning);
    const evictedAt = clock.now();
    expect(evict({ message: 'The node was low on resource: memory. ', graceSeconds: 1, isDisruption: true })).toBe(true);
    expect(evict({ message: 'again', graceSeconds: 1, isDisruption: true })).toBe(false);
    await until(() => count('signal 9') === 1);
    expect(clock.now() - evictedAt).toBeLessThan(5000);
    worker?.exited(exit(worker.state().containers.get('a')?.current?.id ?? ''));
    await until(() => reported.at(-1)?.phase === 'Failed');
    expect(reported.at(-1)).toMatchObject({ reason: 'Evicted', message: 'The node was low on resource: memory. ' });
    expect([count('Evicted'), count('destroy'), count('create')]).toEqual([1, 1, 1]);
  });

  it('is not let in, and leaves nothing', async () => {
    const workers = createPodWorkers({ ...node(), refusal: () => ({ reason: 'Evicted', message: 'The node had condition: [DiskPressure]. ' }) }, stop.signal);
    workers.changed(undefined, pod);
    await until(() => reported.at(-1)?.phase === 'Failed');
    expect(reported.at(-1)).toMatchObject({ reason: 'Evicted', message: 'Pod was rejected: The node had condition: [DiskPressure]. ' });
    expect([count('Evicted'), count('create')]).toEqual([1, 0]);
    stop.abort();
    await workers.settled();
  });

  it('gives back what an ended container left, and starts it again all the same', async () => {
    const { discardEnded, exited } = begin();
    await until(isRunning);
    const record = () => worker?.state().containers.get('a');
    const id = record()?.current?.id ?? '';
    refusals.set('start', 1);
    exited({ ...exit(id), exitCode: 1 });
    // It could not be started again, and waits.
    await until(() => record()?.waiting !== undefined && record()?.pending === undefined && record()?.activity === undefined);
    await discardEnded();
    expect(count(`remove ${id}`)).toBe(1);
    await until(() => record()?.current?.id !== id && isRunning());
  });
});

describe('a resize that waits for what others have', () => {
  const podOf = (uid: string, cpu: string, metadata: Pod['metadata'] = {}): Pod => ({
    metadata: { name: uid, namespace: 'ns', uid, ...metadata }, spec: { enableServiceLinks: false, terminationGracePeriodSeconds: 1, containers: [{ name: 'a', image: 'web:1', resources: { requests: { cpu } } }] },
  });

  it('is judged anew only when one of them has given something back', async () => {
    const workers = createPodWorkers({ ...node(), allocatable: () => ({ cpu: '2' }), podsBeside: (uid) => workers.beside(uid) }, stop.signal);
    const runOf = (uid: string): Run | undefined => recordOf(workers.find('ns', uid)?.state() ?? newState(0), 'a').current;
    const runs = (uid: string): boolean => runOf(uid)?.startedAt !== undefined && runOf(uid)?.exit === undefined;
    const [other, waiting] = [podOf('other', '1'), podOf('waiting', '1')];
    for (const each of [other, waiting]) workers.changed(undefined, each);
    await until(() => runs('other') && runs('waiting'));
    workers.changed(waiting, podOf('waiting', '1500m', { generation: 2 }));
    await until(() => count('ResizeDeferred') === 1);

    // The other one is told of again, and starts anew: it has as much as before.
    const told = podOf('other', '1', { labels: { app: 'web' } });
    workers.changed(other, told);
    const first = runOf('other')?.id ?? '';
    workers.exited('other', exit(first));
    await until(() => runs('other') && runOf('other')?.id !== first);
    expect(count('ResizeDeferred')).toBe(1);

    workers.changed(told, podOf('other', '1', { deletionTimestamp: '2026-01-01T00:00:00Z', deletionGracePeriodSeconds: 1 }));
    await until(() => count('signal 15') === 1);
    workers.exited('other', exit(runOf('other')?.id ?? ''));
    await until(() => count('ResizeStarted') === 1);
    expect(count('ResizeDeferred')).toBe(1);
    stop.abort();
    await workers.settled();
  });
});

describe('what is known of a pod', () => {
  it('is written down before its sandbox goes, which knew it too', async () => {
    const once: Pod = { ...pod, spec: { enableServiceLinks: false, restartPolicy: 'Never', containers: [{ name: 'a', image: 'web:1' }] } };
    worker = createPodWorker(node(), { pod: once, state: newState(clock.now()), sandbox: undefined }, stop.signal, () => undefined);
    await until(isRunning);
    worker.exited(exit(recordOf(worker.state(), 'a').current?.id ?? ''));
    while (count('destroy') === 0) await turn(1);
    const { state } = (await readPodRecords(dataDir, (_uid, error) => expect.unreachable(String(error)))).get('u') ?? {};
    expect(state?.containers.get('a')?.current?.exit).toMatchObject({ exitCode: 0, reason: 'Completed' });
  });
});

describe('a container that ended while no agent was there', () => {
  const run: Run = { id: 'ended', imageId: 'i', configId: 'c', image: 'img', logPath: '/l', startedAt: 1 };
  const once: Pod = { ...pod, spec: { enableServiceLinks: false, restartPolicy: 'Never', containers: [{ name: 'a', image: 'web:1' }] } };
  const known = { ...newState(0), volumes: 'ready' as const, containers: new Map([['a', { name: 'a', restartCount: 0, current: run, health: { started: true, ready: true } }]]) };

  beforeEach(async () => {
    await mkdir(join(dataDir, 'pods', 'u', 'files'), { recursive: true });
    await writeFile(join(dataDir, 'pods', 'u', 'files', 'termination-ended'), 'last words');
  });

  /** Every state that was reported of it as ended. */
  const told = (): unknown[] => reported.flatMap(({ containerStatuses }) => containerStatuses?.[0]?.state?.terminated?.message ?? (containerStatuses?.[0]?.state?.terminated === undefined ? [] : ['nothing']));

  it('is never reported without what it said last', async () => {
    const workers = createPodWorkers(node(), stop.signal);
    await workers.adoptAll(new Map([['u', { pod: once, state: { ...known, sandbox: 'ready' } }]]), [makeSandbox(sandboxSpec(pod, 'u', plain), new Map([['ended', exit('ended')]]))]);
    workers.changed(undefined, once);
    await until(() => told().length > 0);
    stop.abort();
    await workers.settled();
    expect(new Set(told())).toEqual(new Set(['last words']));
  });

  it('nor when its supervisor is slow to answer', async () => {
    const sandbox = makeSandbox(sandboxSpec(pod, 'u', plain), new Map([['ended', exit('ended')]]));
    worker = createPodWorker(node(), { pod: once, state: { ...known, sandbox: 'silent' }, sandbox: undefined }, stop.signal, () => undefined);
    await until(() => reported.length > 0);
    worker.answered(sandbox);
    worker.desire(once);
    await until(() => told().length > 0);
    expect(new Set(told())).toEqual(new Set(['last words']));
  });
});

describe('pods of files', () => {
  const [first, second] = ['a'.repeat(32), 'b'.repeat(32)];
  const ofFile = (uid: string, name = 'web'): Pod => ({ ...pod, metadata: { name, namespace: 'ns', uid }, spec: { enableServiceLinks: false, containers: [{ name: 'a', image: 'web:1' }] } });
  const uids = (workers: ReturnType<typeof createPodWorkers>) => workers.list().map(({ uid }) => uid);

  it('are not the API\'s to end, nor is another of its the files\'', async () => {
    const workers = createPodWorkers(node(), stop.signal);
    workers.keepStatic([ofFile(first)], true);
    workers.changed(undefined, pod);
    workers.keepOnly([pod]);
    workers.keepStatic([ofFile(first)], true);
    expect(workers.list().map(({ uid, state }) => [uid, state().removed])).toEqual([[first, false], ['u', false]]);
    stop.abort();
    await workers.settled();
  });

  it('follow each other: one begins when the one of its name has ended', async () => {
    const changes: string[][] = [];
    const workers = createPodWorkers(node(), stop.signal, () => void changes.push(uids(workers)));
    workers.keepStatic([ofFile(first)], true);
    workers.keepStatic([ofFile(second), ofFile('c'.repeat(32), 'other')], true);
    expect(uids(workers)).toEqual([first, 'c'.repeat(32)]);
    await until(() => uids(workers).includes(second));
    expect(uids(workers)).not.toContain(first);
    expect(changes.at(-1)).toEqual(uids(workers));
    // Back to what it was, and a change of mind while it ends.
    workers.keepStatic([], true);
    workers.keepStatic([ofFile(second)], true);
    await until(() => uids(workers).length === 1 && workers.list()[0]?.state().removed === false);
    expect(uids(workers)).toEqual([second]);
    stop.abort();
    await workers.settled();
  });

  it('of an earlier agent go on while there is a file that can\'t be read, and end when none has them', async () => {
    const workers = createPodWorkers(node(), stop.signal);
    await workers.adoptAll(new Map([[first, { pod: ofFile(first), state: newState(clock.now()) }], [second, { pod: ofFile(second, 'other'), state: newState(clock.now()) }]]), []);
    workers.keepStatic([ofFile(second, 'other')], false);
    expect(workers.list().map(({ state }) => state().removed)).toEqual([false, false]);
    workers.keepStatic([], false);
    expect(workers.list().map(({ state }) => state().removed)).toEqual([false, true]);
    workers.keepStatic([], true);
    await until(() => workers.list().length === 0);
    stop.abort();
    await workers.settled();
  });

  it.each<[string, Outcome, boolean]>([
    ['ended with the machine', { phase: 'Failed', reason: 'Terminated', message: 'm', isDisruption: true }, true],
    ['were not let in', { phase: 'Failed', reason: 'NodeShutdown', message: 'm', isRejection: true }, true],
    ['had their time', { phase: 'Failed', reason: 'DeadlineExceeded', message: 'm' }, false],
  ])('that %s begin anew with the next agent, or not', async (_name, outcome, isNew) => {
    const workers = createPodWorkers(node(), stop.signal);
    await workers.adoptAll(new Map([[first, { pod: ofFile(first), state: { ...newState(clock.now()), outcome } }]]), []);
    workers.keepStatic([ofFile(first)], true);
    await until(() => workers.list().length === 1 && (workers.list()[0]?.state().outcome === undefined) === isNew);
    expect(workers.list()[0]?.state().removed).toBe(false);
    stop.abort();
    await workers.settled();
  });

  it('are remembered with the status that they were reported with: their mirror may be out of reach', async () => {
    const workers = createPodWorkers(node(), stop.signal);
    workers.keepStatic([ofFile(first)], true);
    await until(() => reported.at(-1)?.phase === 'Running');
    stop.abort();
    await workers.settled();
    const record = (await readPodRecords(dataDir, (_uid, error) => expect.unreachable(String(error)))).get(first);
    expect(record?.pod.status).toEqual(reported.at(-1));
  });
});

const exit = (containerId: string): ContainerExit => ({ containerId, exitCode: 0, oomKilled: false, startedAt: 1, finishedAt: 2 });

describe('what nobody owns', () => {
  const run: Run = { id: 'known', imageId: 'i', configId: 'c', image: 'img', logPath: '/l', startedAt: 1 };

  it('in a sandbox that is taken over is ended and removed', async () => {
    const sandbox = makeSandbox(sandboxSpec(pod, 'u', plain), new Map([['old', exit('old')]]));
    await sandbox.start({ id: 'stray' } as ContainerSpec);
    await sandbox.start({ id: 'known' } as ContainerSpec);
    const state = { ...newState(clock.now()), volumes: 'ready' as const, sandbox: 'ready' as const, containers: new Map([['a', { name: 'a', restartCount: 0, current: run, health: { started: true, ready: true } }]]) };
    worker = createPodWorker(node(), { pod, state, sandbox }, stop.signal, () => undefined);
    await until(() => count('remove old') === 1);
    expect(count('signal 9')).toBe(1);
    worker.exited(exit('stray'));
    await until(() => count('remove stray') === 1);
    expect([count('remove known'), isRunning()]).toEqual([0, true]);
  });

  it('of the directories on disk is removed once the API\'s list is known', async () => {
    for (const uid of ['ghost', 'wanted', 'u']) await mkdir(join(dataDir, 'pods', uid), { recursive: true });
    const workers = createPodWorkers(node(), stop.signal);
    await workers.adoptAll(new Map([['u', { pod, state: newState(clock.now()) }]]), []);
    workers.keepOnly([pod, { metadata: { name: 'wanted', uid: 'wanted' } }]);
    await until(() => count('remove ghost') === 1);
    stop.abort();
    await workers.settled();
    expect(asked.filter((each) => each.startsWith('remove '))).toEqual(['remove ghost']);
  });
});
