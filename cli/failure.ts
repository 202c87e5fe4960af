import { systemCode } from '../machinery/thrown.ts';

/** What ends a command with one line that says what to do, and exit code 1. Anything else that is thrown is a defect and shows its stack. */
export class CommandFailure extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'CommandFailure';
  }
}

/** `error` and what caused it, in one line; a cause that is told already is not told again. */
export function causeOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.cause === undefined) return error.message;
  const cause = causeOf(error.cause);
  if (error.message.includes(cause)) return error.message;
  return cause.includes(error.message) && error.message !== '' ? cause : `${error.message}: ${cause}`;
}

const machineFaults: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full: free some space, then try again',
  EDQUOT: 'the disk quota is used up: free some space, then try again',
  EROFS: 'the file system is read-only: mount it for writing, or choose another --data-dir',
  EMFILE: 'too many files are open: raise the limit (ulimit -n), then try again',
  ENFILE: 'the machine has too many files open: close some programs, then try again',
  ERR_MODULE_NOT_FOUND: "a package is missing: run 'npm run setup' in Coracle's directory, as after every update",
};

/** What the machine refused wherever it was asked, told as a failure; undefined: it is no such thing. */
export function machineFailure(error: unknown): CommandFailure | undefined {
  const fault = machineFaults[systemCode(error) ?? ''];
  return fault === undefined ? undefined : new CommandFailure(fault, { cause: error });
}
