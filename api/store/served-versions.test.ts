import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { defineKind, type KubernetesObject } from '../../machinery/kinds/kind.ts';
import { customForm } from '../custom-resources/form.ts';
import { structuralOf } from '../custom-resources/schema/structural.ts';
import { defineResource, serveAlso } from '../resources/define.ts';
import type { Caches, Change, ChangeSink } from './cache.ts';
import { openEmbedded } from './embedded.ts';
import type { Store } from './store.ts';
import { restless } from './test-pace.ts';
import { createCaches } from './watch-cache.ts';

interface Lamp extends KubernetesObject {
  readonly spec: { readonly watts: number };
}
interface OldLamp extends KubernetesObject {
  readonly power: string;
}

const lamp = defineResource<Lamp>(defineKind('light.example', 'v2', 'Lamp', 'lamps'));
const oldLamp = serveAlso<OldLamp, Lamp>(lamp, defineKind('light.example', 'v1', 'Lamp', 'lamps'), {
  toStored: ({ power, ...rest }) => ({ ...rest, spec: { watts: Number.parseInt(power, 10) } }),
  fromStored: ({ spec, ...rest }) => ({ ...rest, power: `${spec.watts} W` }),
}, { fields: { power: (object) => object.power } });
const torch = serveAlso<Lamp, Lamp>(lamp, defineKind('torch.example', 'v1', 'Torch', 'torches'), { toStored: (object) => object, fromStored: (object) => object });

let directory: string;
let store: Store;
let caches: Caches;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'served-versions-'));
  store = await openEmbedded({ path: directory });
  caches = await createCaches(store, [lamp, oldLamp, torch], { freeze: true, pace: restless });
});

afterEach(async () => {
  caches.close();
  await store.close();
  await rm(directory, { recursive: true });
});

async function put(name: string, watts: number): Promise<number> {
  const value = Buffer.from(JSON.stringify({ kind: 'Lamp', apiVersion: 'light.example/v2', metadata: { name, namespace: 'a' }, spec: { watts } }));
  return (await store.commit({ compares: [], writes: [{ type: 'put', key: `/registry/light.example/lamps/a/${name}`, value }] })).revision;
}

function record(): ChangeSink & { readonly seen: Change[]; readonly ends: (Error | undefined)[] } {
  const seen: Change[] = [];
  const ends: (Error | undefined)[] = [];
  return { seen, ends, changes: (batch) => { seen.push(...batch); }, end: (error) => { ends.push(error); } };
}

describe('a resource that is served in several versions', () => {
  it('shows one object in each of them', async () => {
    const revision = await put('x', 40);
    expect(JSON.parse(caches.of(lamp).get('a', 'x')?.encoded('json').toString() ?? '')).toMatchObject({ apiVersion: 'light.example/v2', spec: { watts: 40 } });
    const old = caches.of(oldLamp).get('a', 'x');
    expect(old?.object).toEqual({ kind: 'Lamp', apiVersion: 'light.example/v1', metadata: { name: 'x', namespace: 'a', resourceVersion: String(revision) }, power: '40 W' });
    expect(JSON.parse(old?.encoded('json').toString() ?? '')).toEqual(old?.object);
    expect([...caches.of(torch).list('a')].map(({ object }) => [object.kind, object.apiVersion])).toEqual([['Torch', 'torch.example/v1']]);
  });

  it('converts an object once', async () => {
    await put('x', 40);
    expect(caches.of(oldLamp).get('a', 'x')).toBe(caches.of(oldLamp).get('a', 'x'));
    expect(caches.of(oldLamp).get('a', 'x')?.encoded('json')).toBe([...caches.of(oldLamp).list()][0]?.encoded('json'));
  });

  it('tells the watchers of each version of the same changes, chosen by their own fields', async () => {
    const sink = record();
    caches.of(oldLamp).watch(caches.revision, { equals: { power: '60 W' } }, sink);
    await put('x', 40);
    await put('x', 60);
    await put('x', 80);
    await nextTurn();
    await nextTurn();
    expect(sink.seen.map((change) => [change.type, change.type === 'BOOKMARK' ? undefined : Reflect.get(change.entry.object, 'power')]))
      .toEqual([['ADDED', '60 W'], ['DELETED', '60 W']]);
  });

  it('ends the watches of a version that is no longer served, and no others', async () => {
    const [old, present] = [record(), record()];
    caches.of(oldLamp).watch(caches.revision, {}, old);
    caches.of(lamp).watch(caches.revision, {}, present);
    caches.serve([lamp, torch]);
    expect(old.ends).toEqual([undefined]);
    expect(present.ends).toEqual([]);
    expect(() => caches.of(oldLamp)).toThrow('not cached');
  });

  it('has no objects of a kind whose definition has gone while a request was under way', () => {
    const custom = defineResource<Lamp>(lamp, { custom: customForm(lamp, structuralOf({ type: 'object' })) });
    expect(() => caches.of({ ...custom, version: 'v3' })).toThrow('the server could not find the requested resource');
  });

  it('keeps the objects of a resource that is not served at the moment', async () => {
    caches.serve([]);
    await put('x', 40);
    await put('y', 60);
    await store.commit({ compares: [], writes: [{ type: 'delete', key: '/registry/light.example/lamps/a/x' }] });
    await nextTurn();
    caches.serve([oldLamp]);
    expect([...caches.of(oldLamp).list()].map(({ name }) => name)).toEqual(['y']);
  });
});

describe('what a further version leaves out', () => {
  it('is asked of the stored one', () => {
    const strict = defineResource<Lamp>(defineKind('light.example', 'v2', 'Lamp', 'lamps'), {
      shortNames: ['lp'], status: true, fields: { 'spec.watts': (object) => String(object.spec.watts) },
      defaults: (draft) => { draft.spec.watts ||= 25; }, prepareForUpdate: (draft, old) => { draft.spec.watts = old.spec.watts; },
    });
    const further = serveAlso<OldLamp, Lamp>(strict, oldLamp, {
      toStored: ({ power, ...rest }) => ({ ...rest, spec: { watts: Number.parseInt(power, 10) } }), fromStored: ({ spec, ...rest }) => ({ ...rest, power: `${spec.watts} W` }),
    });
    const draft = { power: '0 W' };
    further.defaults?.(draft);
    expect(draft).toEqual({ power: '25 W', kind: 'Lamp', apiVersion: 'light.example/v1' });
    further.prepareForUpdate?.(draft, { power: '7 W' });
    expect(draft.power).toBe('7 W');
    expect(further).toMatchObject({ shortNames: ['lp'], status: true, version: 'v1' });
    expect(further.fields['spec.watts']?.({ power: '9 W' })).toBe('9');
  });
});
