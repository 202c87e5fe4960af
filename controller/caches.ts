import type { Clock, Random } from '../machinery/clock.ts';
import type { Pod } from '../machinery/kinds/core.ts';
import type { Kind, KubernetesObject } from '../machinery/kinds/kind.ts';
import { controllerOf } from '../machinery/owner-references.ts';
import type { Client } from '../client/client.ts';
import { createInformer, type Informer } from '../client/informer.ts';
import { addressKey, type IndexFunction } from '../client/informer-store.ts';
import type { Log } from '../client/log.ts';

/** What controllers know of the cluster: one cache per kind, shared by all of them. */

/** One kind's objects as a plan may read them. Shared: nobody may change what it hands out. */
export interface Cache<T extends KubernetesObject> {
  get(namespace: string | undefined, name: string): T | undefined;
  list(): readonly T[];
  inNamespace(namespace: string): readonly T[];
  /** Those whose managing owner has this uid. */
  controlledBy(uid: string): readonly T[];
  /** Those of a namespace that nobody manages: what could be adopted. */
  orphansIn(namespace: string): readonly T[];
  /** Pods only: those bound to a node ('' for none yet). */
  onNode(node: string): readonly T[];
}

export interface Caches {
  of<T extends KubernetesObject>(kind: Kind<T>): Cache<T>;
}

/** Informers behind the caches, made when first asked for. */
export interface Informers extends Caches {
  informer<T extends KubernetesObject>(kind: Kind<T>): Informer<T>;
  /** The informer of a kind that something already asked for. */
  known(kind: Pick<Kind, 'group' | 'plural'>): Informer<KubernetesObject> | undefined;
  all(): readonly Informer<KubernetesObject>[];
  /** Ends the informer of a kind that is no longer served. */
  forget(kind: Kind): void;
  /** Runs them until `signal` aborts, those made later as well. */
  run(signal: AbortSignal): Promise<void>;
}

export interface InformersOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly random?: Random;
  readonly freeze?: boolean;
}

const indexes: Readonly<Record<string, IndexFunction<KubernetesObject>>> = {
  namespace: (object) => [object.metadata?.namespace ?? ''],
  controller: (object) => {
    const uid = controllerOf(object.metadata)?.uid;
    return uid === undefined ? [] : [uid];
  },
  orphan: (object) => (controllerOf(object.metadata) === undefined ? [object.metadata?.namespace ?? ''] : []),
};
const podIndexes: Readonly<Record<string, IndexFunction<KubernetesObject>>> = { ...indexes, node: (object) => [(object as Pod).spec?.nodeName ?? ''] };

function indexesOf(kind: Pick<Kind, 'group' | 'plural'>): Readonly<Record<string, IndexFunction<KubernetesObject>>> {
  return kind.group === '' && kind.plural === 'pods' ? podIndexes : indexes;
}

type Readable<T extends KubernetesObject> = Pick<Informer<T>, 'get' | 'list' | 'byIndex'>;

function cacheOver<T extends KubernetesObject>(source: Readable<T>): Cache<T> {
  return {
    get: (namespace, name) => source.get(addressKey(namespace, name)),
    list: () => source.list(),
    inNamespace: (namespace) => source.byIndex('namespace', namespace),
    controlledBy: (uid) => source.byIndex('controller', uid),
    orphansIn: (namespace) => source.byIndex('orphan', namespace),
    onNode: (node) => source.byIndex('node', node),
  };
}

function idOf(kind: Pick<Kind, 'group' | 'plural'>): string {
  return `${kind.group}/${kind.plural}`;
}

export function createInformers(client: Client, options: InformersOptions): Informers {
  const made = new Map<string, Informer<KubernetesObject>>();
  const ends = new Map<Informer<KubernetesObject>, AbortController>();
  const running = new Set<Promise<void>>();
  let stop: AbortSignal | undefined;
  const start = (informer: Informer<KubernetesObject>, signal: AbortSignal): void => {
    const end = new AbortController();
    ends.set(informer, end);
    const run = informer.run(AbortSignal.any([signal, end.signal])).finally(() => void running.delete(run));
    running.add(run);
  };
  const informer = <T extends KubernetesObject>(kind: Kind<T>): Informer<T> => {
    const known = made.get(idOf(kind));
    // One kind's value has one type: what was made under its id is its informer.
    if (known !== undefined) return known as unknown as Informer<T>;
    const created: Informer<T> = createInformer<T>(client, kind, { ...options, indexes: indexesOf(kind) });
    const erased = created as unknown as Informer<KubernetesObject>;
    made.set(idOf(kind), erased);
    if (stop !== undefined) start(erased, stop);
    return created;
  };
  return {
    informer,
    of: (kind) => cacheOver(informer(kind)),
    known: (kind) => made.get(idOf(kind)),
    all: () => [...made.values()],
    forget(kind) {
      const known = made.get(idOf(kind));
      // Another version of the kind may have taken its place.
      if (known === undefined || known.kind.version !== kind.version) return;
      made.delete(idOf(kind));
      ends.get(known)?.abort();
      ends.delete(known);
    },
    async run(signal) {
      stop = signal;
      for (const each of made.values()) start(each, signal);
      await new Promise<void>((resolve) => {
        if (signal.aborted) resolve();
        else signal.addEventListener('abort', () => resolve(), { once: true });
      });
      await Promise.all(running);
    },
  };
}
