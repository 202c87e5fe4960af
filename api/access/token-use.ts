import { Secret } from '../../machinery/kinds/core.ts';
import type { Draft } from '../../machinery/kinds/wire.ts';
import { isReason } from '../../machinery/status.ts';
import { trackUpdate, writeAs } from '../field-management/track.ts';
import { changeObject, type Writer } from '../handlers/writer.ts';
import { secret } from '../resources/core/secret.ts';

/** Notes on Secrets that keep tokens on which day those were last used. Source: KEP-2799, tracking of legacy service account tokens. */

/** `2026-01-31`, in UTC. */
const lastUsed = 'kubernetes.io/legacy-token-last-used';

export interface Place {
  readonly namespace: string;
  readonly name: string;
}

export interface TokenUse {
  /** The token that this Secret keeps has just let somebody in. */
  note(place: Place): void;
  /** Resolves when what was noted is written. */
  close(): Promise<void>;
}

export interface TokenUseOptions {
  readonly writer: () => Writer;
  /** What could not be noted, and of which Secret: the log's. */
  readonly report: (error: unknown, name: string) => void;
}

export function createTokenUse({ writer, report }: TokenUseOptions): TokenUse {
  const writes = new Map<string, Promise<void>>();

  async function write({ namespace, name }: Place, today: string): Promise<void> {
    try {
      await changeObject(writer(), secret, namespace, name, false, (current) => {
        const object: Secret = current.exact;
        if (object.metadata?.labels?.[lastUsed] === today) return { type: 'keep' };
        const draft = structuredClone(object) as Draft<Secret>;
        draft.metadata = { ...draft.metadata, labels: { ...draft.metadata?.labels, [lastUsed]: today } };
        trackUpdate(writeAs('kube-apiserver', writer(), secret), draft, object);
        return { type: 'put', object: draft };
      });
    } catch (error) {
      if (!isReason(error, 'NotFound')) report(error, `${namespace}/${name}`);
    }
  }

  return {
    note(place) {
      const key = `${place.namespace}/${place.name}`;
      const today = new Date(writer().now()).toISOString().slice(0, 10);
      if (writes.has(key) || writer().caches.of(Secret).get(place.namespace, place.name)?.object.metadata?.labels?.[lastUsed] === today) return;
      writes.set(key, write(place, today).finally(() => { writes.delete(key); }));
    },
    async close() {
      await Promise.all(writes.values());
    },
  };
}
