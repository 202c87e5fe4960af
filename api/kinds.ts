import { apiVersionOf, defineKind, type Kind } from '../machinery/kinds/kind.ts';
import type { ExtensionVersion } from './aggregation/extension-discovery.ts';
import { byPriority, inOrder } from './discovery/groups.ts';
import type { Registry } from './registry.ts';
import { prefixOf } from './store/entry.ts';

/** What namespaces hold and owners own: each stored resource that can be watched and deleted, in one of its versions. */
export interface StoredKinds {
  all(): readonly Kind[];
  /** The kind of exactly that version, if it is served. */
  find(apiVersion: string, kind: string): Kind | undefined;
  /** Calls `run` after each change; the answer unsubscribes. */
  onChange(run: () => void): () => void;
}

/** What extension servers hold. */
export interface ExtensionKinds {
  /** Each kind in its server's preferred version, with what can be done with it. */
  all(): readonly { readonly kind: Kind; readonly verbs: readonly string[] }[];
  /** The kind of exactly that version, if a server that answers holds it and lets it be read. */
  find(apiVersion: string, kind: string): Kind | undefined;
  /** Versions of groups of which nobody says at the moment what they hold: `metrics.k8s.io/v1beta1`. */
  missing(): readonly string[];
}

export function extensionKinds({ versions }: { readonly versions: () => readonly ExtensionVersion[] }): ExtensionKinds {
  return {
    all() {
      const found = new Map<string, { kind: Kind; verbs: readonly string[] }>();
      for (const { group, version, resources } of versions().filter(({ isFresh }) => isFresh).toSorted(inOrder)) {
        for (const { name, kind, namespaced, verbs } of resources) {
          const id = `${name}.${group}`;
          if (!name.includes('/') && !found.has(id)) found.set(id, { kind: defineKind(group, version, kind, name, namespaced ? 'Namespaced' : 'Cluster'), verbs });
        }
      }
      return [...found.values()];
    },
    find(apiVersion, wanted) {
      const served = versions().find(({ group, version, isFresh }) => isFresh && `${group}/${version}` === apiVersion);
      const resource = served?.resources.find(({ name, kind, verbs }) => kind === wanted && !name.includes('/') && verbs.includes('get'));
      if (served === undefined || resource === undefined) return undefined;
      return defineKind(served.group, served.version, resource.kind, resource.name, resource.namespaced ? 'Namespaced' : 'Cluster');
    },
    missing: () => versions().filter(({ isFresh }) => !isFresh).map(({ group, version }) => `${group}/${version}`).toSorted(),
  };
}

export function storedKinds(registry: Registry): StoredKinds {
  return {
    all() {
      const found = new Map<string, Kind>();
      const usable = registry.resources.filter(({ stored, verbs }) => stored && verbs.includes('delete') && verbs.includes('watch'));
      // The version that is stored needs no conversion; of the others, the preferred.
      for (const resource of usable.toSorted((a, b) => Number(isFurther(a)) - Number(isFurther(b)) || byPriority(a.version, b.version))) {
        if (!found.has(prefixOf(resource))) found.set(prefixOf(resource), resource);
      }
      return [...found.values()];
    },
    find: (apiVersion, kind) => registry.resources.find((one) => one.stored && one.kind === kind && apiVersionOf(one) === apiVersion),
    onChange(run) {
      const { close } = registry.onChange(run);
      return close;
    },
  };
}

function isFurther({ storedAs, group, version }: Registry['resources'][number]): boolean {
  return storedAs !== undefined && (storedAs.resource.group !== group || storedAs.resource.version !== version);
}
