import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { manualClock, type ManualClock } from '../../machinery/clock.ts';
import type { Pod } from '../../machinery/kinds/core.ts';
import { silentLog } from '../../client/log.ts';
import { newState, type PodState } from '../pod/state.ts';
import type { PodWorker } from '../pod/worker.ts';
import { createShutdownManager, type ShutdownManager } from './manager.ts';
import { shutdownPeriods } from './periods.ts';

const critical = 2_000_000_000;

/** A login manager that tests speak for, and pods that end when tests say so. */
let clock: ManualClock;
let stop: AbortController;
let told: string[];
let pods: PodWorker[];
let tell: (isGoingDown: boolean) => void;
/** What the login manager refuses, and how often yet. */
let refusals: Map<string, number>;
let longestMs: number;
/** Ends the inhibitor, or the following, from outside. */
let breaks: Map<string, (reason: string) => void>;
let manager: ShutdownManager;
let running: Promise<void>;

beforeEach(() => {
  [clock, stop, told, pods, refusals, breaks, longestMs] = [manualClock(), new AbortController(), [], [], new Map(), new Map(), 35_000];
});
afterEach(async () => {
  stop.abort();
  await running;
  expect(clock.pending()).toBe(0);
});

function refuse(what: string): void {
  const left = refusals.get(what) ?? 0;
  refusals.set(what, left - 1);
  if (left > 0) throw new Error(`no ${what}`);
}

/** With 20 seconds for pods and then 10 for critical ones. */
async function begin(): Promise<void> {
  manager = createShutdownManager({
    periods: shutdownPeriods({ graceMs: 30_000, criticalMs: 10_000 }), list: () => pods, clock, log: silentLog, nodeName: 'n',
    recorder: { record: (_regarding, _type, reason, message) => void told.push(`${reason}: ${message}`), drain: () => Promise.resolve() },
    statuses: { flush: async (uid) => void told.push(`${uid} is written`) },
    changed: () => void told.push(manager.notReady() ?? 'Ready'),
    logind: {
      async allowDelay(ms) {
        refuse('bus');
        told.push(`asks for ${ms / 1000} s`);
        return { ms: Math.min(ms, longestMs) };
      },
      async inhibit(signal) {
        refuse('inhibitor');
        const ended = Promise.withResolvers<string>();
        breaks.set('inhibitor', ended.resolve);
        signal.addEventListener('abort', () => ended.resolve('aborted'));
        told.push('inhibits');
        return { ended: ended.promise, release: async () => void told.push('released') };
      },
      follow(listener, signal) {
        refuse('following');
        const failed = Promise.withResolvers<never>();
        breaks.set('following', (reason) => failed.reject(new Error(reason)));
        signal.addEventListener('abort', () => failed.reject(signal.reason));
        tell = listener;
        told.push('follows');
        return failed.promise;
      },
    },
  });
  running = manager.run(stop.signal);
  await expect.poll(() => told).toContain('follows');
  await expect.poll(() => told).toContain('inhibits');
  told.length = 0;
}

/** The answer ends the pod. */
function add(uid: string, priority: number): () => void {
  const pod: Pod = { metadata: { uid, name: uid }, spec: { priority, containers: [{ name: 'c' }] } };
  let state: PodState = { ...newState(0), sandbox: 'ready', volumes: 'ready' };
  const listeners = new Set<() => void>();
  pods.push({
    uid, pod: () => pod, state: () => state, goDown: (endBy: number) => void told.push(`${uid} ends in ${(endBy - clock.now()) / 1000} s`),
    onChange(listener: () => void) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  } as unknown as PodWorker);
  return () => {
    state = { ...state, sandbox: 'absent', volumes: 'absent' };
    for (const listener of listeners) listener();
  };
}

const detected = 'Shutdown: Shutdown manager detected shutdown event';
const down = 'node is shutting down';

