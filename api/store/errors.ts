/** What can go wrong with a store beyond `CompactedError` and `FutureRevisionError`. One table for every back end. */

/** The transaction is over a limit that both back ends share. Nothing was written. */
export class TransactionTooLargeError extends Error {
  constructor(what: string) {
    super(`transaction is too large: ${what}`);
    this.name = 'TransactionTooLargeError';
  }
}

/** A put named a lease that expired or never was. Nothing was written. */
export class LeaseNotFoundError extends Error {
  constructor(lease: string) {
    super(`lease ${lease} does not exist or has expired`);
    this.name = 'LeaseNotFoundError';
  }
}

/** The disk refused the write (full, I/O error); `cause` says why. Nothing was written; later writes may succeed. */
export class WriteFailedError extends Error {
  constructor(cause: Error) {
    super(`the store could not write: ${cause.message}`, { cause });
    this.name = 'WriteFailedError';
  }
}

/** More is waiting to be written than the store takes. Nothing was written; try again later. */
export class OverloadedError extends Error {
  constructor(what: string) {
    super(`the store is overloaded: ${what}`);
    this.name = 'OverloadedError';
  }
}

/** No server of the store could be asked; nothing was written. Try again later. */
export class StoreUnavailableError extends Error {
  constructor(why: string, cause?: Error) {
    super(`the store can't be reached: ${why}`, cause === undefined ? {} : { cause });
    this.name = 'StoreUnavailableError';
  }
}

/** The answer to a write was lost: it may have been written or not, and only a look at the store tells. */
export class OutcomeUnknownError extends Error {
  constructor(why: string, cause?: Error) {
    super(`the store did not answer, the write may have happened or not: ${why}`, cause === undefined ? {} : { cause });
    this.name = 'OutcomeUnknownError';
  }
}

/** The store can't be opened: in use, of a newer format, or damaged. The message is for the operator. */
export class StoreRefusedError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'StoreRefusedError';
  }
}

/** The store was closed, or its worker died (then `cause` says why). */
export class StoreEndedError extends Error {
  constructor(cause?: Error) {
    super(cause === undefined ? 'the store is closed' : `the store ended: ${cause.message}`, cause === undefined ? {} : { cause });
    this.name = 'StoreEndedError';
  }
}

/** What was thrown, as an error. */
export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
