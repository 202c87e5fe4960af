import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readlink, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { messageOf } from '../machinery/thrown.ts';
import { startHost } from '../native/host.ts';
import { projectsDirectory } from '../node-agent/runtime/sandbox-record.ts';

/** An ext4 with project quota, made in a file and mounted. */
export interface QuotaDisk {
  readonly mountPoint: string;
  /** Unmounts it. Rejects when its loop device, which goes with the mount, is still there. */
  remove(): Promise<void>;
}

const run = promisify(execFile);

export async function mountQuotaDisk(size: string): Promise<QuotaDisk> {
  const directory = await mkdtemp(join(tmpdir(), 'coracle-quota-'));
  const [file, mountPoint] = [join(directory, 'disk'), join(directory, 'mnt')];
  try {
    await mkdir(mountPoint);
    await run('truncate', ['-s', size, file]);
    await run('mkfs.ext4', ['-q', '-O', 'quota,project', '-E', 'quotatype=prjquota', file]);
    await run('mount', ['-o', 'loop,prjquota', file, mountPoint]);
  } catch (error) {
    await rm(directory, { recursive: true });
    throw error;
  }
  return {
    mountPoint,
    async remove() {
      await run('umount', [mountPoint]);
      const { stdout: loop } = await run('losetup', ['--associated', file]);
      await rm(directory, { recursive: true });
      if (loop !== '') throw new Error(`left of the disk: ${loop}`);
    },
  };
}

/** Each directory of a node that has a limit, with its project. Rejects when the node has limited none yet. */
export async function projectsOf(dataDir: string): Promise<Map<string, number>> {
  const directory = projectsDirectory(dataDir);
  const names = await readdir(directory);
  return new Map(await Promise.all(names.map(async (name) => [await readlink(join(directory, name)), Number(name)] as const)));
}

/** Those projects of a disk that have no files and no limit. */
export async function unusedOf({ mountPoint }: QuotaDisk, projects: Iterable<number>): Promise<number[]> {
  const host = startHost();
  try {
    const free: number[] = [];
    for (const project of projects) {
      const request = { directory: mountPoint, gives: false, project };
      if (!(await host.limitProject({ ...request, bytes: 2 ** 23 }))) continue;
      free.push(project);
      await host.limitProject({ ...request, bytes: 0 });
    }
    return free;
  } finally {
    await host.close();
  }
}

/** For the title of tests that need one: why this machine mounts none, or '' where it does. Debian's kernel does. */
export async function lackOfQuota(): Promise<string> {
  try {
    await (await mountQuotaDisk('16M')).remove();
    return '';
  } catch (error) {
    return ` (left out: this machine mounts no ext4 with project quota: ${messageOf(error).replaceAll(/\s+/g, ' ').slice(0, 200)})`;
  }
}
