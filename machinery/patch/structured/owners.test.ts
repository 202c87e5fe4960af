import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Field, ObjectSchema, Schema } from '../../schema.ts';
import type { JsonObject } from '../json-value.ts';
import { compare } from './compare.ts';
import { createdFields } from './created.ts';
import { fieldsIn } from './extract.ts';
import { isEmpty, noFields, pathsOf, union, type FieldSet } from './field-set.ts';
import { applyConfig, ownersAfterUpdate, type Applied, type Change, type Forms, type Owners } from './owners.ts';
import { pathText } from './path-element.ts';
import { rootShape } from './shape.ts';

const text: Field = { schema: { type: 'string' } };
const number: Field = { schema: { type: 'int32' } };
const struct = (name: string, fields: Readonly<Record<string, Field>>, more: Partial<ObjectSchema> = {}): ObjectSchema => ({ type: 'object', name, fields, ...more });
const list = (items: Schema, more: object = {}): Field => ({ schema: { type: 'list', items, ...more } });

const port = struct('Port', { port: { ...number, required: true }, protocol: { ...text, default: 'TCP' }, name: text });
const container = struct('Container', {
  name: { ...text, required: true }, image: text, args: list({ type: 'string' }), ports: list(port, { listType: 'map', mapKeys: ['port', 'protocol'] }),
  resources: { schema: struct('Resources', { limits: { schema: { type: 'map', values: { type: 'quantity' } } } }), presence: 'always' },
});
const schema = struct('Thing', {
  apiVersion: text, kind: text,
  metadata: { schema: struct('Metadata', { name: text, uid: text, labels: { schema: { type: 'map', values: { type: 'string' } } }, finalizers: list({ type: 'string' }, { listType: 'set' }) }) },
  spec: {
    schema: struct('Spec', {
      replicas: number, selector: { schema: struct('Selector', { key: text, value: text }, { mapType: 'atomic' }) }, strategy: { schema: struct('Strategy', { type: text, surge: number }) },
      containers: { ...list(container, { listType: 'map', mapKeys: ['name'] }), required: true }, nodes: { schema: { type: 'map', values: { type: 'string' } }, mapType: 'atomic' },
      free: { schema: { type: 'any', name: 'io.k8s.apimachinery.pkg.runtime.RawExtension' } },
    }), presence: 'always',
  },
});
const shape = rootShape(schema);
const forms: Forms = (version) => (version === 'v1' ? { shape, ignored: noFields, mayHaveChanged: true, convert: (object) => object } : undefined);
const nobody: Owners = new Map();
const by = (writer: string, owners: Owners): Change => ({ forms, owners, apiVersion: 'v1', writer });
const texts = (set: FieldSet | undefined): string[] => pathsOf(set ?? noFields).map(pathText);
const same = (a: JsonObject, b: JsonObject): boolean => {
  const { added, modified, removed } = compare(shape, a, b);
  return isEmpty(added) && isEmpty(modified) && isEmpty(removed);
};

interface State {
  readonly object: JsonObject;
  readonly owners: Owners;
}

const start: State = { object: {}, owners: nobody };

/** The state after an apply; throws when there are conflicts. */
function applied(state: State, writer: string, config: JsonObject, force = false): State {
  const result = applyConfig(by(writer, state.owners), state.object, config, force);
  if (result.type === 'conflicts') throw new Error('conflicts');
  return { object: result.object ?? state.object, owners: result.owners };
}

function updated(state: State, writer: string, object: JsonObject): State {
  return { object, owners: ownersAfterUpdate(by(writer, state.owners), state.object, object) };
}

const conflictsOf = (result: Applied): string[] => (result.type === 'conflicts' ? result.conflicts.map(({ owner, path }) => `${owner} ${pathText(path)}`) : []);

describe('what a configuration owns', () => {
  it('is leaves, items and keys, and what is empty, but no structs', () => {
    const config = {
      apiVersion: 'v1', metadata: { name: 'x', labels: { a: '1' }, finalizers: ['f'] },
      spec: { selector: { key: 'a' }, strategy: {}, containers: [{ name: 'c', args: ['x'], ports: [{ port: 80 }] }], nodes: { a: 'b' }, free: { deep: { er: 1, list: [1] } } },
    };
    expect(texts(fieldsIn(shape, config))).toEqual([
      '.metadata.finalizers[="f"]', '.metadata.labels.a',
      '.spec.containers[name="c"]', '.spec.containers[name="c"].args', '.spec.containers[name="c"].name', '.spec.containers[name="c"].ports[port=80,protocol="TCP"]',
      '.spec.containers[name="c"].ports[port=80,protocol="TCP"].port', '.spec.free.deep', '.spec.free.deep.er', '.spec.free.deep.list', '.spec.nodes', '.spec.selector', '.spec.strategy',
    ]);
  });
});

