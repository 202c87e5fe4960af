import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PatchType, Verb } from '../../client/transport.ts';
import type { ConfigMap } from '../../machinery/kinds/core.ts';
import type { ApiError } from '../../machinery/status.ts';
import { createAdmission, type AdmissionPlugin } from '../admission/admission.ts';
import { asking, someone, startTestCluster, type TestCluster } from '../access/test-cluster.ts';
import type { Call, Handler, Result } from '../request.ts';
import { configMap } from '../resources/core/config-map.ts';
import { createCodec } from '../schema/codec.ts';
import { create } from './create.ts';
import { deleteObject } from './delete.ts';
import { patch } from './patch.ts';
import { update } from './update.ts';
import type { Writer } from './writer.ts';

/** The writing verbs, each on its own: conditions, names that are drawn, writes that meet others. */

let cluster: TestCluster;
let writer: Writer;
let suffixes: string[] = [];
beforeAll(async () => {
  cluster = await startTestCluster();
  writer = { ...cluster.writer, codec: createCodec(), nameSuffix: () => suffixes.shift() ?? 'zzzzz' };
});
afterAll(() => cluster.close());

function call(verb: Verb, name: string, body: unknown, more: Partial<Call> = {}): Call {
  return {
    info: asking(`${verb} configmaps in default/${name}`), user: someone('ann'), resource: configMap, query: {}, search: '', accept: { as: 'json' }, userAgent: 'test',
    body: { content: { value: body }, mediaType: 'application/json' }, signal: AbortSignal.timeout(10_000), warn: () => undefined, ...more,
  };
}

const handlers = { create, update, patch, delete: deleteObject };

async function done(verb: keyof typeof handlers, ...asked: [string, unknown, Partial<Call>?]): Promise<ConfigMap> {
  const handler = handlers[verb] satisfies (deps: Writer, asking: Call) => ReturnType<Handler>;
  const result: Result = await handler(writer, call(verb, ...asked));
  await writer.caches.waitForNewest(AbortSignal.timeout(10_000));
  return (result.type === 'entry' ? result.entry.object : {}) as ConfigMap;
}

async function refusal(promise: Promise<unknown>): Promise<string> {
  return promise.then(() => 'none', (error: ApiError) => `${error.code} ${error.message}`);
}

const named = (metadata: object, data: Readonly<Record<string, string>> = { a: '1' }) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace: 'default', ...metadata }, data });
const keys = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, index) => [`key-${index}`, 'v']));
const merge: PatchType = 'application/merge-patch+json';

describe('a name that is drawn', () => {
  it('is drawn again while it is taken', async () => {
    suffixes = ['aaaaa'];
    expect((await done('create', '', named({ generateName: 'web-' }))).metadata).toMatchObject({ name: 'web-aaaaa', generateName: 'web-' });
    suffixes = ['aaaaa', 'aaaaa', 'bbbbb'];
    expect((await done('create', '', named({ generateName: 'web-' }))).metadata?.name).toBe('web-bbbbb');
    expect(suffixes).toEqual([]);
  });

  it('is given up after eight draws', async () => {
    suffixes = Array.from({ length: 9 }, () => 'aaaaa');
    expect(await refusal(done('create', '', named({ generateName: 'web-' })))).toBe('409 configmaps "web-aaaaa" already exists');
    expect(suffixes).toHaveLength(1);
  });

  it('is cut so that what is drawn fits, and isn\'t drawn when there is one', async () => {
    suffixes = ['ccccc'];
    expect((await done('create', '', named({ generateName: 'x'.repeat(100) }))).metadata?.name).toBe(`${'x'.repeat(58)}ccccc`);
    expect((await done('create', '', named({ generateName: 'web-', name: 'own' }))).metadata?.name).toBe('own');
    expect(await refusal(done('create', '', named({ generateName: 'web-', name: 'own' })))).toBe('409 configmaps "own" already exists');
  });
});

describe('a write with conditions', () => {
  const modified = 'the object has been modified; please apply your changes to the latest version and try again';

  it('holds to the version that it names, if it names one', async () => {
    const first = await done('create', '', named({ name: 'versioned' }));
    const { resourceVersion } = first.metadata ?? {};
    await done('update', 'versioned', named({ name: 'versioned', resourceVersion }, { a: '2' }));
    const conflict = `409 Operation cannot be fulfilled on configmaps "versioned": ${modified}`;
    expect(await refusal(done('update', 'versioned', named({ name: 'versioned', resourceVersion }, { a: '3' })))).toBe(conflict);
    expect(await refusal(done('patch', 'versioned', { metadata: { resourceVersion }, data: { a: '3' } }, { patchType: merge }))).toBe(conflict);
    expect(await refusal(done('delete', 'versioned', { preconditions: { resourceVersion } }))).toContain('409 Operation cannot be fulfilled on configmaps "versioned": Precondition failed: ResourceVersion in precondition: ');
    expect((await done('update', 'versioned', named({ name: 'versioned' }, { a: '4' }))).data).toEqual({ a: '4' });
    expect(await refusal(done('create', '', named({ name: 'new', resourceVersion })))).toBe('400 resourceVersion should not be set on objects to be created');
  });

  it('holds to the object that it names', async () => {
    const { uid } = (await done('create', '', named({ name: 'identified' }))).metadata ?? {};
    const conflict = `409 Operation cannot be fulfilled on configmaps "identified": Precondition failed: UID in precondition: another, UID in object meta: ${uid}`;
    expect(await refusal(done('update', 'identified', named({ name: 'identified', uid: 'another' })))).toBe(conflict);
    expect(await refusal(done('patch', 'identified', { metadata: { uid: 'another' } }, { patchType: merge }))).toBe(conflict);
    expect(await refusal(done('delete', 'identified', { preconditions: { uid: 'another' } }))).toBe(conflict);
    expect(await refusal(done('delete', 'identified', { preconditions: { uid } }))).toBe('none');
  });

  it('is made again on what others wrote meanwhile, when it names no version', async () => {
    await done('create', '', named({ name: 'busy' }, {}));
    await Promise.all(Array.from({ length: 20 }, (_, index) => done('patch', 'busy', { data: { [`k${index}`]: '1' } }, { patchType: merge })));
    expect(Object.keys((await done('patch', 'busy', { data: {} }, { patchType: merge })).data ?? {})).toHaveLength(20);
  });
});

