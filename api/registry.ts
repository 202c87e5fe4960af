import type { Resource } from './resources/define.ts';

/**
 * Which resources are served at the moment. Built-in kinds are there from the start; whoever makes kinds while the server runs
 * (CustomResourceDefinitions) puts theirs beside them. Routing, discovery, OpenAPI and the caches all ask here.
 */
export interface Registry {
  /** In the order given. The list is never changed but replaced: who made something of it may keep that as long as the list is the same. */
  readonly resources: readonly Resource[];
  at(group: string, version: string, plural: string): Resource | undefined;
  /** Puts `resources` in place of those that `owner` gave before; an empty list takes them away. What was there before is never displaced: it hides what comes later. */
  put(owner: string, resources: readonly Resource[]): void;
  /** Calls `run` after each change, until closed: at once, in the order of subscription. */
  onChange(run: () => void): { close(): void };
}

export function createRegistry(builtin: readonly Resource[]): Registry {
  const owned = new Map<string, readonly Resource[]>();
  const listeners = new Set<() => void>();
  let { all, byPath } = gathered([builtin]);
  return {
    get resources() {
      return all;
    },
    at: (group, version, plural) => byPath.get(`${group}/${version}/${plural}`),
    put(owner, resources) {
      if (resources.length > 0) owned.set(owner, resources);
      else if (!owned.delete(owner)) return;
      ({ all, byPath } = gathered([builtin, ...owned.values()]));
      for (const run of listeners) run();
    },
    onChange(run) {
      listeners.add(run);
      return { close: () => void listeners.delete(run) };
    },
  };
}

function gathered(lists: readonly (readonly Resource[])[]): { readonly all: readonly Resource[]; readonly byPath: ReadonlyMap<string, Resource> } {
  const byPath = new Map<string, Resource>();
  for (const resource of lists.flat()) {
    const path = `${resource.group}/${resource.version}/${resource.plural}`;
    if (!byPath.has(path)) byPath.set(path, resource);
  }
  return { all: [...byPath.values()], byPath };
}
