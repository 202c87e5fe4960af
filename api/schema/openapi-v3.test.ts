import { describe, expect, it } from 'vitest';
import { resources } from '../resources/all.ts';
import { builtinDescriptions, builtinSchemas } from './openapi-builtin.ts';
import { createOpenApiV3, openApiV3, openApiV3Index } from './openapi-v3.ts';

type Tree = Readonly<Record<string, unknown>>;

async function documentAt(path: string): Promise<Tree> {
  const body = await openApiV3(resources, path);
  if (body === undefined) throw new Error(`no document at ${path}`);
  return JSON.parse(body.toString()) as Tree;
}

async function urls(): Promise<Map<string, string>> {
  const { paths } = JSON.parse((await openApiV3Index(resources)).toString()) as { paths: Record<string, { serverRelativeURL: string }> };
  return new Map(Object.entries(paths).map(([path, { serverRelativeURL }]) => [path, serverRelativeURL]));
}

/** What is at these members, one below the other. */
function at(tree: unknown, ...names: readonly string[]): unknown {
  return names.reduce<unknown>((value, name) => (typeof value === 'object' && value !== null ? Object.entries(value).find(([key]) => key === name)?.[1] : undefined), tree);
}

function referencesIn(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, own]) => (key === '$ref' && typeof own === 'string' ? [own] : referencesIn(own)));
}

it('is built anew only where kinds have come or gone', async () => {
  const first = createOpenApiV3(resources, builtinSchemas, builtinDescriptions);
  await first.index();
  const fewer = createOpenApiV3(resources.filter(({ kind }) => kind !== 'ReplicaSet'), builtinSchemas, builtinDescriptions, first.made);
  expect(await fewer.document('api/v1')).toBe(await first.document('api/v1'));
  expect((await fewer.document('apis/apps/v1'))?.toString()).not.toContain('/replicasets');
});

describe('the index of OpenAPI 3', () => {
  it('lists a document for every group and version, and those of discovery', async () => {
    const paths = [...(await urls()).keys()];
    for (const { group, version } of resources) expect(paths).toContain(group === '' ? `api/${version}` : `apis/${group}/${version}`);
    expect(paths).toEqual(expect.arrayContaining(['api', 'apis', 'apis/apps', 'version']));
  });

  it('points to where they are served, by the hash of their content', async () => {
    expect((await urls()).get('apis/apps/v1')).toMatch(/^\/openapi\/v3\/apis\/apps\/v1\?hash=[0-9A-F]{128}$/);
    const fewer = createOpenApiV3(resources.filter(({ kind }) => kind !== 'ReplicaSet'), builtinSchemas, builtinDescriptions);
    const { paths } = JSON.parse((await fewer.index()).toString()) as { paths: Record<string, { serverRelativeURL: string }> };
    expect(paths['apis/apps/v1']?.serverRelativeURL).not.toBe((await urls()).get('apis/apps/v1'));
    expect(paths['api/v1']?.serverRelativeURL).toBe((await urls()).get('api/v1'));
  });
});

describe('a document of OpenAPI 3', () => {
  it('is undefined where there is none', async () => {
    expect(await openApiV3(resources, 'apis/gadgets/v1')).toBeUndefined();
    expect(await openApiV3(resources, '__proto__')).toBeUndefined();
  });

  it('is built once', async () => {
    expect(await openApiV3(resources, 'api/v1')).toBe(await openApiV3(resources, 'api/v1'));
  });

  it('defines all that it refers to and nothing else', async () => {
    for (const path of (await urls()).keys()) {
      const document = await documentAt(path);
      const defined = Object.keys(at(document, 'components', 'schemas') ?? {}).map((name) => `#/components/schemas/${name}`);
      expect([...new Set(referencesIn(document))].toSorted(), path).toEqual(defined.toSorted());
    }
  });

  it('says of every kind that can be patched that unknown fields can be refused', async () => {
    // kubectl looks for the parameter itself, in the operation: neither at the path nor by reference.
    for (const { group, version, kind } of resources.filter(({ verbs }) => verbs.includes('patch'))) {
      const document = await documentAt(group === '' ? `api/${version}` : `apis/${group}/${version}`);
      const patches = Object.values(at(document, 'paths') ?? {}).map((item) => at(item, 'patch')).filter((patch) => JSON.stringify(at(patch, 'x-kubernetes-group-version-kind')) === JSON.stringify({ group, version, kind }));
      expect(patches.length, kind).toBeGreaterThan(0);
      for (const patch of patches) expect(at(patch, 'parameters'), kind).toContainEqual(expect.objectContaining({ name: 'fieldValidation', in: 'query' }));
    }
  });

  it('tells how a pod\'s containers merge', async () => {
    const document = await documentAt('api/v1');
    expect(at(document, 'components', 'schemas', 'io.k8s.api.core.v1.PodSpec', 'properties', 'containers')).toMatchObject({
      type: 'array', items: { allOf: [{ $ref: '#/components/schemas/io.k8s.api.core.v1.Container' }], default: {} },
      'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'], 'x-kubernetes-patch-merge-key': 'name', 'x-kubernetes-patch-strategy': 'merge',
    });
  });

  it('has operation ids of its own for every operation', async () => {
    const ids: unknown[] = [];
    for (const path of (await urls()).keys()) {
      for (const item of Object.values(at(await documentAt(path), 'paths') ?? {})) {
        ids.push(...['get', 'put', 'post', 'patch', 'delete'].map((method) => at(item, method, 'operationId')).filter((id) => id !== undefined));
      }
    }
    expect(new Set(ids).size).toBe(ids.length);
  });
});
