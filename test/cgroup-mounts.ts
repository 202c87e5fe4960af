import { readFile } from 'node:fs/promises';
import type { CgroupLayout } from '../node-agent/runtime/cgroups.ts';

/** Where hierarchies of cgroups are mounted, of either version, used by us or not. */
export async function cgroupMounts(): Promise<readonly string[]> {
  return (await readFile('/proc/self/mountinfo', 'utf8')).split('\n').flatMap((line) => (/ - cgroup2? /.test(line) ? [line.split(' ')[4] ?? ''] : []));
}

/** Where a controller's hierarchy is mounted. */
export function mountOf({ hierarchies }: CgroupLayout, controller: string): string {
  const mount = hierarchies.find(({ controllers }) => controllers.includes(controller))?.mount;
  if (mount === undefined) throw new Error(`no hierarchy has the controller ${controller}`);
  return mount;
}
