import { createHash } from 'node:crypto';
import type { Kind } from '../../machinery/kinds/kind.ts';
import type { Resource } from '../resources/define.ts';
import { builtinDescriptions, builtinSchemas } from './openapi-builtin.ts';
import { closureOf, define, referenceTo, type Definition, type Describe, type Json, type NamedSchema, type OpenApiSchema } from './openapi-definitions.ts';
import {
  groupPath, groupVersionPath, groupsPath, pathsOf, rootOf, versionPath, type Operation, type Path, type Schemas,
} from './openapi-operations.ts';
import type { Parameter } from './openapi-parameters.ts';

/**
 * OpenAPI 3: one document for each group and version, and an index of them. kubectl explains, validates and patches by it.
 * Built when first asked for. Source: "The Kubernetes API: OpenAPI V3".
 */
export interface OpenApiV3 {
  /** `{ paths: { 'apis/apps/v1': { serverRelativeURL } } }`; the URL changes with the document's content. */
  index(): Buffer;
  /** The document at `api/v1`, `apis/apps/v1`, `apis`, …; undefined when there is none. */
  document(path: string): Buffer | undefined;
}

const documents = new WeakMap<readonly Resource[], OpenApiV3>();

/** The index of the documents of these resources: JSON. The documents last as long as the list of resources does. */
export function openApiV3Index(resources: readonly Resource[]): Buffer {
  return documentsOf(resources).index();
}

/** The document of `api/v1`, `apis/apps/v1`, …: JSON; undefined when there is none. */
export function openApiV3(resources: readonly Resource[], groupVersionPath: string): Buffer | undefined {
  return documentsOf(resources).document(groupVersionPath);
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
  const built = new Map<string, Buffer>();
  let index: Buffer | undefined;
  const document = (path: string): Buffer | undefined => {
    const known = built.get(path);
    const source = sources.get(path);
    if (known !== undefined || source === undefined) return known;
    const made = documentOf(source(), (schema) => written(schema, describe, definitions));
    built.set(path, made);
    return made;
  };
  return { document, index: () => (index ??= indexOf(sources.keys(), document)) };
}

/** The paths of each document, by where it is found. */
function sourcesOf(resources: readonly Resource[], schemas: Schemas): Map<string, () => Path[]> {
  const sources = new Map<string, () => Path[]>([['apis', () => [groupsPath(schemas)]], ['version', () => [versionPath(schemas)]]]);
  const groupVersions = Map.groupBy(resources, (resource) => rootOf(resource).slice(1));
  for (const [path, own] of groupVersions) {
    const [{ group, version }] = own as [Resource];
    sources.set(group === '' ? 'api' : `apis/${group}`, () => [groupPath(group, schemas)]);
    sources.set(path, () => groupVersionPaths({ group, version }, own, schemas));
  }
  return new Map([...sources].toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

function groupVersionPaths(of: Pick<Kind, 'group' | 'version'>, resources: readonly Resource[], schemas: Schemas): Path[] {
  return [groupVersionPath(of, schemas), ...resources.flatMap((resource) => pathsOf(resource, schemas))].toSorted((a, b) => (a.path < b.path ? -1 : 1));
}

function indexOf(paths: Iterable<string>, document: (path: string) => Buffer | undefined): Buffer {
  const entries = [...paths].map((path) => [path, { serverRelativeURL: `/openapi/v3/${path}?hash=${hashOf(document(path) ?? '')}` }]);
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
