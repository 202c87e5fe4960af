import type { PatchType } from '../../client/transport.ts';
import type { Kind } from '../../machinery/kinds/kind.ts';
import type { ObjectSchema } from '../../machinery/schema.ts';
import type { Resource, Subresource } from '../resources/define.ts';
import { patchDefinition, type NamedSchema } from './openapi-definitions.ts';
import {
  connecting, creating, deleting, deletingMany, listing, logging, nameOf, namespace, patching, pretty, restOfPath, updating, type Parameter,
} from './openapi-parameters.ts';
import { createPause, meta } from './openapi-pieces.ts';

/**
 * What can be asked of the resource API, path by path, in no version of OpenAPI yet. Names of operations and tags are
 * Kubernetes': clients are generated from them. Source: "API concepts"; operation ids: Kubernetes' published OpenAPI, 1.36.
 */

export type GroupVersionKind = Pick<Kind, 'group' | 'version' | 'kind'>;

/** Where definitions come from. */
export interface Schemas {
  /** Throws when a kind has none. */
  schemaOf(kind: GroupVersionKind & Pick<Resource, 'custom'>): ObjectSchema;
  /** Of the resource's lists. */
  listSchemaOf(resource: Resource): ObjectSchema;
  definitionOf(name: string): ObjectSchema | undefined;
}

export type Method = 'get' | 'put' | 'post' | 'delete' | 'patch';

export interface Body {
  readonly schema: NamedSchema;
  readonly required: boolean;
  readonly consumes: readonly string[];
}

export interface Operation {
  readonly method: Method;
  readonly id: string;
  readonly tag: string;
  readonly description: string;
  readonly parameters: readonly Parameter[];
  readonly body?: Body;
  readonly produces: readonly string[];
  /** Codes of success. */
  readonly codes: readonly number[];
  /** Absent: text. */
  readonly answer?: NamedSchema;
  /** `x-kubernetes-action` and `x-kubernetes-group-version-kind`; discovery has neither. */
  readonly action?: string;
  readonly kind?: GroupVersionKind;
}

export interface Path {
  readonly path: string;
  /** Those that all operations have. */
  readonly parameters: readonly Parameter[];
  readonly operations: readonly Operation[];
}

const media: readonly string[] = ['application/json', 'application/yaml'];
const anyMedia: readonly string[] = ['*/*'];
const patchTypes: readonly PatchType[] = [
  'application/json-patch+json', 'application/merge-patch+json', 'application/strategic-merge-patch+json', 'application/apply-patch+yaml',
];

/** `/api/v1`, `/apis/apps/v1`. */
export function rootOf({ group, version }: Pick<Kind, 'group' | 'version'>): string {
  return group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
}

/** Every path of one resource, sorted. */
export function pathsOf(resource: Resource, schemas: Schemas): Path[] {
  const of = describeResource(resource, schemas);
  const { plural, scope } = resource;
  const root = rootOf(resource);
  const home = scope === 'Namespaced' ? `${root}/namespaces/{namespace}/${plural}` : `${root}/${plural}`;
  const at = scope === 'Namespaced' ? [namespace] : [];
  const named = [nameOf(resource.kind), ...at];
  const paths = [
    ...(scope === 'Namespaced' ? [pathOf(`${root}/${plural}`, [], everywhere(of))] : []),
    pathOf(home, at, collection(of)),
    pathOf(`${home}/{name}`, named, single(of)),
    ...subresourcesOf(resource).flatMap((subresource) => [
      pathOf(`${home}/{name}/${subresource.name}`, named, subOperations(of, subresource, '')),
      ...(subresource.name === 'proxy' ? [pathOf(`${home}/{name}/proxy/{path}`, [...named, restOfPath], subOperations(of, subresource, 'WithPath'))] : []),
    ]),
  ];
  return paths.filter(({ operations }) => operations.length > 0).toSorted((a, b) => (a.path < b.path ? -1 : 1));
}

