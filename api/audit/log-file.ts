/** Audit events as lines of JSON in a file that is renamed when it is large. Source: kube-apiserver's --audit-log-* options. */
import { createWriteStream, type WriteStream } from 'node:fs';
import { readdir, rename, stat, unlink } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import { asError } from '../store/errors.ts';
import { stringifyExact } from '../schema/json-exact.ts';

export interface AuditLogOptions {
  /** The file; `-`: standard output. */
  readonly path: string;
  /** Megabytes at which it is renamed; 0: never. */
  readonly maxSizeMb: number;
  /** Renamed files that are kept; 0: all. */
  readonly maxBackups: number;
  /** Days after which renamed files are removed; 0: never. */
  readonly maxAgeDays: number;
  readonly now: () => number;
  readonly onError: (error: Error) => void;
}

export interface AuditLog {
  write(event: object): void;
  /** Everything that was written is in the file. */
  close(): Promise<void>;
}

/** Lines that wait for the disk; beyond, they are dropped and counted rather than filling the memory. */
const maxWaitingBytes = 64 << 20;
const day = 86_400_000;

/** Opens the log. Its directory must exist. Throws when the file can't be written to. */
export async function openAuditLog(options: AuditLogOptions): Promise<AuditLog> {
  const { path, maxSizeMb, onError } = options;
  if (path === '-') return { write: (event) => void process.stdout.write(`${stringifyExact(event)}\n`), close: () => Promise.resolve() };
  let bytes = await sizeOf(path);
  let stream = await openStream(path, onError);
  let rotating: Promise<void> | undefined;
  let dropped = 0;

  async function rotate(): Promise<void> {
    const old = stream;
    const kept: string[] = [];
    waiting = kept;
    await ended(old);
    await rename(path, backupName(path, options.now()));
    await removeOld(options);
    stream = await openStream(path, onError);
    bytes = 0;
    waiting = undefined;
    for (const line of kept) append(line);
  }

  /** Lines that come while the file changes. */
  let waiting: string[] | undefined;

  function append(line: string): void {
    if (waiting !== undefined) return void waiting.push(line);
    if (stream.writableLength > maxWaitingBytes) {
      dropped++;
      return;
    }
    if (dropped > 0) {
      onError(new Error(`the audit log's disk is too slow: ${dropped} events were dropped`));
      dropped = 0;
    }
    bytes += Buffer.byteLength(line);
    stream.write(line);
    if (maxSizeMb === 0 || bytes < maxSizeMb << 20 || rotating !== undefined) return;
    rotating = rotate().catch((error: unknown) => onError(asError(error))).finally(() => void (rotating = undefined));
  }

  return {
    write: (event) => append(`${stringifyExact(event)}\n`),
    async close() {
      await rotating;
      await ended(stream);
    },
  };
}

async function sizeOf(path: string): Promise<number> {
  return stat(path).then(({ size }) => size, () => 0);
}

function openStream(path: string, onError: (error: Error) => void): Promise<WriteStream> {
  const stream = createWriteStream(path, { flags: 'a', mode: 0o600 });
  return new Promise((resolve, reject) => {
    stream.once('error', reject);
    stream.once('open', () => {
      stream.off('error', reject);
      stream.on('error', onError);
      resolve(stream);
    });
  });
}

function ended(stream: WriteStream): Promise<void> {
  return new Promise((resolve) => {
    stream.once('close', () => resolve());
    stream.end();
  });
}

/** `audit-2026-11-28T07-00-00.000.log` beside `audit.log`. */
function backupName(path: string, now: number): string {
  const extension = extname(path);
  const time = new Date(now).toISOString().replaceAll(':', '-').replace('Z', '');
  return join(dirname(path), `${basename(path, extension)}-${time}${extension}`);
}

async function removeOld({ path, maxBackups, maxAgeDays, now }: AuditLogOptions): Promise<void> {
  const extension = extname(path);
  const isBackup = new RegExp(`^${RegExp.escape(basename(path, extension))}-(\\d{4}-\\d\\d-\\d\\dT\\d\\d-\\d\\d-\\d\\d\\.\\d{3})${RegExp.escape(extension)}$`);
  const backups = (await readdir(dirname(path))).flatMap((name) => {
    const time = isBackup.exec(name)?.[1];
    return time === undefined ? [] : [{ name, at: Date.parse(`${time.slice(0, 10)}T${time.slice(11).replaceAll('-', ':')}Z`) }];
  }).toSorted((a, b) => b.at - a.at);
  const surplus = backups.filter(({ at }, i) => (maxBackups > 0 && i >= maxBackups) || (maxAgeDays > 0 && at < now() - maxAgeDays * day));
  await Promise.all(surplus.map(({ name }) => unlink(join(dirname(path), name))));
}
