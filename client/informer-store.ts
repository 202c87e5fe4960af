import type { KubernetesObject } from '../machinery/kinds/kind.ts';

/** The objects that an informer knows, by key and by index. */

/** The values under which an object is found, per index. */
export type IndexFunction<T> = { values(object: T): readonly string[] }['values'];

export interface InformerStore<T extends KubernetesObject> {
  get(key: string): T | undefined;
  list(): readonly T[];
  byIndex(name: string, value: string): readonly T[];
  /** Puts or (undefined) removes; the answer is what was there. */
  set(key: string, object: T | undefined): T | undefined;
  keys(): IterableIterator<string>;
  readonly size: number;
}

/** `namespace/name`, or `name` for kinds of cluster scope. */
export function keyOf(object: KubernetesObject): string {
  return addressKey(object.metadata?.namespace, object.metadata?.name ?? '');
}

export function addressKey(namespace: string | undefined, name: string): string {
  return namespace === undefined || namespace === '' ? name : `${namespace}/${name}`;
}

/** The other way round. */
export function addressOf(key: string): { readonly namespace?: string; readonly name: string } {
  const slash = key.indexOf('/');
  return slash < 0 ? { name: key } : { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}

export function createInformerStore<T extends KubernetesObject>(indexes: Readonly<Record<string, IndexFunction<T>>>): InformerStore<T> {
  const objects = new Map<string, T>();
  const indexed = new Map(Object.entries(indexes).map(([name, values]) => [name, { values, entries: new Map<string, Map<string, T>>() }]));

  const unindex = (key: string, object: T): void => {
    for (const { values, entries } of indexed.values()) {
      for (const value of values(object)) {
        const found = entries.get(value);
        found?.delete(key);
        if (found?.size === 0) entries.delete(value);
      }
    }
  };
  const index = (key: string, object: T): void => {
    for (const { values, entries } of indexed.values()) {
      for (const value of values(object)) {
        const found = entries.get(value);
        if (found === undefined) entries.set(value, new Map([[key, object]]));
        else found.set(key, object);
      }
    }
  };
  return {
    get: (key) => objects.get(key),
    list: () => [...objects.values()],
    byIndex(name, value) {
      const found = indexed.get(name);
      if (found === undefined) throw new Error(`no index named ${name}`);
      return [...(found.entries.get(value)?.values() ?? [])];
    },
    set(key, object) {
      const old = objects.get(key);
      if (old !== undefined) unindex(key, old);
      if (object === undefined) objects.delete(key);
      else {
        objects.set(key, object);
        index(key, object);
      }
      return old;
    },
    keys: () => objects.keys(),
    get size() {
      return objects.size;
    },
  };
}
