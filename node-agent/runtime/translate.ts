import { NativeError } from '../../native/frame.ts';
import { RuntimeError, type RuntimeErrorCode } from './runtime.ts';
import { messageOf } from '../../machinery/thrown.ts';

/** A failure of something below as the pod workers know failures. */
export function runtimeError(code: RuntimeErrorCode, doing: string, cause: unknown): RuntimeError {
  return new RuntimeError(code, `${doing}: ${messageOf(cause)}`, { cause });
}

/** Runs `act`; whatever it throws reaches the caller as a `RuntimeError`. */
export async function translated<T>(act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (error instanceof RuntimeError) throw error;
    // The same words once: whoever prints a failure prints its causes too.
    if (error instanceof NativeError) throw new RuntimeError(codeOf(error), error.message, error.cause === undefined ? {} : { cause: error.cause });
    throw new RuntimeError('Failed', messageOf(error), { cause: error });
  }
}

/** The kernel's word for a command line or environment that no process can be given (E2BIG): trying again can't help. */
function codeOf({ code, message }: NativeError): RuntimeErrorCode {
  return code === 'Failed' && /^exec .*: Argument list too long$/s.test(message) ? 'CommandNotExecutable' : code;
}
