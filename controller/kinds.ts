import type { Kind } from '../machinery/kinds/kind.ts';

/** The kinds of a cluster, which come and go with CustomResourceDefinitions. Of a kind that is served in several versions, one. */
export interface Kinds {
  all(): readonly Kind[];
  /** Calls `run` after each change; the answer unsubscribes. */
  onChange(run: () => void): () => void;
}

export interface ServedKinds extends Kinds {
  /** The kind of exactly that version, if it is served. */
  find(apiVersion: string, kind: string): Kind | undefined;
}

/** The kinds that extension servers hold: what they are can be asked, not watched. */
export interface ExtensionKinds {
  all(): readonly { readonly kind: Kind; readonly verbs: readonly string[] }[];
  /** The kind of exactly that version, if a server that answers holds it and lets it be read. */
  find(apiVersion: string, kind: string): Kind | undefined;
  /** Versions of groups of which nobody says at the moment what they hold: `metrics.k8s.io/v1beta1`. */
  missing(): readonly string[];
}

/**
 * Keeps one thing for each kind of `kinds`, from when the kind appears until it goes: `begin` starts it and answers what ends it.
 * The answer ends all of them.
 */
export function forEachKind(kinds: Kinds, begin: (kind: Kind) => () => void): () => void {
  const running = new Map<string, () => void>();
  const look = (): void => {
    const wanted = new Map(kinds.all().map((kind) => [`${kind.group}/${kind.version}/${kind.plural}`, kind]));
    for (const [id, end] of running) {
      if (wanted.has(id)) continue;
      running.delete(id);
      end();
    }
    for (const [id, kind] of wanted) if (!running.has(id)) running.set(id, begin(kind));
  };
  look();
  const unsubscribe = kinds.onChange(look);
  return () => {
    unsubscribe();
    for (const end of running.values()) end();
    running.clear();
  };
}