/** What lists the paths of one resource, or of discovery. */
export type Source = () => readonly Path[];

/** The paths of all sources, sorted; others have their turn between sources. */
export async function allPaths(sources: readonly Source[]): Promise<Path[]> {
  const pause = createPause(1);
  const paths: Path[] = [];
  for (const source of sources) {
    paths.push(...source());
    await pause();
  }
  return paths.toSorted((a, b) => (a.path < b.path ? -1 : 1));
}

/** The definitions that these paths speak of. */
export function schemasIn(paths: readonly Path[]): NamedSchema[] {
  const all = paths.flatMap(({ operations }) => operations.flatMap(({ body, answer }) => [body?.schema, answer]));
  return [...new Set(all)].filter((schema) => schema !== undefined);
}

/** What discovery answers of one group and version. */
export function groupVersionPath(of: Pick<Kind, 'group' | 'version'>, schemas: Schemas): Path {
  return discoveryPath(`${rootOf(of)}/`, `get${idOf(of)}APIResources`, tagOf(of), schemas, 'APIResourceList', 'The resources of this group and version.');
}

/** `/apis/<group>/`; of the core group `/api/`. */
export function groupPath(group: string, schemas: Schemas): Path {
  const id = capital(camel(shortGroup(group)));
  return group === ''
    ? discoveryPath('/api/', 'getCoreAPIVersions', 'core', schemas, 'APIVersions', 'The versions of the core group.')
    : discoveryPath(`/apis/${group}/`, `get${id}APIGroup`, camel(shortGroup(group)), schemas, 'APIGroup', 'The versions of this group.');
}

/** `/apis/`: all groups. */
export function groupsPath(schemas: Schemas): Path {
  return discoveryPath('/apis/', 'getAPIVersions', 'apis', schemas, 'APIGroupList', 'All groups but the core group.');
}

/** `/version/`: which Kubernetes this is. */
export function versionPath(schemas: Schemas): Path {
  return discovery('/version/', 'getCodeVersion', 'version', definitionIn(schemas, 'io.k8s.apimachinery.pkg.version.Info'), 'The version of the server.');
}

function discoveryPath(path: string, id: string, tag: string, schemas: Schemas, definition: string, description: string): Path {
  return discovery(path, id, tag, definitionIn(schemas, `${meta}.${definition}`), description);
}

function discovery(path: string, id: string, tag: string, answer: ObjectSchema, description: string): Path {
  return { path, parameters: [], operations: [{ method: 'get', id, tag, description, parameters: [], produces: media, codes: [200], answer }] };
}

interface Described {
  readonly resource: Resource;
  readonly schemas: Schemas;
  readonly schema: ObjectSchema;
  readonly tag: string;
  /** `AppsV1`. */
  readonly group: string;
  /** `Namespaced` or nothing. */
  readonly scope: string;
}

function describeResource(resource: Resource, schemas: Schemas): Described {
  return {
    resource, schemas, schema: schemas.schemaOf(resource), tag: tagOf(resource), group: idOf(resource),
    scope: resource.scope === 'Namespaced' ? 'Namespaced' : '',
  };
}

function everywhere(of: Described): Operation[] {
  return of.resource.verbs.includes('list') ? [list(of, `list${of.group}${of.resource.kind}ForAllNamespaces`)] : [];
}

function list({ resource, schemas, tag }: Described, id: string): Operation {
  return {
    method: 'get', id, tag, description: `Lists objects of kind ${resource.kind}, or watches them.`, parameters: [...listing, pretty], produces: [...media, 'application/json;stream=watch'],
    codes: [200], answer: schemas.listSchemaOf(resource), action: 'list', kind: kindOf(resource),
  };
}

function collection(of: Described): Operation[] {
  const { resource: { verbs, kind }, schema, group, scope } = of;
  return [
    ...(verbs.includes('list') ? [list(of, `list${group}${scope}${kind}`)] : []),
    ...(verbs.includes('create') ? [create(of, kindOf(of.resource), schema, '')] : []),
    ...(verbs.includes('deletecollection') ? [deleteMany(of)] : []),
  ];
}

