import type { Kind, KubernetesObject } from '../../machinery/kinds/kind.ts';
import type { Caches, Entry } from '../store/cache.ts';

/** What a follower does with the versions of a kind's objects. Called synchronously. */
export interface Follower<T extends KubernetesObject> {
  /** Forget everything: every object comes again. */
  reset(): void;
  /** New, or a newer version. */
  set(entry: Entry<T>): void;
  remove(entry: Entry<T>): void;
}

export interface Following {
  /** Resolves when the follower has been given everything that the caches held at the call. */
  caughtUp(): Promise<void>;
  close(): void;
}

/**
 * Keeps `follower` current with the watch cache: first every object, then each change. Starts over when it fell behind what
 * the cache remembers. Ends with `close()` or with the cache.
 */
export function follow<T extends KubernetesObject>(caches: Caches, kind: Kind<T>, follower: Follower<T>): Following {
  const cache = caches.of(kind);
  let closed = false;
  let watch: ReturnType<typeof cache.watch> | undefined;
  let waiting: (() => void)[] = [];
  const arrived = (): void => {
    const told = waiting;
    waiting = [];
    for (const tell of told) tell();
  };
  const start = (): void => {
    if (closed) return;
    follower.reset();
    for (const entry of cache.list()) follower.set(entry);
    watch = cache.watch(caches.revision, {}, {
      changes(batch) {
        for (const change of batch) {
          if (change.type === 'DELETED') follower.remove(change.entry);
          else if (change.type === 'BOOKMARK') arrived();
          else follower.set(change.entry);
        }
      },
      end(error) {
        // Behind: list again, but not from inside the cache's own delivery. Without an error the server is stopping.
        if (error !== undefined) queueMicrotask(start);
        else arrived();
      },
    });
    // Whoever waited on a watch that ended has now been given everything by the list.
    arrived();
  };
  start();
  return {
    caughtUp: () => new Promise((resolve) => {
      if (closed || watch === undefined) return resolve();
      waiting.push(resolve);
      watch.bookmark();
    }),
    close() {
      closed = true;
      watch?.close();
      arrived();
    },
  };
}
