import { execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const native = join(import.meta.dirname, '../../native');

/** Builds the program that tries what a container must not be able to do (native/fuzz/attempts.c), and says where it is. Static. */
export async function buildAttempts(): Promise<string> {
  await mkdir(join(native, 'build'), { recursive: true });
  await promisify(execFile)('flock', [join(native, 'build/.lock'), 'make', '-s', '-C', native, 'build/attempts']);
  return join(native, 'build/attempts');
}
