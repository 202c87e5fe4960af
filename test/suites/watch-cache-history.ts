import { setImmediate as nextTurn } from 'node:timers/promises';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { defineKind, type KubernetesObject } from '../../machinery/kinds/kind.ts';
import { defineResource } from '../../api/resources/define.ts';
import type { Caches, Change, Selection } from '../../api/store/cache.ts';
import type { Store, Write } from '../../api/store/store.ts';
import { createCaches } from '../../api/store/watch-cache.ts';

interface Pod extends KubernetesObject {
  readonly spec?: { readonly nodeName?: string };
}

const pods = defineResource<Pod>(defineKind<Pod>('', 'v1', 'Pod', 'pods'), { fields: { 'spec.nodeName': (pod) => pod.spec?.nodeName ?? '' } });

interface Put {
  readonly type: 'put' | 'delete';
  readonly namespace: string;
  readonly name: string;
  readonly app: string;
  readonly node: string;
}

interface StartWatch {
  readonly type: 'watch';
  readonly selection: number;
  /** How many revisions back it starts. */
  readonly back: number;
}

interface Crash {
  readonly type: 'crash';
}

const step = fc.oneof(
  { weight: 20, arbitrary: fc.record<Put>({
    type: fc.constantFrom('put', 'put', 'delete'), namespace: fc.constantFrom('a', 'b'), name: fc.constantFrom('x', 'y'),
    app: fc.constantFrom('web', 'db'), node: fc.constantFrom('', 'n1', 'n2'),
  }) },
  { weight: 8, arbitrary: fc.record<StartWatch>({ type: fc.constant('watch'), selection: fc.nat(5), back: fc.nat(6) }) },
  { weight: 1, arbitrary: fc.constant<Crash>({ type: 'crash' }) },
);
/** Steps of one turn are sent together; a crash comes before them. */
const plan = fc.array(fc.array(step, { maxLength: 6 }), { maxLength: 12 });

interface Seen {
  readonly namespace: string;
  readonly name: string;
  readonly app: string;
  readonly node: string;
}

/** Each selection as the cache takes it, and as a plain predicate. */
const selections: readonly { readonly selection: Selection; readonly selects: (pod: Seen) => boolean }[] = [
  { selection: {}, selects: () => true },
  { selection: { namespace: 'a' }, selects: (pod) => pod.namespace === 'a' },
  { selection: { matches: (entry) => entry.labels['app'] === 'web' }, selects: (pod) => pod.app === 'web' },
  { selection: { namespace: 'b', matches: (entry) => entry.labels['app'] === 'web' }, selects: (pod) => pod.namespace === 'b' && pod.app === 'web' },
  { selection: { equals: { 'spec.nodeName': 'n1' } }, selects: (pod) => pod.node === 'n1' },
  {
    selection: { namespace: 'a', equals: { 'metadata.name': 'x' }, matches: (entry) => entry.name === 'x' && entry.labels['app'] === 'db' },
    selects: (pod) => pod.namespace === 'a' && pod.name === 'x' && pod.app === 'db',
  },
];

interface Past {
  readonly revision: number;
  readonly before: Seen | undefined;
  readonly after: Seen | undefined;
}

function expected(past: readonly Past[], from: number, selects: (pod: Seen) => boolean): string[] {
  return past.filter(({ revision }) => revision > from).flatMap(({ revision, before, after }) => {
    const was = before !== undefined && selects(before) ? before : undefined;
    const is = after !== undefined && selects(after) ? after : undefined;
    if (is !== undefined) return `${was === undefined ? 'ADDED' : 'MODIFIED'} ${seenText(is)} ${revision}`;
    return was === undefined ? [] : `DELETED ${seenText(was)} ${revision}`;
  });
}

function seenText({ namespace, name, app, node }: Seen): string {
  return `${namespace}/${name} ${app} ${node}`;
}

function changeText(change: Change<Pod>): string {
  if (change.type === 'BOOKMARK') return 'BOOKMARK';
  const { entry } = change;
  expect(entry.object.metadata?.resourceVersion).toBe(String(entry.revision));
  return `${change.type} ${seenText({ namespace: entry.namespace, name: entry.name, app: entry.labels['app'] ?? '', node: entry.field('spec.nodeName') ?? '' })} ${entry.revision}`;
}

function writeOf({ type, namespace, name, app, node }: Put): Write {
  const key = `/registry/core/pods/${namespace}/${name}`;
  if (type === 'delete') return { type: 'delete', key };
  const object = { kind: 'Pod', apiVersion: 'v1', metadata: { labels: { app }, name, namespace }, spec: node === '' ? {} : { nodeName: node } };
  return { type: 'put', key, value: Buffer.from(JSON.stringify(object)) };
}

