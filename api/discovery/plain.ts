import { apiVersionOf } from '../../machinery/kinds/kind.ts';
import type { Resource } from '../resources/define.ts';
import type { Group } from './groups.ts';

/** Discovery as older clients ask for it: one document a step. Source: APIVersions, APIGroupList, APIResourceList, meta/v1. */

export function apiVersions(serverAddress: string): object {
  return { kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs: [{ clientCIDR: '0.0.0.0/0', serverAddress }] };
}

export function apiGroupList(groups: readonly Group[]): object {
  return { kind: 'APIGroupList', apiVersion: 'v1', groups: groups.filter(({ name }) => name !== '').map(apiGroup) };
}

/** One entry of the list; alone (`/apis/<group>`) it also has kind and apiVersion. */
export function apiGroup({ name, versions }: Group): object {
  const all = versions.map(({ version }) => ({ groupVersion: `${name}/${version}`, version }));
  return { name, versions: all, preferredVersion: all[0] };
}

export function apiResourceList(groupVersion: string, resources: readonly Resource[]): object {
  return { kind: 'APIResourceList', ...(groupVersion === 'v1' ? {} : { apiVersion: 'v1' }), groupVersion, resources: resources.flatMap(rows) };
}

interface Row {
  readonly name: string;
  readonly singularName: string;
  readonly namespaced: boolean;
  readonly group?: string;
  readonly version?: string;
  readonly kind: string;
  readonly verbs: readonly string[];
  readonly shortNames?: readonly string[];
  readonly categories?: readonly string[];
}

function rows(resource: Resource): Row[] {
  const { plural, singular, shortNames, categories, kind, scope } = resource;
  const namespaced = scope === 'Namespaced';
  const main: Row = {
    name: plural, singularName: singular, namespaced, kind, verbs: mainVerbs(resource),
    ...(shortNames.length === 0 ? {} : { shortNames }), ...(categories.length === 0 ? {} : { categories }),
  };
  return [main, ...subresourcesOf(resource).map((one): Row => ({
    name: `${plural}/${one.name}`, singularName: '', namespaced, kind: one.kind.kind, verbs: one.verbs,
    ...(apiVersionOf(one.kind) === apiVersionOf(resource) ? {} : { group: one.kind.group, version: one.kind.version }),
  }))];
}

/** In Kubernetes' order, which is the alphabet's. What takes no new objects is not offered for changes. */
export function mainVerbs({ verbs, refusesNew }: Resource): readonly string[] {
  return verbs.filter((verb) => refusesNew === undefined || !writingVerbs.has(verb)).toSorted();
}

const writingVerbs: ReadonlySet<string> = new Set(['create', 'patch', 'update']);

export interface SubresourceRow {
  readonly name: string;
  readonly kind: { readonly group: string; readonly version: string; readonly kind: string };
  readonly verbs: readonly string[];
}

/** All subresources of a resource by name: what it declares, its status, its scale. */
export function subresourcesOf(resource: Resource): SubresourceRow[] {
  const verbs = ['get', 'patch', 'update'];
  return [
    ...resource.subresources,
    ...(resource.status ? [{ name: 'status', kind: resource, verbs }] : []),
    ...(resource.scale === undefined ? [] : [{ name: 'scale', kind: { group: 'autoscaling', version: 'v1', kind: 'Scale' }, verbs }]),
  ].toSorted((a, b) => (a.name < b.name ? -1 : 1));
}
