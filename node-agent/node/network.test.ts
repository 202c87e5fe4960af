import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { manualClock } from '../../machinery/clock.ts';
import type { Node } from '../../machinery/kinds/core.ts';
import type { Informer } from '../../client/informer.ts';
import { silentLog } from '../../client/log.ts';
import type { PodNetwork } from '../runtime/runtime.ts';
import { lastNetworkIn } from './last-network.ts';
import { createNetworkKeeper } from './network.ts';

let dataDir: string;
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'coracle-network-'));
});
afterEach(async () => {
  await rm(dataDir, { recursive: true });
});

const nodeOf = (podCIDR: string): Node => ({ metadata: { name: 'n' }, spec: { podCIDR } });

/** Keeps the network by what the API says; undefined: it is out of reach. Resolves with what was set up, once pods can have addresses and `says` has been heard. */
async function setUp(first: Node | undefined, ...says: readonly Node[]): Promise<readonly string[]> {
  const [stop, made, handlers]: [AbortController, string[], Set<() => void>] = [new AbortController(), [], new Set()];
  let known = first === undefined ? [] : [first];
  const waits = new Map<number, () => void>();
  const nodes = { list: () => known, onChange: (handler: () => void) => { handlers.add(handler); return () => handlers.delete(handler); } } as unknown as Informer<Node>;
  const runtime = {
    async configureNetwork({ podCidr }: PodNetwork) {
      made.push(podCidr);
      waits.get(made.length)?.();
    },
  };
  const keeper = createNetworkKeeper({ runtime, nodes, nodeName: 'n', clusterCidr: undefined, last: lastNetworkIn(dataDir), clock: manualClock(), log: silentLog, changed: () => undefined });
  const running = keeper.run(stop.signal);
  await keeper.ready(AbortSignal.timeout(5000));
  for (const node of says) {
    const next = new Promise<void>((resolve) => void waits.set(made.length + 1, resolve));
    known = [node];
    for (const handler of handlers) handler();
    await next;
  }
  stop.abort();
  await running;
  return made;
}

describe('the pod network', () => {
  it('is what it was last while the API is out of reach, and what the API says from then on', async () => {
    expect(await setUp(nodeOf('10.1.0.0/24'))).toEqual(['10.1.0.0/24']);
    expect(await setUp(undefined)).toEqual(['10.1.0.0/24']);
    expect(await setUp(undefined, nodeOf('10.1.5.0/24'))).toEqual(['10.1.0.0/24', '10.1.5.0/24']);
    expect(await setUp(undefined)).toEqual(['10.1.5.0/24']);
  });

  it('does without a file that nobody can read', async () => {
    await writeFile(join(dataDir, 'pod-network.json'), '{');
    expect(await setUp(nodeOf('10.1.0.0/24'))).toEqual(['10.1.0.0/24']);
  });
});
