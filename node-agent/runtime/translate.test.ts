import { describe, expect, it } from 'vitest';
import { NativeError } from '../../native/frame.ts';
import { translated } from './translate.ts';

describe('a failure below', () => {
  it.each([
    ['Failed', 'exec /bin/sh: Argument list too long', 'CommandNotExecutable'], ['Failed', 'exec /bin/sh: Input/output error', 'Failed'],
    ['CommandNotFound', 'exec: "x": executable file not found in $PATH', 'CommandNotFound'],
  ] as const)('%s, "%s", is %s', async (code, message, expected) => {
    await expect(translated(() => Promise.reject(new NativeError(code, message)))).rejects.toMatchObject({ name: 'RuntimeError', code: expected, message });
  });
});