describe('what an update owns', () => {
  it('is all that it adds, with what holds it, but for structs that are always there', () => {
    const { owners } = updated(start, 'm', { spec: { replicas: 1, strategy: { type: 'x' }, containers: [{ name: 'c', image: 'i', resources: {} }] }, metadata: { labels: { a: '1' } } });
    expect(texts(owners.get('m')?.fields)).toEqual([
      '.metadata.labels', '.metadata.labels.a', '.spec.containers[name="c"]', '.spec.containers[name="c"].image', '.spec.containers[name="c"].name',
      '.spec.containers[name="c"].resources', '.spec.replicas', '.spec.strategy', '.spec.strategy.type',
    ]);
  });

  it('passes from who had it to who changes it', () => {
    const first = updated(start, 'a', { spec: { replicas: 1, strategy: { type: 'x' }, nodes: { a: 'b' } } });
    const { owners } = updated(first, 'b', { spec: { replicas: 2, nodes: { a: 'c' } } });
    expect(texts(owners.get('a')?.fields)).toEqual([]);
    expect(texts(owners.get('b')?.fields)).toEqual(['.spec.nodes', '.spec.replicas']);
  });

  it('stays when nothing changes', () => {
    const first = updated(start, 'a', { spec: { replicas: 1 } });
    expect([...updated(first, 'b', { spec: { replicas: 1 } }).owners.keys()]).toEqual(['a']);
  });
});

describe('applying', () => {
  it('removes what its writer no longer says, and nothing else', () => {
    const first = applied(updated(start, 'm', { spec: { replicas: 1 } }), 'a', { metadata: { labels: { x: '1', y: '1' } }, spec: { strategy: { type: 't' }, containers: [{ name: 'c', image: 'i' }] } });
    const { object } = applied(first, 'a', { metadata: { labels: { y: '1' } } });
    expect(object).toEqual({ metadata: { labels: { y: '1' } }, spec: { replicas: 1 } });
  });

  it('keeps what somebody else applied too, until both have let go', () => {
    const both = applied(applied(start, 'a', { spec: { replicas: 1 } }), 'b', { spec: { replicas: 1 } });
    const one = applied(both, 'a', {});
    expect(one.object).toEqual({ spec: { replicas: 1 } });
    expect(texts(applied(one, 'b', {}).owners.get('b')?.fields)).toEqual([]);
    expect(same(applied(one, 'b', {}).object, {})).toBe(true);
  });

  it('conflicts with who owns another value, and takes it by force', () => {
    const first = updated(start, 'm', { spec: { replicas: 1, selector: { key: 'a' } } });
    const config = { spec: { replicas: 2, selector: { key: 'b' } } };
    expect(conflictsOf(applyConfig(by('a', first.owners), first.object, config, false))).toEqual(['m .spec.replicas', 'm .spec.selector']);
    const forced = applied(first, 'a', config, true);
    expect(forced.object).toEqual(config);
    expect([...forced.owners.keys()]).toEqual(['a']);
  });

  it('shares what it says as it is', () => {
    const first = updated(start, 'm', { spec: { replicas: 1 } });
    const { owners } = applied(first, 'a', { spec: { replicas: 1 } });
    expect(texts(owners.get('m')?.fields)).toEqual(['.spec.replicas']);
    expect(texts(owners.get('a')?.fields)).toEqual(['.spec.replicas']);
  });

  it('keeps the order of items that it does not speak of, and gives its own to the others', () => {
    const live = { spec: { containers: ['a', 'b', 'c', 'd'].map((name) => ({ name })) } };
    const { object } = applied({ object: live, owners: nobody }, 'a', { spec: { containers: ['d', 'new', 'b'].map((name) => ({ name, image: 'i' })) } });
    const { containers } = object['spec'] as { containers: { name: string }[] };
    expect(containers.map(({ name }) => name)).toEqual(['a', 'c', 'd', 'new', 'b']);
  });

  it('owns as a whole what has become atomic since', () => {
    const first = updated(start, 'm', { spec: { nodes: { a: 'b' } } });
    const owners: Owners = new Map([...first.owners, ['old', { fields: { 'f:spec': { 'f:nodes': { 'f:a': {} }, 'f:selector': { 'f:key': {} } } }, apiVersion: 'v1', applied: false }]]);
    expect(texts(ownersAfterUpdate(by('a', owners), first.object, first.object).get('old')?.fields)).toEqual(['.spec.nodes', '.spec.selector']);
  });

  it('forgets owners whose version is gone', () => {
    const first = updated(start, 'm', { spec: { replicas: 1 } });
    const owners: Owners = new Map([...first.owners, ['old', { fields: { 'f:spec': { 'f:replicas': {} } }, apiVersion: 'v0', applied: false }]]);
    expect([...applied({ ...first, owners }, 'a', { spec: { replicas: 1 } }).owners.keys()]).toEqual(['m', 'a']);
  });
});

