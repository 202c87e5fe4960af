/** What ends a command with one line that says what to do, and exit code 1. Anything else that is thrown is a defect and shows its stack. */
export class CommandFailure extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'CommandFailure';
  }
}

/** `error` and what caused it, in one line. */
export function causeOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : `${error.message}: ${causeOf(error.cause)}`;
}
