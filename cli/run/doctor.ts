import { access, readFile, statfs } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { connectControl } from '../control.ts';
import { readIdentity } from '../data-dir.ts';
import { isPortFree } from '../host.ts';
import type { Invocation } from '../terminal.ts';
import { messageOf } from '../../machinery/thrown.ts';
import { startHost } from '../../native/host.ts';

/** One thing that Coracle needs of a machine. `todo` is for who reads it: absent when all is well. */
export interface Finding {
  readonly name: string;
  readonly found: string;
  readonly todo?: string;
  /** A missing nicety, not a reason to fail. */
  readonly optional?: true;
}

export interface DoctorOptions {
  readonly dataDir: string;
  readonly apiPort: number;
}

const oldestKernel = [5, 11] as const;
const leastFreeBytes = 1e9;
/** Kubernetes' threshold for images, which holds without `--eviction-hard`. */
const leastFreeShare = 0.15;
const namespaces = ['pid', 'mnt', 'net', 'ipc', 'uts', 'cgroup', 'user'] as const;
const controllers = ['cpu', 'memory', 'pids'] as const;

/** Prints a line per check; 1 when something needed is missing. */
export async function runDoctor({ terminal, root }: Invocation, options: DoctorOptions): Promise<number> {
  const findings = (await Promise.all([privileges(), kernel(), kernelNamespaces(), filesystems(), seccomp(), cgroups(), forwarding(), programs(root), userNamespaces(options.dataDir), disk(options.dataDir), apiPort(options)])).flat();
  for (const { name, found, todo, optional } of findings) {
    const mark = todo === undefined ? 'ok  ' : optional === true ? 'note' : 'FAIL';
    terminal.line(`${mark} ${name}: ${found}${todo === undefined ? '' : ` - ${todo}`}`);
  }
  return findings.some(({ todo, optional }) => todo !== undefined && optional !== true) ? 1 : 0;
}

async function privileges(): Promise<Finding[]> {
  const isRoot = process.getuid?.() === 0;
  const status = await readFile('/proc/self/status', 'utf8');
  const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0'}`);
  const can = (bit: bigint): boolean => (effective & (1n << bit)) !== 0n;
  return [
    { name: 'user', found: isRoot ? 'root' : `uid ${process.getuid?.() ?? '?'}`, ...(isRoot ? {} : { todo: 'run as root (sudo): namespaces, cgroups and network devices need it' }) },
    { name: 'CAP_SYS_ADMIN', found: can(21n) ? 'held' : 'missing', ...(can(21n) ? {} : { todo: 'run outside of an unprivileged container' }) },
    { name: 'CAP_NET_ADMIN', found: can(12n) ? 'held' : 'missing', ...(can(12n) ? {} : { todo: 'run outside of an unprivileged container' }) },
    { name: 'CAP_SYS_RESOURCE', found: can(24n) ? 'held' : 'missing', ...(can(24n) ? {} : { optional: true, todo: 'containers cannot be protected from the OOM killer, nor raise hard limits' }) },
  ];
}

async function kernel(): Promise<Finding[]> {
  const release = (await readFile('/proc/sys/kernel/osrelease', 'utf8')).trim();
  return [{ name: 'kernel', found: release, ...(isAtLeast(release, oldestKernel) ? {} : { todo: `Linux ${oldestKernel.join('.')} or newer is needed (overlay, pidfd, openat2)` }) }];
}

/** Is a kernel release (`6.1.0-18-amd64`) `[major, minor]` or newer? */
export function isAtLeast(release: string, [major, minor]: readonly [number, number]): boolean {
  const [haveMajor = 0, haveMinor = 0] = release.split('.').map((part) => Number.parseInt(part, 10));
  return haveMajor > major || (haveMajor === major && haveMinor >= minor);
}

async function kernelNamespaces(): Promise<Finding[]> {
  const missing = await absent(namespaces.map((name) => `/proc/self/ns/${name}`));
  return [{ name: 'namespaces', found: missing.length === 0 ? namespaces.join(', ') : `missing: ${missing.map((path) => path.split('/').at(-1)).join(', ')}`, ...(missing.length === 0 ? {} : { todo: 'use a kernel that is built with them' }) }];
}

async function filesystems(): Promise<Finding[]> {
  const [known, release] = await Promise.all([readFile('/proc/filesystems', 'utf8'), readFile('/proc/sys/kernel/osrelease', 'utf8')]);
  if (/\boverlay\b/.test(known)) return [{ name: 'overlay filesystem', found: 'present' }];
  const modules = await readFile(`/lib/modules/${release.trim()}/modules.dep`, 'utf8').catch(() => '');
  // The kernel loads it at the first mount.
  if (hasModule(modules, 'overlay')) return [{ name: 'overlay filesystem', found: 'a module, loaded when it is needed' }];
  return [{ name: 'overlay filesystem', found: 'missing', todo: 'use a kernel that has it' }];
}

