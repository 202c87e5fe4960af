import { describe, expect, it } from 'vitest';
import type { ContainerState, Pod } from '../../machinery/kinds/core.ts';
import { newState, withAnew, type ContainerRecord, type PodState, type Run } from './state.ts';
import { podStatus } from './status.ts';

const now = Date.UTC(2026, 0, 1, 0, 1);
const stamp = '2026-01-01T00:01:00Z';
const run = (fields: Partial<Run> = {}): Run => ({ id: 'abc', imageId: 'docker.io/library/web@sha256:1', configId: 'c', image: 'docker.io/library/web:1', logPath: '/l', startedAt: now, ...fields });
const exited = (exitCode: number, reason = exitCode === 0 ? 'Completed' : 'Error'): Run => run({ exit: { exitCode, reason, finishedAt: now } });
const record = (name: string, fields: Partial<ContainerRecord> = {}): ContainerRecord => ({ name, restartCount: 0, health: { started: true, ready: true }, ...fields });
const stateOf = (fields: Partial<PodState>, ...records: ContainerRecord[]): PodState => ({
  ...newState(now), sandbox: 'ready', volumes: 'ready', address: '10.42.0.2', containers: new Map(records.map((each) => [each.name, each])), ...fields,
});
const podOf = (spec: Partial<NonNullable<Pod['spec']>> = {}, fields: Partial<Pod> = {}): Pod => ({
  metadata: { name: 'web', namespace: 'ns', uid: 'u', generation: 1 }, spec: { containers: [{ name: 'a', image: 'web:1' }], ...spec }, ...fields,
});
const never = podOf({ restartPolicy: 'Never' });
const node = { hostAddress: '192.0.2.1' };

interface Row {
  readonly name: string;
  readonly pod: Pod;
  readonly state: PodState;
  readonly phase: string;
  /** Ready, and why not. */
  readonly ready: string;
  readonly container: string;
}

const summary = (state: ContainerState | undefined): string => (state?.running !== undefined ? 'running'
  : state?.waiting !== undefined ? `waiting ${state.waiting.reason ?? ''}` : `terminated ${state?.terminated?.reason ?? ''} ${state?.terminated?.exitCode ?? ''}`);

const rows: readonly Row[] = [
  { name: 'before anything', pod: podOf(), state: newState(now), phase: 'Pending', ready: 'False ContainersNotReady', container: 'waiting ContainerCreating' },
  { name: 'while init containers run', pod: podOf({ initContainers: [{ name: 'i' }] }), state: stateOf({}, record('i', { current: run() })), phase: 'Pending', ready: 'False ContainersNotReady', container: 'waiting PodInitializing' },
  { name: 'running', pod: podOf(), state: stateOf({}, record('a', { current: run() })), phase: 'Running', ready: 'True', container: 'running' },
  { name: 'while its postStart hook runs', pod: podOf(), state: stateOf({}, record('a', { current: run(), activity: 'postStart' })), phase: 'Pending', ready: 'False ContainersNotReady', container: 'waiting ContainerCreating' },
  { name: 'running and not ready', pod: podOf(), state: stateOf({}, record('a', { current: run(), health: { started: true, ready: false } })), phase: 'Running', ready: 'False ContainersNotReady', container: 'running' },
  { name: 'a failed pull', pod: podOf(), state: stateOf({}, record('a', { waiting: { reason: 'ErrImagePull', message: 'no' } })), phase: 'Pending', ready: 'False ContainersNotReady', container: 'waiting ErrImagePull' },
  {
    name: 'a crash loop', pod: podOf(), state: stateOf({}, record('a', { restartCount: 2, current: exited(1), waiting: { reason: 'CrashLoopBackOff' } })),
    phase: 'Running', ready: 'False ContainersNotReady', container: 'waiting CrashLoopBackOff',
  },
  { name: 'out of memory', pod: podOf(), state: stateOf({}, record('a', { current: exited(137, 'OOMKilled') })), phase: 'Running', ready: 'False ContainersNotReady', container: 'terminated OOMKilled 137' },
  { name: 'done', pod: never, state: stateOf({}, record('a', { current: exited(0) })), phase: 'Succeeded', ready: 'False PodCompleted', container: 'terminated Completed 0' },
  { name: 'failed', pod: never, state: stateOf({}, record('a', { current: exited(3) })), phase: 'Failed', ready: 'False PodFailed', container: 'terminated Error 3' },
  {
    name: 'an init container that failed for good', pod: podOf({ restartPolicy: 'Never', initContainers: [{ name: 'i' }] }),
    state: stateOf({ sandbox: 'absent' }, record('i', { current: exited(1) })), phase: 'Failed', ready: 'False PodFailed', container: 'waiting PodInitializing',
  },
  {
    name: 'killed to begin anew', pod: podOf({ restartPolicy: 'Never' }), state: stateOf({ restartingAll: true }, record('a', { current: exited(137) })),
    phase: 'Running', ready: 'False ContainersNotReady', container: 'terminated Error 137',
  },
  {
    name: 'about to begin anew', pod: never, state: stateOf({}, withAnew(record('a', { current: exited(42) }), now)),
    phase: 'Running', ready: 'False ContainersNotReady', container: 'waiting RestartingAllContainers',
  },
  {
    name: 'past its deadline', pod: podOf(), state: stateOf({ sandbox: 'absent', outcome: { phase: 'Failed', reason: 'DeadlineExceeded', message: 'm' } }, record('a', { current: exited(143) })),
    phase: 'Failed', ready: 'False PodFailed', container: 'terminated Error 143',
  },
  {
    name: 'deleted before it ran', pod: podOf({}, { metadata: { name: 'web', deletionTimestamp: stamp } }), state: stateOf({ sandbox: 'absent' }),
    phase: 'Failed', ready: 'False PodFailed', container: 'terminated ContainerStatusUnknown 137',
  },
];

