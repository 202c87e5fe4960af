import { open, type FileHandle } from 'node:fs/promises';
import { parseLogLine } from './cri-log.ts';

const blockBytes = 64 * 1024;
const newline = 0x0a;

/** Where the last `lines` lines of an open file begin. */
export async function tailOffset(file: FileHandle, lines: number): Promise<number> {
  const { size } = await file.stat();
  if (lines === 0) return size;
  let left = lines + 1;
  for (let end = size; end > 0; end -= Math.min(end, blockBytes)) {
    const start = Math.max(end - blockBytes, 0);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(end - start), 0, end - start, start);
    // A file that doesn't end in a newline has one more beginning of a line.
    if (end === size && buffer[bytesRead - 1] !== newline) left -= 1;
    for (let at = buffer.lastIndexOf(newline, bytesRead - 1); at >= 0; at = at === 0 ? -1 : buffer.lastIndexOf(newline, at - 1)) {
      left -= 1;
      if (left === 0) return start + at + 1;
    }
  }
  return 0;
}

/** The text of a log's last lines, without times; '' when there is no log. */
export async function lastLines(path: string, lines: number): Promise<string> {
  const file = await open(path).catch(() => undefined);
  if (file === undefined) return '';
  try {
    const from = await tailOffset(file, lines);
    const { size } = await file.stat();
    const { buffer, bytesRead } = await file.read(Buffer.alloc(size - from), 0, size - from, from);
    const parsed = splitLines(buffer.subarray(0, bytesRead)).lines.flatMap((line) => parseLogLine(line) ?? []);
    return parsed.map((line) => `${line.content.toString('utf8')}${line.partial ? '' : '\n'}`).join('');
  } finally {
    await file.close();
  }
}

/** Whole lines, and what comes after the last newline. */
export function splitLines(bytes: Buffer): { readonly lines: readonly Buffer[]; readonly rest: Buffer } {
  const lines: Buffer[] = [];
  let from = 0;
  for (let at = bytes.indexOf(newline); at >= 0; at = bytes.indexOf(newline, from)) {
    lines.push(bytes.subarray(from, at));
    from = at + 1;
  }
  return { lines, rest: bytes.subarray(from) };
}