const word = fc.constantFrom('a', 'b', 'c');
const optional = <T extends object>(shapes: { [K in keyof T]: fc.Arbitrary<T[K]> }) => fc.record(shapes, { requiredKeys: [] });
const unique = <T extends JsonObject>(items: fc.Arbitrary<T>, key: (item: T) => string) => fc.uniqueArray(items, { selector: key, maxLength: 3, minLength: 1 });
const someContainer = fc.record({
  name: word, image: word, args: fc.array(word, { minLength: 1, maxLength: 2 }), resources: fc.record({ limits: fc.dictionary(word, word, { minKeys: 1, maxKeys: 2 }) }),
  ports: unique(fc.record({ port: fc.constantFrom(80, 443), protocol: fc.constantFrom('TCP', 'UDP'), name: word }, { requiredKeys: ['port'] }), ({ port: at, protocol = 'TCP' }) => `${at}${protocol}`),
}, { requiredKeys: ['name'] });
const anyConfig = optional({
  metadata: optional({ labels: fc.dictionary(word, word, { minKeys: 1, maxKeys: 2 }), finalizers: fc.uniqueArray(word, { minLength: 1 }) }),
  spec: optional({
    replicas: fc.nat(3), selector: fc.record({ key: word }), strategy: fc.record({ type: word, surge: fc.nat(2) }, { requiredKeys: ['type'] }),
    containers: unique(someContainer, ({ name }) => name), nodes: fc.dictionary(word, word, { minKeys: 1 }), free: fc.dictionary(word, fc.oneof(word, fc.dictionary(word, word, { minKeys: 1 })), { minKeys: 1, maxKeys: 2 }),
  }),
});
/** As it comes in a body; an empty struct is not an absent one, and no person writes one. */
const someConfig: fc.Arbitrary<JsonObject> = anyConfig.map((config): JsonObject =>
  JSON.parse(JSON.stringify(config, (key, value: unknown) => (key !== '' && typeof value === 'object' && value !== null && Object.keys(value).length === 0 ? undefined : value))));

/** The state after an apply that nothing hinders. */
function tried(state: State, writer: string, config: JsonObject): State {
  const result = applyConfig(by(writer, state.owners), state.object, config, false);
  fc.pre(result.type === 'applied');
  return { object: result.object ?? state.object, owners: result.owners };
}

describe('applying configurations of any kind', () => {
  it('changes nothing the second time', () => {
    fc.assert(fc.property(someConfig, someConfig, (live, config) => {
      const once = applied(updated(start, 'm', live), 'a', config, true);
      const again = applyConfig(by('a', once.owners), once.object, config, false);
      expect(again).toEqual({ type: 'applied', object: undefined, owners: once.owners });
    }));
  });

  it('has what the configuration says, whatever was there', () => {
    fc.assert(fc.property(someConfig, someConfig, (live, config) => {
      const { object } = applied(updated(start, 'm', live), 'a', config, true);
      const { added, modified } = compare(shape, object, applied({ object, owners: nobody }, 'b', config).object);
      expect([added, modified]).toEqual([{}, {}]);
    }));
  });

  it('and nothing afterwards gives back what was', () => {
    fc.assert(fc.property(someConfig, someConfig, (first, second) => {
      const before = applied(start, 'a', first);
      const after = tried(tried(before, 'b', second), 'b', {});
      expect(same(after.object, before.object)).toBe(true);
      expect(after.owners).toEqual(before.owners);
    }));
  });

  it('by two who do not conflict ends in the same, whoever is first', () => {
    fc.assert(fc.property(someConfig, someConfig, (a, b) => {
      const one = tried(tried(start, 'a', a), 'b', b);
      const other = tried(tried(start, 'b', b), 'a', a);
      expect(same(one.object, other.object)).toBe(true);
      expect(new Map([...one.owners].toSorted())).toEqual(new Map([...other.owners].toSorted()));
    }));
  });

  it('of new objects is told from their outlines', () => {
    fc.assert(fc.property(fc.array(someConfig, { maxLength: 5 }), (objects) => {
      for (const object of [...objects, ...objects.toReversed()]) {
        const { added, modified } = compare(shape, {}, object);
        expect(createdFields(shape, object)).toEqual(union(added, modified));
      }
    }));
  });

  it('owns exactly what it says', () => {
    fc.assert(fc.property(someConfig, someConfig, (live, config) => {
      const { owners } = applied(updated(start, 'm', live), 'a', config, true);
      expect(owners.get('a')?.fields ?? noFields).toEqual(fieldsIn(shape, config));
    }));
  });
});