function single(of: Described): Operation[] {
  const { resource: { verbs }, schema } = of;
  const kind = kindOf(of.resource);
  return [
    ...(verbs.includes('get') ? [read(of, kind, schema, '')] : []),
    ...(verbs.includes('update') ? [update(of, kind, schema, '')] : []),
    ...(verbs.includes('patch') ? [patch(of, kind, schema, '')] : []),
    ...(verbs.includes('delete') ? [remove(of)] : []),
  ];
}

/** All subresources of a resource: what it declares, its status, its scale. */
function subresourcesOf(resource: Resource): Subresource[] {
  const verbs = ['get', 'patch', 'update'] as const;
  return [
    ...resource.subresources,
    ...(resource.status ? [{ name: 'status', kind: resource, verbs }] : []),
    ...(resource.scale === undefined ? [] : [{ name: 'scale', kind: { group: 'autoscaling', version: 'v1', kind: 'Scale' }, verbs }]),
  ];
}

function subOperations(of: Described, subresource: Subresource, suffix: string): Operation[] {
  const { name, kind: { kind }, verbs } = subresource;
  if (Object.hasOwn(connecting, kind)) return verbs.flatMap((verb) => connect(of, subresource, verb, suffix));
  if (name === 'log') return [log(of, subresource)];
  const schema = subresource.kind === of.resource ? of.schema : of.schemas.schemaOf(subresource.kind);
  const own = kindOf(subresource.kind);
  return [
    ...(verbs.includes('get') ? [read(of, own, schema, name)] : []),
    ...(verbs.includes('update') ? [update(of, own, schema, name)] : []),
    ...(verbs.includes('create') ? [create(of, own, schema, name)] : []),
    ...(verbs.includes('patch') ? [patch(of, own, schema, name)] : []),
  ];
}

const methods: Readonly<Record<string, Method>> = { create: 'post', get: 'get', update: 'put', patch: 'patch', delete: 'delete' };

function connect({ resource, tag, group, scope }: Described, { name, kind }: Subresource, verb: string, suffix: string): Operation[] {
  const method = methods[verb];
  if (method === undefined) return [];
  return [{
    method, id: `connect${group}${capital(method)}${scope}${resource.kind}${capital(name)}${suffix}`, tag,
    description: `Connects ${method.toUpperCase()} requests to the ${name} of a ${resource.kind}.`, parameters: connecting[kind.kind] ?? [],
    produces: anyMedia, codes: [200], action: 'connect', kind: kindOf(kind),
  }];
}

function log({ resource, tag, group, scope }: Described, { name, kind }: Subresource): Operation {
  return {
    method: 'get', id: `read${group}${scope}${resource.kind}${capital(name)}`, tag, description: `Reads the log of a ${resource.kind}.`,
    parameters: logging, produces: ['text/plain', ...media], codes: [200], action: 'get', kind: kindOf(kind),
  };
}

function read(of: Described, kind: GroupVersionKind, answer: ObjectSchema, subresource: string): Operation {
  return { ...common(of, 'read', kind, subresource), method: 'get', description: `Reads ${what(of, subresource)}.`, parameters: [pretty], codes: [200], answer, action: 'get' };
}

function create(of: Described, kind: GroupVersionKind, schema: ObjectSchema, subresource: string): Operation {
  return {
    ...common(of, 'create', kind, subresource), method: 'post', description: `Creates ${what(of, subresource)}.`, parameters: [...creating, pretty],
    body: { schema, required: true, consumes: anyMedia }, codes: [200, 201, 202], answer: schema, action: 'post',
  };
}

function update(of: Described, kind: GroupVersionKind, schema: ObjectSchema, subresource: string): Operation {
  return {
    ...common(of, 'replace', kind, subresource), method: 'put', description: `Replaces ${what(of, subresource)}.`, parameters: [...updating, pretty],
    body: { schema, required: true, consumes: anyMedia }, codes: [200, 201], answer: schema, action: 'put',
  };
}

