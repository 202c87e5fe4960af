import { describe, expect, it } from 'vitest';
import { CustomResourceDefinition } from '../../../machinery/kinds/apiextensions.ts';
import { eventually } from '../../e2e/eventually.ts';
import { useCluster } from '../cluster.ts';
import { define, takesEverything, unique, type Defined } from '../definitions.ts';
import { call, get } from '../raw.ts';

const cluster = useCluster('crd-publish-openapi');
const merge = 'application/merge-patch+json';

const fooSchema = {
  type: 'object', description: 'Foo CRD for Testing',
  properties: {
    spec: {
      type: 'object', description: 'Specification of Foo',
      properties: {
        bars: {
          type: 'array', description: 'List of Bars and their specs.',
          items: {
            type: 'object', required: ['name'],
            properties: {
              name: { type: 'string', description: 'Name of Bar.' }, age: { type: 'string', description: 'Age of Bar.' },
              feeling: { type: 'string', description: 'Whether Bar is feeling great.', enum: ['Great', 'Down'] },
              bazs: { type: 'array', description: 'List of Bazs.', items: { type: 'string' } },
            },
          },
        },
      },
    },
    status: { type: 'object', description: 'Status of Foo', properties: { bars: { type: 'array', description: 'List of Bars and their statuses.', items: { type: 'object', properties: { name: { type: 'string' } } } } } },
  },
};

const embedding = {
  type: 'object',
  properties: { spec: { type: 'object', description: 'Specification of Waldo', 'x-kubernetes-preserve-unknown-fields': true, properties: { dummy: { type: 'string', description: 'Dummy property.' } } }, status: { type: 'object', description: 'Status of Waldo' } },
};

/** In the older form nothing is said of what is within a field that takes unknown ones: clients would forbid what isn't named. */
const embeddingV2 = { ...embedding, properties: { ...embedding.properties, spec: { description: 'Specification of Waldo', 'x-kubernetes-preserve-unknown-fields': true } } };
/** Nor of what is within an object that takes them. */
const anyObject = { type: 'object' };

const versionOf = (name: string, schema: object, storage = true) => ({ name, served: true, storage, schema: { openAPIV3Schema: schema } });
const defineWith = (kind: string, schema: object, group?: string) => define(cluster.client, { kind, versions: [versionOf('v1', schema)], ...(group === undefined ? {} : { group }) });

/** As OpenAPI v2 names it: `com.example.group-0a1b.v1.Foo`. */
const definitionName = ({ group }: Defined, version: string, kind: string) => `${group.split('.').toReversed().join('.')}.${version}.${kind}`;

async function definitionsV2(): Promise<Readonly<Record<string, unknown>>> {
  const { definitions } = await get('/openapi/v2') as { readonly definitions: Readonly<Record<string, unknown>> };
  return definitions;
}

/** What the server adds to every schema of an object. */
const added: ReadonlySet<string> = new Set(['apiVersion', 'kind', 'metadata']);

/** A schema as it was defined. */
function asDefined(schema: unknown): unknown {
  const { 'x-kubernetes-group-version-kind': _kinds, properties, ...rest } = Object(schema) as { readonly properties?: object } & Readonly<Record<string, unknown>>;
  const own = Object.entries(properties ?? {}).filter(([name]) => !added.has(name));
  return { ...rest, ...(own.length === 0 ? {} : { properties: Object.fromEntries(own) }) };
}

/** In both forms of OpenAPI, or (`false`) in neither. `v2Schema`: what the older form has instead. */
async function expectPublished(defined: Defined, version: string, kind: string, schema: object | false, v2Schema: object | false = schema): Promise<void> {
  const name = definitionName(defined, version, kind);
  await eventually(async () => {
    const v2 = (await definitionsV2())[name];
    const v3 = await call('GET', `/openapi/v3/apis/${defined.group}/${version}`);
    if (schema === false) {
      expect(v2).toBeUndefined();
      expect(v3.text).not.toContain(`"${name}":`);
      return;
    }
    expect(v2).toMatchObject({ 'x-kubernetes-group-version-kind': [{ group: defined.group, version, kind }] });
    expect(asDefined(v2)).toEqual(v2Schema);
    const { components } = Object(v3.body) as { readonly components?: { readonly schemas?: Readonly<Record<string, unknown>> } };
    expect(asDefined(components?.schemas?.[name])).toEqual(schema);
  });
}

type Attempt = Readonly<Record<string, unknown>>;

