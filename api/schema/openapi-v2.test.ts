import { describe, expect, it } from 'vitest';
import { fieldsIn } from '../http/protobuf/wire.ts';
import { resources } from '../resources/all.ts';
import { openApiV2, openApiV2Protobuf } from './openapi-v2.ts';

interface Document {
  readonly swagger: string;
  readonly paths: Readonly<Record<string, unknown>>;
  readonly definitions: Readonly<Record<string, unknown>>;
  readonly parameters: Readonly<Record<string, unknown>>;
}

const document = async () => JSON.parse((await openApiV2(resources)).toString()) as Document;

function referencesIn(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, own]) => (key === '$ref' && typeof own === 'string' ? [own] : referencesIn(own)));
}

describe('the document of OpenAPI 2', () => {
  it('holds all that it refers to and nothing else but what Kubernetes\' document holds too', async () => {
    const { definitions, parameters, ...rest } = await document();
    const held = [...Object.keys(definitions).map((name) => `#/definitions/${name}`), ...Object.keys(parameters).map((name) => `#/parameters/${name}`)];
    const alone = ['GroupResource', 'WatchEvent'].map((name) => `#/definitions/io.k8s.apimachinery.pkg.apis.meta.v1.${name}`);
    expect([...new Set([...referencesIn({ definitions, parameters, ...rest }), ...alone])].toSorted()).toEqual(held.toSorted());
  });

  it('has paths of every resource', async () => {
    const { swagger, paths } = await document();
    expect(swagger).toBe('2.0');
    for (const { group, version, plural } of resources) {
      const root = group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
      expect(Object.keys(paths).some((path) => path.startsWith(root) && path.endsWith(`/${plural}`)), plural).toBe(true);
    }
  });

  it('is built once', async () => {
    expect(await openApiV2(resources)).toBe(await openApiV2(resources));
    expect(await openApiV2Protobuf(resources)).toBe(await openApiV2Protobuf(resources));
  });

  it('is the same in protobuf: paths, definitions and parameters, each under its name', async () => {
    const { paths, definitions, parameters } = await document();
    const fields = fieldsIn(await openApiV2Protobuf(resources));
    /** Names in the maps of that field of the document, whose entries are field `entry`. */
    const names = (field: number, entry: number) => fields.flatMap(([number, map]) => (number !== field || !Buffer.isBuffer(map) ? [] : fieldsIn(map)
      .flatMap(([own, pair]) => (own !== entry || !Buffer.isBuffer(pair) ? [] : [String(fieldsIn(pair)[0]?.[1])]))));
    expect(names(8, 2)).toEqual(Object.keys(paths));
    expect(names(9, 1)).toEqual(Object.keys(definitions));
    expect(names(10, 1)).toEqual(Object.keys(parameters));
  });
});
