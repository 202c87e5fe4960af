import { access, readdir, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from './command.ts';
import type { ClusterAddress } from './coracle.ts';

/** Everything on this machine that bears a cluster's instance id or lives in its data directory, a line each. */
export async function leftoversOf(cluster: ClusterAddress): Promise<string[]> {
  const found = await Promise.all([processes(cluster), mounts(cluster), devices(cluster), tables(cluster), cgroups(cluster), memory(cluster), networkNamespaces(cluster), directory(cluster)]);
  return found.flat();
}

async function processes({ dataDir, instance }: ClusterAddress): Promise<string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid);
  const found = await Promise.all(pids.map(async (pid) => {
    // A process that ends while it is looked at is none that is left.
    const [command, groups, cwd] = await Promise.all([
      readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => ''), readFile(`/proc/${pid}/cgroup`, 'utf8').catch(() => ''), readlink(`/proc/${pid}/cwd`).catch(() => ''),
    ]);
    const isOurs = command.includes(dataDir) || groups.includes(instance) || cwd.startsWith(dataDir);
    return isOurs ? [`process ${pid}: ${command.replaceAll('\0', ' ')}`] : [];
  }));
  return found.flat();
}

async function mounts({ dataDir, instance }: ClusterAddress): Promise<string[]> {
  const lines = (await readFile('/proc/self/mountinfo', 'utf8')).split('\n');
  return lines.filter((line) => line.includes(dataDir) || line.includes(instance)).map((line) => `mount: ${line}`);
}

async function devices({ instance }: ClusterAddress): Promise<string[]> {
  const names = await readdir('/sys/class/net');
  return names.filter((name) => name.includes(instance)).map((name) => `network device: ${name}`);
}

async function tables({ instance }: ClusterAddress): Promise<string[]> {
  const lines = (await run('nft', ['list', 'tables'])).split('\n');
  return lines.filter((line) => line.includes(instance)).map((line) => `nftables: ${line}`);
}

async function cgroups({ instance }: ClusterAddress): Promise<string[]> {
  const base = '/sys/fs/cgroup';
  const hierarchies = ['', ...(await readdir(base, { withFileTypes: true })).filter((entry) => entry.isDirectory()).map(({ name }) => name)];
  const found = await Promise.all(hierarchies.map(async (hierarchy) => {
    const names = await readdir(join(base, hierarchy));
    return names.filter((name) => name.includes(instance)).map((name) => `cgroup: ${join(base, hierarchy, name)}`);
  }));
  return found.flat();
}

async function memory({ instance }: ClusterAddress): Promise<string[]> {
  const names = await readdir('/dev/shm');
  return names.filter((name) => name.includes(instance)).map((name) => `in memory: /dev/shm/${name}`);
}

async function networkNamespaces({ instance }: ClusterAddress): Promise<string[]> {
  const names = await readdir('/run/netns').catch(() => []);
  return names.filter((name) => name.includes(instance)).map((name) => `network namespace: ${name}`);
}

async function directory({ dataDir }: ClusterAddress): Promise<string[]> {
  return access(dataDir).then(() => [`data directory: ${dataDir}`], () => []);
}
