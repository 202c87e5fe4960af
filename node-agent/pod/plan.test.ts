import { describe, expect, it } from 'vitest';
import type { Pod } from '../../machinery/kinds/core.ts';
import { afterAttempt, formatSeconds, nextAttemptAt } from './back-off.ts';
import { goingDown, plan, type Step } from './plan.ts';
import { newState, type ContainerRecord, type PodState, type Run } from './state.ts';

const now = 1_000_000;
const run = (fields: Partial<Run> = {}): Run => ({ id: 'id', imageId: 'i', configId: 'c', image: 'img', logPath: '/l', startedAt: now - 1000, ...fields });
const exited = (exitCode: number, finishedAt = now): Run => run({ exit: { exitCode, reason: exitCode === 0 ? 'Completed' : 'Error', finishedAt } });
const record = (name: string, fields: Partial<ContainerRecord> = {}): ContainerRecord => ({ name, restartCount: 0, health: { started: true, ready: true }, ...fields });
const running = (name: string, fields: Partial<ContainerRecord> = {}): ContainerRecord => record(name, { current: run(), ...fields });
const ready: PodState = { ...newState(now - 5000), volumes: 'ready', sandbox: 'ready' };
const withContainers = (...records: ContainerRecord[]): PodState => ({ ...ready, containers: new Map(records.map((each) => [each.name, each])) });
const podOf = (spec: Partial<NonNullable<Pod['spec']>>, metadata: Pod['metadata'] = {}): Pod => ({
  metadata: { name: 'web', namespace: 'ns', uid: 'u', ...metadata }, spec: { containers: [{ name: 'a' }], ...spec },
});
const always = podOf({});
const never = podOf({ restartPolicy: 'Never' });
const deleted = { deletionTimestamp: '2026-01-01T00:00:00Z', deletionGracePeriodSeconds: 5 };

const all = (...values: number[]) => ({ action: 'RestartAllContainers', exitCodes: { operator: 'In', values } });
/** Its sidecar can have it begin anew. */
const watched = podOf({ restartPolicy: 'Never', initContainers: [{ name: 'i' }, { name: 's', restartPolicy: 'Always', restartPolicyRules: [all(88)] }] });

const start = (container: string): Step => ({ do: 'start', container });
const stop = (container: string, graceMs = 30_000, message = `Stopping container ${container}`): Step => ({ do: 'stop', container, graceMs, message });

interface Row {
  readonly name: string;
  readonly pod: Pod;
  readonly state: PodState;
  readonly steps: readonly Step[];
  readonly wakeAt?: number;
}

const crashLoop: Step = { do: 'backOff', container: 'a', waiting: { reason: 'CrashLoopBackOff', message: 'back-off 10s restarting failed container=a pod=web_ns(u)' } };

const more = { requests: { cpu: '2' } };
/** Runs with less than it is granted. */
const resized: PodState = { ...withContainers(running('a', { current: run({ resources: { requests: { cpu: '1' } } }) })), grants: { a: more } };

