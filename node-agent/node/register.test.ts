import { tmpdir } from 'node:os';
import { describe, expect, it } from 'vitest';
import { manualClock } from '../../machinery/clock.ts';
import type { Node } from '../../machinery/kinds/core.ts';
import { createClient } from '../../client/client.ts';
import type { Recorder } from '../../client/events.ts';
import { silentLog } from '../../client/log.ts';
import { createNodeReporter } from './register.ts';
import { readNodeFacts } from './registration.ts';

const ready = (at: string): object => ({ status: { conditions: expect.arrayContaining([expect.objectContaining({ type: 'Ready', status: 'True', lastHeartbeatTime: at, lastTransitionTime: at })]), runtimeHandlers: [
  { name: '', features: { userNamespaces: true } }, { name: 'coracle', features: { userNamespaces: true } }, { name: 'runc', features: { userNamespaces: false } },
] } });

describe('reporting a node', () => {
  it('writes again what was written over its conditions while it was silent', async () => {
    const facts = await readNodeFacts({ name: 'a', address: '192.0.2.1', port: 10250, labels: {}, maxPods: 110, dataDir: tmpdir(), runtimeVersion: 'coracle://1', userNamespaces: true, foreignHandlers: ['runc'] });
    const silent = { type: 'Ready', status: 'Unknown', lastTransitionTime: '2025-12-31T00:00:00Z' };
    const node: Node = { metadata: { name: 'a', labels: facts.labels }, status: { conditions: [silent] } };
    const written: unknown[] = [];
    let told = Promise.withResolvers<void>();
    const client = createClient({
      async request({ verb, body }) {
        if (verb === 'get') return node;
        written.push(body);
        told.resolve();
        return node;
      },
      async *watch() {},
    });
    const clock = manualClock();
    const events: string[] = [];
    const recorder: Recorder = { record: ({ uid = '' }, _type, reason, message) => void events.push(`${uid}: ${reason}: ${message}`), drain: () => Promise.resolve() };
    const reporter = createNodeReporter({ client, clock, log: silentLog, recorder, facts, pressures: () => [], notReady: () => undefined, networkConfigured: () => true, images: async () => [] });
    const stop = new AbortController();
    const running = reporter.run(stop.signal);
    await told.promise;
    told = Promise.withResolvers();
    await expect.poll(() => clock.pending()).toBe(1);
    reporter.check(node);
    clock.advance(10_000);
    await told.promise;
    stop.abort();
    await running;
    expect(events[0]).toBe('a: Starting: Starting kubelet.');
    expect(events).toContain('a: NodeReady: Node a status is now: NodeReady');
    expect(written).toMatchObject([ready('2026-01-01T00:00:00Z'), ready('2026-01-01T00:00:10Z')]);
  });
});
