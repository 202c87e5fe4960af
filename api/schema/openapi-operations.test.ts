import { describe, expect, it } from 'vitest';
import type { ObjectSchema } from '../../machinery/schema.ts';
import { defineResource, type Resource, type ResourceOptions } from '../resources/define.ts';
import { groupPath, groupVersionPath, pathsOf, type Operation, type Schemas } from './openapi-operations.ts';

/** Every name has a definition without fields. */
const schemas: Schemas = {
  schemaOf: (kind) => definition(`test.${kind.kind}`),
  listSchemaOf: ({ listKind }) => definition(`test.${listKind}`),
  definitionOf: definition,
};

function definition(name: string): ObjectSchema {
  return { type: 'object', name, fields: {} };
}

function resource(group: string, kind: string, scope: 'Namespaced' | 'Cluster', options: ResourceOptions<object> = {}): Resource {
  return defineResource({ group, version: 'v1', kind, plural: `${kind.toLowerCase()}s`, scope }, options);
}

const widget = resource('apps', 'Widget', 'Namespaced', {
  status: true,
  scale: { replicas: () => 0, statusReplicas: () => 0, selector: () => '', setReplicas: () => undefined },
  subresources: [
    { name: 'portforward', kind: { group: '', version: 'v1', kind: 'PodPortForwardOptions' }, verbs: ['create', 'get'] },
    { name: 'log', kind: { group: 'apps', version: 'v1', kind: 'Widget' }, verbs: ['get'] },
    { name: 'token', kind: { group: 'authentication.k8s.io', version: 'v1', kind: 'TokenRequest' }, verbs: ['create'] },
  ],
});

function operationsOf(of: Resource): [string, string, Operation][] {
  return pathsOf(of, schemas).flatMap(({ path, operations }) => operations.map((one): [string, string, Operation] => [one.method, path, one]));
}

const namesOf = (of: Resource) => operationsOf(of).map(([method, path, { id }]) => `${method} ${path} ${id}`);

describe('the paths of a resource', () => {
  it('are those of a namespaced kind with its subresources', () => {
    const home = '/apis/apps/v1/namespaces/{namespace}/widgets';
    expect(namesOf(widget)).toEqual([
      `get ${home} listAppsV1NamespacedWidget`,
      `post ${home} createAppsV1NamespacedWidget`,
      `delete ${home} deleteAppsV1CollectionNamespacedWidget`,
      `get ${home}/{name} readAppsV1NamespacedWidget`,
      `put ${home}/{name} replaceAppsV1NamespacedWidget`,
      `patch ${home}/{name} patchAppsV1NamespacedWidget`,
      `delete ${home}/{name} deleteAppsV1NamespacedWidget`,
      `get ${home}/{name}/log readAppsV1NamespacedWidgetLog`,
      `post ${home}/{name}/portforward connectAppsV1PostNamespacedWidgetPortforward`,
      `get ${home}/{name}/portforward connectAppsV1GetNamespacedWidgetPortforward`,
      `get ${home}/{name}/scale readAppsV1NamespacedWidgetScale`,
      `put ${home}/{name}/scale replaceAppsV1NamespacedWidgetScale`,
      `patch ${home}/{name}/scale patchAppsV1NamespacedWidgetScale`,
      `get ${home}/{name}/status readAppsV1NamespacedWidgetStatus`,
      `put ${home}/{name}/status replaceAppsV1NamespacedWidgetStatus`,
      `patch ${home}/{name}/status patchAppsV1NamespacedWidgetStatus`,
      `post ${home}/{name}/token createAppsV1NamespacedWidgetToken`,
      'get /apis/apps/v1/widgets listAppsV1WidgetForAllNamespaces',
    ]);
  });

  it('of a kind outside namespaces have none', () => {
    expect(namesOf(resource('', 'Machine', 'Cluster', { verbs: ['get', 'list'] }))).toEqual([
      'get /api/v1/machines listCoreV1Machine', 'get /api/v1/machines/{name} readCoreV1Machine',
    ]);
  });

  it('of a kind that is only answered are its creation', () => {
    expect(namesOf(resource('authorization.k8s.io', 'Question', 'Cluster', { stored: false }))).toEqual([
      'post /apis/authorization.k8s.io/v1/questions createAuthorizationV1Question',
    ]);
  });

  it('go on below a proxy', () => {
    const proxied = resource('', 'Machine', 'Cluster', {
      verbs: [], subresources: [{ name: 'proxy', kind: { group: '', version: 'v1', kind: 'NodeProxyOptions' }, verbs: ['get'] }],
    });
    expect(namesOf(proxied)).toEqual([
      'get /api/v1/machines/{name}/proxy connectCoreV1GetMachineProxy', 'get /api/v1/machines/{name}/proxy/{path} connectCoreV1GetMachineProxyWithPath',
    ]);
  });
});