const rows: readonly Row[] = [
  { name: 'begins with volumes and sandbox', pod: always, state: newState(now), steps: [{ do: 'prepareVolumes' }, { do: 'createSandbox' }] },
  { name: 'waits for what is under way', pod: always, state: { ...newState(now), volumes: 'working', sandbox: 'ready' }, steps: [] },
  { name: 'tries a failed volume again when due', pod: always, state: { ...ready, volumes: 'absent', volumesRetryAt: now + 5 }, steps: [], wakeAt: now + 5 },
  { name: 'starts containers once the ground is laid', pod: podOf({ containers: [{ name: 'a' }, { name: 'b' }] }), state: ready, steps: [start('a'), start('b')] },
  {
    name: 'starts a container that joins a running pod', pod: podOf({ ephemeralContainers: [{ name: 'look' }] }), state: withContainers(running('a')), steps: [start('look')],
  },
  {
    name: 'lets one look into a pod that is not initialised', pod: podOf({ initContainers: [{ name: 'i' }], ephemeralContainers: [{ name: 'look' }] }),
    state: withContainers(running('i')), steps: [start('look')],
  },
  {
    name: 'never starts one that joined again', pod: podOf({ ephemeralContainers: [{ name: 'look' }] }),
    state: withContainers(running('a'), record('look', { current: exited(1) })), steps: [],
  },
  {
    name: 'ends one that joined with the pod', pod: podOf({ restartPolicy: 'Never', ephemeralContainers: [{ name: 'look' }] }),
    state: withContainers(record('a', { current: exited(0) }), running('look')), steps: [stop('look')],
  },
  { name: 'judges what is asked now', pod: podOf({ containers: [{ name: 'a', resources: more }] }), state: { ...withContainers(running('a')), grants: { a: {} } }, steps: [{ do: 'grant' }] },
  {
    name: 'does not judge again what was refused', pod: podOf({ containers: [{ name: 'a', resources: more }] }),
    state: { ...withContainers(running('a')), grants: { a: {} }, resizeRefusal: { reason: 'Deferred', message: 'no', generation: 1 } }, steps: [],
  },
  {
    name: 'judges the next wish after a refusal', pod: podOf({ containers: [{ name: 'a', resources: more }] }, { generation: 2 }),
    state: { ...withContainers(running('a')), grants: { a: {} }, resizeRefusal: { reason: 'Infeasible', message: 'no', generation: 1 } }, steps: [{ do: 'grant' }],
  },
  { name: 'gives what is granted', pod: podOf({ containers: [{ name: 'a', resources: more }] }), state: { ...resized, resizing: { isActive: false } }, steps: [{ do: 'resize' }] },
  { name: 'waits for it', pod: podOf({ containers: [{ name: 'a', resources: more }] }), state: { ...resized, resizing: { isActive: true } }, steps: [] },
  {
    name: 'tries it again when due', pod: podOf({ containers: [{ name: 'a', resources: more }] }), state: { ...resized, resizing: { isActive: false, error: 'no', retryAt: now + 5 } }, steps: [], wakeAt: now + 5,
  },
  {
    name: 'starts a container anew that asks for that', pod: podOf({ containers: [{ name: 'a', resources: more, resizePolicy: [{ resourceName: 'cpu', restartPolicy: 'RestartContainer' }] }] }),
    state: resized, steps: [stop('a', 30_000, 'Container a resize requires restart')],
  },
  {
    name: 'gives an evicted pod no more time than its eviction leaves', pod: always,
    state: { ...withContainers(running('a')), outcome: { phase: 'Failed', reason: 'Evicted', message: 'm', graceSeconds: 2 } }, steps: [stop('a', 2000)],
  },
  {
    name: 'gives an evicted pod no more time than its own', pod: podOf({ terminationGracePeriodSeconds: 3 }),
    state: { ...withContainers(running('a')), outcome: { phase: 'Failed', reason: 'Evicted', message: 'm', graceSeconds: 60 } }, steps: [stop('a', 3000)],
  },
  {
    name: 'gives a pod no more time than its machine has', pod: always,
    state: goingDown(always, withContainers(running('a')), now + 7000), steps: [stop('a', 7000)],
  },
  {
    name: 'but a second at least', pod: always,
    state: goingDown(always, withContainers(running('a')), now - 7000), steps: [stop('a', 1000)],
  },
  {
    name: 'nor more than its own', pod: podOf({ terminationGracePeriodSeconds: 3 }),
    state: goingDown(podOf({ terminationGracePeriodSeconds: 3 }), withContainers(running('a')), now + 7000), steps: [stop('a', 3000)],
  },
  {
    name: 'leaves a pod that ends anyway less time when its machine goes down', pod: podOf({}, { ...deleted, deletionGracePeriodSeconds: 60 }),
    state: goingDown(always, withContainers(running('a', { stopping: { since: now - 5000, killAt: now + 55_000, killed: false } })), now + 7000), steps: [], wakeAt: now + 7000,
  },
  { name: 'leaves a container alone that is being started', pod: always, state: withContainers(record('a', { activity: 'starting' })), steps: [] },
  { name: 'leaves a running container alone', pod: always, state: withContainers(running('a')), steps: [] },
  { name: 'restarts at once the first time', pod: always, state: withContainers(record('a', { current: exited(1) })), steps: [start('a')] },
  {
    name: 'waits out the back-off after the second failure', pod: always,
    state: withContainers(record('a', { restartCount: 1, current: exited(1), restartBackOff: { delayMs: 10_000, since: now - 5000 } })), steps: [crashLoop], wakeAt: now + 10_000,
  },
  {
    name: 'says so only once', pod: always,
    state: withContainers(record('a', { current: exited(1), waiting: { reason: 'CrashLoopBackOff' }, restartBackOff: { delayMs: 10_000, since: now - 5000 } })), steps: [], wakeAt: now + 10_000,
  },
  {
    name: 'keeps the reason of a command that is not there through the first wait', pod: always,
    state: withContainers(record('a', {
      restartCount: 1, waiting: { reason: 'RunContainerError' }, restartBackOff: { delayMs: 10_000, since: now },
      current: run({ exit: { exitCode: 128, reason: 'StartError', finishedAt: now } }),
    })),
    steps: [], wakeAt: now + 10_000,
  },
  { name: 'does not restart under Never', pod: never, state: withContainers(record('a', { current: exited(1) })), steps: [{ do: 'destroySandbox' }] },
  { name: 'does not restart after success under OnFailure', pod: podOf({ restartPolicy: 'OnFailure' }), state: withContainers(record('a', { current: exited(0) })), steps: [{ do: 'destroySandbox' }] },
  { name: 'restarts a failure under OnFailure', pod: podOf({ restartPolicy: 'OnFailure' }), state: withContainers(record('a', { current: exited(2) })), steps: [start('a')] },
  {
    name: 'heeds a restart rule for an exit code', pod: podOf({
      restartPolicy: 'Never', containers: [{ name: 'a', restartPolicyRules: [{ action: 'Restart', exitCodes: { operator: 'In', values: [42] } }] }],
    }),
    state: withContainers(record('a', { current: exited(42) })), steps: [start('a')],
  },
  {
    name: 'heeds the first rule that fits', pod: podOf({
      restartPolicy: 'Never', containers: [{ name: 'a', restartPolicy: 'Never', restartPolicyRules: [{ action: 'Restart', exitCodes: { operator: 'NotIn', values: [1] } }, all(42)] }, { name: 'b' }],
    }),
    state: withContainers(record('a', { current: exited(42) }), running('b')), steps: [start('a')],
  },
  { name: 'begins anew when a container’s end asks for it', pod: watched, state: withContainers(record('i', { current: exited(0) }), record('s', { current: exited(88) }), running('a')), steps: [{ do: 'restartAll' }] },
  {
    name: 'kills all that runs to begin anew', pod: watched,
    state: { ...withContainers(record('i', { current: exited(0) }), record('s', { current: exited(88) }), running('a')), restartingAll: true }, steps: [{ do: 'kill', container: 'a' }],
  },
  {
    name: 'waits for what was killed to begin anew', pod: watched,
    state: { ...withContainers(record('s', { current: exited(88) }), running('a', { stopping: { since: now, killAt: now, killed: true, killAgainAt: now + 9 } })), restartingAll: true }, steps: [], wakeAt: now + 9,
  },
  {
    name: 'begins anew once none is left', pod: watched,
    state: { ...withContainers(record('i', { current: exited(137) }), record('s', { current: exited(88) }), record('a', { current: exited(137) })), restartingAll: true }, steps: [{ do: 'beginAnew' }],
  },
  {
    name: 'backs off from beginning anew', pod: watched,
    state: { ...withContainers(record('s', { current: exited(88), restartBackOff: { delayMs: 10_000, since: now } }), record('a', { current: exited(137) })), restartingAll: true }, steps: [], wakeAt: now + 10_000,
  },
  {
    name: 'does not begin anew when the containers have ended before', pod: watched,
    state: withContainers(record('i', { current: exited(0) }), record('s', { current: exited(88) }), record('a', { current: exited(0) })), steps: [{ do: 'destroySandbox' }],
  },
  {
    name: 'ends a pod that is deleted while it begins anew', pod: { ...watched, metadata: { ...watched.metadata, ...deleted } },
    state: { ...withContainers(record('s', { current: exited(88) }), record('a', { current: exited(137) })), restartingAll: true }, steps: [{ do: 'destroySandbox' }],
  },
  { name: 'does not restart a container under its own Never', pod: podOf({ containers: [{ name: 'a', restartPolicy: 'Never' }, { name: 'b' }] }), state: withContainers(record('a', { current: exited(1) }), running('b')), steps: [] },
  { name: 'restarts a container under its own Always', pod: podOf({ restartPolicy: 'Never', containers: [{ name: 'a', restartPolicy: 'Always' }, { name: 'b' }] }), state: withContainers(record('a', { current: exited(0) }), running('b')), steps: [start('a')] },
  { name: 'ends the pod with an init container that failed under its own Never', pod: podOf({ initContainers: [{ name: 'i', restartPolicy: 'Never' }] }), state: withContainers(record('i', { current: exited(1) })), steps: [{ do: 'destroySandbox' }] },
  { name: 'runs init containers one after the other', pod: podOf({ initContainers: [{ name: 'i' }, { name: 'j' }] }), state: ready, steps: [start('i')] },
  {
    name: 'goes on after an init container that succeeded', pod: podOf({ initContainers: [{ name: 'i' }, { name: 'j' }] }),
    state: withContainers(record('i', { current: exited(0) })), steps: [start('j')],
  },
  {
    name: 'starts the containers after the last init container', pod: podOf({ initContainers: [{ name: 'i' }] }),
    state: withContainers(record('i', { current: exited(0) })), steps: [start('a')],
  },
  {
    name: 'ends the pod when an init container fails under Never', pod: podOf({ restartPolicy: 'Never', initContainers: [{ name: 'i' }] }),
    state: withContainers(record('i', { current: exited(1) })), steps: [{ do: 'destroySandbox' }],
  },
  {
    name: 'waits for a sidecar to have started', pod: podOf({ initContainers: [{ name: 's', restartPolicy: 'Always' }] }),
    state: withContainers(running('s', { health: { started: false, ready: false } })), steps: [],
  },
  {
    name: 'waits for the postStart hook of a sidecar', pod: podOf({ initContainers: [{ name: 's', restartPolicy: 'Always' }] }),
    state: withContainers(running('s', { activity: 'postStart' })), steps: [],
  },
  {
    name: 'runs the containers beside a sidecar', pod: podOf({ initContainers: [{ name: 's', restartPolicy: 'Always' }] }),
    state: withContainers(running('s')), steps: [start('a')],
  },
  {
    name: 'stops sidecars after the containers have ended', pod: podOf({ restartPolicy: 'Never', initContainers: [{ name: 's', restartPolicy: 'Always' }] }),
    state: withContainers(running('s'), record('a', { current: exited(0) })), steps: [stop('s')],
  },
  ...([['startup', 7], ['liveness', 9], [undefined, 5]] as const).map(([failedProbe, seconds]) => ({
    name: `stops a container with the grace period of who condemns it: ${failedProbe ?? 'a hook'}`,
    pod: podOf({ terminationGracePeriodSeconds: 5, containers: [{ name: 'a', startupProbe: { terminationGracePeriodSeconds: 7 }, livenessProbe: { terminationGracePeriodSeconds: 9 } }] }),
    state: withContainers(running('a', { health: { started: false, ready: false, failed: 'no', ...(failedProbe === undefined ? {} : { failedProbe }) } })),
    steps: [{ do: 'stop' as const, container: 'a', graceMs: seconds * 1000, message: 'no' }],
  })),
  {
    name: 'stops an unhealthy container', pod: always, state: withContainers(running('a', { health: { started: true, ready: true, failed: 'Container a failed liveness probe, will be restarted' } })),
    steps: [stop('a', 30_000, 'Container a failed liveness probe, will be restarted')],
  },
  {
    name: 'tries a failed pull again when due', pod: always,
    state: withContainers(record('a', { waiting: { reason: 'ImagePullBackOff' }, failedAt: now - 5000, retryAt: now + 5000 })), steps: [], wakeAt: now + 5000,
  },
  {
    name: 'shows a pull error before the back-off', pod: always,
    state: withContainers(record('a', { waiting: { reason: 'ErrImagePull', message: 'no' }, failedAt: now, retryAt: now + 10_000 })), steps: [], wakeAt: now + 2000,
  },
  {
    name: 'then shows the back-off', pod: podOf({ containers: [{ name: 'a', image: 'web:1' }] }),
    state: withContainers(record('a', { waiting: { reason: 'ErrImagePull', message: 'no' }, failedAt: now - 2000, retryAt: now + 8000 })),
    steps: [{ do: 'backOff', container: 'a', waiting: { reason: 'ImagePullBackOff', message: 'Back-off pulling image "web:1": ErrImagePull: no' } }], wakeAt: now + 8000,
  },
  { name: 'stops the containers of a deleted pod with its own grace period', pod: podOf({}, deleted), state: withContainers(running('a')), steps: [stop('a', 5000)] },
  {
    name: 'kills when the grace period is over', pod: podOf({}, deleted), state: withContainers(running('a', { stopping: { since: now - 5000, killAt: now, killed: false } })),
    steps: [{ do: 'kill', container: 'a' }],
  },
  {
    name: 'heeds a grace period that was shortened', pod: podOf({}, { ...deleted, deletionGracePeriodSeconds: 1 }),
    state: withContainers(running('a', { stopping: { since: now - 2000, killAt: now + 28_000, killed: false } })), steps: [{ do: 'kill', container: 'a' }],
  },
  {
    name: 'kills once', pod: podOf({}, deleted), state: withContainers(running('a', { stopping: { since: now - 9000, killAt: now - 4000, killed: true } })), steps: [], wakeAt: now + 6000,
  },
  {
    name: 'takes down the sandbox with a container that SIGKILL does not end', pod: podOf({}, deleted),
    state: withContainers(running('a', { stopping: { since: now - 15_000, killAt: now - 10_000, killed: true } })), steps: [{ do: 'destroySandbox' }],
  },
  {
    name: 'tries that again in its time', pod: podOf({}, deleted),
    state: { ...withContainers(running('a', { stopping: { since: now - 15_000, killAt: now - 10_000, killed: true } })), sandboxRetryAt: now + 2000 }, steps: [], wakeAt: now + 2000,
  },
  { name: 'leaves a pod alone whose supervisor is silent', pod: always, state: { ...withContainers(running('a', { health: { started: true, ready: true, failed: 'no' } })), sandbox: 'silent' }, steps: [] },
  { name: 'asks a silent pod to end', pod: podOf({}, deleted), state: { ...withContainers(running('a')), sandbox: 'silent' }, steps: [stop('a', 5000)] },
  {
    name: 'gives a silent pod its grace period', pod: podOf({}, deleted),
    state: { ...withContainers(running('a', { stopping: { since: now - 1000, killAt: now + 4000, killed: false } })), sandbox: 'silent' }, steps: [], wakeAt: now + 4000,
  },
  {
    name: 'takes down the sandbox of a silent pod after it', pod: podOf({}, deleted),
    state: { ...withContainers(running('a', { stopping: { since: now - 5000, killAt: now, killed: false } })), sandbox: 'silent' }, steps: [{ do: 'destroySandbox' }],
  },
  { name: 'takes down a silent sandbox in which nothing is known to run', pod: podOf({}, deleted), state: { ...ready, sandbox: 'silent' }, steps: [{ do: 'destroySandbox' }] },
  { name: 'clears a deleted pod: sandbox', pod: podOf({}, deleted), state: withContainers(record('a', { current: exited(0) })), steps: [{ do: 'destroySandbox' }] },
  { name: 'clears a deleted pod: volumes', pod: podOf({}, deleted), state: { ...ready, sandbox: 'absent' }, steps: [{ do: 'removeVolumes' }] },
  { name: 'clears a deleted pod: its object last', pod: podOf({}, deleted), state: { ...ready, sandbox: 'absent', volumes: 'absent' }, steps: [{ do: 'delete' }] },
  { name: 'asks for the deletion once', pod: podOf({}, deleted), state: { ...ready, sandbox: 'absent', volumes: 'absent', deleting: true }, steps: [] },
  { name: 'forgets a pod that left the API', pod: always, state: { ...newState(now), removed: true }, steps: [{ do: 'forget' }] },
  { name: 'stops a pod that left the API with a second\'s notice', pod: always, state: { ...withContainers(running('a')), removed: true }, steps: [stop('a', 1000)] },
  { name: 'gives a static pod whose file is gone the time that it asks for', pod: podOf({ terminationGracePeriodSeconds: 7 }, { uid: 'a'.repeat(32) }), state: { ...withContainers(running('a')), removed: true }, steps: [stop('a', 7000)] },
  { name: 'keeps the object of a finished pod', pod: never, state: { ...withContainers(record('a', { current: exited(0) })), sandbox: 'absent', volumes: 'absent' }, steps: [] },
  {
    name: 'ends a pod that has been active for too long', pod: podOf({ activeDeadlineSeconds: 5 }), state: withContainers(running('a')),
    steps: [{ do: 'fail', outcome: { phase: 'Failed', reason: 'DeadlineExceeded', message: 'Pod was active on the node longer than the specified deadline' } }],
  },
  {
    name: 'lets no pod in that asks for a sysctl of the machine', pod: podOf({ securityContext: { sysctls: [{ name: 'net.ipv4.ip_forward', value: '1' }] } }), state: newState(now),
    steps: [{ do: 'reject', reason: 'SysctlForbidden', message: 'forbidden sysctl: "net.ipv4.ip_forward" not allowlisted' }],
  },
  {
    name: 'lets no pod in that is for another system', pod: podOf({ os: { name: 'windows' } }), state: newState(now),
    steps: [{ do: 'reject', reason: 'PodOSNotSupported', message: "Failed to admit pod as the OS field doesn't match node OS" }],
  },
  { name: 'wakes for that deadline', pod: podOf({ activeDeadlineSeconds: 6 }), state: withContainers(running('a')), steps: [], wakeAt: now + 1000 },
];

