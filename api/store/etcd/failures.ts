/** What etcd and gRPC say went wrong, in the store's own terms. Pure. */
import { LeaseNotFoundError, OutcomeUnknownError, OverloadedError, StoreUnavailableError, TransactionTooLargeError, WriteFailedError, asError } from '../errors.ts';

/** How a failed call may be dealt with. */
export type Failure =
  /** It never reached a server: any call may be sent to another one. */
  | { readonly type: 'not sent'; readonly text: string }
  /** No answer came, or one that leaves open whether it took effect: a read may be sent again, a write never. */
  | { readonly type: 'no answer'; readonly text: string }
  | { readonly type: 'compacted' }
  | { readonly type: 'future' }
  | { readonly type: 'lease not found' }
  | { readonly type: 'too large'; readonly text: string }
  | { readonly type: 'overloaded' }
  | { readonly type: 'full'; readonly text: string }
  | { readonly type: 'other'; readonly text: string };

type Kind = Failure['type'];

/** By what the message contains; the first that fits counts. Source: etcd's api/v3rpc/rpctypes, grpc-js's messages, as observed. */
const table: readonly (readonly [RegExp, Kind])[] = [
  [/required revision has been compacted/u, 'compacted'],
  [/required revision is a future revision/u, 'future'],
  [/requested lease not found/u, 'lease not found'],
  [/request is too large|too many operations/u, 'too large'],
  [/too many requests/u, 'overloaded'],
  [/database space exceeded/u, 'full'],
  [/No connection established|Channel closed before call started|Name resolution failed/u, 'not sent'],
  [/^(?:Error: )?(?:1 CANCELLED|2 UNKNOWN: (?!etcdserver)|4 DEADLINE_EXCEEDED|13 INTERNAL|14 UNAVAILABLE)/u, 'no answer'],
  [/request timed out|leader changed|no leader|server stopped|not capable|Connection dropped|Stream removed/u, 'no answer'],
];

/** Reads what a call was rejected with. */
export function failureOf(thrown: unknown): Failure {
  const text = asError(thrown).message;
  const type = table.find(([pattern]) => pattern.test(text))?.[1] ?? 'other';
  switch (type) {
    case 'compacted': case 'future': case 'lease not found': case 'overloaded': return { type };
    default: return { type, text };
  }
}

/** The error that callers of the store see. `compacted` and `future` need a revision and are the range's own to throw. */
export function storeError(failure: Failure, thrown: unknown, call: 'read' | 'write', lease = ''): Error {
  const cause = asError(thrown);
  switch (failure.type) {
    case 'not sent': return new StoreUnavailableError(failure.text, cause);
    case 'no answer': return call === 'read' ? new StoreUnavailableError(failure.text, cause) : new OutcomeUnknownError(failure.text, cause);
    case 'lease not found': return new LeaseNotFoundError(lease);
    case 'too large': return new TransactionTooLargeError(failure.text);
    case 'overloaded': return new OverloadedError('etcd has too many requests waiting');
    case 'full': return new WriteFailedError(cause);
    default: return cause;
  }
}
