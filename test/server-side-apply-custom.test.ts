import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { defineKind, type Kind, type KubernetesObject } from '../machinery/kinds/kind.ts';
import type { ApiError } from '../machinery/status.ts';
import { startTestServer, type TestServer } from './test-server.ts';

/** Server-side apply of custom resources: by their own schema, and by what their values show where there is none. */

interface Boat extends KubernetesObject {
  readonly spec?: object;
  readonly extra?: object;
}

const Boat: Kind<Boat> = defineKind<Boat>('sea.example', 'v1', 'Boat', 'boats');
const text = { type: 'string' };

/** `oars` is atomic in the second version of the definition. */
function definition(oars: object): object {
  const seat = { type: 'object', required: ['row'], properties: { row: { type: 'integer' }, side: { ...text, default: 'left' }, who: text } };
  const schema = {
    type: 'object',
    properties: {
      spec: {
        type: 'object',
        properties: {
          crew: { type: 'integer' }, colour: { ...text, default: 'brown' }, oars, names: { type: 'array', 'x-kubernetes-list-type': 'set', items: text }, lines: { type: 'array', items: text },
          seats: { type: 'array', 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['row', 'side'], items: seat },
          free: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true, properties: { known: { type: 'object', properties: { a: text } } } },
        },
      },
      extra: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
      status: { type: 'object', properties: { crew: { type: 'integer' } } },
    },
  };
  return {
    apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata: { name: 'boats.sea.example' },
    spec: {
      group: 'sea.example', scope: 'Namespaced', names: { plural: 'boats', singular: 'boat', kind: 'Boat', listKind: 'BoatList' },
      versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: schema }, subresources: { status: {}, scale: { specReplicasPath: '.spec.crew', statusReplicasPath: '.status.crew' } } }],
    },
  };
}

const granular = { type: 'object', additionalProperties: text };
const namespace = 'default';
let test: TestServer;

async function define(oars: object): Promise<void> {
  const done = await test.kubectlWith(JSON.stringify(definition(oars)), 'apply', '--server-side', '-f', '-');
  expect(done).toMatchObject({ code: 0 });
  await test.kubectl('wait', '--for=condition=Established', 'crd/boats.sea.example');
}

beforeAll(async () => {
  test = await startTestServer();
  await define(granular);
});
afterAll(() => test.dispose());

const boat = (name: string, spec: object, more: object = {}): Boat => ({ metadata: { name, namespace }, spec, ...more });
const apply = (object: Boat, fieldManager: string, more: object = {}) => test.client.apply(Boat, object, { fieldManager, ...more });
const fieldsOf = ({ metadata }: Boat, who: string): unknown => metadata?.managedFields?.find(({ manager }) => manager === who)?.fieldsV1;
const refusal = async (promise: Promise<unknown>): Promise<string> => promise.then(() => 'none', (error: ApiError) => error.message);

