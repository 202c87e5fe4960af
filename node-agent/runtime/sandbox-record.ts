/** What is on disk of a sandbox: enough to adopt it without the API. `<data-dir>/pods/<uid>/sandbox/sandbox.json`. */
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SandboxSpec } from './runtime.ts';
import { systemCode } from '../../machinery/thrown.ts';

export interface SandboxRecord {
  readonly version: 1;
  /** Names its network device. */
  readonly key: string;
  /** Below the instance's; absent in the records of earlier versions: its key, whatever its QoS class. */
  readonly cgroup?: string;
  readonly spec: SandboxSpec;
  readonly address?: string;
  /** The host's id of the pod's root, where the pod has users of its own. */
  readonly firstUser?: number;
  /** The supervisor, and when it started: a later process with its pid is another. */
  readonly pid: number;
  readonly startTicks: number;
  /** A record of an earlier boot describes nothing that runs. */
  readonly bootId: string;
}

const fileName = 'sandbox.json';
export const podsDirectory = (dataDir: string): string => join(dataDir, 'pods');
/** A file system in memory, for all pods' volumes that must not reach a disk. */
export const memoryDirectory = (dataDir: string): string => join(dataDir, 'memory');
/** Which directories have limits: `projects.ts`. */
export const projectsDirectory = (dataDir: string): string => join(dataDir, 'projects');
export const poolDirectory = (dataDir: string): string => join(dataDir, 'pool');
export const sandboxDirectory = (dataDir: string, uid: string): string => join(podsDirectory(dataDir), uid, 'sandbox');

/** Once a sandbox: a reader finds it whole, or none that makes sense. No crash of the machine leaves what it describes. */
export async function writeRecord(directory: string, record: SandboxRecord): Promise<void> {
  await writeFile(join(directory, fileName), JSON.stringify(record), { mode: 0o600 });
}

function isRecord(value: unknown): value is SandboxRecord {
  if (typeof value !== 'object' || value === null) return false;
  const { version, key, cgroup, spec, firstUser, pid, startTicks, bootId } = value as Record<string, unknown>;
  return version === 1 && typeof key === 'string' && typeof spec === 'object' && spec !== null && typeof pid === 'number' && typeof startTicks === 'number' && typeof bootId === 'string'
    && (cgroup === undefined || typeof cgroup === 'string') && (firstUser === undefined || typeof firstUser === 'number');
}

/** The record, or undefined when there is none that makes sense: its sandbox can't be adopted. */
export async function readRecord(directory: string): Promise<SandboxRecord | undefined> {
  try {
    const value: unknown = JSON.parse(await readFile(join(directory, fileName), 'utf8'));
    return isRecord(value) ? value : undefined;
  } catch (error) {
    if (error instanceof SyntaxError || systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

async function names(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR') return [];
    throw error;
  }
}

/** Uids of all pods that have a sandbox directory. */
export async function listSandboxes(dataDir: string): Promise<string[]> {
  const uids = await names(podsDirectory(dataDir));
  const found = await Promise.all(uids.map(async (uid) => ((await names(join(podsDirectory(dataDir), uid))).includes('sandbox') ? [uid] : [])));
  return found.flat();
}

/** Directories of sandboxes that no pod had taken yet. */
export async function listSpares(dataDir: string): Promise<string[]> {
  return (await names(poolDirectory(dataDir))).map((name) => join(poolDirectory(dataDir), name));
}

/** Moves a sandbox that was made ahead to the pod that takes it. */
export async function claimDirectory(dataDir: string, from: string, uid: string): Promise<string> {
  const target = sandboxDirectory(dataDir, uid);
  await mkdir(join(podsDirectory(dataDir), uid), { recursive: true, mode: 0o711 });
  await rename(from, target);
  return target;
}

export async function readBootId(): Promise<string> {
  return (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
}

/** When a process started, in clock ticks since boot; undefined when there is none. */
export async function readStartTicks(pid: number): Promise<number | undefined> {
  try {
    const text = await readFile(`/proc/${pid}/stat`, 'utf8');
    return Number(text.slice(text.lastIndexOf(')') + 2).split(' ')[19]);
  } catch (error) {
    if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ESRCH') return undefined;
    throw error;
  }
}
