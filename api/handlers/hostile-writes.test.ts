import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PatchType, Verb } from '../../client/transport.ts';
import type { CustomResourceDefinition } from '../../machinery/kinds/apiextensions.ts';
import { ApiError } from '../../machinery/status.ts';
import { asking, someone, startTestCluster, type TestCluster } from '../access/test-cluster.ts';
import { resourcesOf } from '../custom-resources/resources.ts';
import { applyPatch, type Call, type Handler } from '../request.ts';
import { deployment } from '../resources/apps/deployment.ts';
import { resources } from '../resources/all.ts';
import type { Resource } from '../resources/define.ts';
import { createCodec } from '../schema/codec.ts';
import { create } from './create.ts';
import { patch } from './patch.ts';
import { update } from './update.ts';
import type { Writer } from './writer.ts';

/** Bodies that no well-meaning client sends are refused as their sender's fault, and leave the object as it was or as a valid one. */

let cluster: TestCluster;
let writer: Writer;
beforeAll(async () => {
  cluster = await startTestCluster();
  writer = { ...cluster.writer, codec: createCodec() };
});
afterAll(() => cluster.close());

const whole = {
  apiVersion: 'apps/v1', kind: 'Deployment',
  metadata: {
    name: 'hurt', namespace: 'default', labels: { a: 'b' }, annotations: { c: 'd' }, finalizers: ['a.b/c'], ownerReferences: [{ apiVersion: 'v1', kind: 'X', name: 'x', uid: 'u' }],
    managedFields: [{ manager: 'm', operation: 'Update', apiVersion: 'apps/v1', time: '2026-01-01T00:00:00Z', fieldsType: 'FieldsV1', fieldsV1: { 'f:spec': { 'f:replicas': {}, 'f:template': { '.': {}, 'k:{"name":"x"}': {} } } } }],
  },
  spec: {
    replicas: 1, selector: { matchLabels: { a: 'b' } }, strategy: { type: 'Recreate' },
    template: { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i', ports: [{ containerPort: 80 }, { containerPort: 80, protocol: 'UDP' }], env: [{ name: 'E', value: 'v' }] }], volumes: [{ name: 'v', emptyDir: {} }], tolerations: [{ key: 'k' }] } },
  },
  status: { replicas: 1, conditions: [{ type: 'Available', status: 'True' }] },
};

type Step = string | number;

/** The paths of all that is in a value. */
function pathsIn(value: unknown, at: readonly Step[] = []): (readonly Step[])[] {
  if (typeof value !== 'object' || value === null) return [at];
  return [at, ...Object.entries(value).flatMap(([key, inner]) => pathsIn(inner, [...at, Array.isArray(value) ? Number(key) : key]))];
}

function replaced(value: unknown, [step, ...rest]: readonly Step[], by: unknown): unknown {
  if (step === undefined) return by;
  if (Array.isArray(value)) return value.map((item: unknown, index) => (index === step ? replaced(item, rest, by) : item));
  return { ...Object(value), [step]: replaced(Reflect.get(Object(value), step), rest, by) };
}

const oddity = fc.oneof(
  fc.constantFrom<unknown>(null, '', 0, -1, 1e300, true, [], {}, [null], [[]], [{}], [{}, {}], { '': null }, '__proto__', { 'f:': {} }, { 'k:{': {} }, { '.': 1 }, { $patch: 'delete' }, { constructor: 1 }),
  fc.jsonValue({ maxDepth: 2 }),
);
const hurt = (body: unknown) => fc.array(fc.tuple(fc.constantFrom(...pathsIn(body)), oddity), { minLength: 1, maxLength: 3 })
  .map((changes) => changes.reduce<unknown>((value, [path, by]) => replaced(value, path, by), body));

function call(resource: Resource, verb: Verb, name: string, body: unknown, more: Partial<Call>): Call {
  return {
    info: asking(`${verb} ${resource.plural}@${resource.group} in default/${name}`), user: someone('ann'), resource, query: {}, search: '', accept: { as: 'json' }, userAgent: 'test',
    body: { content: { value: body }, mediaType: 'application/json' }, signal: AbortSignal.timeout(10_000), warn: () => undefined, ...more,
  };
}

/** Refused with a code below 500, or done. */
async function isJust(handler: (deps: Writer, asked: Call) => ReturnType<Handler>, asked: Call): Promise<void> {
  try {
    await handler(writer, asked);
  } catch (error) {
    if (!(error instanceof ApiError) || error.code >= 500) throw error;
  }
  await writer.caches.waitForNewest(AbortSignal.timeout(10_000));
}

const runs = { numRuns: 300 };

const text = { type: 'string' };
const definition = {
  metadata: { name: 'boats.sea.example' },
  spec: {
    group: 'sea.example', scope: 'Namespaced', names: { plural: 'boats', singular: 'boat', kind: 'Boat', listKind: 'BoatList' },
    versions: [{
      name: 'v1', served: true, storage: true, subresources: { status: {} },
      schema: {
        openAPIV3Schema: {
          type: 'object',
          properties: {
            spec: {
              type: 'object',
              properties: {
                crew: { type: 'integer' }, names: { type: 'array', 'x-kubernetes-list-type': 'set', items: text }, lines: { type: 'array', items: text },
                seats: { type: 'array', 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['row'], items: { type: 'object', required: ['row'], properties: { row: { type: 'integer' }, who: text } } },
                free: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true }, oars: { type: 'object', 'x-kubernetes-map-type': 'atomic', additionalProperties: text },
              },
            },
            status: { type: 'object', properties: { crew: { type: 'integer' } } },
          },
        },
      },
    }],
  },
} as object as CustomResourceDefinition;
const boat = {
  apiVersion: 'sea.example/v1', kind: 'Boat', metadata: whole.metadata,
  spec: { crew: 1, names: ['a', 'b'], lines: ['l'], seats: [{ row: 1, who: 'x' }, { row: 2 }], free: { a: { b: [1] } }, oars: { left: 'l' } }, status: { crew: 1 },
};

