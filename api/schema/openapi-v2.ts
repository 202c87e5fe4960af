import { createHash } from 'node:crypto';
import type { Resource } from '../resources/define.ts';
import { builtinDescriptions, builtinSchemas } from './openapi-builtin.ts';
import { closureOf, define, referenceTo, type Describe, type Json, type NamedSchema } from './openapi-definitions.ts';
import {
  allPaths, groupPath, groupVersionPath, groupsPath, pathsOf, rootOf, schemasIn, versionPath, type Body, type Operation, type Path, type Schemas, type Source,
} from './openapi-operations.ts';
import type { Parameter } from './openapi-parameters.ts';
import { createPause, objectText, reasons, type Pause } from './openapi-pieces.ts';
import { merged, type Maps } from './openapi-v2-merge.ts';
import { encodeDocument, type Unknown } from './openapi-v2-protobuf.ts';

/**
 * OpenAPI 2 ("swagger"): one document for all. kubectl still reads it, as protobuf, where it validates by itself: lists, and kinds
 * that can't be patched. Source: "The Kubernetes API: OpenAPI V2".
 */
export interface OpenApiV2 {
  json(): Promise<Buffer>;
  /** `application/com.github.proto-openapi.spec.v2.v1.0+protobuf`, in the messages of gnostic's OpenAPIv2.proto. */
  protobuf(): Promise<Buffer>;
}

/** A whole document, the members of its large maps one by one. */
interface Swagger {
  readonly head: Readonly<Record<string, Json>>;
  readonly maps: Maps;
}

const head = {
  swagger: '2.0',
  info: { title: 'Kubernetes', version: 'unversioned' },
  security: [{ BearerToken: [] }],
  securityDefinitions: { BearerToken: { type: 'apiKey', description: 'A bearer token.', name: 'authorization', in: 'header' } },
};

/** Defined by Kubernetes' own document even where no path refers to them: clients that are generated from it know the names. */
const referredByNone = ['GroupResource', 'WatchEvent'].map((name) => `io.k8s.apimachinery.pkg.apis.meta.v1.${name}`);

interface Kept {
  readonly parts: readonly Maps[];
  readonly document: OpenApiV2;
}

const documents = new WeakMap<readonly Resource[], Kept>();

/** The document of these resources, with the parts of other servers, as JSON. It lasts as long as the list of resources does, and these very parts. */
export function openApiV2(resources: readonly Resource[], parts: readonly Maps[] = []): Promise<Buffer> {
  return documentOf(resources, parts).json();
}

/** The same as protobuf: the only form that kubectl asks for. */
export function openApiV2Protobuf(resources: readonly Resource[], parts: readonly Maps[] = []): Promise<Buffer> {
  return documentOf(resources, parts).protobuf();
}

function documentOf(resources: readonly Resource[], parts: readonly Maps[]): OpenApiV2 {
  const known = documents.get(resources);
  if (known?.parts.length === parts.length && known.parts.every((part, index) => part === parts[index])) return known.document;
  const document = createOpenApiV2(resources, parts, builtinSchemas, builtinDescriptions);
  documents.set(resources, { parts, document });
  return document;
}

/** The document of these resources in either form, each built at its first reading. */
function createOpenApiV2(resources: readonly Resource[], parts: readonly Maps[], schemas: Schemas, describe: Describe): OpenApiV2 {
  let json: Promise<Buffer> | undefined;
  let protobuf: Promise<Buffer> | undefined;
  const written = async (write: (swagger: Swagger, pause: Pause) => Promise<Buffer>) => {
    const pause = createPause();
    const own = await build(resources, schemas, describe, pause);
    return write(parts.length === 0 ? own : { ...own, maps: await merged(own.maps, parts, pause) }, pause);
  };
  // Others may say more than protobuf has fields for.
  const unknown = parts.length === 0 ? 'refused' : 'left out';
  return { json: () => (json ??= written(writeJson)), protobuf: () => (protobuf ??= written((swagger, pause) => writeProtobuf(swagger, pause, unknown))) };
}

