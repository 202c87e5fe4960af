import { setImmediate as nextTurn } from 'node:timers/promises';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { defineKind, type KubernetesObject } from '../../machinery/kinds/kind.ts';
import { defineResource } from '../resources/define.ts';
import type { Caches, Change, ChangeSink, Selection } from './cache.ts';
import { manualClock, type Clock } from '../../machinery/clock.ts';
import { openEmbedded } from './embedded.ts';
import { StoreUnavailableError } from './errors.ts';
import { CompactedError, type Store, type WatchSink } from './store.ts';
import { restless } from './test-pace.ts';
import { createCaches, type CachesOptions } from './watch-cache.ts';

interface Pod extends KubernetesObject {
  readonly spec?: { readonly nodeName?: string };
}

const pods = defineResource<Pod>(defineKind<Pod>('', 'v1', 'Pod', 'pods'), { fields: { 'spec.nodeName': (pod) => pod.spec?.nodeName ?? '' } });
const nodes = defineResource(defineKind('', 'v1', 'Node', 'nodes', 'Cluster'));
const never = new AbortController().signal;

let directory: string;
let store: Store;
let caches: Caches;

async function start(options: CachesOptions = {}): Promise<void> {
  caches = await createCaches(store, [pods, nodes], { freeze: true, pace: restless, ...options });
}

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'watch-cache-'));
  store = await openEmbedded({ path: directory });
});

afterEach(async () => {
  caches.close();
  await store.close();
  await rm(directory, { recursive: true });
});

interface PodText {
  readonly namespace?: string;
  readonly labels?: Record<string, string>;
  readonly node?: string;
}

async function put(name: string, { namespace = 'a', labels = {}, node }: PodText = {}): Promise<number> {
  const object = { kind: 'Pod', apiVersion: 'v1', metadata: { labels, name, namespace, uid: `uid-${name}` }, spec: node === undefined ? {} : { nodeName: node } };
  return commit({ type: 'put', key: `/registry/core/pods/${namespace}/${name}`, value: Buffer.from(JSON.stringify(object)) });
}

async function commit(write: Parameters<Store['commit']>[0]['writes'][number]): Promise<number> {
  return (await store.commit({ compares: [], writes: [write] })).revision;
}

const remove = (name: string, namespace = 'a'): Promise<number> => commit({ type: 'delete', key: `/registry/core/pods/${namespace}/${name}` });

function record(): ChangeSink<Pod> & { readonly seen: string[]; readonly calls: number[]; readonly ends: (Error | undefined)[] } {
  const seen: string[] = [];
  const calls: number[] = [];
  const ends: (Error | undefined)[] = [];
  return {
    seen, calls, ends,
    changes(batch) {
      calls.push(batch.length);
      seen.push(...batch.map(text));
    },
    end: (error) => void ends.push(error),
  };
}

function text(change: Change<Pod>): string {
  if (change.type === 'BOOKMARK') return `BOOKMARK ${change.revision}${change.initialEventsEnd === true ? ' end' : ''}`;
  return `${change.type} ${change.entry.name} ${change.entry.revision}`;
}

describe('an entry', () => {
  it('answers with resourceVersion inside the metadata', async () => {
    await start();
    await put('x', { labels: { app: 'web' } });
    const entry = caches.of(pods).get('a', 'x');
    expect(JSON.parse(entry?.encoded('json').toString() ?? '')).toEqual({
      kind: 'Pod', apiVersion: 'v1', metadata: { resourceVersion: '2', labels: { app: 'web' }, name: 'x', namespace: 'a', uid: 'uid-x' }, spec: {},
    });
    expect(entry?.encoded('json')).toBe(entry?.encoded('json'));
    expect(entry).toMatchObject({ namespace: 'a', name: 'x', uid: 'uid-x', labels: { app: 'web' }, revision: 2 });
    expect(entry?.object.metadata?.resourceVersion).toBe('2');
    expect(Object.isFrozen(entry?.object.metadata)).toBe(true);
  });

  it('has no resourceVersion while it is not stored', async () => {
    await start();
    await put('x');
    const { key, stored } = caches.of(pods).get('a', 'x') ?? expect.fail('x is there');
    const entry = caches.entry(pods, key, stored, 0);
    expect(JSON.parse(entry.encoded('json').toString())).toMatchObject({ metadata: { name: 'x' } });
    expect(entry.encoded('json').toString()).not.toContain('resourceVersion');
    expect(entry.object.metadata).not.toHaveProperty('resourceVersion');
  });

  it('answers with its metadata alone', async () => {
    await start();
    await put('x');
    expect(JSON.parse(caches.of(pods).get('a', 'x')?.encoded('metadata').toString() ?? '')).toEqual({
      kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1',
      metadata: { resourceVersion: '2', labels: {}, name: 'x', namespace: 'a', uid: 'uid-x' },
    });
  });

  const odd = [
    { name: 'has empty metadata', json: '{"kind":"Node","apiVersion":"v1","metadata":{}}' },
    { name: 'is of another version', json: '{"kind":"Node","apiVersion":"v2","metadata":{"name":"n"},"spec":{"metadata":{}}}' },
    { name: 'quotes structure in its values', json: '{"kind":"Node","apiVersion":"v1","metadata":{"annotations":{"uid":"{\\"metadata\\":{","é":"}\\\\"},"labels":{"a":"b"},"uid":"u"}}' },
  ];
  for (const { name, json } of odd) {
    it(`is right when the object ${name}`, async () => {
      await start();
      const revision = await commit({ type: 'put', key: '/registry/core/nodes/n', value: Buffer.from(json) });
      const entry = caches.of(nodes).get(undefined, 'n');
      const expected = JSON.parse(json) as { metadata: { resourceVersion: string; uid?: string } };
      expected.metadata.resourceVersion = String(revision);
      expect(JSON.parse(entry?.encoded('json').toString() ?? '')).toEqual(expected);
      expect(JSON.parse(entry?.encoded('metadata').toString() ?? '')).toMatchObject({ metadata: expected.metadata });
      expect(entry?.uid).toBe(expected.metadata.uid ?? '');
    });
  }

  it('made of committed bytes is the cached one', async () => {
    await start();
    const revision = await put('x');
    const cached = caches.of(pods).get('a', 'x');
    expect(caches.entry(pods, '/registry/core/pods/a/x', cached?.stored ?? Buffer.alloc(0), revision)).toBe(cached);
  });

  it('knows the fields that selectors may name, and no others', async () => {
    await start();
    await put('x', { node: 'n1' });
    const entry = caches.of(pods).get('a', 'x');
    expect(['metadata.name', 'metadata.namespace', 'spec.nodeName', 'spec.other'].map((field) => entry?.field(field))).toEqual(['x', 'a', 'n1', undefined]);
  });
});

