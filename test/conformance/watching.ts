/** A watch that runs beside a test, which asks for the events it is owed. */
import type { Client, WatchOptions } from '../../client/client.ts';
import type { WatchEvent } from '../../client/transport.ts';
import type { Kind, KubernetesObject } from '../../machinery/kinds/kind.ts';
import { messageOf } from '../../machinery/thrown.ts';

export interface Watching<T> extends AsyncDisposable {
  /** Everything so far. */
  readonly events: readonly WatchEvent<T>[];
  /** The first event after the last one asked for that is of the type (`CHANGED`: ADDED or MODIFIED) and, if given, as wanted. Rejects when the watch ends or the deadline passes before. */
  until(type: WatchEvent['type'] | 'CHANGED', wanted?: (object: T) => boolean): Promise<T>;
}

const patienceMs = 30_000;

/** With a `resourceVersion` no event is missed; without one it begins with what is there. */
export function watching<T extends KubernetesObject>(client: Client, kind: Kind<T>, options: WatchOptions): Watching<T> {
  const stop = new AbortController();
  const events: WatchEvent<T>[] = [];
  let read = 0;
  let over: string | undefined;
  let wake = Promise.withResolvers<void>();
  const changed = (): void => {
    wake.resolve();
    wake = Promise.withResolvers();
  };
  const done = (async () => {
    try {
      for await (const batch of client.watch(kind, { ...options, signal: stop.signal })) {
        events.push(...batch);
        changed();
      }
      over = 'the watch ended';
    } catch (error) {
      over = messageOf(error);
    }
    changed();
  })();
  return {
    events,
    async until(type, wanted = () => true) {
      const deadline = AbortSignal.timeout(patienceMs);
      deadline.addEventListener('abort', changed, { once: true });
      for (;;) {
        while (read < events.length) {
          const event = events[read++];
          if (event !== undefined && (event.type === type || (type === 'CHANGED' && (event.type === 'ADDED' || event.type === 'MODIFIED'))) && wanted(event.object)) return event.object;
        }
        if (over !== undefined || deadline.aborted) {
          const seen = events.map((event) => `${event.type} ${event.object.metadata?.name ?? ''}`).join(', ');
          throw new Error(`no such ${type} event of ${kind.plural}: ${over ?? `${patienceMs / 1000} s have passed`}; seen: ${seen}`);
        }
        await wake.promise;
      }
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      await done;
    },
  };
}
