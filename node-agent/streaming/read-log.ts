import { watch } from 'node:fs';
import { open, stat, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { parseLogLine, timeOf } from './cri-log.ts';
import { splitLines, tailOffset } from './log-tail.ts';
import { systemCode } from '../../machinery/thrown.ts';

export interface LogOptions {
  /** Goes on until the container has ended and everything is read. */
  readonly follow: boolean;
  readonly tailLines: number | undefined;
  /** Milliseconds since the epoch; earlier lines are left out. */
  readonly since: number | undefined;
  readonly timestamps: boolean;
  readonly limitBytes: number | undefined;
  readonly stream: 'stdout' | 'stderr' | undefined;
}

const blockBytes = 64 * 1024;
/** A line longer than this is passed on in pieces, so that a hostile log costs no memory. */
const longestLine = 1024 * 1024;

/** A container's log as text. `ended` aborts when nothing more will be written; `signal` ends the reading. */
export async function* readLog(path: string, options: LogOptions, ended: AbortSignal, signal: AbortSignal): AsyncIterable<Buffer> {
  const changes = options.follow ? watchFile(path, ended, signal) : undefined;
  let file = await openIfThere(path);
  try {
    if (file === undefined && changes !== undefined) file = await openWhenThere(path, changes, ended, signal);
    if (file === undefined) return;
    const format = createFormatter(options);
    let offset = options.tailLines === undefined ? 0 : await tailOffset(file, options.tailLines);
    while (!signal.aborted) {
      const wasEnded = ended.aborted;
      const rotated: boolean = changes !== undefined && (await isReplaced(file, path));
      for (let block = await readBlock(file, offset); block.length > 0; block = await readBlock(file, offset)) {
        offset += block.length;
        const text = format.take(block);
        if (text.length > 0) yield text;
        if (format.full() || signal.aborted) return;
      }
      if (rotated) {
        await file.close();
        file = await openIfThere(path);
        if (file === undefined) return;
        offset = 0;
      } else if (changes === undefined || wasEnded) return;
      else await changes.next();
    }
  } finally {
    changes?.close();
    await file?.close();
  }
}

async function openIfThere(path: string): Promise<FileHandle | undefined> {
  return await open(path).catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  });
}

/** Waits for the log's first line; `undefined` when the container ended without one. */
async function openWhenThere(path: string, changes: Changes, ended: AbortSignal, signal: AbortSignal): Promise<FileHandle | undefined> {
  while (!ended.aborted && !signal.aborted) {
    await changes.next();
    const file = await openIfThere(path);
    if (file !== undefined) return file;
  }
  return undefined;
}

async function readBlock(file: FileHandle, offset: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(blockBytes), 0, blockBytes, offset);
  return buffer.subarray(0, bytesRead);
}

/** Whether another file has the log's name now: it was rotated. */
async function isReplaced(file: FileHandle, path: string): Promise<boolean> {
  const [mine, there] = await Promise.all([file.stat(), stat(path).catch(() => undefined)]);
  return there !== undefined && there.ino !== mine.ino;
}

interface Changes {
  /** Resolves when something has happened since the last call. */
  next(): Promise<void>;
  close(): void;
}

function watchFile(path: string, ...alsoOn: readonly AbortSignal[]): Changes {
  let happened = false;
  let tell: (() => void) | undefined;
  const notice = (): void => {
    happened = true;
    tell?.();
  };
  const watcher = watch(dirname(path), notice);
  watcher.on('error', notice);
  for (const signal of alsoOn) signal.addEventListener('abort', notice, { once: true });
  return {
    async next() {
      if (!happened && !alsoOn.some((signal) => signal.aborted)) {
        await new Promise<void>((resolve) => {
          tell = resolve;
        });
      }
      happened = false;
      tell = undefined;
    },
    close() {
      watcher.close();
      for (const signal of alsoOn) signal.removeEventListener('abort', notice);
    },
  };
}

function createFormatter(options: LogOptions): { take(block: Buffer): Buffer; full(): boolean } {
  let rest: Buffer = Buffer.alloc(0);
  let left = options.limitBytes ?? Infinity;
  const startsLine = { stdout: true, stderr: true };
  const formatLine = (raw: Buffer): readonly Buffer[] => {
    const line = parseLogLine(raw);
    if (line === undefined || (options.stream !== undefined && line.stream !== options.stream)) return [];
    if (options.since !== undefined && timeOf(line.timestamp) < options.since) return [];
    const stamp = options.timestamps && startsLine[line.stream] ? [Buffer.from(`${line.timestamp} `)] : [];
    startsLine[line.stream] = !line.partial;
    return [...stamp, line.content, ...(line.partial ? [] : [Buffer.from('\n')])];
  };
  return {
    take(block) {
      const { lines, rest: after } = splitLines(rest.length === 0 ? block : Buffer.concat([rest, block]));
      rest = after.length > longestLine ? Buffer.alloc(0) : after;
      const text = Buffer.concat(lines.flatMap(formatLine));
      const kept = text.length > left ? text.subarray(0, left) : text;
      left -= kept.length;
      return kept;
    },
    full: () => left <= 0,
  };
}