describe('a list', () => {
  it('has what was there at the start and what came later, in key order, by namespace', async () => {
    await put('b');
    await put('c', { namespace: 'a-b' });
    await start();
    await put('a');
    expect([...caches.of(pods).list()].map((entry) => entry.key)).toEqual(['/registry/core/pods/a-b/c', '/registry/core/pods/a/a', '/registry/core/pods/a/b']);
    expect([...caches.of(pods).list('a')].map((entry) => entry.name)).toEqual(['a', 'b']);
  });
});

describe('a watch', () => {
  const selections: { name: string; selection: Selection }[] = [
    { name: 'a predicate', selection: { matches: (entry) => entry.labels['app'] === 'web' } },
    { name: 'a predicate in a namespace', selection: { namespace: 'a', matches: (entry) => entry.labels['app'] === 'web' } },
  ];
  for (const { name, selection } of selections) {
    it(`by ${name} sees objects enter, change and leave`, async () => {
      await start();
      const sink = record();
      caches.of(pods).watch(caches.revision, selection, sink);
      await put('x');
      await put('x', { labels: { app: 'web' } });
      await put('x', { labels: { app: 'web', v: '2' } });
      await put('x', { labels: { app: 'db' } });
      await put('x', { labels: { app: 'web' } });
      await remove('x');
      await nextTurn();
      expect(sink.seen).toEqual(['ADDED x 3', 'MODIFIED x 4', 'DELETED x 5', 'ADDED x 6', 'DELETED x 7']);
    });
  }

  it('by node sees pods come to the node and leave it', async () => {
    await start();
    const sink = record();
    caches.of(pods).watch(caches.revision, { equals: { 'spec.nodeName': 'n1' } }, sink);
    await put('x');
    await put('x', { node: 'n1' });
    await put('y', { node: 'n2' });
    await put('x', { node: 'n2' });
    await nextTurn();
    expect(sink.seen).toEqual(['ADDED x 3', 'DELETED x 5']);
  });

  it('by name sees that object in every namespace', async () => {
    await start();
    const sink = record();
    caches.of(pods).watch(caches.revision, { equals: { 'metadata.name': 'x' } }, sink);
    await Promise.all([put('x'), put('y'), put('x', { namespace: 'b' })]);
    await nextTurn();
    expect(sink.seen).toEqual(['ADDED x 2', 'ADDED x 4']);
    expect(sink.calls).toEqual([2]);
  });

  it('from an earlier revision is given the past first', async () => {
    await start();
    const from = await put('x');
    await put('y');
    await remove('x');
    const sink = record();
    caches.of(pods).watch(from, {}, sink);
    await put('z');
    await nextTurn();
    expect(sink.seen).toEqual(['ADDED y 3', 'DELETED x 4', 'ADDED z 5']);
  });

  it('from before what the ring holds is refused', async () => {
    await start({ ring: { bytes: 1_000_000, count: 2 } });
    const from = await put('x');
    await put('x');
    await put('x');
    await put('x');
    expect(() => caches.of(pods).watch(from, {}, record())).toThrow(CompactedError);
    expect(() => caches.of(pods).watch(1, {}, record())).toThrow(CompactedError);
    expect(() => caches.of(pods).watch(from + 1, {}, record())).not.toThrow();
  });

  it('shares one change among watchers', async () => {
    await start();
    const seen: Change[] = [];
    for (let i = 0; i < 2; i++) caches.of(pods).watch(1, {}, { changes: (batch) => void seen.push(...batch), end: () => {} });
    await put('x');
    await nextTurn();
    expect(seen).toHaveLength(2);
    expect(seen[0]).toBe(seen[1]);
  });

  it('is told nothing once closed', async () => {
    await start();
    const sink = record();
    const watch = caches.of(pods).watch(1, {}, sink);
    await put('x');
    watch.close();
    await nextTurn();
    caches.close();
    expect([sink.seen, sink.ends]).toEqual([[], []]);
  });

  it('whose sink fails ends alone, with the failure', async () => {
    await start();
    const failure = new Error('gone');
    const ends: (Error | undefined)[] = [];
    caches.of(pods).watch(1, {}, { changes: () => { throw failure; }, end: (error) => void ends.push(error) });
    const other = record();
    caches.of(pods).watch(1, {}, other);
    await put('x');
    await nextTurn();
    expect(ends).toEqual([failure]);
    expect(other.seen).toEqual(['ADDED x 2']);
  });

  it('gets a bookmark behind what is pending when asked, and from time to time when it wants', async () => {
    let tick: (() => void) | undefined;
    const clock: Clock = { now: () => 0, setTimer: (_ms, run) => ((tick = run), () => undefined) };
    await start({ clock });
    const wants = record();
    const not = record();
    const watch = caches.of(pods).watch(1, { bookmarks: true }, wants);
    caches.of(pods).watch(1, {}, not);
    await put('x');
    watch.bookmark(true);
    await nextTurn();
    await commit({ type: 'put', key: '/bootstrap/x', value: Buffer.from('{}') });
    tick?.();
    await nextTurn();
    expect(wants.seen).toEqual(['ADDED x 2', 'BOOKMARK 2 end', 'BOOKMARK 3']);
    expect(not.seen).toEqual(['ADDED x 2']);
  });
});

