import { constants } from 'node:fs';
import { lstat, open, readlink } from 'node:fs/promises';
import { join, posix } from 'node:path';

export interface ImageUser {
  readonly uid: number;
  readonly gid: number;
  /** Groups that list the user as a member. */
  readonly groups: readonly number[];
  /** Their home directory; `/` for one that /etc/passwd doesn't know. */
  readonly home: string;
}

const largestFile = 1024 * 1024;
const longestChain = 16;

/**
 * Who `user` (`name`, `uid`, `name:group`, `uid:gid`) is in an image, by its /etc/passwd and /etc/group. '' is root.
 * Throws when a name isn't there. Source: OCI image-spec, config.User.
 */
export async function lookUpUser(layers: readonly string[], user: string): Promise<ImageUser> {
  const [name = '', group] = user.split(':');
  const passwd = rows(await readInLayers(layers, '/etc/passwd'));
  const groups = rows(await readInLayers(layers, '/etc/group'));
  const wanted = name === '' ? '0' : name;
  const isNumber = /^\d+$/.test(wanted);
  const row = passwd.find((fields) => (isNumber ? fields[2] === wanted : fields[0] === wanted));
  if (row === undefined && !isNumber) throw new Error(`unable to find user ${wanted}: no matching entries in passwd file`);
  const gid = group === undefined || group === '' ? Number(row?.[3] ?? 0) : gidOf(groups, group);
  const member = row?.[0];
  const home = row?.[5] ?? '';
  const extra = member === undefined ? [] : groups.filter((fields) => fields[3]?.split(',').includes(member) === true).map((fields) => Number(fields[2]));
  return { uid: Number(row?.[2] ?? wanted), gid, groups: extra.filter((each) => Number.isSafeInteger(each)), home: home === '' ? '/' : home };
}

export type UserLookUp = typeof lookUpUser;

const usersKept = 256;

/** `lookUpUser`, once for the same layers and user: layers never change. */
export function createUserLookUp(): UserLookUp {
  const known = new Map<string, Promise<ImageUser>>();
  return (layers, user) => {
    const key = [...layers, user].join('\n');
    const found = known.get(key);
    if (found !== undefined) return found;
    const looking = lookUpUser(layers, user);
    if (known.size >= usersKept) known.clear();
    known.set(key, looking);
    // A failure is not kept: the next who asks tries again.
    looking.catch(() => known.delete(key));
    return looking;
  };
}

function gidOf(groups: readonly (readonly string[])[], group: string): number {
  if (/^\d+$/.test(group)) return Number(group);
  const row = groups.find((fields) => fields[0] === group);
  if (row === undefined) throw new Error(`unable to find group ${group}: no matching entries in group file`);
  return Number(row[2]);
}

function rows(text: string): readonly (readonly string[])[] {
  return text.split('\n').filter((line) => line !== '' && !line.startsWith('#')).map((line) => line.split(':'));
}

/**
 * A file as a container would see it, '' when there is none: the uppermost layer wins, whiteouts hide, and links are followed
 * inside the image only, by name: nothing that an image says can lead to a file of the host.
 */
async function readInLayers(layers: readonly string[], path: string, depth = 0): Promise<string> {
  if (depth > longestChain) return '';
  for (const layer of layers.toReversed()) {
    const found = await findInLayer(layer, path);
    if (found === undefined) continue;
    if (found.kind === 'hidden') return '';
    if (found.kind === 'link') return await readInLayers(layers, found.target, depth + 1);
    return await readSmall(found.path);
  }
  return '';
}

type Found = { readonly kind: 'hidden' } | { readonly kind: 'link'; readonly target: string } | { readonly kind: 'file'; readonly path: string };

async function findInLayer(layer: string, path: string): Promise<Found | undefined> {
  const parts = path.split('/').filter((part) => part !== '');
  let at = layer;
  for (const [position, part] of parts.entries()) {
    at = join(at, part);
    const info = await lstat(at).catch(() => undefined);
    if (info === undefined) return undefined;
    // Overlay's whiteout: a character device 0/0.
    if (info.isCharacterDevice()) return { kind: 'hidden' };
    if (info.isSymbolicLink()) {
      const here = `/${parts.slice(0, position).join('/')}`;
      return { kind: 'link', target: posix.join(posix.resolve(here, await readlink(at)), ...parts.slice(position + 1)) };
    }
    if (position === parts.length - 1) return info.isFile() ? { kind: 'file', path: at } : { kind: 'hidden' };
  }
  return undefined;
}

async function readSmall(path: string): Promise<string> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(largestFile), 0, largestFile, 0);
    return buffer.toString('utf8', 0, bytesRead);
  } finally {
    await file.close();
  }
}
