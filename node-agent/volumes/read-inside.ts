import { constants } from 'node:fs';
import { open, readlink, type FileHandle } from 'node:fs/promises';
import { systemCode } from '../../machinery/thrown.ts';

const mostLinks = 40;

/**
 * The text of a file below `root`, whose content a pod makes as it likes while it is read: links are followed as if `root` were the root of the
 * file system, and never lead out of it. Throws for what is no file, or larger than `mostBytes`.
 */
export async function readInside(root: string, path: string, mostBytes: number): Promise<string> {
  const directory = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;
  // Everything between the root and where we are: each is opened by its name in the one before, which no rename can change.
  const trail: FileHandle[] = [];
  const rest = path.split('/');
  try {
    trail.push(await open(root, directory));
    for (let links = 0; ;) {
      const name = rest.shift();
      if (name === undefined) throw new Error(`${path} is not a file`);
      if (name === '' || name === '.') continue;
      if (name === '..') {
        if (trail.length > 1) await trail.pop()?.close();
        continue;
      }
      const here = `/proc/self/fd/${trail.at(-1)?.fd ?? -1}/${name}`;
      const target = await readlink(here).catch(notLink);
      if (target !== undefined) {
        links += 1;
        if (links > mostLinks) throw new Error(`${path} leads through too many links`);
        if (target.startsWith('/')) for (const each of trail.splice(1)) await each.close();
        rest.unshift(...target.split('/'));
        continue;
      }
      if (rest.every((each) => each === '' || each === '.')) return await readFileAt(here, path, mostBytes);
      trail.push(await open(here, directory));
    }
  } finally {
    for (const each of trail) await each.close();
  }
}

function notLink(error: unknown): undefined {
  if (systemCode(error) === 'EINVAL') return undefined;
  throw error;
}

/** A pipe that nobody writes to must not keep us. */
async function readFileAt(here: string, path: string, mostBytes: number): Promise<string> {
  const file = await open(here, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    if (!(await file.stat()).isFile()) throw new Error(`${path} is not a file`);
    const buffer = Buffer.alloc(mostBytes + 1);
    let length = 0;
    for (let read = 1; read > 0 && length < buffer.length; length += read) ({ bytesRead: read } = await file.read(buffer, length, buffer.length - length, length));
    if (length > mostBytes) throw new Error(`${path} is larger than ${mostBytes} bytes`);
    return buffer.toString('utf8', 0, length);
  } finally {
    await file.close();
  }
}