/** Is a module of that name among those that a `modules.dep` lists? Source: depmod(8). */
export function hasModule(modulesDep: string, name: string): boolean {
  return modulesDep.split('\n').some((line) => line.split(':', 1)[0]?.split('/').at(-1)?.split('.', 1)[0] === name);
}

async function seccomp(): Promise<Finding[]> {
  const missing = await absent(['/proc/sys/kernel/seccomp/actions_avail']);
  return [{ name: 'seccomp filters', found: missing.length === 0 ? 'present' : 'missing', ...(missing.length === 0 ? {} : { todo: 'use a kernel with CONFIG_SECCOMP_FILTER' }) }];
}

async function cgroups(): Promise<Finding[]> {
  const unified = await readFile('/sys/fs/cgroup/cgroup.controllers', 'utf8').catch(() => undefined);
  if (unified !== undefined) {
    const missing = controllers.filter((name) => !unified.split(/\s+/).includes(name));
    return [{ name: 'cgroups', found: `v2 with ${unified.trim()}`, ...(missing.length === 0 ? {} : { todo: `the controllers ${missing.join(', ')} are missing: enable them in the kernel's command line, or have them delegated to this container` }) }];
  }
  const missing = await absent(controllers.map((name) => `/sys/fs/cgroup/${name}/cgroup.procs`));
  return [{ name: 'cgroups', found: missing.length === 0 ? 'v1' : `v1, without ${missing.join(', ')}`, ...(missing.length === 0 ? {} : { todo: 'mount the missing controllers (on Debian: they come with systemd)' }) }];
}

async function forwarding(): Promise<Finding[]> {
  const value = await readFile('/proc/sys/net/ipv4/ip_forward', 'utf8').catch(() => '');
  if (value.trim() === '1') return [{ name: 'IPv4 forwarding', found: 'on' }];
  return [{ name: 'IPv4 forwarding', found: 'off', optional: true, todo: 'the agent turns it on when it starts' }];
}

async function programs(root: string): Promise<Finding[]> {
  const missing = await absent(['native/build/coracle-host', 'native/build/coracle-pod', 'generated/bin/kubectl'].map((path) => join(root, path)));
  return [{ name: 'native programs', found: missing.length === 0 ? 'built' : `missing: ${missing.join(', ')}`, ...(missing.length === 0 ? {} : { todo: `run 'npm run setup' in ${root}` }) }];
}

/** What pods with `hostUsers: false` need beyond the rest. */
async function userNamespaces(dataDir: string): Promise<Finding[]> {
  const host = startHost();
  try {
    await host.checkUsers(await existingAbove(dataDir));
    return [{ name: 'user namespaces', found: 'usable for pods' }];
  } catch (error) {
    return [{ name: 'user namespaces', found: messageOf(error), optional: true, todo: 'pods with hostUsers: false will not start here' }];
  } finally {
    await host.close();
  }
}

async function disk(dataDir: string): Promise<Finding[]> {
  const directory = await existingAbove(dataDir);
  const { bavail, blocks, bsize, ffree, files } = await statfs(directory);
  const free = bavail * bsize;
  const enough = free >= leastFreeBytes && (files === 0 || ffree > 0);
  const isNearlyFull = bavail < blocks * leastFreeShare;
  return [
    { name: 'disk', found: `${(free / 1e9).toFixed(1)} GB free at ${directory}`, ...(enough ? {} : { todo: 'free at least 1 GB there, or choose another --data-dir' }) },
    ...(isNearlyFull ? [{ name: 'disk pressure', found: `${Math.floor((bavail / blocks) * 100)}% of the disk are free`, optional: true as const, todo: 'below 15% a node takes no pods: free some space, or start with lower thresholds (--eviction-hard, see docs/node-pressure.md)' }] : []),
  ];
}

/** The directory itself, or the nearest above it that is there already. */
async function existingAbove(dataDir: string): Promise<string> {
  let directory = resolve(dataDir);
  while (directory !== '/' && (await absent([directory])).length > 0) directory = dirname(directory);
  return directory;
}

async function apiPort({ apiPort: port, dataDir }: DoctorOptions): Promise<Finding[]> {
  if (await isPortFree('0.0.0.0', port)) return [{ name: `port ${port}`, found: 'free' }];
  const running = await connectControl(resolve(dataDir)).catch(() => undefined);
  running?.close();
  // A node's agent listens elsewhere.
  const role = (await readIdentity(resolve(dataDir)).catch(() => undefined))?.role;
  if (running !== undefined && role !== 'agent') return [{ name: `port ${port}`, found: `in use, and Coracle runs on ${dataDir} (pid ${running.pid})` }];
  return [{ name: `port ${port}`, found: 'in use', todo: `stop what listens there (ss -ltnp 'sport = :${port}'), or start with another --api-port` }];
}

async function absent(paths: readonly string[]): Promise<string[]> {
  const found = await Promise.all(paths.map(async (path) => access(path).then(() => [], () => [path])));
  return found.flat();
}
