import { createHash } from 'node:crypto';
import type { Resource } from '../resources/define.ts';
import { builtinDescriptions, builtinSchemas } from './openapi-builtin.ts';
import { closureOf, define, referenceTo, type Definition, type Describe, type Json, type NamedSchema } from './openapi-definitions.ts';
import {
  allPaths, groupPath, groupVersionPath, groupsPath, pathsOf, rootOf, schemasIn, versionPath, type Body, type Operation, type Path, type Schemas, type Source,
} from './openapi-operations.ts';
import type { Parameter } from './openapi-parameters.ts';
import { createPause, objectText } from './openapi-pieces.ts';

/**
 * OpenAPI 3: one document for each group and version, and an index of them. kubectl explains, validates and patches by it.
 * Built when first asked for. Source: "The Kubernetes API: OpenAPI V3".
 */
export interface OpenApiV3 {
  /** `{ paths: { 'apis/apps/v1': { serverRelativeURL } } }`; the URL changes with the document's content. */
  index(): Promise<Buffer>;
  /** The document at `api/v1`, `apis/apps/v1`, `apis`, …; undefined when there is none. */
  document(path: string): Promise<Buffer> | undefined;
}

const documents = new WeakMap<readonly Resource[], OpenApiV3>();

/** The index of the documents of these resources: JSON. The documents last as long as the list of resources does. */
export function openApiV3Index(resources: readonly Resource[]): Promise<Buffer> {
  return documentsOf(resources).index();
}

/** The document of `api/v1`, `apis/apps/v1`, …: JSON; undefined when there is none. */
export async function openApiV3(resources: readonly Resource[], path: string): Promise<Buffer | undefined> {
  return documentsOf(resources).document(path);
}

function documentsOf(resources: readonly Resource[]): OpenApiV3 {
  const known = documents.get(resources);
  if (known !== undefined) return known;
  const built = createOpenApiV3(resources, builtinSchemas, builtinDescriptions);
  documents.set(resources, built);
  return built;
}

/** The documents of these resources, each built at its first reading. */
export function createOpenApiV3(resources: readonly Resource[], schemas: Schemas, describe: Describe): OpenApiV3 {
  const sources = sourcesOf(resources, schemas);
  const definitions = new Map<string, WrittenDefinition>();
  const built = new Map<string, Promise<Buffer>>();
  let index: Promise<Buffer> | undefined;
  const document = (path: string): Promise<Buffer> | undefined => {
    const known = built.get(path);
    const source = sources.get(path);
    if (known !== undefined || source === undefined) return known;
    const made = documentOf(source, (schema) => written(schema, describe, definitions));
    built.set(path, made);
    return made;
  };
  return { document, index: () => (index ??= indexOf(sources.keys(), document)) };
}

/** The sources of each document, by where it is found. */
function sourcesOf(resources: readonly Resource[], schemas: Schemas): Map<string, readonly Source[]> {
  const sources = new Map<string, readonly Source[]>([['apis', [() => [groupsPath(schemas)]]], ['version', [() => [versionPath(schemas)]]]]);
  const groupVersions = Map.groupBy(resources, (resource) => rootOf(resource).slice(1));
  for (const [path, own] of groupVersions) {
    const discovery = own.slice(0, 1).map((resource) => () => [groupVersionPath(resource, schemas)]);
    sources.set(path, [...discovery, ...own.map((resource) => () => pathsOf(resource, schemas))]);
  }
  for (const group of new Set(resources.map((resource) => resource.group))) sources.set(group === '' ? 'api' : `apis/${group}`, [() => [groupPath(group, schemas)]]);
  return new Map([...sources].toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

async function indexOf(paths: Iterable<string>, document: (path: string) => Promise<Buffer> | undefined): Promise<Buffer> {
  const entries: [string, Json][] = [];
  for (const path of paths) entries.push([path, { serverRelativeURL: `/openapi/v3/${path}?hash=${hashOf(await document(path) ?? '')}` }]);
  return Buffer.from(JSON.stringify({ paths: Object.fromEntries(entries) }));
}

function hashOf(text: Buffer | string): string {
  return createHash('sha512').update(text).digest('hex').toUpperCase();
}

/** Documents share most of their definitions: each is written once. */
interface WrittenDefinition extends Definition {
  readonly text: string;
}

function written(schema: NamedSchema, describe: Describe, definitions: Map<string, WrittenDefinition>): WrittenDefinition {
  const known = definitions.get(schema.name);
  if (known !== undefined) return known;
  const definition = define(schema, 3, describe);
  const made = { ...definition, text: `${JSON.stringify(schema.name)}:${JSON.stringify(definition.schema)}` };
  definitions.set(schema.name, made);
  return made;
}

const head = '"openapi":"3.0.0","info":{"title":"Kubernetes","version":"unversioned"}';
const security = { BearerToken: { type: 'apiKey', description: 'A bearer token.', name: 'authorization', in: 'header' } };

async function documentOf(sources: readonly Source[], definitionOf: (schema: NamedSchema) => WrittenDefinition): Promise<Buffer> {
  const paths = await allPaths(sources);
  const pause = createPause();
  const definitions = await closureOf(schemasIn(paths), definitionOf, pause);
  const schemas = [...definitions.values()].map(({ text }) => text).join(',');
  const items = await objectText(membersOf(paths), pause);
  return Buffer.from(`{${head},"paths":${items},"components":{"schemas":{${schemas}},"securitySchemes":${JSON.stringify(security)}}}`);
}

function* membersOf(paths: readonly Path[]): Generator<[string, Json]> {
  for (const path of paths) yield [path.path, pathItem(path)];
}

function pathItem({ parameters, operations }: Path): Json {
  return {
    ...Object.fromEntries(operations.map((one) => [one.method, operation(one)])),
    ...(parameters.length === 0 ? {} : { parameters: parameters.map(parameter) }),
  };
}

function operation({ id, tag, description, parameters, body, produces, codes, answer, action, kind }: Operation): Json {
  return {
    tags: [tag],
    description,
    operationId: id,
    ...(parameters.length === 0 ? {} : { parameters: parameters.map(parameter) }),
    ...(body === undefined ? {} : { requestBody: requestBody(body) }),
    responses: responses(codes, produces, answer),
    ...(action === undefined ? {} : { 'x-kubernetes-action': action }),
    ...(kind === undefined ? {} : { 'x-kubernetes-group-version-kind': { ...kind } }),
  };
}

function parameter({ name, in: place, type, description }: Parameter): Json {
  return { name, in: place, description, ...(place === 'path' ? { required: true } : {}), schema: { type, uniqueItems: true } };
}

function requestBody({ schema, required, consumes }: Body): Json {
  return { ...(required ? { required } : {}), content: contentOf(consumes, schema) };
}

const reasons: Readonly<Record<number, string>> = { 200: 'OK', 201: 'Created', 202: 'Accepted' };

function responses(codes: readonly number[], produces: readonly string[], answer: NamedSchema | undefined): Json {
  const content = contentOf(produces, answer);
  return {
    ...Object.fromEntries(codes.map((code) => [code, { description: reasons[code] ?? '', content }])),
    401: { description: 'Unauthorized' },
  };
}

function contentOf(media: readonly string[], schema: NamedSchema | undefined): Json {
  const value = { schema: schema === undefined ? { type: 'string' } : { $ref: referenceTo(schema.name, 3) } };
  return Object.fromEntries(media.map((type) => [type, value]));
}