describe('a machine that goes down', () => {
  it('waits for its pods, the critical ones last, and until all of it is written', async () => {
    const [endWeb, endDns] = [add('web', 0), add('dns', critical)];
    await begin();
    expect([manager.notReady(), manager.refusal()]).toEqual([undefined, undefined]);
    tell(true);
    expect(told.splice(0)).toEqual([detected, 'web ends in 20 s', down]);
    expect(manager.refusal()).toEqual({ reason: 'NodeShutdown', message: 'Pod was rejected as the node is shutting down.' });
    endWeb();
    await expect.poll(() => told.splice(0)).toEqual(['dns ends in 10 s']);
    endDns();
    await expect.poll(() => told).toContain('released');
    expect(told).toEqual(['web is written', 'dns is written', 'released']);
    expect(manager.notReady()).toBe(down);
  });

  it('does not wait for pods that don\'t end in their time', async () => {
    add('web', 0);
    add('dns', critical);
    await begin();
    tell(true);
    clock.advance(20_000);
    await expect.poll(() => told).toContain('dns ends in 10 s');
    clock.advance(10_000);
    await expect.poll(() => clock.pending()).toBe(3);
    expect(told).not.toContain('released');
    clock.advance(5000);
    await expect.poll(() => told).toContain('released');
  });

  it('leaves those alone that have ended', async () => {
    add('done', 0)();
    await begin();
    tell(true);
    await expect.poll(() => told).toContain('released');
    expect(told).toEqual([detected, down, 'done is written', 'released']);
  });

  it('that does not go down after all is as before', async () => {
    add('web', 0);
    add('dns', critical);
    await begin();
    tell(true);
    told.length = 0;
    tell(false);
    expect(told.splice(0)).toEqual(['Shutdown: Shutdown manager detected shutdown cancellation', 'Ready']);
    expect(manager.refusal()).toBeUndefined();
    // Who was not ended yet stays, and the inhibitor is held.
    await expect.poll(() => clock.pending()).toBe(0);
    expect(told).toEqual([]);
    tell(true);
    expect(told).toContain('web ends in 20 s');
  });

  it('is delayed anew after it did not go down', async () => {
    await begin();
    tell(true);
    await expect.poll(() => told).toContain('released');
    told.length = 0;
    tell(false);
    await expect.poll(() => told).toContain('inhibits');
  });

  it('takes time from those that matter least when it does not wait so long', async () => {
    longestMs = 20_000;
    add('web', 0);
    await begin();
    tell(true);
    expect(told).toContain('web ends in 5 s');
  });
});

describe('a login manager', () => {
  it('that can\'t be asked is told of once, and asked again', async () => {
    refusals.set('bus', 2);
    const begun = begin();
    await expect.poll(() => clock.pending()).toBe(1);
    clock.advance(1000);
    await expect.poll(() => refusals.get('bus')).toBe(0);
    await expect.poll(() => clock.pending()).toBe(1);
    clock.advance(2000);
    await expect.poll(() => told).toContain('inhibits');
    expect(told.filter((each) => each.includes('no bus'))).toEqual(['NoGracefulShutdown: graceful node shutdown is not in force: no bus']);
    await begun;
  });

  it('is followed again when that broke off, while the inhibitor is held', async () => {
    await begin();
    breaks.get('following')?.('the bus is gone');
    await expect.poll(() => clock.pending()).toBe(1);
    clock.advance(1000);
    await expect.poll(() => told).toContain('follows');
    expect(told).toEqual(['NoGracefulShutdown: graceful node shutdown is not in force: the bus is gone', 'follows']);
  });

  it('is asked to wait again when the inhibitor is lost', async () => {
    await begin();
    breaks.get('inhibitor')?.('killed');
    await expect.poll(() => clock.pending()).toBe(1);
    clock.advance(1000);
    await expect.poll(() => told).toContain('inhibits');
  });

  it('that is lost just before the agent is stopped is not told of', async () => {
    await begin();
    breaks.get('inhibitor')?.('interrupted');
    breaks.get('following')?.('interrupted');
    await expect.poll(() => clock.pending()).toBe(2);
    stop.abort();
    await running;
    expect(told).toEqual(['released']);
  });

  it('is not asked by an agent that was not told to', async () => {
    manager = createShutdownManager({ periods: [], list: () => pods, clock, log: silentLog, nodeName: 'n' } as unknown as Parameters<typeof createShutdownManager>[0]);
    running = manager.run(stop.signal);
    await running;
    expect(manager.notReady()).toBeUndefined();
  });
});
