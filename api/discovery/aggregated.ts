import { aggregatedVersion } from '../aggregation/extension-discovery.ts';
import type { Resource } from '../resources/define.ts';
import type { Group } from './groups.ts';
import { mainVerbs, subresourcesOf } from './plain.ts';

/** Discovery in one document for `/api` and one for `/apis`. Source: APIGroupDiscoveryList, apidiscovery.k8s.io/v2. */
export function aggregated(groups: readonly Group[]): object {
  return { kind: 'APIGroupDiscoveryList', apiVersion: 'apidiscovery.k8s.io/v2', metadata: {}, items: groups.map(item) };
}

function item({ name, versions }: Group): object {
  return {
    metadata: name === '' ? { creationTimestamp: null } : { name, creationTimestamp: null },
    versions: versions.map(({ version, resources, extension }) => (extension === undefined ? { version, resources: resources.map(row), freshness: 'Current' } : aggregatedVersion(extension))),
  };
}

function row(resource: Resource): object {
  const { plural, singular, shortNames, categories, scope } = resource;
  const subresources = subresourcesOf(resource).map((one) => ({
    subresource: one.name, responseKind: responseKind(one.kind, resource), verbs: one.verbs,
  }));
  return {
    resource: plural,
    responseKind: responseKind(resource, resource),
    scope: scope === 'Namespaced' ? 'Namespaced' : 'Cluster',
    singularResource: singular,
    verbs: mainVerbs(resource),
    ...(shortNames.length === 0 ? {} : { shortNames }),
    ...(categories.length === 0 ? {} : { categories }),
    ...(subresources.length === 0 ? {} : { subresources }),
  };
}

/** Group and version are left out where they are those of the document. */
function responseKind(kind: { readonly group: string; readonly version: string; readonly kind: string }, { group, version }: Resource): object {
  const isOwn = kind.group === group && kind.version === version;
  return { group: isOwn ? '' : kind.group, version: isOwn ? '' : kind.version, kind: kind.kind };
}
