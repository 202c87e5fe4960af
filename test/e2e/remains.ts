import { deepEqual, equal, ok } from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cgroupMounts } from '../cgroup-mounts.ts';
import type { ClusterAddress } from './coracle.ts';
import { podProcesses } from './machine-processes.ts';

/** What a node has beside its pods: at most so many sandboxes kept ready. */
const mostSpares = 3;

/** Directories, supervisors, cgroups, devices and mounts: those of these pods and of the sandboxes kept ready, and no others. */
export async function expectOnly({ dataDir, instance }: ClusterAddress, uids: readonly string[]): Promise<void> {
  deepEqual((await readdir(join(dataDir, 'pods'))).toSorted(), uids.toSorted());
  const spares = await readdir(join(dataDir, 'pool'));
  const sandboxes = uids.length + spares.length;
  ok(spares.length <= mostSpares, `${spares.length} sandboxes are kept ready`);
  ok((await podProcesses(instance, /^coracle-pod$/)).length >= sandboxes, 'each sandbox has a supervisor');
  equal((await readdir('/sys/class/net')).filter((name) => name.startsWith(instance) && !name.endsWith('br0')).length, sandboxes, 'network devices');
  equal((await slots(instance)).length, sandboxes, 'cgroups');
  const mounts = (await readFile('/proc/self/mountinfo', 'utf8')).split('\n').filter((line) => line.includes(`${dataDir}/pods/`));
  deepEqual(mounts.filter((line) => !uids.some((uid) => line.includes(uid))), []);
}

const classes = ['burstable', 'besteffort'];

async function slots(instance: string): Promise<string[]> {
  const found = await Promise.all((await cgroupMounts()).flatMap((mount) => ['', ...classes].map((each) => readdir(join(mount, `coracle-${instance}`, each), { withFileTypes: true }).catch(() => []))));
  return [...new Set(found.flat().filter((entry) => entry.isDirectory() && !classes.includes(entry.name)).map(({ name }) => name))];
}