describe('applying a custom resource', () => {
  it('goes by its schema: keys with their defaults, sets, atomic lists', async () => {
    await apply(boat('one', { seats: [{ row: 1, who: 'a' }], names: ['x'], lines: ['l'], crew: 1 }), 'a');
    const both = await apply(boat('one', { seats: [{ row: 1, side: 'right', who: 'b' }], names: ['y'] }), 'b');
    expect(both.spec).toEqual({ seats: [{ row: 1, side: 'left', who: 'a' }, { row: 1, side: 'right', who: 'b' }], names: ['x', 'y'], lines: ['l'], crew: 1, colour: 'brown' });
    expect(fieldsOf(both, 'a')).toEqual({
      'f:spec': { 'f:crew': {}, 'f:lines': {}, 'f:names': { 'v:"x"': {} }, 'f:seats': { 'k:{"row":1,"side":"left"}': { '.': {}, 'f:row': {}, 'f:who': {} } } },
    });
    expect(await refusal(apply(boat('one', { lines: ['m'] }), 'b'))).toBe('Apply failed with 1 conflict: conflict with "a": .spec.lines');
    expect((await apply(boat('one', {}), 'b')).spec).toMatchObject({ seats: [{ row: 1, side: 'left', who: 'a' }], names: ['x'] });
  });

  it('goes by the values where nothing is known: objects key by key, lists as a whole', async () => {
    const free = { other: { deep: 1, list: [1, 2] }, known: { a: 'b' } };
    await apply(boat('two', { free }, { extra: { a: { b: 1 } } }), 'a');
    const shared = await apply(boat('two', { free: { other: { more: true } } }, { extra: { a: { c: [] } } }), 'b');
    expect(shared).toMatchObject({ spec: { free: { other: { deep: 1, list: [1, 2], more: true }, known: { a: 'b' } } }, extra: { a: { b: 1, c: [] } } });
    expect(fieldsOf(shared, 'b')).toEqual({ 'f:extra': { 'f:a': { '.': {}, 'f:c': {} } }, 'f:spec': { 'f:free': { 'f:other': { '.': {}, 'f:more': {} } } } });
    expect(await refusal(apply(boat('two', { free: { other: { list: [3] } } }), 'b'))).toBe('Apply failed with 1 conflict: conflict with "a": .spec.free.other.list');
  });

  it('refuses what the schema has not', async () => {
    expect(await refusal(apply(boat('three', { sails: 2 }), 'a'))).toBe('failed to create typed patch object (default/three; sea.example/v1, Kind=Boat): .spec.sails: field not declared in schema');
    expect(await refusal(apply(boat('three', { crew: 'many' }), 'a'))).toContain('.spec.crew: expected numeric (int or float), got string');
  });

  it('owns its number through its scale, and its status through its status', async () => {
    await apply(boat('four', { crew: 1 }), 'a');
    await test.kubectl('scale', 'boats/four', '--replicas=3');
    const scaled = await test.client.get(Boat, { namespace, name: 'four' });
    expect(scaled.spec).toMatchObject({ crew: 3 });
    expect(fieldsOf(scaled, 'kubectl')).toEqual({ 'f:spec': { 'f:crew': {} } });
    const status = await apply({ ...boat('four', { crew: 9 }), status: { crew: 2 } } as Boat, 'c', { subresource: 'status' });
    expect(status).toMatchObject({ spec: { crew: 3 }, status: { crew: 2 } });
    expect(fieldsOf(status, 'c')).toEqual({ 'f:status': { 'f:crew': {} } });
  });

  it('changes nothing the second time', async () => {
    const object = boat('five', { crew: 2, seats: [{ row: 1 }], oars: { a: 'b' } });
    expect(await apply(object, 'a')).toEqual(await apply(object, 'a'));
  });

  it('owns as a whole what the definition has made atomic since', async () => {
    const before = await apply(boat('six', { oars: { left: 'l', right: 'r' } }), 'a');
    expect(fieldsOf(before, 'a')).toEqual({ 'f:spec': { 'f:oars': { 'f:left': {}, 'f:right': {} } } });
    await define({ ...granular, 'x-kubernetes-map-type': 'atomic' });
    await expect.poll(() => refusal(apply(boat('six', { oars: { left: 'l' } }), 'b'))).toBe('Apply failed with 1 conflict: conflict with "a": .spec.oars');
    expect(fieldsOf(await apply(boat('six', { oars: { left: 'x' } }), 'a'), 'a')).toEqual({ 'f:spec': { 'f:oars': {} } });
  });
});

const strictly = (kind: string, body: string) => test.transport.request({
  verb: 'patch', group: 'mix.example', version: 'v1', resource: `${kind}s`, name: 'mytest', query: { fieldManager: 'strict', fieldValidation: 'Strict' }, patchType: 'application/apply-patch+yaml',
  body: parse(`apiVersion: mix.example/v1\nkind: K${kind}\n${body}`),
});