/** Sends one turn's writes, and adds what they did to the past, in revision order. */
async function send(store: Store, puts: readonly Put[], live: Map<string, Seen>, past: Past[]): Promise<void> {
  const sent = await Promise.all(puts.map(async (put) => ({ put, result: await store.commit({ compares: [], writes: [writeOf(put)] }) })));
  for (const { put, result } of sent.toSorted((a, b) => a.result.revision - b.result.revision)) {
    const key = `${put.namespace}/${put.name}`;
    const before = live.get(key);
    const after = put.type === 'put' ? put : undefined;
    if (before === undefined && after === undefined) continue;
    past.push({ revision: result.revision, before, after });
    if (after === undefined) live.delete(key);
    else live.set(key, after);
  }
}

/** A store that can be taken away and opened again on the same data. */
export interface Backend extends AsyncDisposable {
  open(): Promise<Store>;
  /** What keeps the data goes down without warning, and comes back. Nothing is open meanwhile. */
  crash(): Promise<void>;
}

const mostTurns = 1000;

interface Watcher {
  readonly from: number;
  readonly selection: number;
  readonly seen: string[];
}

interface Opened {
  readonly store: Store;
  readonly caches: Caches;
}

async function openCaches(backend: Backend): Promise<Opened> {
  const store = await backend.open();
  return { store, caches: await createCaches(store, [pods], { freeze: true }) };
}

async function close({ store, caches }: Opened): Promise<void> {
  caches.close();
  await store.close();
}

function watch({ caches }: Opened, { selection, seen }: Watcher, from: number): { close(): void } {
  return caches.of(pods).watch(from, selections[selection]?.selection ?? {}, {
    changes: (batch) => void seen.push(...batch.map(changeText)),
    end: (error) => void seen.push(`ended: ${String(error)}`),
  });
}

/** Gives watchers, who are served in turns, the time to be given all; too little is found out by whoever compares. */
async function delivered(watchers: readonly Watcher[], past: readonly Past[]): Promise<void> {
  const isBehind = ({ from, selection, seen }: Watcher): boolean => seen.length < expected(past, from, selections[selection]?.selects ?? (() => false)).length;
  for (let turn = 0; turn < mostTurns && watchers.some(isBehind); turn++) await nextTurn();
  // One more, for what should not come.
  await nextTurn();
}

/** Every acknowledged write is visible, and no watch misses, repeats or reorders an event, from wherever it starts and across crashes. */
export function watchCacheHistory(name: string, start: () => Promise<Backend>, numRuns: number): void {
  it(`over ${name}, every watcher is given exactly what its selection makes of the history`, async () => {
    await fc.assert(fc.asyncProperty(plan, async (turns) => {
      await using backend = await start();
      let opened = await openCaches(backend);
      /** What is older than the cache can't be watched. */
      let base = opened.caches.revision;
      const past: Past[] = [];
      const live = new Map<string, Seen>();
      const watchers: Watcher[] = [];
      let flows: { close(): void }[] = [];
      for (const [index, turn] of turns.entries()) {
        if (turn.some(({ type }) => type === 'crash')) {
          await delivered(watchers, past);
          for (const flow of flows) flow.close();
          await close(opened);
          await backend.crash();
          opened = await openCaches(backend);
          base = opened.caches.revision;
          // Everything until then was delivered, and nothing is written meanwhile: watches go on from here.
          flows = watchers.map((watcher) => watch(opened, watcher, Math.max(watcher.from, base)));
        }
        const sending = send(opened.store, turn.filter((each): each is Put => each.type === 'put' || each.type === 'delete'), live, past);
        for (const { selection, back } of turn.filter((each) => each.type === 'watch')) {
          const watcher: Watcher = { from: Math.max(base, opened.caches.revision - back), selection, seen: [] };
          watchers.push(watcher);
          flows.push(watch(opened, watcher, watcher.from));
        }
        await sending;
        if (index % 2 === 0) await nextTurn();
      }
      await delivered(watchers, past);
      for (const { from, selection, seen } of watchers) expect(seen).toEqual(expected(past, from, selections[selection]?.selects ?? (() => false)));
      expect([...opened.caches.of(pods).list()].map((entry) => `${entry.namespace}/${entry.name}`)).toEqual([...live.keys()].toSorted());
      await close(opened);
    }), { numRuns });
  }, 120_000);
}
