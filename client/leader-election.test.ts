import { describe, expect, it } from 'vitest';
import { manualClock, type ManualClock } from '../machinery/clock.ts';
import type { Lease } from '../machinery/kinds/cluster.ts';
import type { KubernetesObject } from '../machinery/kinds/kind.ts';
import { failure } from '../machinery/status.ts';
import { createClient } from './client.ts';
import { runElected } from './leader-election.ts';
import type { Transport } from './transport.ts';

/** One Lease with optimistic concurrency, that can be cut off for one caller. */
interface Shared {
  lease: Lease | undefined;
  transport(cut: () => boolean): Transport;
}

function shared(): Shared {
  let revision = 0;
  const self: Shared = {
    lease: undefined,
    transport: (cut) => ({
      async request({ verb, body }): Promise<KubernetesObject> {
        if (cut()) throw failure('ServiceUnavailable', 'cut off');
        if (verb === 'get') {
          if (self.lease === undefined) throw failure('NotFound', 'no lease');
          return self.lease;
        }
        const written = body as Lease;
        if (verb === 'create' && self.lease !== undefined) throw failure('AlreadyExists', 'there is one');
        if (verb === 'update' && written.metadata?.resourceVersion !== self.lease?.metadata?.resourceVersion) throw failure('Conflict', 'modified');
        revision += 1;
        self.lease = { ...written, metadata: { ...written.metadata, resourceVersion: String(revision) } };
        return self.lease;
      },
      async *watch() { /* nobody watches */ },
    }),
  };
  return self;
}

const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => { setImmediate(resolve); });
};

interface Candidate {
  cut: boolean;
  leads: boolean;
  readonly stop: AbortController;
  readonly ended: Promise<void>;
}

function candidate(identity: string, api: Shared, clock: ManualClock): Candidate {
  const stop = new AbortController();
  const self = { cut: false, leads: false, stop } as { cut: boolean; leads: boolean; stop: AbortController; ended: Promise<void> };
  self.ended = runElected(createClient(api.transport(() => self.cut)), { namespace: 'kube-system', name: 'x', identity, clock, random: () => 0 }, async (signal) => {
    self.leads = true;
    await new Promise((resolve) => { signal.addEventListener('abort', resolve, { once: true }); });
    self.leads = false;
  }, stop.signal);
  return self;
}

async function pass(clock: ManualClock, seconds: number): Promise<void> {
  for (let second = 0; second < seconds; second += 1) {
    clock.advance(1000);
    await settle();
  }
}

describe('leader election', () => {
  it('lets one of two lead, for as long as it renews', async () => {
    const [api, clock] = [shared(), manualClock()];
    const a = candidate('a', api, clock);
    await settle();
    const b = candidate('b', api, clock);
    await pass(clock, 60);
    expect([a.leads, b.leads]).toEqual([true, false]);
    expect(api.lease?.spec).toMatchObject({ holderIdentity: 'a', leaseDurationSeconds: 15, leaseTransitions: 0 });
    for (const one of [a, b]) one.stop.abort();
    await Promise.all([a.ended, b.ended]);
  });

  it('stops who can renew no longer before another takes over', async () => {
    const [api, clock] = [shared(), manualClock()];
    const a = candidate('a', api, clock);
    await settle();
    const b = candidate('b', api, clock);
    await pass(clock, 5);
    a.cut = true;
    const both: boolean[] = [];
    for (let second = 0; second < 30; second += 1) {
      await pass(clock, 1);
      both.push(a.leads && b.leads);
    }
    expect(both).not.toContain(true);
    expect([a.leads, b.leads]).toEqual([false, true]);
    expect(api.lease?.spec).toMatchObject({ holderIdentity: 'b', leaseTransitions: 1 });
    for (const one of [a, b]) one.stop.abort();
    await Promise.all([a.ended, b.ended]);
  });

  it('gives the lease back when it is told to stop, so that the next need not wait', async () => {
    const [api, clock] = [shared(), manualClock()];
    const a = candidate('a', api, clock);
    await settle();
    const b = candidate('b', api, clock);
    a.stop.abort();
    await a.ended;
    expect(api.lease?.spec?.holderIdentity).toBe('');
    await pass(clock, 3);
    expect(b.leads).toBe(true);
    b.stop.abort();
    await b.ended;
  });
});
