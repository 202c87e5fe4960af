import { setImmediate as nextTurn } from 'node:timers/promises';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { manualClock } from '../../machinery/clock.ts';
import { defineKind } from '../../machinery/kinds/kind.ts';
import { defineResource } from '../resources/define.ts';
import type { Caches, Change, ChangeSink } from './cache.ts';
import { openEmbedded } from './embedded.ts';
import { OverloadedError, StoreEndedError } from './errors.ts';
import { CompactedError, FutureRevisionError, type Store, type WatchSink } from './store.ts';
import { restless } from './test-pace.ts';
import { createCaches, type CachesOptions } from './watch-cache.ts';

/** What the caches do about a store that holds what they can't read, or can't be read itself. */

const pods = defineResource(defineKind('', 'v1', 'Pod', 'pods'));
const nodes = defineResource(defineKind('', 'v1', 'Node', 'nodes', 'Cluster'));
const never = new AbortController().signal;

let directory: string;
let store: Store;
let caches: Caches;

async function start(options: CachesOptions = {}): Promise<void> {
  caches = await createCaches(store, [pods, nodes], { freeze: true, pace: restless, ...options });
}

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'unreadable-'));
  store = await openEmbedded({ path: directory });
});

afterEach(async () => {
  caches.close();
  await store.close();
  await rm(directory, { recursive: true });
});

async function commit(write: Parameters<Store['commit']>[0]['writes'][number]): Promise<number> {
  return (await store.commit({ compares: [], writes: [write] })).revision;
}

const put = (name: string): Promise<number> =>
  commit({ type: 'put', key: `/registry/core/pods/a/${name}`, value: Buffer.from(JSON.stringify({ kind: 'Pod', apiVersion: 'v1', metadata: { name, namespace: 'a' } })) });

const remove = (name: string): Promise<number> => commit({ type: 'delete', key: `/registry/core/pods/a/${name}` });

function record(): ChangeSink & { readonly seen: string[]; readonly ends: (Error | undefined)[] } {
  const seen: string[] = [];
  const ends: (Error | undefined)[] = [];
  const text = (change: Change): string => (change.type === 'BOOKMARK' ? change.type : `${change.type} ${change.entry.name} ${change.entry.revision}`);
  return { seen, ends, changes: (batch) => void seen.push(...batch.map(text)), end: (error) => void ends.push(error) };
}

describe('a store that can not be read again at once', () => {
  it('is tried until it can be, whatever it refuses with, at growing intervals; closed, it ends the caches', async () => {
    const clock = manualClock();
    const real = store;
    const refused = [new Error('etcdserver: permission denied'), new OverloadedError('full'), new FutureRevisionError(1), new Error('etcdserver: invalid auth token')];
    const refusals: Error[] = [];
    let sink: WatchSink | undefined;
    let asked = 0;
    store = {
      ...real,
      range(request) {
        asked++;
        const refusal = refusals.shift();
        return refusal === undefined ? real.range(request) : Promise.reject(refusal);
      },
      watch: (prefix, from, given) => (sink = given, real.watch(prefix, from, given)),
    };
    const problems: Error[] = [];
    const ends: Error[] = [];
    await start({ clock, onProblem: (error) => void problems.push(error), onEnd: (error) => void ends.push(error) });
    const before = sink;
    refusals.push(...refused);
    before?.end(new CompactedError(1));
    for (const ms of [1000, 2000, 4000, 8000]) {
      await nextTurn();
      clock.advance(ms - 1);
      const already = asked;
      await nextTurn();
      expect(asked).toBe(already);
      clock.advance(1);
    }
    await nextTurn();
    await put('x');
    await caches.waitForNewest(never);
    expect([problems, ends, caches.ended.aborted]).toEqual([refused, [], false]);
    expect(sink).not.toBe(before);
    expect(caches.of(pods).get('a', 'x')).toBeDefined();

    refusals.push(new StoreEndedError());
    sink?.end(new CompactedError(1));
    await nextTurn();
    expect(ends).toEqual([new StoreEndedError()]);
    expect(caches.ended.reason).toEqual(new StoreEndedError());
  });
});

describe('a value that can not be read', () => {
  const sealed = Buffer.from('k8s:enc:aesgcm:v1:other:xxxxxxxx');
  const key = '/registry/core/pods/a/x';
  const why = `the value of ${key} can't be read: it is sealed (k8s:enc:aesgcm:v1:other), and no key of this server's encryption configuration opens it`;

  it.each([['sealed', sealed, why], ['no object', Buffer.from('k8s\0protobuf'), `the value of ${key} can't be read: it is no JSON object`]])('because it is %s ends the watches of its resource alone, which goes on when the value goes', async (_what, value, message) => {
    const problems: string[] = [];
    await start({ onUnreadable: (problem) => void problems.push(problem.message) });
    const first = await put('x');
    const [ofPods, ofNodes] = [record(), record()];
    caches.of(pods).watch(caches.revision, {}, ofPods);
    caches.of(nodes).watch(caches.revision, {}, ofNodes);
    await commit({ type: 'put', key, value });
    const other = await put('y');
    const node = await commit({ type: 'put', key: '/registry/core/nodes/n', value: Buffer.from('{"kind":"Node","apiVersion":"v1","metadata":{"name":"n"}}') });
    await nextTurn();
    expect(ofPods.ends.map((error) => error?.message)).toEqual([`Internal error occurred: ${message}`]);
    expect(problems).toEqual([message]);
    expect([caches.of(pods).unreadable()?.message, caches.of(pods).unreadable(key)?.message, caches.of(pods).unreadable('/registry/core/pods/a/y'), caches.of(nodes).unreadable()]).toEqual([message, message, undefined, undefined]);
    expect([...caches.of(pods).list()].map(({ name, revision }) => [name, revision])).toEqual([['x', first], ['y', other]]);
    expect([ofNodes.seen, ofNodes.ends, caches.ended.aborted]).toEqual([[`ADDED n ${node}`], [], false]);
    expect(() => caches.entry(pods, key, value, other)).toThrow(message);

    const gone = await remove('x');
    await nextTurn();
    expect(caches.of(pods).unreadable()).toBeUndefined();
    const resumed = record();
    caches.of(pods).watch(first, {}, resumed);
    await nextTurn();
    expect(resumed.seen).toEqual([`ADDED y ${other}`, `DELETED x ${gone}`]);
  });

  it('is nothing that anybody saw before it became readable', async () => {
    await start();
    await commit({ type: 'put', key, value: sealed });
    expect(caches.of(pods).get('a', 'x')).toBeUndefined();
    const from = caches.revision;
    const revision = await put('x');
    const sink = record();
    caches.of(pods).watch(from, {}, sink);
    await nextTurn();
    expect([sink.seen, caches.of(pods).unreadable()]).toEqual([[`ADDED x ${revision}`], undefined]);
  });

  it('stays so for whoever serves its resource next, and when the store is read again', async () => {
    const real = store;
    let sink: WatchSink | undefined;
    store = { ...real, watch: (prefix, from, given) => (sink = given, real.watch(prefix, from, given)) };
    await start();
    await commit({ type: 'put', key, value: sealed });
    caches.serve([nodes]);
    caches.serve([pods, nodes]);
    expect(caches.of(pods).unreadable()?.message).toBe(why);
    sink?.end(new CompactedError(1));
    await nextTurn();
    expect(caches.of(pods).unreadable()?.message).toBe(why);
    await put('x');
    expect(caches.of(pods).unreadable()).toBeUndefined();
  });
});
