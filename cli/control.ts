import { constants } from 'node:fs';
import { open, readFile, rm, writeFile } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { CommandFailure } from './failure.ts';
import { systemCode } from '../machinery/thrown.ts';

/**
 * How commands reach the Coracle that runs on a data directory: a unix socket in it. A connection that closes says that the
 * process has ended, so nobody polls; a socket that refuses says that its process is gone.
 */
const socketName = 'coracle.sock';
const pidName = 'coracle.pid';

export interface Orders {
  /** `stop`: end in order; pods go on running. `stopPods`: end them too. */
  stop(options: { readonly stopPods: boolean }): void;
}

export interface ControlServer {
  close(): Promise<void>;
}

/** Takes the data directory for this process. Throws `CommandFailure` when another runs on it. */
export async function takeControl(dataDir: string, orders: Orders): Promise<ControlServer> {
  const running = await connectControl(dataDir);
  if (running !== undefined) {
    running.close();
    throw new CommandFailure(`another Coracle (pid ${running.pid}) runs on ${dataDir}: stop it with 'coracle down --data-dir ${dataDir}', or choose another --data-dir`);
  }
  await rm(join(dataDir, socketName), { force: true });
  const connections = new Set<Socket>();
  const server = createServer((socket) => {
    connections.add(socket);
    socket.on('close', () => connections.delete(socket));
    socket.on('error', () => socket.destroy());
    socket.write(`${process.pid}\n`);
    createInterface({ input: socket }).on('line', (line) => {
      if (line === 'stop' || line === 'stop-pods') orders.stop({ stopPods: line === 'stop-pods' });
    });
  });
  await withShortPath(dataDir, (path) => new Promise<void>((resolve, reject) => server.once('error', reject).listen(path, resolve)));
  await writeFile(join(dataDir, pidName), `${process.pid}\n`, { mode: 0o600 });
  return {
    async close() {
      await Promise.all([rm(join(dataDir, socketName), { force: true }), rm(join(dataDir, pidName), { force: true })]);
      server.close();
      // Connections stay open until the process ends: their end is what a waiting `down` sees.
      for (const socket of connections) socket.unref();
    },
  };
}

export interface RunningCoracle {
  readonly pid: number;
  /** Asks it to end; resolves when its process has. Rejects when `signal` aborts. */
  stop(options: { readonly stopPods: boolean }, signal: AbortSignal): Promise<void>;
  /** Resolves when its process has ended. */
  readonly ended: Promise<void>;
  close(): void;
}

/** The Coracle that runs on a data directory; undefined: none does. */
export async function connectControl(dataDir: string): Promise<RunningCoracle | undefined> {
  const socket = await withShortPath(dataDir, dial).catch((error: unknown) => {
    if (['ENOENT', 'ECONNREFUSED', 'ENOTDIR'].includes(systemCode(error) ?? '')) return undefined;
    throw new CommandFailure(`cannot reach the Coracle on ${dataDir}`, { cause: error });
  });
  if (socket === undefined) return undefined;
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  socket.on('error', () => socket.destroy());
  const first = await new Promise<string>((resolve) => createInterface({ input: socket }).once('line', resolve).once('close', () => resolve('')));
  const pid = Number(first);
  if (first === '' || !Number.isSafeInteger(pid)) return undefined;
  const life = await lifeOf(pid);
  const ended = closed.then(() => processGone(pid, life));
  return {
    pid,
    ended,
    async stop({ stopPods }, signal) {
      socket.write(stopPods ? 'stop-pods\n' : 'stop\n');
      const aborted = new Promise<never>((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(new CommandFailure(`Coracle (pid ${pid}) did not end in time: look at ${join(dataDir, 'coracle.log')}`)), { once: true });
      });
      await Promise.race([ended, aborted]);
    },
    close: () => socket.destroy(),
  };
}

/** Node closes its sockets before its process ends: some milliseconds, on a busy machine seconds. */
async function processGone(pid: number, life: string | undefined): Promise<void> {
  if (pid === process.pid || life === undefined) return;
  for (let look = 0; look < mostLooks && (await lifeOf(pid)) === life; look++) await setTimeout(lookMs);
}

const lookMs = 10;
const mostLooks = 1500;

/** Tells a process from a later one of its number: when it began (proc_pid_stat(5)). What has ended and was not waited for has no life. */
async function lifeOf(pid: number): Promise<string | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const [state = 'Z', startTime] = [fields[0], fields[19]];
  return state === 'Z' || state === 'X' ? undefined : startTime;
}

function dial(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(path, () => {
      socket.off('error', reject);
      resolve(socket);
    });
    socket.once('error', reject);
  });
}

/** A unix socket's path holds 107 bytes, a data directory's may be longer: it is named through a descriptor of the directory. */
async function withShortPath<T>(dataDir: string, use: (path: string) => Promise<T>): Promise<T> {
  const directory = await open(dataDir, constants.O_DIRECTORY | constants.O_RDONLY);
  try {
    return await use(`/proc/self/fd/${directory.fd}/${socketName}`);
  } finally {
    await directory.close();
  }
}
