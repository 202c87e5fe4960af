import { constants } from 'node:fs';
import { mkdir, open, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { systemCode } from '../../machinery/thrown.ts';

/**
 * Checks (and for the `…OrCreate` types makes) what a hostPath volume names. Throws in Kubernetes' words. Behaviour: "hostPath volume
 * types"; without one nothing is checked, and Kubernetes' runtimes make a directory where nothing is.
 */
export async function checkHostPath(path: string, type: string): Promise<void> {
  const info = await stat(path).catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  });
  switch (type) {
    case '':
      if (info === undefined) await mkdir(path, { recursive: true, mode: 0o755 });
      return;
    case 'DirectoryOrCreate':
      if (info === undefined) await mkdir(path, { recursive: true, mode: 0o755 });
      else expect(info.isDirectory(), path, 'a directory');
      return;
    case 'FileOrCreate':
      if (info === undefined) await createFile(path);
      else expect(info.isFile(), path, 'a file');
      return;
    case 'Directory': return expect(info?.isDirectory() === true, path, 'a directory');
    case 'File': return expect(info?.isFile() === true, path, 'a file');
    case 'Socket': return expect(info?.isSocket() === true, path, 'a socket');
    case 'CharDevice': return expect(info?.isCharacterDevice() === true, path, 'a character device');
    case 'BlockDevice': return expect(info?.isBlockDevice() === true, path, 'a block device');
    default: throw new Error(`${type} is an invalid volume type`);
  }
}

function expect(holds: boolean, path: string, what: string): void {
  if (!holds) throw new Error(`hostPath type check failed: ${path} is not ${what}`);
}

async function createFile(path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o755 });
  await (await open(path, constants.O_CREAT | constants.O_WRONLY, 0o644)).close();
}
