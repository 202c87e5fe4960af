import type { V1MicroTime } from '@kubernetes/client-node';

/** `_from` → `from`: the generated classes put an underscore before names that are reserved in some language. */
type WireName<K> = K extends '_continue' ? 'continue' : K extends '_default' ? 'default' : K extends '_enum' ? 'enum'
  : K extends '_from' ? 'from' : K extends '_int' ? 'int' : K extends '_not' ? 'not' : K;

/**
 * A Kubernetes type as it is on the wire: times are RFC 3339 strings, reserved names are unescaped, everything is
 * deeply readonly (objects from a cache are shared). `Draft` takes the readonly off again.
 */
export type Wire<T> = T extends Date | V1MicroTime ? string
  : T extends readonly (infer E)[] ? readonly Wire<E>[]
  : T extends object ? { readonly [K in keyof T as WireName<K>]: Wire<T[K]> }
  : T;

/** A copy that its holder owns and may change: what defaulting, admission and builders work on. */
export type Draft<T> = T extends readonly (infer E)[] ? Draft<E>[]
  : T extends object ? { -readonly [K in keyof T]: Draft<T[K]> }
  : T;