describe('a pod\'s status', () => {
  it.each(rows)('$name: $phase', ({ pod, state, phase, ready, container }) => {
    const status = podStatus(pod, state, node, now);
    const condition = status.conditions?.find((each) => each.type === 'Ready');
    expect({
      phase: status.phase, ready: [condition?.status, condition?.reason].filter((each) => each !== undefined).join(' '), container: summary(status.containerStatuses?.[0]?.state),
    }).toEqual({ phase, ready, container });
  });

  it('is whole for a running pod, without the conditions of others', () => {
    const gate = { type: 'example.com/gate', status: 'True' };
    const pod = podOf({}, { status: { conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: '2025-12-31T00:00:00Z' }, gate] } });
    const status = podStatus(pod, stateOf({}, record('a', { restartCount: 1, current: run(), previous: exited(1) })), node, now);
    const condition = (type: string, lastTransitionTime = stamp): object => ({ type, status: 'True', observedGeneration: 1, lastTransitionTime });
    expect(status).toEqual({
      observedGeneration: 1, phase: 'Running', hostIP: '192.0.2.1', hostIPs: [{ ip: '192.0.2.1' }], podIP: '10.42.0.2', podIPs: [{ ip: '10.42.0.2' }], startTime: stamp, qosClass: 'BestEffort',
      conditions: [condition('PodReadyToStartContainers'), condition('Initialized'), condition('Ready', '2025-12-31T00:00:00Z'), condition('ContainersReady'), condition('PodScheduled')],
      containerStatuses: [{
        name: 'a', ready: true, started: true, restartCount: 1, image: 'docker.io/library/web:1', imageID: 'docker.io/library/web@sha256:1', containerID: 'coracle://abc', resources: {},
        state: { running: { startedAt: stamp } },
        lastState: { terminated: { exitCode: 1, reason: 'Error', startedAt: stamp, finishedAt: stamp, containerID: 'coracle://abc' } },
      }],
    });
  });

  it('shows no container of a pod that was not let in', () => {
    const outcome = { phase: 'Failed', reason: 'SysctlForbidden', message: 'Pod was rejected: forbidden sysctl: "a" not allowlisted', isRejection: true } as const;
    const status = podStatus(podOf({ initContainers: [{ name: 'i' }] }), { ...newState(now), outcome }, node, now);
    expect(status).toMatchObject({ phase: 'Failed', reason: outcome.reason, message: outcome.message });
    expect([status.containerStatuses, status.initContainerStatuses]).toEqual([undefined, undefined]);
  });

  it('says that the node ended it, not its own fault', () => {
    const outcome = { phase: 'Failed', reason: 'Evicted', message: 'The node was low on resource: memory. ', isDisruption: true } as const;
    const { conditions } = podStatus(podOf(), stateOf({ sandbox: 'absent', outcome }, record('a', { current: exited(137) })), node, now);
    expect(conditions).toContainEqual(expect.objectContaining({ type: 'DisruptionTarget', status: 'True', reason: 'TerminationByKubelet', message: outcome.message }));
  });

  it('lists containers that joined apart, and neither waits for them nor calls them ready', () => {
    const pod = podOf({ ephemeralContainers: [{ name: 'look', image: 'tools:1' }] });
    const status = podStatus(pod, stateOf({}, record('a', { current: run() }), record('look', { current: exited(1) })), node, now);
    expect([status.phase, status.containerStatuses?.map(({ name }) => name), status.initContainerStatuses]).toEqual(['Running', ['a'], undefined]);
    expect(status.ephemeralContainerStatuses).toMatchObject([{ name: 'look', ready: false, restartCount: 0, state: { terminated: { exitCode: 1 } } }]);
    expect(status.conditions?.find((each) => each.type === 'Ready')?.status).toBe('True');
  });

  it('tells of a resize while it waits, goes on or fails, and not after', () => {
    const pod = podOf({ containers: [{ name: 'a', resources: { requests: { cpu: '2' } } }] }, { metadata: { name: 'web', generation: 3 } });
    const running = record('a', { current: run({ resources: { requests: { cpu: '1' } } }) });
    const told = (fields: Partial<PodState>): unknown[] => (podStatus(pod, stateOf(fields, running), node, now).conditions ?? []).slice(5).map(({ type, reason, message, observedGeneration }) => [type, reason, message, observedGeneration]);
    expect(told({ grants: { a: { requests: { cpu: '1' } } }, resizeRefusal: { reason: 'Deferred', message: 'no room', generation: 3 } })).toEqual([['PodResizePending', 'Deferred', 'no room', 3]]);
    expect(told({ grants: { a: { requests: { cpu: '2' } } } })).toEqual([['PodResizeInProgress', undefined, undefined, 3]]);
    expect(told({ grants: { a: { requests: { cpu: '2' } } }, resizing: { isActive: false, error: 'no', retryAt: 9 } })).toEqual([['PodResizeInProgress', 'Error', 'no', 3]]);
    expect(told({ grants: { a: { requests: { cpu: '1' } } } })).toEqual([]);
  });

  it('says of init containers that they initialise, before there is a sandbox and after there was one', () => {
    const waiting = podOf({ restartPolicy: 'Never', initContainers: [{ name: 'i' }, { name: 'j' }] });
    const before = podStatus(waiting, newState(now), node, now);
    const after = podStatus(waiting, stateOf({ sandbox: 'absent' }, record('i', { current: exited(1) })), node, now);
    expect([...before.initContainerStatuses ?? [], ...after.initContainerStatuses ?? []].map(({ state }) => summary(state))).toEqual([
      'waiting PodInitializing', 'waiting PodInitializing', 'terminated Error 1', 'waiting PodInitializing',
    ]);
  });

  it('names what it waits for', () => {
    const pod = podOf({ initContainers: [{ name: 'i' }, { name: 'j' }], readinessGates: [{ conditionType: 'g' }] });
    const conditions = podStatus(pod, stateOf({}, record('i', { current: exited(0) })), node, now).conditions ?? [];
    expect(conditions.map((each) => each.message)).toEqual([
      undefined, 'containers with incomplete status: [j]', 'containers with unready status: [a]', 'containers with unready status: [a]', undefined,
    ]);
  });

  it('heeds readiness gates', () => {
    const pod = podOf({ readinessGates: [{ conditionType: 'g' }] });
    const ready = podStatus(pod, stateOf({}, record('a', { current: run() })), node, now).conditions?.find((each) => each.type === 'Ready');
    expect(ready).toMatchObject({ status: 'False', reason: 'ReadinessGatesNotReady', message: 'corresponding condition of pod readiness gate "g" does not exist.' });
  });
});

it.each<[string, Partial<PodState>, Run, object]>([
  ['is told while all are killed', { restartingAll: true }, exited(42), { status: 'True', reason: 'RestartAllContainersStarted', message: 'container exited with restart policy rule' }],
  ['is told to be over', {}, run(), { status: 'False' }],
  ['is over with the pod', {}, exited(0), { status: 'False', reason: 'PodCompleted' }],
])('a restart of all containers %s', (_name, fields, current, expected) => {
  const rules = [{ action: 'RestartAllContainers', exitCodes: { operator: 'In', values: [42] } }];
  const pod = podOf({ restartPolicy: 'Never', containers: [{ name: 'a', restartPolicy: 'Never', restartPolicyRules: rules }] });
  const conditionsOf = (of: Pod) => podStatus(of, stateOf(fields, record('a', { current })), node, now).conditions?.filter(({ type }) => type === 'AllContainersRestarting');
  expect(conditionsOf(pod)).toEqual([{ type: 'AllContainersRestarting', ...expected, observedGeneration: 1, lastTransitionTime: stamp }]);
  expect(conditionsOf(never)).toEqual([]);
});
