import { Readable } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { manualClock, type ManualClock } from '../../../machinery/clock.ts';
import type { Container, Pod, Probe } from '../../../machinery/kinds/core.ts';
import type { ExecSpec, Sandbox } from '../../runtime/runtime.ts';
import type { PodHandle } from '../handle.ts';
import { firstHealth, newState, recordOf, withRecord, type Health, type PodState } from '../state.ts';
import { createProber, type Prober } from './prober.ts';

/** Probes by a clock that tests drive; each is a command whose exit code the test decides. */
let clock: ManualClock;
let prober: Prober;
let state: PodState;
let startedAt: number;
/** By how much somebody has set the machine's clock back, milliseconds. */
let setBackMs: number;
/** When each probe was made, seconds after the container's start, by its command. */
let made: readonly (readonly [string, number])[];
let fails: Set<string>;
/** What a probe waits for before it answers. */
let taking: Promise<void> | undefined;
let working: AbortController;

beforeEach(() => {
  [clock, made, fails, working, taking] = [manualClock(), [], new Set(), new AbortController(), undefined];
  [startedAt, setBackMs] = [clock.now(), 0];
});
afterEach(() => {
  prober.stop();
  expect(clock.pending()).toBe(0);
});

const asks = (command: string, timing: Probe = {}): Probe => ({ exec: { command: [command] }, ...timing });

/** Only what a prober asks of a pod. */
function handleOf(pod: Pod): PodHandle {
  const sandbox = {
    refusal: undefined, exits: new Map(),
    async exec(_id: string, { args: [command = ''] }: ExecSpec) {
      made = [...made, [command, (clock.now() - startedAt) / 1000]];
      await taking;
      return { stdout: Readable.from([]), stderr: Readable.from([]), exit: Promise.resolve({ exitCode: fails.has(command) ? 1 : 0 }), close: () => undefined };
    },
  } as unknown as Sandbox;
  const handle = {
    node: { clock: { ...clock, now: () => clock.now() - setBackMs } }, working: working.signal, pod: () => pod, state: () => state, sandbox: () => sandbox, event: () => undefined,
    changeContainer(name: string, edit: (record: ReturnType<typeof recordOf>) => ReturnType<typeof recordOf>) {
      state = withRecord(state, edit(recordOf(state, name)));
      prober.follow();
    },
  };
  return handle as unknown as PodHandle;
}

function begin(container: Omit<Container, 'name'>): void {
  const pod: Pod = { metadata: { name: 'p', uid: 'u' }, spec: { containers: [{ name: 'a', ...container }] } };
  const current = { id: 'x', imageId: 'i', configId: 'c', image: 'img', logPath: '/l', startedAt };
  state = withRecord({ ...newState(startedAt), sandbox: 'ready', volumes: 'ready' }, { name: 'a', restartCount: 0, health: firstHealth({ name: 'a', ...container }), current });
  prober = createProber(handleOf(pod));
  prober.follow();
}

const health = (): Health => recordOf(state, 'a').health;

/** Lets seconds pass one by one, and what they bring happen. */
async function pass(seconds: number): Promise<void> {
  for (let second = 0; second <= seconds; second++) {
    clock.advance(second === 0 ? 0 : 1000);
    for (let times = 0; times < 10; times++) await turn();
  }
}

describe('a probe', () => {
  it('is made at once, and then every period', async () => {
    begin({ readinessProbe: asks('ready', { periodSeconds: 3 }) });
    await pass(7);
    expect(made).toEqual([['ready', 0], ['ready', 3], ['ready', 6]]);
  });

  it('is made no later because the clock was set back', async () => {
    const answered = Promise.withResolvers<void>();
    taking = answered.promise;
    begin({ readinessProbe: asks('ready', { periodSeconds: 3 }) });
    await pass(0);
    setBackMs = 3_600_000;
    answered.resolve();
    await pass(7);
    expect(made).toEqual([['ready', 0], ['ready', 3], ['ready', 6]]);
  });

  it('is made no later because the clock was set back after the container\'s start', async () => {
    setBackMs = 3_600_000;
    begin({ readinessProbe: asks('ready', { initialDelaySeconds: 2, periodSeconds: 3 }) });
    await pass(6);
    expect(made).toEqual([['ready', 2], ['ready', 5]]);
  });

  it('is made no later because the one before took long, and never beside it', async () => {
    const slow = Promise.withResolvers<void>();
    taking = slow.promise;
    begin({ readinessProbe: asks('ready', { periodSeconds: 3, timeoutSeconds: 30 }) });
    await pass(5);
    slow.resolve();
    taking = undefined;
    await pass(4);
    expect(made).toEqual([['ready', 0], ['ready', 5], ['ready', 8]]);
  });

  it('waits its initial delay from the container\'s start, also when another agent has begun it', async () => {
    begin({ readinessProbe: asks('ready', { initialDelaySeconds: 5, periodSeconds: 10 }) });
    await pass(2);
    prober.stop();
    const taken = createProber(handleOf({ metadata: { name: 'p', uid: 'u' }, spec: { containers: [{ name: 'a', readinessProbe: asks('ready', { initialDelaySeconds: 5, periodSeconds: 10 }) }] } }));
    prober = taken;
    prober.follow();
    await pass(4);
    expect(made).toEqual([['ready', 5]]);
  });

  it('is not delayed any more when it is its turn after the startup probe', async () => {
    begin({ startupProbe: asks('start', { periodSeconds: 4 }), livenessProbe: asks('live', { initialDelaySeconds: 6, periodSeconds: 10 }) });
    fails.add('start');
    await pass(7);
    fails.clear();
    await pass(2);
    expect(made).toEqual([['start', 0], ['start', 4], ['start', 8], ['live', 8]]);
  });

  it('of readiness needs as many passes and failures in a row as its thresholds say', async () => {
    begin({ readinessProbe: asks('ready', { periodSeconds: 1, successThreshold: 2, failureThreshold: 3 }) });
    await pass(0);
    expect(health().ready).toBe(false);
    await pass(1);
    expect(health().ready).toBe(true);
    fails.add('ready');
    await pass(2);
    expect(health().ready).toBe(true);
    await pass(1);
    expect(health()).toEqual({ started: true, ready: false });
  });

  it('of liveness condemns the container, by its name, and is not made again', async () => {
    begin({ livenessProbe: asks('live', { periodSeconds: 1, failureThreshold: 2 }) });
    fails.add('live');
    await pass(5);
    expect(made).toHaveLength(2);
    expect(health()).toMatchObject({ ready: true, failed: 'Container a failed liveness probe, will be restarted', failedProbe: 'liveness' });
  });

  it('of startup holds the others back, and condemns the container when it gives up', async () => {
    begin({ startupProbe: asks('start', { periodSeconds: 1, failureThreshold: 3 }), livenessProbe: asks('live'), readinessProbe: asks('ready') });
    fails.add('start');
    await pass(5);
    expect(made.map(([command]) => command)).toEqual(['start', 'start', 'start']);
    expect(health()).toMatchObject({ started: false, ready: false, failed: 'Container a failed startup probe, will be restarted', failedProbe: 'startup' });
  });
});
