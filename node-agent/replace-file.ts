import { randomUUID } from 'node:crypto';
import { open, rename, rm, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Replaces a file so that a crash leaves the old or the new one, never a mixture: written aside, synced, renamed, the directory synced. */
export async function replaceFile(path: string, content: string | Buffer, mode = 0o600): Promise<void> {
  await swap(path, mode, async (file) => {
    await file.writeFile(content);
    await file.datasync();
  });
  await syncPath(dirname(path));
}

/**
 * The same without waiting for the disk: whatever happens to this process, there is the old or the new one. After a crash of
 * the machine there may be neither, which is right for what the machine takes with it.
 */
export async function swapFile(path: string, content: string | Buffer, mode = 0o600): Promise<void> {
  await swap(path, mode, (file) => file.writeFile(content));
}

async function swap(path: string, mode: number, write: (file: FileHandle) => Promise<void>): Promise<void> {
  const aside = `${path}.${randomUUID().slice(0, 8)}.tmp`;
  try {
    const file = await open(aside, 'wx', mode);
    try {
      await write(file);
    } finally {
      await file.close();
    }
    await rename(aside, path);
  } catch (error) {
    await rm(aside, { force: true });
    throw error;
  }
}

async function syncPath(path: string): Promise<void> {
  const opened = await open(path);
  try {
    await opened.datasync();
  } finally {
    await opened.close();
  }
}
