import { createHash } from 'node:crypto';
import type { Resource } from '../resources/define.ts';
import { builtinDescriptions, builtinSchemas } from './openapi-builtin.ts';
import { closureOf, define, referenceTo, type Definition, type Describe, type Json, type NamedSchema } from './openapi-definitions.ts';
import {
  allPaths, groupPath, groupVersionPath, groupsPath, pathsOf, rootOf, schemasIn, versionPath, type Body, type Operation, type Path, type Schemas, type Source,
} from './openapi-operations.ts';
import type { Parameter } from './openapi-parameters.ts';
import { createPause, objectText, reasons } from './openapi-pieces.ts';

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

let last: { readonly resources: readonly Resource[]; readonly documents: OpenApiV3 & { readonly made: ReadonlyMap<string, Made> } } | undefined;

/** The index of the documents of these resources: JSON. What other resources were asked for last is kept where it is the same. */
export function openApiV3Index(resources: readonly Resource[]): Promise<Buffer> {
  return documentsOf(resources).index();
}

/** The document of `api/v1`, `apis/apps/v1`, …: JSON; undefined when there is none. */
export async function openApiV3(resources: readonly Resource[], path: string): Promise<Buffer | undefined> {
  return documentsOf(resources).document(path);
}

function documentsOf(resources: readonly Resource[]): OpenApiV3 {
  if (last?.resources !== resources) last = { resources, documents: createOpenApiV3(resources, builtinSchemas, builtinDescriptions, last?.documents.made) };
  return last.documents;
}

/** A document, and the resources that it is of. */
interface Made {
  readonly of: readonly Resource[];
  readonly document: Promise<{ readonly body: Buffer; readonly hash: string }>;
}

/** The documents of these resources, each built at its first reading. `before`: documents of which those of the same resources are taken over. */
export function createOpenApiV3(resources: readonly Resource[], schemas: Schemas, describe: Describe, before: ReadonlyMap<string, Made> = new Map()): OpenApiV3 & { readonly made: ReadonlyMap<string, Made> } {
  const sources = sourcesOf(resources, schemas);
  const write = createWriter(describe);
  const made = new Map([...before].filter(([path, { of }]) => isSame(of, sources.get(path)?.of)));
  let index: Promise<Buffer> | undefined;
  const document = (path: string): Made['document'] | undefined => {
    const known = made.get(path)?.document;
    const source = sources.get(path);
    if (known !== undefined || source === undefined) return known;
    const building = documentOf(source.sources, write).then((body) => ({ body, hash: createHash('sha512').update(body).digest('hex').toUpperCase() }));
    made.set(path, { of: source.of, document: building });
    return building;
  };
  return { made, document: (path) => document(path)?.then(({ body }) => body), index: () => (index ??= indexOf(sources.keys(), document)) };
}

function isSame(a: readonly Resource[], b: readonly Resource[] | undefined): boolean {
  return b !== undefined && a.length === b.length && a.every((resource, index) => resource === b[index]);
}

interface DocumentSource {
  readonly of: readonly Resource[];
  readonly sources: readonly Source[];
}

/** The sources of each document, by where it is found. */
function sourcesOf(resources: readonly Resource[], schemas: Schemas): Map<string, DocumentSource> {
  const sources = new Map<string, DocumentSource>([['apis', { of: [], sources: [() => [groupsPath(schemas)]] }], ['version', { of: [], sources: [() => [versionPath(schemas)]] }]]);
  const groupVersions = Map.groupBy(resources, (resource) => rootOf(resource).slice(1));
  for (const [path, own] of groupVersions) {
    const discovery = own.slice(0, 1).map((resource) => () => [groupVersionPath(resource, schemas)]);
    sources.set(path, { of: own, sources: [...discovery, ...own.map((resource) => () => pathsOf(resource, schemas))] });
  }
  for (const group of new Set(resources.map((resource) => resource.group))) sources.set(group === '' ? 'api' : `apis/${group}`, { of: [], sources: [() => [groupPath(group, schemas)]] });
  return new Map([...sources].toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

async function indexOf(paths: Iterable<string>, document: (path: string) => Made['document'] | undefined): Promise<Buffer> {
  const entries: [string, Json][] = [];
  for (const path of paths) entries.push([path, { serverRelativeURL: `/openapi/v3/${path}?hash=${(await document(path))?.hash ?? ''}` }]);
  return Buffer.from(JSON.stringify({ paths: Object.fromEntries(entries) }));
}

/** Documents share most of their definitions: each is written once. */
interface WrittenDefinition extends Definition {
  readonly text: string;
}

/** Of one name there may be several definitions, in time: a kind's schema changes. Those of scalars don't. */
function createWriter(describe: Describe): (schema: NamedSchema) => WrittenDefinition {
  const objects = new WeakMap<NamedSchema, WrittenDefinition>();
  const scalars = new Map<string, WrittenDefinition>();
  return (schema) => {
    const known = schema.type === 'object' ? objects.get(schema) : scalars.get(schema.name);
    if (known !== undefined) return known;
    const definition = define(schema, 3, describe);
    const made = { ...definition, text: `${JSON.stringify(schema.name)}:${JSON.stringify(definition.schema)}` };
    if (schema.type === 'object') objects.set(schema, made);
    else scalars.set(schema.name, made);
    return made;
  };
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
