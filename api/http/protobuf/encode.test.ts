import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createProtobufDecoder } from './decode.ts';
import { createProtobufEncoder } from './encode.ts';
import { envelope } from './envelope.ts';

/** Builds messages as the protobuf encoding page describes them. */
function varint(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) + 128, ...varint(Math.floor(value / 128))];
}
const number = (field: number, value: number): number[] => [...varint(field * 8), ...varint(value)];
const bytes = (field: number, value: readonly number[] | string): number[] => {
  const content = typeof value === 'string' ? [...Buffer.from(value)] : value;
  return [...varint(field * 8 + 2), ...varint(content.length), ...content];
};
const entry = (key: string, value: readonly number[] | string): number[] => [...bytes(1, key), ...bytes(2, value)];
/** Metadata whose other fields are their zeros. */
const metadata = (name: string, resourceVersion = '', rest: readonly number[] = []): number[] =>
  [...bytes(1, name), ...bytes(2, ''), ...bytes(3, ''), ...bytes(4, ''), ...bytes(5, ''), ...bytes(6, resourceVersion), ...number(7, 0), ...bytes(8, []), ...rest];

const encoder = createProtobufEncoder();
const encoded = (apiVersion: string, kind: string, object: object): number[] => [...encoder.message(apiVersion, kind, object)];

describe('an object in protobuf', () => {
  it('has text, maps by key, bytes and lists', () => {
    const object = { metadata: { name: 'a', labels: { b: '2', a: '1' }, finalizers: ['f1', 'f2'] }, data: { k: 'grüße' }, binaryData: { b: 'aGk=' } };
    const rest = [...bytes(11, entry('a', '1')), ...bytes(11, entry('b', '2')), ...bytes(14, 'f1'), ...bytes(14, 'f2')];
    expect(encoded('v1', 'ConfigMap', object)).toEqual([...bytes(1, metadata('a', '', rest)), ...bytes(2, entry('k', 'grüße')), ...bytes(3, entry('b', 'hi'))]);
  });

  it('writes zeros, but not of what may be absent', () => {
    const spec = { selector: {}, template: {}, replicas: 0 };
    expect(encoder.message('apps/v1', 'Deployment', { spec }).toString('hex')).toBe(Buffer.from([
      ...bytes(1, metadata('')),
      ...bytes(2, [...number(1, 0), ...bytes(2, []), ...bytes(3, [...bytes(1, metadata('')), ...bytes(2, podSpec)]), ...bytes(4, bytes(1, '')), ...number(5, 0), ...number(7, 0)]),
      ...bytes(3, [...number(1, 0), ...number(2, 0), ...number(3, 0), ...number(4, 0), ...number(5, 0), ...number(7, 0)]),
    ]).toString('hex'));
  });

  it('writes what its JSON has in one text in many ways', () => {
    const lease = { metadata: { name: 'l', creationTimestamp: '2023-11-14T22:13:20Z' }, spec: { renewTime: '2023-11-14T22:13:20.000120Z', leaseTransitions: -1 } };
    const created = number(1, 1_700_000_000);
    const minusOne = [...varint(5 * 8), ...Array.from({ length: 9 }, () => 0xff), 1];
    const head = metadata('l').slice(0, -2);
    expect(encoded('coordination.k8s.io/v1', 'Lease', lease)).toEqual([
      ...bytes(1, [...head, ...bytes(8, [...created, ...number(2, 0)])]), ...bytes(2, [...bytes(4, [...created, ...number(2, 120_000)]), ...minusOne]),
    ]);
    const budget = { metadata: {}, spec: { minAvailable: '50%', maxUnavailable: 3 } };
    expect(encoded('policy/v1', 'PodDisruptionBudget', budget).slice(metadata('').length + 2)).toEqual([
      ...bytes(2, [...bytes(1, [...number(1, 1), ...number(2, 0), ...bytes(3, '50%')]), ...bytes(3, [...number(1, 0), ...number(2, 3), ...bytes(3, '')])]),
      ...bytes(3, [...number(1, 0), ...number(3, 0), ...number(4, 0), ...number(5, 0), ...number(6, 0)]),
    ]);
  });

  it('writes schemas that are true, a list, or names', () => {
    const schema = { type: 'object', properties: { a: { items: { type: 'string' }, additionalProperties: false, default: { b: [1] }, maximum: 1.5 }, c: { items: [{ type: 'x' }], additionalProperties: true, dependencies: { d: ['e'] } } } };
    const versions = [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: schema } }];
    const definition = { metadata: {}, spec: { group: 'g', names: { plural: 'p', kind: 'K' }, scope: 'Cluster', versions } };
    const message = encoder.message('apiextensions.k8s.io/v1', 'CustomResourceDefinition', definition);
    expect(createProtobufDecoder().decode(envelope('apiextensions.k8s.io/v1', 'CustomResourceDefinition', message))).toMatchObject({ spec: definition.spec });
  });

  it('is known by kind, in groups of Kubernetes only', () => {
    expect(['v1/Pod', 'v1/Status', 'apps/v1/Deployment', 'autoscaling/v2/HorizontalPodAutoscaler', 'meta.k8s.io/v1/PartialObjectMetadata', 'apps/v1/DeleteOptions', 'v1/PodList'].filter(known)).toHaveLength(7);
    expect(['v1/Nothing', 'apps/v2/Deployment', 'core.example.com/v1/Pod', 'apps/v1beta1/Deployment'].filter(known)).toEqual([]);
  });

  it('comes back as it went', () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 60 });
    const numbers = fc.oneof(fc.integer({ min: 1, max: 2 ** 31 - 1 }), fc.integer({ min: -(2 ** 31), max: -1 }));
    const object = fc.record({
      metadata: fc.record({ name: text.filter((one) => one !== ''), annotations: fc.dictionary(text.filter((one) => one !== ''), text, { minKeys: 1, noNullPrototype: true }), generation: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }) }),
      spec: fc.record({ priority: numbers, nodeName: text.filter((one) => one !== ''), containers: fc.array(fc.record({ name: text.filter((one) => one !== ''), args: fc.array(text, { minLength: 1 }) }), { minLength: 1, maxLength: 4 }) }),
    });
    fc.assert(fc.property(object, (pod) => {
      const back = createProtobufDecoder().decode(envelope('v1', 'Pod', encoder.message('v1', 'Pod', pod)));
      expect(back).toMatchObject(pod);
    }), { numRuns: 200 });
  });

  it('grows with what it writes', () => {
    const large = 'x'.repeat(300_000);
    expect(createProtobufEncoder().message('v1', 'ConfigMap', { metadata: { name: 'a' }, data: { a: large, b: large } })).toHaveLength(metadata('a').length + 2 + 2 * (300_000 + 3 + 4 + 8 - 4));
  });
});

/** Of a pod that says nothing. */
const podSpec = [
  ...bytes(3, ''), ...bytes(6, ''), ...bytes(8, ''), ...bytes(9, ''), ...bytes(10, ''), ...number(11, 0), ...number(12, 0), ...number(13, 0), ...bytes(16, ''), ...bytes(17, ''), ...bytes(19, ''), ...bytes(24, ''),
];

function known(address: string): boolean {
  const at = address.lastIndexOf('/');
  return encoder.knows(address.slice(0, at), address.slice(at + 1));
}
