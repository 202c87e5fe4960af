import { describe, expect, it } from 'vitest';
import { manualClock } from '../../machinery/clock.ts';
import type { Pod } from '../../machinery/kinds/core.ts';
import { silentLog } from '../../client/log.ts';
import { newState, type PodState } from '../pod/state.ts';
import type { Eviction, PodWorker } from '../pod/worker.ts';
import type { Sandbox } from '../runtime/runtime.ts';
import type { MachineReading } from '../stats/machine.ts';
import type { Reading } from '../stats/meter.ts';
import type { PodStorage } from '../stats/storage.ts';
import { createEvictionManager } from './manager.ts';
import { evictionSettings, parseThresholds } from './thresholds.ts';

const mebibyte = 1024 ** 2;

/** A machine whose numbers a test sets, and pods on it that go as soon as they are evicted. */
function scene({ reclaims = 0, thresholds = 'memory.available<100Mi,nodefs.available<10%' } = {}) {
  const clock = manualClock();
  const numbers = { memory: 900, disk: 50 };
  const evicted: (readonly [string, Eviction])[] = [];
  const events: string[] = [];
  const pods: PodWorker[] = [];
  const stop = new AbortController();
  let looked = Promise.withResolvers<void>();
  const machine = (): MachineReading => ({
    at: clock.now(), startedAt: 0, cpuNanos: 0, interfaces: [], processes: { most: 1000, running: 1 },
    memory: { totalBytes: 1000 * mebibyte, usageBytes: 0, workingSetBytes: (1000 - numbers.memory) * mebibyte, rssBytes: 0, swapBytes: 0 },
    disk: { capacityBytes: 1000 * mebibyte, availableBytes: numbers.disk * 10 * mebibyte, usedBytes: 0, inodes: 0, inodesFree: 0 },
  });
  const uses = new Map<PodWorker, number>();
  const cpu = { at: 0, nanos: 0 };
  const usageOf = (bytes: number) => ({ cpuNanos: 0, cpuPeriods: 0, throttledPeriods: 0, throttledNanos: 0, memoryBytes: bytes, memoryUsageBytes: bytes, rssBytes: 0, cacheBytes: 0, swapBytes: 0, pageFaults: 0, majorPageFaults: 0, pids: 1 });
  const manager = createEvictionManager({
    settings: evictionSettings({ hard: parseThresholds(thresholds) }), list: () => pods, clock, log: silentLog, nodeName: 'n', changed: () => events.push(manager.pressures().join()),
    meter: {
      async read(): Promise<Reading> {
        return { machine: machine(), cpu, pods: pods.map((worker) => ({ worker, usage: usageOf(uses.get(worker) ?? 0), cpu, interfaces: [], containers: [{ name: 'c', id: 'i', image: '', startedAt: 0, cpu, usage: usageOf(uses.get(worker) ?? 0) }] })) };
      },
      machine: async () => machine(),
      storage: { keepOnly: () => undefined, measure: async (worker): Promise<PodStorage> => ({ at: 0, volumes: new Map(), containers: new Map([['c', { rootfs: { bytes: uses.get(worker) ?? 0, inodes: 1 }, logs: { bytes: 0, inodes: 0 } }]]) }) },
    },
    readMemory: async () => machine().memory,
    recorder: { record: (_regarding, type, reason, message) => void events.push(`${type} ${reason}: ${message}`), drain: () => Promise.resolve() },
    reclaim: [async () => {
      numbers.disk += reclaims;
    }],
  });

  function add(name: string, mebibytes: number, priority = 0): void {
    const pod: Pod = { metadata: { name, uid: name }, spec: { priority, containers: [{ name: 'c', resources: { requests: { memory: '1Mi' } } }] } };
    let state: PodState = { ...newState(0), sandbox: 'ready', volumes: 'ready', containers: new Map() };
    const worker = {
      uid: name, pod: () => pod, granted: () => pod, state: () => state, sandbox: () => ({}) as Sandbox, onChange: () => () => undefined,
      evict(eviction: Eviction) {
        evicted.push([name, eviction]);
        state = { ...state, sandbox: 'absent', volumes: 'absent', outcome: { phase: 'Failed', reason: 'Evicted', message: '' } };
        pods.splice(pods.indexOf(worker), 1);
        numbers.memory += mebibytes;
        numbers.disk += mebibytes / 10;
        looked.resolve();
        return true;
      },
    } as unknown as PodWorker;
    uses.set(worker, mebibytes * mebibyte);
    pods.push(worker);
  }

  return {
    numbers, evicted, events, manager, add,
    start: () => manager.run(stop.signal),
    stop: () => { stop.abort(); },
    clock,
    async anEviction(): Promise<void> {
      await looked.promise;
      looked = Promise.withResolvers();
    },
    /** The manager rests until the next look. */
    resting: () => expect.poll(() => clock.pending()).toBe(1),
  };
}

describe('a node that runs short', () => {
  it('ends the pod that uses most, says why, and then no other when that was enough', async () => {
    const test = scene();
    test.add('small', 50);
    test.add('large', 400);
    test.add('critical', 500, 2_000_000_000);
    const running = test.start();
    await test.resting();
    expect(test.evicted).toEqual([]);
    test.numbers.memory = 90;
    // Within a second, not at the next look.
    test.clock.advance(1000);
    await test.anEviction();
    await test.resting();
    const message = 'The node was low on resource: memory. Threshold quantity: 100Mi, available: 90Mi. Container c was using 400Mi, request is 1Mi, has larger consumption of memory. ';
    expect(test.evicted).toEqual([['large', { message, graceSeconds: 1, isDisruption: true }]]);
    expect(test.events).toEqual(['MemoryPressure', 'Warning EvictionThresholdMet: Attempting to reclaim memory']);
    expect(test.manager.refusal({ spec: { containers: [{ name: 'c' }] } })).toEqual({ reason: 'Evicted', message: 'The node had condition: [MemoryPressure]. ' });
    test.stop();
    await running;
  });

  it('frees its disk of what nobody needs before it ends anything', async () => {
    const test = scene({ reclaims: 20 });
    test.add('one', 100);
    test.numbers.disk = 5;
    const running = test.start();
    await test.resting();
    expect(test.events).toEqual(['DiskPressure', 'Warning EvictionThresholdMet: Attempting to reclaim ephemeral-storage']);
    expect(test.evicted).toEqual([]);
    test.stop();
    await running;
  });

  it('ends pods for its disk when nothing else helps', async () => {
    const test = scene();
    test.add('one', 100);
    test.add('two', 200);
    test.numbers.disk = 5;
    const running = test.start();
    await test.anEviction();
    expect(test.evicted).toMatchObject([['two', { message: 'The node was low on resource: ephemeral-storage. Threshold quantity: 100Mi, available: 50Mi. Container c was using 200Mi, request is 0, has larger consumption of ephemeral-storage. ' }]]);
    test.stop();
    await running;
  });
});
