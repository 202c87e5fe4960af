import { failure } from '../../machinery/status.ts';
import type { Revision } from '../store/store.ts';

/** Where the next page of a list begins. `revision` undefined: the snapshot is gone, go on with the newest state. */
export interface ContinueToken {
  readonly revision: Revision | undefined;
  /** The last key that was given out. */
  readonly after: string;
}

const format = 'coracle/v1';

/** Opaque to clients. */
export function formatContinue({ revision, after }: ContinueToken): string {
  return Buffer.from(JSON.stringify({ v: format, rv: revision ?? -1, after })).toString('base64url');
}

/** Throws 400 unless it is a token of ours for a key under `prefix`: a token reaches nothing that the URL doesn't. */
export function parseContinue(text: string, prefix: string): ContinueToken {
  const value = decoded(text);
  const [v, rv, after] = ['v', 'rv', 'after'].map((name): unknown => (typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined));
  if (v !== format || typeof rv !== 'number' || !Number.isSafeInteger(rv) || typeof after !== 'string' || !after.startsWith(prefix)) {
    throw failure('BadRequest', 'continue key is not valid: it must be the token of the previous page of the same list');
  }
  return { revision: rv > 0 ? rv : undefined, after };
}

function decoded(text: string): unknown {
  try {
    return JSON.parse(Buffer.from(text, 'base64url').toString());
  } catch {
    return undefined;
  }
}