describe('the plan of a pod', () => {
  it.each(rows)('$name', ({ pod, state, steps, wakeAt }) => {
    expect(plan(pod, state, now)).toEqual({ steps, ...(wakeAt === undefined ? {} : { wakeAt }) });
  });
});

describe('the back-off between restarts', () => {
  it('begins at once, doubles from 10 seconds to 5 minutes, and is forgotten after a long run', () => {
    let backOff;
    let at = 0;
    const waits: number[] = [];
    for (let attempt = 0; attempt < 8; attempt += 1) {
      const due = nextAttemptAt(backOff, at);
      waits.push(due - at);
      backOff = afterAttempt(backOff, at, due);
      at = due + 1000;
    }
    expect(waits).toEqual([0, 10_000, 20_000, 40_000, 80_000, 160_000, 300_000, 300_000]);
    expect(nextAttemptAt(backOff, at + 600_001)).toBe(at + 600_001);
  });

  it.each([[10_000, '10s'], [80_000, '1m20s'], [300_000, '5m0s']])('%i ms is written %s', (ms, text) => {
    expect(formatSeconds(ms)).toBe(text);
  });
});

describe('a pod whose machine goes down', () => {
  const state = withContainers(running('a'));

  it('has failed, by no fault of its own', () => {
    expect(goingDown(always, state, now).outcome).toEqual({ phase: 'Failed', reason: 'Terminated', message: 'Pod was terminated in response to imminent node shutdown.', isDisruption: true, endBy: now });
  });

  it('keeps the reason that it had to end before', () => {
    const evicted = { phase: 'Failed', reason: 'Evicted', message: 'm', graceSeconds: 60 } as const;
    expect(goingDown(always, { ...state, outcome: evicted }, now).outcome).toEqual({ ...evicted, endBy: now });
  });

  it('stays as it is when it has ended', () => {
    const ended = withContainers(record('a', { current: exited(0) }));
    expect(goingDown(never, ended, now)).toBe(ended);
    expect(goingDown(always, { ...state, removed: true }, now)).toEqual({ ...state, removed: true });
  });
});