describe('a patch that does not apply', () => {
  it.each<[string, PatchType, unknown, string]>([
    ['a test that fails', 'application/json-patch+json', [{ op: 'test', path: '/data/a', value: '2' }], '422 the server rejected our request due to an error in our request: testing value /data/a failed: test failed'],
    ['a place that isn\'t there', 'application/json-patch+json', [{ op: 'remove', path: '/data/b' }], '422 the server rejected our request due to an error in our request: remove operation does not apply: doc is missing path: /data/b: missing value'],
    ['no list of operations', 'application/json-patch+json', {}, '400 error decoding patch: a JSON patch must be a list of operations'],
    ['no object', merge, ['a'], '400 error decoding patch: a merge patch must be an object'],
    ['an order of no list', 'application/strategic-merge-patch+json', { '$setElementOrder/data': [] }, '400 $setElementOrder/data: the field \'data\' is no list that merges'],
    ['another name', merge, { metadata: { name: 'other' } }, '400 the name of the object (other) does not match the name on the URL (patched)'],
  ])('is told so: %s', async (_name, patchType, body, message) => {
    if (writer.caches.of(configMap).get('default', 'patched') === undefined) await done('create', '', named({ name: 'patched' }));
    expect(await refusal(done('patch', 'patched', body, { patchType }))).toBe(message);
  });
});

function twice(patchType: PatchType, text: string, fieldValidation: string, warn: (text: string) => void = () => undefined): Promise<ConfigMap> {
  return done('patch', 'twice', {}, { patchType, query: { fieldValidation }, body: { content: { bytes: Buffer.from(text) }, mediaType: patchType }, warn });
}

describe('a patch that has a key twice', () => {
  it('is refused, told of or taken, as is asked', async () => {
    await done('create', '', named({ name: 'twice' }));
    const text = '{"data":{"b":"1","b":"2"}}';
    expect(await refusal(twice(merge, text, 'Strict'))).toContain('strict decoding error: duplicate field "data.b"');
    const operations = '[{"op":"add","path":"/data/b","value":"1","value":"2"}]';
    expect(await refusal(twice('application/json-patch+json', operations, 'Strict'))).toContain('strict decoding error: json patch duplicate field "[0].value"');
    const warnings: string[] = [];
    expect((await twice(merge, text, 'Warn', (warning) => { warnings.push(warning); })).data).toEqual({ a: '1', b: '2' });
    await twice('application/strategic-merge-patch+json', text, 'Ignore', (warning) => { warnings.push(warning); });
    expect(warnings).toEqual(['duplicate field "data.b"']);
  });
});

it('owners that are named twice are named once, with a warning', async () => {
  const owner = { apiVersion: 'v1', kind: 'X', name: 'x', uid: 'u' };
  const warnings: string[] = [];
  const warn = (text: string): void => { warnings.push(text); };
  const { metadata } = await done('create', '', named({ name: 'owned', ownerReferences: [owner, { ...owner, controller: true }, owner] }), { warn });
  expect(metadata?.ownerReferences).toEqual([owner, { ...owner, controller: true }]);
  expect(warnings).toEqual([expect.stringContaining('.metadata.ownerReferences contains duplicate entries; ')]);
  expect((await done('update', 'owned', named({ name: 'owned', ownerReferences: [owner, owner] }), { warn })).metadata?.ownerReferences).toEqual([owner]);
  expect(warnings).toHaveLength(2);
});

it('entries of owners that admission breaks are put back, with a warning', async () => {
  const breaks: AdmissionPlugin = {
    name: 'breaks', handles: () => true, mutate(_write, draft) { if (draft.metadata !== undefined) draft.metadata.managedFields = [{ manager: 'x', operation: 'Upend' }]; },
  };
  const warnings: string[] = [];
  const result = await create({ ...writer, admission: createAdmission([breaks]) }, call('create', '', named({ name: 'broken' }), { warn: (text) => { warnings.push(text); } }));
  expect(result).toMatchObject({ entry: { object: { metadata: { managedFields: [{ manager: 'test', operation: 'Update' }] } } } });
  expect(warnings).toEqual([expect.stringContaining('please fix your requests: operation must be `Apply` or `Update`')]);
});

it('an object that only its owners make too large goes without them', async () => {
  const { metadata, data } = await done('create', '', named({ name: 'wide' }, keys(50_000)));
  expect(metadata?.managedFields).toBeUndefined();
  expect(Object.keys(data ?? {})).toHaveLength(50_000);
  expect((await done('create', '', named({ name: 'narrow' }, keys(20_000)))).metadata?.managedFields).toHaveLength(1);
});
