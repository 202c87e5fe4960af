import type { Clock } from '../machinery/clock.ts';
import { ConfigMap, Secret } from '../machinery/kinds/core.ts';
import type { Kind, KubernetesObject } from '../machinery/kinds/kind.ts';
import type { Client } from '../client/client.ts';
import { createInformer, type Informer } from '../client/informer.ts';

/**
 * The ConfigMaps and Secrets that this node's pods name, and no others: one watch an object, shared by the pods that name
 * it, kept a while after the last of them. `changed` lets volumes follow and failed pods go on without polling.
 */
export interface ObjectSource {
  /** What one pod needs. Call `release` when it is gone. */
  hold(namespace: string, changed: () => void): HeldObjects;
  run(signal: AbortSignal): Promise<void>;
}

export interface HeldObjects {
  /** `undefined`: there is none (yet; `changed` is called when it appears). Rejects when the API doesn't answer in time. */
  configMap(name: string): Promise<ConfigMap | undefined>;
  secret(name: string): Promise<Secret | undefined>;
  release(): void;
}

interface Watched<T extends KubernetesObject> {
  readonly informer: Informer<T>;
  readonly stop: AbortController;
  readonly listeners: Set<() => void>;
  cancelLinger: (() => void) | undefined;
}

const syncDeadlineMs = 10_000;
const lingerMs = 60_000;

export function createObjectSource(client: Client, clock: Clock): ObjectSource {
  const configMaps = createWatches(client, clock, ConfigMap);
  const secrets = createWatches(client, clock, Secret);
  return {
    hold(namespace, changed) {
      const releases = new Map<string, () => void>();
      const take = async <T extends KubernetesObject>(watches: Watches<T>, kind: string, name: string): Promise<T | undefined> => {
        const watched = watches.get(namespace, name);
        if (!releases.has(`${kind}/${name}`)) releases.set(`${kind}/${name}`, watches.listen(namespace, name, changed));
        return await synced(watched.informer, kind, `${namespace}/${name}`);
      };
      return {
        configMap: (name) => take(configMaps, 'configmap', name),
        secret: (name) => take(secrets, 'secret', name),
        release: () => {
          for (const release of releases.values()) release();
          releases.clear();
        },
      };
    },
    async run(signal) {
      await new Promise<void>((resolve) => {
        if (signal.aborted) resolve();
        signal.addEventListener('abort', () => resolve(), { once: true });
      });
      configMaps.stop();
      secrets.stop();
    },
  };
}

async function synced<T extends KubernetesObject>(informer: Informer<T>, kind: string, key: string): Promise<T | undefined> {
  if (!informer.synced) {
    await informer.waitForSync(AbortSignal.timeout(syncDeadlineMs)).catch((error: unknown) => {
      throw new Error(`failed to sync ${kind} cache: timed out waiting for the condition`, { cause: error });
    });
  }
  return informer.get(key);
}

interface Watches<T extends KubernetesObject> {
  get(namespace: string, name: string): Watched<T>;
  listen(namespace: string, name: string, changed: () => void): () => void;
  stop(): void;
}

function createWatches<T extends KubernetesObject>(client: Client, clock: Clock, kind: Kind<T>): Watches<T> {
  const all = new Map<string, Watched<T>>();
  let stopped = false;
  const get = (namespace: string, name: string): Watched<T> => {
    const key = `${namespace}/${name}`;
    const known = all.get(key);
    if (known !== undefined) return known;
    const informer = createInformer(client, kind, { clock, namespace, fieldSelector: `metadata.name=${name}` });
    const watched: Watched<T> = { informer, stop: new AbortController(), listeners: new Set(), cancelLinger: undefined };
    informer.onChange(() => {
      for (const listener of watched.listeners) listener();
    });
    void informer.run(watched.stop.signal);
    all.set(key, watched);
    return watched;
  };
  const end = (key: string): void => {
    all.get(key)?.stop.abort();
    all.delete(key);
  };
  return {
    get,
    listen(namespace, name, changed) {
      const key = `${namespace}/${name}`;
      const watched = get(namespace, name);
      watched.cancelLinger?.();
      watched.cancelLinger = undefined;
      watched.listeners.add(changed);
      return () => {
        watched.listeners.delete(changed);
        if (watched.listeners.size > 0) return;
        if (stopped) end(key);
        else watched.cancelLinger = clock.setTimer(lingerMs, () => end(key));
      };
    },
    stop() {
      stopped = true;
      for (const [key, watched] of all) {
        watched.cancelLinger?.();
        end(key);
      }
    },
  };
}