function patch(of: Described, kind: GroupVersionKind, answer: ObjectSchema, subresource: string): Operation {
  return {
    ...common(of, 'patch', kind, subresource), method: 'patch', description: `Changes a part of ${what(of, subresource)}.`, parameters: [...patching, pretty],
    body: { schema: patchDefinition, required: true, consumes: of.resource.custom === undefined ? patchTypes : patchTypes.filter((type) => type !== 'application/strategic-merge-patch+json') }, codes: [200, 201], answer, action: 'patch',
  };
}

function remove(of: Described): Operation {
  const { resource, schema, schemas } = of;
  return {
    ...common(of, 'delete', kindOf(resource), ''), method: 'delete', description: `Deletes ${what(of, '')}.`, parameters: [...deleting, pretty], body: deleteOptions(schemas),
    codes: [200, 202], answer: resource.deletion.answersObject === true ? schema : definitionIn(schemas, `${meta}.Status`), action: 'delete',
  };
}

function deleteMany({ resource, schemas, tag, group, scope }: Described): Operation {
  return {
    method: 'delete', id: `delete${group}Collection${scope}${resource.kind}`, tag, description: `Deletes all objects of kind ${resource.kind} that are selected.`,
    parameters: [...deletingMany, pretty], body: deleteOptions(schemas), produces: media, codes: [200], answer: definitionIn(schemas, `${meta}.Status`),
    action: 'deletecollection', kind: kindOf(resource),
  };
}

function deleteOptions(schemas: Schemas): Body {
  return { schema: definitionIn(schemas, `${meta}.DeleteOptions`), required: false, consumes: anyMedia };
}

function common({ resource, tag, group, scope }: Described, verb: string, kind: GroupVersionKind, subresource: string) {
  return { id: `${verb}${group}${scope}${resource.kind}${capital(subresource)}`, tag, produces: media, kind };
}

function what({ resource: { kind } }: Described, subresource: string): string {
  return subresource === '' ? `one ${kind}` : `the ${subresource} of one ${kind}`;
}

function definitionIn({ definitionOf }: Schemas, name: string): ObjectSchema {
  const schema = definitionOf(name);
  if (schema === undefined) throw new Error(`no schema was generated for ${name}: add it to setup/tables/definitions.mjs`);
  return schema;
}

/** What all operations take stands at the path itself. */
function pathOf(path: string, parameters: readonly Parameter[], operations: readonly Operation[]): Path {
  const [first, ...others] = operations;
  const shared = (first?.parameters ?? []).filter((one) => others.every((operation) => operation.parameters.includes(one)));
  return {
    path, parameters: [...parameters, ...shared].toSorted(byName),
    operations: operations.map((operation) => ({ ...operation, parameters: operation.parameters.filter((one) => !shared.includes(one)).toSorted(byName) })),
  };
}

function byName(a: Parameter, b: Parameter): number {
  return a.name < b.name ? -1 : 1;
}

function kindOf({ group, version, kind }: GroupVersionKind): GroupVersionKind {
  return { group, version, kind };
}

/** Group names lose their `.k8s.io` in ids and tags; the core group is called so. */
function shortGroup(group: string): string {
  return group === '' ? 'core' : group.replace(/\.k8s\.io$/, '');
}

function tagOf({ group, version }: Pick<Kind, 'group' | 'version'>): string {
  return `${camel(shortGroup(group))}_${version}`;
}

function idOf({ group, version }: Pick<Kind, 'group' | 'version'>): string {
  return `${capital(camel(shortGroup(group)))}${capital(version)}`;
}

/** `rbac.authorization` → `rbacAuthorization`. */
function camel(text: string): string {
  return text.replaceAll(/[^A-Za-z0-9_]+(.)/g, (_, letter: string) => letter.toUpperCase());
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