async function build(resources: readonly Resource[], schemas: Schemas, describe: Describe, pause: Pause): Promise<Swagger> {
  const paths = await allPaths(sourcesOf(resources, schemas));
  const roots = [...schemasIn(paths), ...referredByNone.map((name) => schemas.definitionOf(name))].filter((schema) => schema !== undefined);
  const found = await closureOf(roots, (schema) => define(schema, 2, describe), pause);
  const parameters = new Map<string, Json>();
  const items = new Map(paths.map((path) => [path.path, pathItem(path, parameters)]));
  const definitions = new Map([...found].map(([name, { schema }]) => [name, schema]));
  return { head, maps: { paths: items, definitions, parameters: new Map([...parameters].toSorted(([a], [b]) => (a < b ? -1 : 1))) } };
}

async function writeJson({ head: first, maps }: Swagger, pause: Pause): Promise<Buffer> {
  const texts: string[] = [];
  for (const [name, members] of Object.entries(maps)) texts.push(`${JSON.stringify(name)}:${await objectText(members, pause)}`);
  return Buffer.from(`${JSON.stringify(first).slice(0, -1)},${texts.join(',')}}`);
}

/** Protobuf merges what it reads of one field, so that parts of the document written one after the other are the document. */
async function writeProtobuf({ head: first, maps }: Swagger, pause: Pause, unknown: Unknown): Promise<Buffer> {
  const parts = [encodeDocument(first)];
  for (const [map, members] of Object.entries(maps)) {
    for (const [name, value] of members) {
      parts.push(encodeDocument({ [map]: { [name]: value } }, unknown));
      await pause();
    }
  }
  return Buffer.concat(parts);
}

function sourcesOf(resources: readonly Resource[], schemas: Schemas): Source[] {
  const groupVersions = new Map(resources.map((resource) => [rootOf(resource), resource]));
  const groups = new Set(resources.map(({ group }) => group));
  return [
    () => [groupsPath(schemas), versionPath(schemas), ...[...groups].map((group) => groupPath(group, schemas))],
    () => [...groupVersions.values()].map((one) => groupVersionPath(one, schemas)),
    ...resources.map((resource) => () => pathsOf(resource, schemas)),
  ];
}

type Shared = Map<string, Json>;

function pathItem({ parameters, operations }: Path, shared: Shared): Json {
  return {
    ...Object.fromEntries(operations.map((one) => [one.method, operation(one, shared)])),
    ...(parameters.length === 0 ? {} : { parameters: parameters.map((one) => parameter(one, shared)) }),
  };
}

function operation({ id, tag, description, parameters, body, produces, codes, answer, action, kind }: Operation, shared: Shared): Json {
  const all = [...(body === undefined ? [] : [bodyParameter(body)]), ...parameters.map((one) => parameter(one, shared))];
  return {
    tags: [tag],
    description,
    operationId: id,
    consumes: body?.consumes ?? ['*/*'],
    produces,
    schemes: ['https'],
    ...(all.length === 0 ? {} : { parameters: all }),
    responses: responses(codes, answer),
    ...(action === undefined ? {} : { 'x-kubernetes-action': action }),
    ...(kind === undefined ? {} : { 'x-kubernetes-group-version-kind': { ...kind } }),
  };
}

/** Query parameters stand once in the document; what is named by the kind stands where it is used. */
function parameter({ name, in: place, type, description }: Parameter, shared: Shared): Json {
  const value = { name, in: place, description, ...(place === 'path' ? { required: true } : {}), type, uniqueItems: true };
  if (place === 'path') return value;
  const key = `${name}-${createHash('sha256').update(description).digest('base64url').slice(0, 8)}`;
  shared.set(key, value);
  return { $ref: `#/parameters/${key}` };
}

function bodyParameter({ schema, required }: Body): Json {
  return { name: 'body', in: 'body', ...(required ? { required } : {}), schema: { $ref: referenceTo(schema.name, 2) } };
}

function responses(codes: readonly number[], answer: NamedSchema | undefined): Json {
  const schema = answer === undefined ? { type: 'string' } : { $ref: referenceTo(answer.name, 2) };
  return { ...Object.fromEntries(codes.map((code) => [code, { description: reasons[code] ?? '', schema }])), 401: { description: 'Unauthorized' } };
}
