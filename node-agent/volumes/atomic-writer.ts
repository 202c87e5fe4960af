import { randomBytes } from 'node:crypto';
import { chmod, lchown, mkdir, readdir, readFile, readlink, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { systemCode } from '../../machinery/thrown.ts';

/** One file of a volume that the API's objects fill. */
export interface PayloadFile {
  readonly data: Buffer;
  readonly mode: number;
}

/** By path inside the volume. */
export type Payload = ReadonlyMap<string, PayloadFile>;

export interface Ownership {
  readonly uid: number;
  readonly gid: number;
  /** Directories belong to the group too, and pass it on: the pod's `fsGroup`. */
  readonly sharesDirectories: boolean;
}

/**
 * Fills a directory so that readers see all of the old files or all of the new: the files live in a directory of their
 * own, `..data` points to it and is swapped by one rename, and each name is a link through `..data`. The layout is what
 * Kubernetes' volumes have, because programs watch for it. Answers whether anything changed.
 */
export async function writeAtomically(directory: string, payload: Payload, owner: Ownership, stamp: string): Promise<boolean> {
  const link = join(directory, '..data');
  const current = await readlink(link).catch(() => undefined);
  if (current !== undefined && (await holds(join(directory, current), payload))) return false;
  const name = `..${stamp}.${randomBytes(5).toString('hex')}`;
  const fresh = join(directory, name);
  await mkdir(fresh);
  await shareDirectory(directory, owner);
  await shareDirectory(fresh, owner);
  for (const [path, file] of payload) await writeOne(fresh, path, file, owner);
  const aside = join(directory, '..data_tmp');
  await rm(aside, { force: true });
  await symlink(name, aside);
  await rename(aside, link);
  await linkNames(directory, payload);
  if (current !== undefined) await rm(join(directory, current), { recursive: true, force: true });
  return true;
}

async function writeOne(root: string, path: string, file: PayloadFile, owner: Ownership): Promise<void> {
  const target = join(root, path);
  await makeDirectories(root, dirname(path), owner);
  await writeFile(target, file.data, { mode: file.mode, flag: 'wx' });
  // The umask must not take bits away from what the pod asked for.
  await chmod(target, file.mode);
  await lchown(target, owner.uid, owner.gid);
}

async function makeDirectories(root: string, path: string, owner: Ownership): Promise<void> {
  if (path === '.') return;
  await makeDirectories(root, dirname(path), owner);
  // Made for another file already, when it is there.
  if ((await mkdir(join(root, path), { recursive: true })) !== undefined) await shareDirectory(join(root, path), owner);
}

/** Source: the kubelet's `SetVolumeOwnership` of a read-only volume: setgid, and reading and entering for the group. */
async function shareDirectory(path: string, { gid, sharesDirectories }: Ownership): Promise<void> {
  if (sharesDirectories) await lchown(path, 0, gid);
  await chmod(path, sharesDirectories ? 0o2755 : 0o755);
}

async function linkNames(directory: string, payload: Payload): Promise<void> {
  const wanted = new Set([...payload.keys()].map((path) => path.split('/')[0] ?? path));
  for (const name of await readdir(directory)) {
    if (!name.startsWith('..') && !wanted.has(name)) await rm(join(directory, name), { force: true });
  }
  for (const name of wanted) {
    await symlink(join('..data', name), join(directory, name)).catch((error: unknown) => {
      if (systemCode(error) !== 'EEXIST') throw error;
    });
  }
}

/** Whether a directory holds exactly these files. */
async function holds(directory: string, payload: Payload): Promise<boolean> {
  const names = await readdir(directory, { recursive: true, withFileTypes: true }).catch(() => []);
  if (names.filter((entry) => entry.isFile()).length !== payload.size) return false;
  for (const [path, file] of payload) {
    const found = await readFile(join(directory, path)).catch(() => undefined);
    if (found === undefined || !found.equals(file.data)) return false;
    if (((await stat(join(directory, path))).mode & 0o777) !== (file.mode & 0o777)) return false;
  }
  return true;
}
