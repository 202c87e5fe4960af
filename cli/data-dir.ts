import { randomInt } from 'node:crypto';
import { access, chmod, mkdir, readdir, readFile, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { replaceFile } from '../node-agent/replace-file.ts';
import { CommandFailure } from './failure.ts';
import { systemCode } from '../machinery/thrown.ts';

/**
 * A data directory: all that one cluster (or one node of it) keeps on a machine. `cluster.json` says whose it is, so that
 * a command never works on another's.
 */
export type Role = 'up' | 'server' | 'agent';

/** Contents of `cluster.json`. */
export interface Identity {
  readonly format: 1;
  readonly role: Role;
  /** Six characters of [a-z0-9], a letter first: prefixes every cgroup, network device and nftables table made for it. */
  readonly instance: string;
  /** Addresses of all the cluster's pods: `10.42.0.0/16`. Chosen by `up` and `server`; an agent learns its part from its Node. */
  readonly clusterCidr?: string;
  /** SHA-256 of the authority of the cluster that an agent joined. */
  readonly caHash?: string;
  readonly nodeName?: string;
  /** Where the state is kept. Absent: in the data directory. */
  readonly store?: 'embedded' | 'etcd';
  /** What its keys begin with in etcd; '': nothing. Absent in what earlier versions made. */
  readonly etcdPrefix?: string;
}

export interface DataDir {
  readonly path: string;
  readonly identity: Identity;
}

const letters = 'abcdefghijklmnopqrstuvwxyz';
const characters = `${letters}0123456789`;

/** A new instance id. */
export function newInstance(): string {
  const rest = Array.from({ length: 5 }, () => characters[randomInt(characters.length)]).join('');
  return `${letters[randomInt(letters.length)] ?? 'a'}${rest}`;
}

/** The identity of an existing data directory, or undefined where there is none. */
export async function readIdentity(path: string): Promise<Identity | undefined> {
  const file = join(path, 'cluster.json');
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR') return undefined;
    throw new CommandFailure(`cannot read ${file}`, { cause: error });
  });
  return text === undefined ? undefined : parseIdentity(file, text);
}

function parseIdentity(file: string, text: string): Identity {
  const wrong = new CommandFailure(`${file} is damaged: restore it from a backup, or remove the data directory to start anew`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw wrong;
  }
  const field = (name: string): unknown => (typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined);
  const optional = (name: 'clusterCidr' | 'caHash' | 'nodeName' | 'etcdPrefix') => {
    const found = field(name);
    return typeof found === 'string' ? { [name]: found } : {};
  };
  const [format, role, instance] = [field('format'), field('role'), field('instance')];
  if (typeof format === 'number' && format > 1) throw new CommandFailure(`${file} was written by a newer Coracle (format ${format}): use that version`);
  if (format !== 1 || (role !== 'up' && role !== 'server' && role !== 'agent') || typeof instance !== 'string' || !/^[a-z][a-z0-9]{5}$/.test(instance)) throw wrong;
  const store = field('store') === 'etcd' ? { store: 'etcd' as const } : {};
  return { format, role, instance, ...optional('clusterCidr'), ...optional('caHash'), ...optional('nodeName'), ...optional('etcdPrefix'), ...store };
}

/** Opens the data directory for `role`, made when missing. Throws `CommandFailure` when it is another role's. */
export async function openDataDir(path: string, role: Role, fresh: () => Partial<Identity> | Promise<Partial<Identity>>): Promise<DataDir> {
  const absolute = resolve(path);
  const present = await readIdentity(absolute);
  if (present !== undefined) {
    if (present.role !== role) throw new CommandFailure(`${absolute} belongs to 'coracle ${present.role}': choose another --data-dir, or remove that one with 'coracle down --data-dir ${absolute} --purge'`);
    return { path: absolute, identity: present };
  }
  const identity: Identity = { format: 1, role, instance: newInstance(), ...(await fresh()) };
  await makeDataDir(absolute);
  await chmod(absolute, 0o700);
  await replaceFile(join(absolute, 'cluster.json'), `${JSON.stringify(identity, null, 2)}\n`);
  return { path: absolute, identity };
}

/** Makes the directory alone, when it is missing. Throws `CommandFailure`, also for one that holds what isn't Coracle's: `down --purge` would remove it. */
export async function makeDataDir(path: string): Promise<void> {
  await makeDirectory(path).catch((error: unknown) => {
    throw new CommandFailure(`cannot make the data directory ${path}: choose another --data-dir`, { cause: error });
  });
  const held = await readdir(path);
  const other = held.find((name) => !isOurs(name));
  if (other !== undefined && !held.includes('cluster.json')) throw new CommandFailure(`${path} holds other files (${other}): choose a new or empty directory with --data-dir`);
}

/** What a start may leave that ended before it wrote `cluster.json`, and what a new file system holds. */
function isOurs(name: string): boolean {
  return ['coracle.out', 'lost+found'].includes(name) || /^cluster\.json\.[0-9a-f]{8}\.tmp$/.test(name);
}

/** Makes a directory and its parents. Not by `recursive`: where the kernel refuses with ENOENT, as in /proc, that never ends. */
async function makeDirectory(path: string): Promise<void> {
  try {
    await mkdir(path, { mode: 0o700 });
  } catch (error) {
    const parent = dirname(path);
    if (systemCode(error) === 'EEXIST' && (await stat(path)).isDirectory()) return;
    if (systemCode(error) !== 'ENOENT' || (await isThere(parent))) throw error;
    await makeDirectory(parent);
    await mkdir(path, { mode: 0o700 });
  }
}

async function isThere(path: string): Promise<boolean> {
  return access(path).then(() => true, () => false);
}

/** What a data directory fixed at its first start can't be asked otherwise later. Throws `CommandFailure`. */
export function requireUnchanged({ path, identity }: DataDir, field: 'nodeName' | 'clusterCidr' | 'store' | 'etcdPrefix', flag: string, wanted: string | undefined): void {
  if (wanted === undefined || wanted === identity[field]) return;
  const made = identity[field] ?? '';
  throw new CommandFailure(`${path} was made with ${made === '' ? `no ${flag}` : `${flag} ${made}`}, not ${wanted}: leave ${flag} out, or choose another --data-dir`);
}
