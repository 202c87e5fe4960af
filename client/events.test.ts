import { describe, expect, it } from 'vitest';
import { manualClock } from '../machinery/clock.ts';
import { Pod } from '../machinery/kinds/core.ts';
import type { KubernetesObject } from '../machinery/kinds/kind.ts';
import { failure } from '../machinery/status.ts';
import { createClient } from './client.ts';
import { createRecorder, referenceTo } from './events.ts';
import type { ApiRequest, Transport } from './transport.ts';

/** Keeps what is asked of it; patches fail when told to. */
function remote(): Transport & { readonly requests: ApiRequest[]; expired: boolean } {
  const requests: ApiRequest[] = [];
  const transport = {
    requests,
    expired: false,
    async request(request: ApiRequest): Promise<KubernetesObject> {
      requests.push(request);
      if (request.verb === 'patch' && transport.expired) throw failure('NotFound', 'events not found');
      return typeof request.body === 'object' && request.body !== null ? request.body : {};
    },
    async *watch() { /* nothing happens */ },
  };
  return transport;
}

const pod = { metadata: { namespace: 'default', name: 'web', uid: 'u1' } };

function setUp(): { api: ReturnType<typeof remote>; clock: ReturnType<typeof manualClock>; say: (message: string) => Promise<void> } {
  const api = remote();
  const clock = manualClock(Date.UTC(2026, 0, 1));
  const recorder = createRecorder(createClient(api), { component: 'tester', clock, random: () => 0 });
  return { api, clock, say: async (message) => {
    recorder.record(referenceTo(Pod, pod), 'Warning', 'Failed', message);
    await recorder.drain();
  } };
}

describe('an event recorder', () => {
  it('writes an Event about the object', async () => {
    const { api, say } = setUp();
    await say('no room');
    expect(api.requests[0]?.body).toEqual({
      apiVersion: 'v1', kind: 'Event', metadata: { namespace: 'default', name: `web.${(BigInt(Date.UTC(2026, 0, 1)) * 1_000_000n).toString(16)}` },
      involvedObject: { apiVersion: 'v1', kind: 'Pod', namespace: 'default', name: 'web', uid: 'u1' }, type: 'Warning', reason: 'Failed', message: 'no room',
      source: { component: 'tester' }, reportingComponent: 'tester', reportingInstance: '', count: 1,
      firstTimestamp: '2026-01-01T00:00:00Z', lastTimestamp: '2026-01-01T00:00:00Z',
    });
  });

  it('writes what lingers in its order and with its own time, when that is over or nothing else will come', async () => {
    const api = remote();
    const clock = manualClock(Date.UTC(2026, 0, 1));
    const recorder = createRecorder(createClient(api), { component: 'tester', clock, random: () => 0, lingerMs: 2000 });
    recorder.record(referenceTo(Pod, pod), 'Normal', 'Pulled', 'one');
    clock.advance(1000);
    recorder.record(referenceTo(Pod, pod), 'Normal', 'Created', 'two');
    expect(api.requests).toEqual([]);
    clock.advance(1000);
    recorder.record(referenceTo(Pod, pod), 'Normal', 'Started', 'three');
    await recorder.drain();
    expect(api.requests.map(({ body }) => body)).toMatchObject([
      { message: 'one', firstTimestamp: '2026-01-01T00:00:00Z' }, { message: 'two', firstTimestamp: '2026-01-01T00:00:01Z' }, { message: 'three', firstTimestamp: '2026-01-01T00:00:02Z' },
    ]);
    expect(clock.pending()).toBe(0);
  });

  it('counts a repetition on the first Event', async () => {
    const { api, clock, say } = setUp();
    await say('no room');
    clock.advance(5000);
    await say('no room');
    expect(api.requests.map(({ verb }) => verb)).toEqual(['create', 'patch']);
    expect(api.requests[1]?.body).toEqual({ count: 2, message: 'no room', lastTimestamp: '2026-01-01T00:00:05Z' });
  });

  it('writes a new Event when the first has expired', async () => {
    const { api, say } = setUp();
    await say('no room');
    api.expired = true;
    await say('no room');
    expect(api.requests.map(({ verb }) => verb)).toEqual(['create', 'patch', 'create']);
  });

  it('combines many that differ in their message only', async () => {
    const { api, say } = setUp();
    for (let number = 0; number < 12; number += 1) await say(`no room ${number}`);
    expect(api.requests.filter(({ verb }) => verb === 'create')).toHaveLength(10);
    expect(api.requests.at(-1)?.body).toMatchObject({ count: 3, message: '(combined from similar events): no room 11' });
  });

  it('lets a source say only so much about one object', async () => {
    const { api, clock, say } = setUp();
    for (let number = 0; number < 40; number += 1) await say('again');
    expect(api.requests).toHaveLength(25);
    clock.advance(300_000);
    await say('again');
    expect(api.requests).toHaveLength(26);
  });
});
