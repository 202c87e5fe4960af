/** A real runtime with an instance id, a data directory and an address range of its own; everything it makes is removed again. */
import { execFile } from 'node:child_process';
import { randomBytes, randomInt } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { silentLog } from '../../client/log.ts';
import { allCapabilities, defaultCapabilities, defaultMaskedPaths, defaultReadOnlyPaths } from '../../node-agent/runtime/capabilities.ts';
import type { RuntimeHandlers } from '../../node-agent/runtime/oci/handlers.ts';
import type { Reserved } from '../../node-agent/node/reserved.ts';
import { openRuntime } from '../../node-agent/runtime/native-runtime.ts';
import { defaultSeccomp } from '../../node-agent/runtime/seccomp.ts';
import { destroyInstance } from '../../node-agent/runtime/teardown.ts';
import { cgroupMounts } from '../cgroup-mounts.ts';
import type { ContainerExit, ContainerSpec, ProcessStreams, Runtime, Sandbox, SandboxSpec } from '../../node-agent/runtime/runtime.ts';

const run = promisify(execFile);

const native = join(import.meta.dirname, '../../native');
export const sanitized = { host: join(native, 'build/coracle-host-sanitized'), feed: join(native, 'build/feed'), onlooker: join(native, 'build/onlooker') };

/** Builds what tests alone run, most of it with sanitizers; under a lock, because test files run side by side. */
export async function buildSanitized(): Promise<void> {
  await mkdir(join(native, 'build'), { recursive: true });
  await run('flock', [join(native, 'build/.lock'), 'make', '-C', native, 'sanitized']);
}

export interface TestMachine {
  readonly instance: string;
  readonly dataDir: string;
  readonly layer: string;
  runtime: Runtime;
  /** Resolves with the container's exit, from the event or from what was there. */
  exitOf(containerId: string): Promise<ContainerExit>;
  lost(uid: string): Promise<void>;
  /** Resolves with the sandbox of a pod whose supervisor was silent and answers again. */
  answered(uid: string): Promise<Sandbox>;
  /** Lets go of the pods and opens another runtime on the same directory, as a new agent does, with other options too. */
  reopen(changes?: { readonly assignsCpus?: boolean; readonly reserved?: Reserved }): Promise<void>;
  /** What of this instance is on the machine, by kind. */
  leftovers(): Promise<Record<string, readonly string[]>>;
  close(): Promise<void>;
}

/** One event a key, awaited before or after it happens. */
function createAwaited<T>() {
  const entries = new Map<string, PromiseWithResolvers<T>>();
  const of = (key: string): PromiseWithResolvers<T> => {
    const entry = entries.get(key) ?? Promise.withResolvers<T>();
    entries.set(key, entry);
    return entry;
  };
  return { of, happened: (key: string, value: T) => of(key).resolve(value) };
}

/** A root file system of busybox and its commands. */
async function makeLayer(target: string): Promise<void> {
  for (const directory of ['bin', 'etc', 'tmp', 'home']) await mkdir(join(target, directory), { recursive: true });
  await cp('/bin/busybox', join(target, 'bin/busybox'));
  const { stdout } = await run('/bin/busybox', ['--list']);
  for (const name of stdout.trim().split('\n')) if (name !== 'busybox') await symlink('busybox', join(target, 'bin', name));
}

async function lines(command: string, args: readonly string[]): Promise<string[]> {
  const { stdout } = await run(command, [...args]);
  return stdout.split('\n');
}

/** In whichever hierarchy: a runtime handler's runtime knows more of them than we do. */
async function cgroupsOf(instance: string): Promise<string[]> {
  const found = await Promise.all((await cgroupMounts()).map(async (mount) => (await readdir(mount)).filter((entry) => entry.includes(instance)).map((entry) => join(mount, entry))));
  return found.flat();
}

async function leftovers(instance: string, dataDir: string): Promise<Record<string, readonly string[]>> {
  return {
    cgroups: await cgroupsOf(instance),
    devices: (await readdir('/sys/class/net')).filter((name) => name.startsWith(instance)),
    mounts: (await readFile('/proc/self/mountinfo', 'utf8')).split('\n').filter((line) => line.includes(dataDir)),
    tables: (await lines('nft', ['list', 'tables'])).filter((line) => line.includes(instance)),
    sandboxes: await readdir(join(dataDir, 'pods')).catch(() => []),
  };
}