describe('a store that forgot what its caches had not seen', () => {
  it('is read again when it can be; watches end, so that whoever watches lists again', async () => {
    const clock = manualClock();
    const real = store;
    let isReachable = true;
    let lost: { readonly sink: WatchSink; close(): void } | undefined;
    store = {
      ...real,
      range: (request) => (isReachable ? real.range(request) : Promise.reject(new StoreUnavailableError('cut off'))),
      watch: (prefix, from, sink) => (lost = { sink, ...real.watch(prefix, from, sink) }),
    };
    const gaps: Error[] = [];
    await start({ clock, onGap: (error) => void gaps.push(error) });
    for (const name of ['kept', 'changed', 'gone']) await put(name);
    const watcher = record();
    caches.of(pods).watch(1, {}, watcher);
    const kept = caches.of(pods).get('a', 'kept');
    await nextTurn();

    lost?.close();
    isReachable = false;
    const changed = await put('changed', { node: 'n1' });
    await remove('gone');
    const created = await put('new');
    lost?.sink.end(new CompactedError(created));
    await nextTurn();
    expect([...caches.of(pods).list()].map(({ name }) => name)).toEqual(['changed', 'gone', 'kept']);
    isReachable = true;
    clock.advance(1000);
    await caches.waitForNewest(never);
    expect([...caches.of(pods).list()].map(({ name, revision }) => [name, revision])).toEqual([['changed', changed], ['kept', 2], ['new', created]]);
    expect(caches.of(pods).get('a', 'kept')).toBe(kept);
    expect([gaps, watcher.ends]).toEqual([[new CompactedError(created)], [new CompactedError(created)]]);
    expect(watcher.seen).toEqual(['ADDED kept 2', 'ADDED changed 3', 'ADDED gone 4']);
    expect(() => caches.of(pods).watch(4, {}, record())).toThrow(CompactedError);

    const again = record();
    caches.of(pods).watch(created, {}, again);
    const last = await remove('new');
    await nextTurn();
    expect(again.seen).toEqual([`DELETED new ${last}`]);
  });
});

describe('waiting', () => {
  it('for the newest revision sees everything committed before', async () => {
    await start();
    const revision = await commit({ type: 'put', key: '/bootstrap/x', value: Buffer.from('{}') });
    await caches.waitForNewest(never);
    expect(caches.revision).toBe(revision);
  });

  it('for a revision resolves when it comes, and not before', async () => {
    await start();
    let isThere = false;
    const waiting = caches.waitFor(3, never).then(() => (isThere = true));
    await put('x');
    expect(isThere).toBe(false);
    await put('y');
    await waiting;
    expect(caches.revision).toBe(3);
  });

  it('rejects with the reason when given up, and when the caches close', async () => {
    await start();
    const giveUp = new AbortController();
    const given = caches.waitFor(9, giveUp.signal);
    const closed = caches.waitFor(9, never);
    giveUp.abort(new Error('enough'));
    caches.close();
    await expect(given).rejects.toThrow('enough');
    await expect(closed).rejects.toThrow('the store is closed');
  });
});