describe('a body that is hurt', () => {
  it.each<[string, () => Resource, { readonly metadata: object }]>([
    ['a built-in kind', () => deployment, whole], ['a custom kind', () => customResource(), boat],
  ])('is never the server\'s fault when it is created, replaced, patched or applied: %s', async (_name, resourceOf, body) => {
    const resource = resourceOf();
    await isJust(create, call(resource, 'create', '', { ...body, metadata: { ...body.metadata, finalizers: [] } }, {}));
    await fc.assert(fc.asyncProperty(hurt(body), fc.constantFrom('', 'status'), async (change, subresource) => {
      await isJust(create, call(resource, 'create', '', change, {}));
      const info = { ...asking(`update ${resource.plural}@${resource.group} in default/hurt`), subresource };
      await isJust(update, call(resource, 'update', 'hurt', change, { info }));
      const patched = { ...info, verb: 'patch' };
      for (const patchType of ['application/merge-patch+json', 'application/strategic-merge-patch+json'] satisfies PatchType[]) await isJust(patch, call(resource, 'patch', 'hurt', change, { info: patched, patchType }));
      for (const force of ['true', 'false']) await isJust(patch, call(resource, 'patch', 'hurt', change, { info: patched, patchType: applyPatch, query: { fieldManager: 'a', force } }));
    }), runs);
    expect(writer.caches.of(resource).get('default', 'hurt')?.object.metadata?.name).toBe('hurt');
  });
});

function customResource(): Resource {
  const [resource = deployment] = resourcesOf(definition, { webhooks: { call: () => Promise.reject(new Error('nothing is to be converted')), close: () => undefined }, uuid: () => 'u' });
  cluster.caches.serve([...resources, resource]);
  return resource;
}