export async function createTestMachine(options: { readonly spares?: number; readonly random?: () => number; readonly assignsCpus?: boolean; readonly handlers?: RuntimeHandlers; readonly reserved?: Reserved; readonly parent?: string } = {}): Promise<TestMachine> {
  const dataDir = await mkdtemp(join(options.parent ?? tmpdir(), 'coracle-runtime-'));
  const instance = `t${randomBytes(8).toString('hex').slice(0, 5)}`;
  const layer = join(dataDir, 'layer');
  const octet = randomInt(1, 250);
  const network = { podCidr: `10.213.${octet}.0/24`, clusterCidr: `10.213.${octet}.0/24`, routes: [] };
  await makeLayer(layer);
  await mkdir(join(dataDir, 'logs'));
  const exits = createAwaited<ContainerExit>();
  const lost = createAwaited<void>();
  const answered = createAwaited<Sandbox>();
  const open = (changes: { readonly assignsCpus?: boolean; readonly reserved?: Reserved } = {}) => openRuntime({
    dataDir, instance, log: silentLog, ...options, ...changes,
    events: { exited: (_uid, exit) => exits.happened(exit.containerId, exit), lost: (uid) => lost.happened(uid, undefined), answered: (uid, sandbox) => answered.happened(uid, sandbox) },
  });
  const machine: TestMachine = {
    instance, dataDir, layer, runtime: await open(),
    exitOf: (containerId) => exits.of(containerId).promise,
    lost: (uid) => lost.of(uid).promise,
    answered: (uid) => answered.of(uid).promise,
    async reopen(changes) {
      await machine.runtime.close();
      machine.runtime = await open(changes);
    },
    leftovers: () => leftovers(instance, dataDir),
    async close() {
      try {
        await machine.runtime.close();
        await destroyInstance({ instance, dataDir });
      } finally {
        await rm(dataDir, { recursive: true, force: true });
      }
    },
  };
  await machine.runtime.recover();
  await machine.runtime.configureNetwork(network);
  return machine;
}

let counter = 0;
export const newId = (): string => {
  counter += 1;
  return `${counter}`.padStart(64, '0');
};

export function sandboxSpec(uid: string, changes: Partial<SandboxSpec> = {}): SandboxSpec {
  return {
    uid, namespace: 'default', name: `pod-${uid}`, hostname: `pod-${uid}`, qos: 'BestEffort', resources: {}, hostNetwork: false, hostPid: false, hostIpc: false, hostUsers: true,
    shareProcessNamespace: false, sysctls: {}, ...changes,
  };
}

export function containerSpec(machine: TestMachine, command: readonly string[], changes: Partial<ContainerSpec> = {}): ContainerSpec {
  const id = changes.id ?? newId();
  return {
    id, name: 'main', layers: [machine.layer], readOnlyRoot: false, args: command, env: ['PATH=/bin', 'GREETING=hello'], workingDir: '/', mounts: [],
    maskedPaths: defaultMaskedPaths, readOnlyPaths: defaultReadOnlyPaths,
    security: { uid: 0, gid: 0, groups: [], capabilities: defaultCapabilities, noNewPrivileges: false, privileged: false, seccomp: defaultSeccomp(), oomScoreAdj: 1000 },
    resources: {}, tty: false, stdin: false, stdinOnce: false, logPath: join(machine.dataDir, 'logs', `${id}.log`), logMaxBytes: 1 << 20, logMaxFiles: 3, ...changes,
  };
}

/** All that a container's pod can ask for, and no filter in the way. */
export function mighty(machine: TestMachine): Pick<ContainerSpec, 'security' | 'maskedPaths' | 'readOnlyPaths'> {
  const { seccomp: _none, ...security } = containerSpec(machine, []).security;
  return { security: { ...security, capabilities: allCapabilities, privileged: true }, maskedPaths: [], readOnlyPaths: [] };
}

/** Starts a container, waits for its end, and removes it; its exit, and what it logged. */
export async function outcome(machine: TestMachine, where: Sandbox, spec: ContainerSpec): Promise<ContainerExit & { readonly log: string }> {
  await where.start(spec);
  const exit = await machine.exitOf(spec.id);
  const log = await logText(spec.logPath);
  await where.remove(spec.id);
  return { ...exit, log };
}

/** Kills a container, and removes it when it has ended. */
export async function killed(machine: TestMachine, where: Sandbox, id: string): Promise<ContainerExit> {
  await where.signal(id, 9);
  const exit = await machine.exitOf(id);
  await where.remove(id);
  return exit;
}

/** Whether it runs: a dead one may wait for pid 1 to take notice of it. */
export function isAlive(pid: number): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

/** Processes of that name that another one has started. */
export async function childrenCalled(name: string, parent: number): Promise<readonly number[]> {
  const pids = (await readFile(`/proc/${parent}/task/${parent}/children`, 'utf8')).trim().split(' ').map(Number);
  const names = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '')));
  return pids.filter((_pid, index) => names[index] === `${name}\n`);
}

export const sh = (script: string): string[] => ['sh', '-c', script];

export async function collect(stream: NodeJS.ReadableStream | undefined): Promise<string> {
  let text = '';
  for await (const chunk of stream ?? []) text += String(chunk);
  return text;
}

export async function finished(streams: ProcessStreams): Promise<{ readonly exitCode: number; readonly stdout: string; readonly stderr: string }> {
  const [{ exitCode }, stdout, stderr] = await Promise.all([streams.exit, collect(streams.stdout), collect(streams.stderr)]);
  return { exitCode, stdout, stderr };
}

/** A log's text without times and stream names; partial lines joined. */
export async function logText(path: string): Promise<string> {
  const records = (await readFile(path, 'utf8')).split('\n').filter((line) => line !== '');
  return records.map((line) => {
    const [, , kind, ...rest] = line.split(' ');
    return rest.join(' ') + (kind === 'F' ? '\n' : '');
  }).join('');
}