function operation(id: string, of = widget): Operation {
  const found = operationsOf(of).find(([, , one]) => one.id === id);
  if (found === undefined) throw new Error(`no operation ${id}`);
  return found[2];
}

describe('an operation', () => {
  it.each([
    ['createAppsV1NamespacedWidget', ['dryRun', 'fieldManager', 'fieldValidation']],
    ['replaceAppsV1NamespacedWidget', ['dryRun', 'fieldManager', 'fieldValidation']],
    ['patchAppsV1NamespacedWidget', ['dryRun', 'fieldManager', 'fieldValidation', 'force']],
    ['deleteAppsV1NamespacedWidget', ['dryRun', 'gracePeriodSeconds', 'orphanDependents', 'propagationPolicy']],
    ['readAppsV1NamespacedWidget', []],
  ])('%s takes its options', (id, parameters) => {
    expect(operation(id).parameters.map(({ name }) => name)).toEqual(parameters);
  });

  it.each([
    ['a subresource of another kind names that kind', 'createAppsV1NamespacedWidgetToken', 'post', 'TokenRequest'],
    ['a scale is a Scale', 'patchAppsV1NamespacedWidgetScale', 'patch', 'Scale'],
    ['a connection names the kind of its options', 'connectAppsV1GetNamespacedWidgetPortforward', 'connect', 'PodPortForwardOptions'],
    ['a deletion of many is an action of its own', 'deleteAppsV1CollectionNamespacedWidget', 'deletecollection', 'Widget'],
  ])('%s', (_, id, action, kind) => {
    const { action: own, kind: of } = operation(id);
    expect([own, of?.kind]).toEqual([action, kind]);
  });

  it('that deletes answers the object only where the kind does', () => {
    expect(operation('deleteAppsV1NamespacedWidget').answer?.name).toBe('io.k8s.apimachinery.pkg.apis.meta.v1.Status');
    const kept = resource('apps', 'Widget', 'Namespaced', { deletion: { answersObject: true } });
    expect(operation('deleteAppsV1NamespacedWidget', kept).answer?.name).toBe('test.Widget');
  });

  it('shares with its path what all operations there take', () => {
    const token = pathsOf(widget, schemas).find((one) => one.path.endsWith('/token'));
    expect(token?.parameters.map(({ name }) => name)).toEqual(['dryRun', 'fieldManager', 'fieldValidation', 'name', 'namespace', 'pretty']);
  });

  it('fails to be described without a definition of what it speaks of', () => {
    expect(() => pathsOf(widget, { ...schemas, definitionOf: () => undefined })).toThrow('no schema was generated for io.k8s.apimachinery.pkg.apis.meta.v1.');
  });
});

describe('discovery', () => {
  it.each([
    [groupVersionPath({ group: 'rbac.authorization.k8s.io', version: 'v1' }, schemas), '/apis/rbac.authorization.k8s.io/v1/', 'getRbacAuthorizationV1APIResources', 'rbacAuthorization_v1'],
    [groupVersionPath({ group: '', version: 'v1' }, schemas), '/api/v1/', 'getCoreV1APIResources', 'core_v1'],
    [groupPath('', schemas), '/api/', 'getCoreAPIVersions', 'core'],
    [groupPath('apps', schemas), '/apis/apps/', 'getAppsAPIGroup', 'apps'],
  ])('%#: has Kubernetes\' ids and tags', ({ path, operations }, where, id, tag) => {
    expect([path, operations[0]?.id, operations[0]?.tag]).toEqual([where, id, tag]);
  });
});