describe('a strict apply in YAML', () => {
  const port = { type: 'object', required: ['containerPort', 'protocol'], properties: { containerPort: { type: 'integer', format: 'int32' }, name: text, protocol: text } };
  const properties = {
    foo: text, cronSpec: { ...text, pattern: '^(\\d+|\\*)(/\\d+)?(\\s+(\\d+|\\*)(/\\d+)?){4}$' },
    ports: { type: 'array', 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['containerPort', 'protocol'], items: port },
  };
  const template = { type: 'object', 'x-kubernetes-embedded-resource': true, properties: { metadata: { type: 'object', properties: { name: text } }, spec: { type: 'object' } } };
  const open = { 'x-kubernetes-preserve-unknown-fields': true };
  const schemas: Readonly<Record<string, object>> = {
    closed: { type: 'object', properties: { spec: { type: 'object', properties } } },
    open: { type: 'object', ...open },
    halfopen: { type: 'object', properties: { spec: { type: 'object', ...open, properties: { ...properties, template } } } },
  };

  beforeAll(async () => {
    for (const [name, openAPIV3Schema] of Object.entries(schemas)) {
      const crd = {
        apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata: { name: `${name}s.mix.example` },
        spec: { group: 'mix.example', scope: 'Cluster', names: { plural: `${name}s`, singular: name, kind: `K${name}`, listKind: `K${name}List` }, versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema } }] },
      };
      expect(await test.kubectlWith(JSON.stringify(crd), 'create', '-f', '-')).toMatchObject({ code: 0 });
      await test.kubectl('wait', '--for=condition=Established', `crd/${name}s.mix.example`);
    }
  });

  const spec = '  cronSpec: "* * * * */5"\n  ports:\n  - name: x\n    containerPort: 80\n    protocol: TCP\n';
  const metadata = 'metadata:\n  name: mytest\n  finalizers:\n  - test-finalizer\n';

  it('takes what is of the schema, and anything where there is none', async () => {
    await expect(strictly('closed', `${metadata}spec:\n  foo: foo1\n${spec}`)).resolves.toMatchObject({ spec: { foo: 'foo1' } });
    await expect(strictly('open', `${metadata}spec:\n  unknown: uk1\n${spec}`)).resolves.toMatchObject({ spec: { unknown: 'uk1' } });
  });

  it('refuses what is unknown, in metadata and in embedded objects too', async () => {
    expect(await refusal(strictly('closed', `${metadata}unknownField: unknown\nspec:\n  foo: foo1\n${spec}`))).toContain('.unknownField: field not declared in schema');
    const embedded = '  template:\n    apiVersion: foo/v1\n    kind: Sub\n    metadata:\n      unknownSubMeta: unknown\n      name: subobject\n';
    expect(await refusal(strictly('halfopen', `metadata:\n  name: mytest\n  unknownMeta: unknown\nspec:\n${embedded}${spec}`))).toContain('.spec.template.metadata.unknownSubMeta: field not declared in schema');
    expect(await refusal(strictly('halfopen', `metadata:\n  name: mytest\n  unknownMeta: unknown\nspec:\n${spec}`))).toContain('.metadata.unknownMeta: field not declared in schema');
  });
});

const dual = (version: string): Kind<Boat> => defineKind<Boat>('two.example', version, 'Dual', 'duals');

it('is owned across the versions of its definition', async () => {
  const schema = { openAPIV3Schema: { type: 'object', properties: { spec: { type: 'object', properties: { size: { type: 'integer' }, colour: text } } } } };
  const versions = [{ name: 'v1', served: true, storage: true, schema }, { name: 'v2', served: true, storage: false, schema }];
  const crd = { apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata: { name: 'duals.two.example' }, spec: { group: 'two.example', scope: 'Namespaced', names: { plural: 'duals', kind: 'Dual' }, versions } };
  expect(await test.kubectlWith(JSON.stringify(crd), 'create', '-f', '-')).toMatchObject({ code: 0 });
  await test.kubectl('wait', '--for=condition=Established', 'crd/duals.two.example');
  const one = boat('both', { size: 1, colour: 'red' });
  await test.client.apply(dual('v1'), one, { fieldManager: 'a' });
  expect(await refusal(test.client.apply(dual('v2'), boat('both', { size: 2 }), { fieldManager: 'b' }))).toBe('Apply failed with 1 conflict: conflict with "a": .spec.size');
  await test.client.apply(dual('v2'), boat('both', { size: 1 }), { fieldManager: 'b' });
  const less = await test.client.apply(dual('v2'), boat('both', {}), { fieldManager: 'a' });
  expect(less).toMatchObject({ apiVersion: 'two.example/v2', spec: { size: 1 } });
  expect(less.spec).not.toHaveProperty('colour');
  const patched = await test.client.patch(dual('v1'), { namespace, name: 'both' }, 'application/merge-patch+json', { spec: { size: 3 } }, { fieldManager: 'c' });
  expect(patched.metadata?.managedFields?.map(({ manager, apiVersion }) => [manager, apiVersion])).toEqual([['a', 'two.example/v2'], ['c', 'two.example/v1']]);
});