/** kubectl with the file of an object, whose client looks at the published schema. */
function kubectl(defined: Defined, fields: Attempt, name = 'test') {
  const { kind, group } = defined.as();
  return cluster.kubectl.with({ input: JSON.stringify({ apiVersion: `${group}/v1`, kind, metadata: { name }, ...fields }) });
}

async function expectAnythingGoes(defined: Defined, fields: Attempt): Promise<void> {
  await kubectl(defined, fields)`create -f -`;
  await kubectl(defined, fields)`delete -f -`;
  await kubectl(defined, fields)`apply -f -`;
  await kubectl(defined, fields)`delete -f -`;
}


describe('[sig-api-machinery]', () => {
  it('CustomResourcePublishOpenAPI [Privileged:ClusterAdmin] works for CRD with validation schema', async () => {
    await using defined = await defineWith('Foo', fooSchema);
    const plural = `foos.${defined.group}`;
    await expectPublished(defined, 'v1', 'Foo', fooSchema);
    const valid = { spec: { bars: [{ name: 'test-bar', age: '10', feeling: 'Great', bazs: ['a'] }] } };
    await kubectl(defined, valid)`create -f -`;
    await kubectl(defined, valid)`delete -f -`;
    await kubectl(defined, valid)`apply -f -`;
    await kubectl(defined, valid)`delete -f -`;
    const wrong = [
      [{ spec: { bars: [{ name: 'test-bar', feeling: 'NonExistentValue' }] } }, 'Unsupported value: "NonExistentValue"'],
      [{ spec: { foo: true, bars: [{ name: 'test-bar' }] } }, 'unknown field "spec.foo"'],
      [{ spec: { bars: [{ age: '10' }] } }, 'spec.bars[0].name: Required value'],
    ] as const;
    for (const [fields, complaint] of wrong) {
      expect(await kubectl(defined, fields).refused`create -f -`).toContain(complaint);
      expect(await kubectl(defined, fields).refused`apply -f -`).toContain(complaint);
    }
    expect(await cluster.kubectl`explain ${plural}`).toMatch(/DESCRIPTION:\s+Foo CRD for Testing[\s\S]*FIELDS:[\s\S]*apiVersion.*<string>[\s\S]*APIVersion defines[\s\S]*spec.*<Object>[\s\S]*Specification of Foo/);
    expect(await cluster.kubectl`explain ${`${plural}.metadata`}`).toMatch(/DESCRIPTION:\s+Standard object's metadata[\s\S]*FIELDS:[\s\S]*creationTimestamp.*<string>[\s\S]*CreationTimestamp is a timestamp/);
    expect(await cluster.kubectl`explain ${`${plural}.spec`}`).toMatch(/DESCRIPTION:\s+Specification of Foo[\s\S]*FIELDS:[\s\S]*bars.*<\[\]Object>[\s\S]*List of Bars and their specs/);
    expect(await cluster.kubectl`explain ${`${plural}.spec.bars`}`).toMatch(/FIELD: bars <\[\]Object>[\s\S]*List of Bars and their specs[\s\S]*bazs.*<\[\]string>[\s\S]*name.*<string>.*-required-[\s\S]*Name of Bar/);
    expect(await cluster.kubectl.refused`explain ${`${plural}.spec.bars2`}`).toContain('field "bars2" does not exist');
  });

  it('CustomResourcePublishOpenAPI [Privileged:ClusterAdmin] works for CRD without validation schema', async () => {
    await using defined = await defineWith('Empty', takesEverything);
    await expectPublished(defined, 'v1', 'Empty', takesEverything, anyObject);
    await expectAnythingGoes(defined, { a: { b: [{ c: 'd' }] } });
    expect(await cluster.kubectl`explain ${`emptys.${defined.group}`}`).toMatch(/KIND: +Empty[\s\S]*DESCRIPTION:\s+<empty>/);
  });

  it('CustomResourcePublishOpenAPI [Privileged:ClusterAdmin] works for CRD preserving unknown fields at the schema root', async () => {
    const root = { ...takesEverything, properties: { spec: takesEverything } };
    await using defined = await defineWith('Root', root);
    await expectPublished(defined, 'v1', 'Root', root, anyObject);
    await expectAnythingGoes(defined, { a: { b: [{ c: 'd' }] }, spec: { b: [{ c: 'd' }] } });
    expect(await cluster.kubectl`explain ${`roots.${defined.group}`}`).toMatch(/KIND: +Root/);
  });

  it('CustomResourcePublishOpenAPI [Privileged:ClusterAdmin] works for CRD preserving unknown fields in an embedded object', async () => {
    await using defined = await defineWith('Waldo', embedding);
    await expectPublished(defined, 'v1', 'Waldo', embedding, embeddingV2);
    await expectAnythingGoes(defined, { spec: { b: [{ c: 'd' }] } });
    expect(await cluster.kubectl`explain ${`waldos.${defined.group}`}`).toMatch(/KIND: +Waldo[\s\S]*FIELDS:[\s\S]*spec.*<Object>[\s\S]*Specification of Waldo/);
  });

  it('CustomResourcePublishOpenAPI [Privileged:ClusterAdmin] works for multiple CRDs of different groups', async () => {
    await using first = await defineWith('Foo', fooSchema);
    await using second = await defineWith('Waldo', embedding);
    expect(first.group).not.toBe(second.group);
    await expectPublished(first, 'v1', 'Foo', fooSchema);
    await expectPublished(second, 'v1', 'Waldo', embedding, embeddingV2);
  });

  it('CustomResourcePublishOpenAPI [Privileged:ClusterAdmin] works for multiple CRDs of same group but different versions', async () => {
    await using both = await define(cluster.client, { kind: 'Foo', versions: [versionOf('v2', fooSchema), versionOf('v3', fooSchema, false)] });
    await expectPublished(both, 'v2', 'Foo', fooSchema);
    await expectPublished(both, 'v3', 'Foo', fooSchema);
    // Two definitions, each with a version of its own, of one group.
    const group = `${unique('group')}.example.com`;
    await using first = await define(cluster.client, { group, kind: 'Foo', versions: [versionOf('v4', fooSchema)] });
    await using second = await define(cluster.client, { group, kind: 'Bar', versions: [versionOf('v5', fooSchema)] });
    await expectPublished(first, 'v4', 'Foo', fooSchema);
    await expectPublished(second, 'v5', 'Bar', fooSchema);
  });

  it('CustomResourcePublishOpenAPI [Privileged:ClusterAdmin] works for multiple CRDs of same group and version but different kinds', async () => {
    const group = `${unique('group')}.example.com`;
    await using first = await defineWith('Foo', fooSchema, group);
    await using second = await defineWith('Waldo', embedding, group);
    await expectPublished(first, 'v1', 'Foo', fooSchema);
    await expectPublished(second, 'v1', 'Waldo', embedding, embeddingV2);
  });

  it('CustomResourcePublishOpenAPI [Privileged:ClusterAdmin] updates the published spec when one version gets renamed', async () => {
    await using defined = await define(cluster.client, { kind: 'Foo', versions: [versionOf('v2', fooSchema), versionOf('v3', fooSchema, false)] });
    await expectPublished(defined, 'v3', 'Foo', fooSchema);
    const { [definitionName(defined, 'v3', 'Foo')]: before } = await definitionsV2();
    await cluster.client.patch(CustomResourceDefinition, { name: defined.name }, merge, { spec: { versions: [versionOf('v2', fooSchema), versionOf('v4', fooSchema, false)] } });
    await expectPublished(defined, 'v4', 'Foo', fooSchema);
    await expectPublished(defined, 'v3', 'Foo', false);
    await expectPublished(defined, 'v2', 'Foo', fooSchema);
    const { [definitionName(defined, 'v4', 'Foo')]: after } = await definitionsV2();
    expect(JSON.stringify(after)).toBe(JSON.stringify(before).replaceAll('"v3"', '"v4"'));
  });

  it('CustomResourcePublishOpenAPI [Privileged:ClusterAdmin] removes definition from spec when one version gets changed to not be served', async () => {
    await using defined = await define(cluster.client, { kind: 'Foo', versions: [versionOf('v5', fooSchema), versionOf('v6alpha1', fooSchema, false)] });
    await expectPublished(defined, 'v5', 'Foo', fooSchema);
    await expectPublished(defined, 'v6alpha1', 'Foo', fooSchema);
    const { [definitionName(defined, 'v5', 'Foo')]: before } = await definitionsV2();
    await cluster.client.patch(CustomResourceDefinition, { name: defined.name }, merge, { spec: { versions: [versionOf('v5', fooSchema), { ...versionOf('v6alpha1', fooSchema, false), served: false }] } });
    await expectPublished(defined, 'v6alpha1', 'Foo', false);
    expect((await definitionsV2())[definitionName(defined, 'v5', 'Foo')]).toEqual(before);
  });
});
