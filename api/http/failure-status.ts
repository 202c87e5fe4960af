import { ApiError, failure } from '../../machinery/status.ts';
import { LeaseNotFoundError, OutcomeUnknownError, OverloadedError, StoreEndedError, StoreUnavailableError, TransactionTooLargeError, WriteFailedError } from '../store/errors.ts';
import { CompactedError, FutureRevisionError } from '../store/store.ts';

/** Any error as the failure that a caller sees. What nobody foresaw is a 500 that tells no secrets. */
export function failureOf(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  const cause = { cause: error };
  if (error instanceof CompactedError) return failure('Expired', 'The resourceVersion for the provided list is too old.', undefined, cause);
  if (error instanceof FutureRevisionError) return failure('Timeout', 'Too large resource version', { retryAfterSeconds: 1 }, cause);
  if (error instanceof TransactionTooLargeError) return failure('RequestEntityTooLarge', 'etcdserver: request is too large', undefined, cause);
  if (error instanceof OverloadedError) return failure('TooManyRequests', 'too many requests, please try again later', { retryAfterSeconds: 1 }, cause);
  if (error instanceof OutcomeUnknownError) return failure('Timeout', error.message, {}, cause);
  if (error instanceof WriteFailedError || error instanceof StoreEndedError || error instanceof StoreUnavailableError || error instanceof LeaseNotFoundError) {
    return failure('ServiceUnavailable', error.message, { retryAfterSeconds: 1 }, cause);
  }
  if (isAbort(error)) return failure('Timeout', 'Timeout: request did not complete within the allotted timeout', {}, cause);
  return failure('InternalError', `Internal error occurred: ${error instanceof Error ? error.name : 'unknown'}`, {}, cause);
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && (error.name === 'AbortError' || error.name === 'TimeoutError');
}
