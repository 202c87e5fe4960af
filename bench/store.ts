/**
 * Durable creates per second of the embedded store at 1, 16 and 64 in flight, beside what the disk allows in the same run,
 * and the longest turn of the event loop meanwhile.
 */
import { closeSync, fdatasyncSync, openSync, writeSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { openEmbedded } from '../api/store/embedded.ts';
import type { Store } from '../api/store/store.ts';

const runMs = 3000;
const valueBytes = 512;
/** Creates per second that the whole server must reach, and what kube-apiserver with etcd reached: performance page. */
const levels = [
  { inFlight: 1, target: 2000, peer: 371 },
  { inFlight: 16, target: 9000, peer: 1544 },
  { inFlight: 64, target: 10000, peer: 1867 },
] as const;

interface Measured {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly longestTurnMs: number;
}

const directory = await mkdtemp(join(tmpdir(), 'bench-store-'));
try {
  console.log(`fdatasync of ${valueBytes} appended bytes: p50 ${syncFloor(directory).toFixed(2)} ms`);
  const store = await openEmbedded({ path: join(directory, 'store') });
  try {
    for (const { inFlight, target, peer } of levels) {
      const { perSecond, p50Ms, p99Ms, longestTurnMs } = await creates(store, inFlight);
      console.log(
        `creates, ${inFlight} in flight: ${perSecond.toFixed(0)}/s (target for the whole server ${target}, kube-apiserver ${peer}),`
        + ` p50 ${p50Ms.toFixed(2)} ms, p99 ${p99Ms.toFixed(2)} ms, longest turn ${longestTurnMs.toFixed(1)} ms`,
      );
    }
  } finally {
    await store.close();
  }
} finally {
  await rm(directory, { recursive: true });
}

/** Median in milliseconds. */
function syncFloor(path: string): number {
  const file = openSync(join(path, 'floor'), 'w');
  const taken: number[] = [];
  for (let i = 0; i < 500; i++) {
    writeSync(file, Buffer.alloc(valueBytes));
    const start = performance.now();
    fdatasyncSync(file);
    taken.push(performance.now() - start);
  }
  closeSync(file);
  return quantile(taken, 0.5);
}

async function creates(store: Store, inFlight: number): Promise<Measured> {
  const value = Buffer.alloc(valueBytes, 'x');
  const delay = monitorEventLoopDelay({ resolution: 1 });
  const taken: number[] = [];
  delay.enable();
  const start = performance.now();
  async function client(id: number): Promise<void> {
    for (let i = 0; performance.now() - start < runMs; i++) {
      const key = `/registry/core/configmaps/bench/${inFlight}-${id}-${i}`;
      const sent = performance.now();
      await store.commit({ compares: [{ key, revision: 0 }], writes: [{ type: 'put', key, value }] });
      taken.push(performance.now() - sent);
    }
  }
  await Promise.all(Array.from({ length: inFlight }, (_, id) => client(id)));
  const seconds = (performance.now() - start) / 1000;
  delay.disable();
  return { perSecond: taken.length / seconds, p50Ms: quantile(taken, 0.5), p99Ms: quantile(taken, 0.99), longestTurnMs: delay.max / 1e6 };
}

function quantile(values: readonly number[], q: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length * q)] ?? 0;
}
