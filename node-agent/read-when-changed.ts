import { readFile, stat } from 'node:fs/promises';
import { systemCode } from '../machinery/thrown.ts';

/** Reads a file when it has changed since the last reading; `absent` while there is none. */
export function readWhenChanged<T>(path: string, parse: (text: string) => T, absent: T): () => Promise<T> {
  let seen: { readonly stamp: string; readonly value: T } | undefined;
  return async () => {
    const info = await stat(path, { bigint: true }).catch((error: unknown) => {
      if (systemCode(error) === 'ENOENT') return undefined;
      throw error;
    });
    if (info === undefined) return absent;
    const stamp = `${info.ino}:${info.mtimeNs}:${info.size}`;
    if (seen?.stamp !== stamp) seen = { stamp, value: parse(await readFile(path, 'utf8')) };
    return seen.value;
  };
}
