import { failure } from '../../machinery/status.ts';
import type { ResourceCache } from './cache.ts';
import { isSealed } from './encryption/providers.ts';

/** A stored value that is no object to this server. What it belongs to can't be read while it is there. */
export class UnreadableValueError extends Error {
  constructor(key: string, why: string) {
    super(`the value of ${key} can't be read: ${why}`);
    this.name = 'UnreadableValueError';
  }
}

const openBrace = 0x7b;
/** What a sealed value tells of its provider and key, at most. */
const sealBytes = 64;

/** Why `value` is no object; undefined: it is one. Looks at its beginning alone. */
export function problemOf(key: string, value: Buffer): UnreadableValueError | undefined {
  if (value[0] === openBrace) return undefined;
  return new UnreadableValueError(key, isSealed(value)
    ? `it is sealed (${value.toString('latin1', 0, sealBytes).split(':', 5).join(':')}), and no key of this server's encryption configuration opens it`
    : 'it is no JSON object');
}

/** Throws 500 while a value of the kind can't be read: a list without it would tell that its object is gone. With a key, for that object alone. */
export function requireReadable(cache: Pick<ResourceCache, 'unreadable'>, key?: string): void {
  const problem = cache.unreadable(key);
  if (problem !== undefined) throw unreadable(problem);
}

/** What a caller is told. */
export function unreadable(problem: Error): Error {
  return failure('InternalError', `Internal error occurred: ${problem.message}`, undefined, { cause: problem });
}
