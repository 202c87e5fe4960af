/**
 * Room that the store keeps for the day the disk is full: a file of zeros, given up for the first write that finds no room, so
 * that what fills the disk can still be deleted through the API. It is made again once there is plenty of room.
 */
import { closeSync, existsSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs';
import { join } from 'node:path';

export interface Reserve {
  /** Makes the file when it is missing and the disk has plenty of room. Never throws: a store without a reserve is a store. */
  refill(): void;
  /** Gives the room up if the disk is full. False: it isn't, or there is none left to give. */
  release(): boolean;
}

const reserveBytes = 16 << 20;
const chunkBytes = 1 << 20;
/** Below this the disk counts as full. */
const fullBytes = 1 << 20;

/** `directory` is the store's. */
export function createReserve(directory: string): Reserve {
  const path = join(directory, 'reserve');
  const free = (): number => {
    const { bavail, bsize } = statfsSync(directory);
    return bavail * bsize;
  };
  return {
    refill() {
      try {
        if (!existsSync(path) && free() > reserveBytes * 4) fill(path);
      } catch {
        // Whatever kept it from being made: half a reserve would be taken for a whole one.
        rmSync(path, { force: true });
      }
    },
    release() {
      if (!existsSync(path) || free() > fullBytes) return false;
      rmSync(path, { force: true });
      return true;
    },
  };
}

/** Zeros that are written take room, a hole doesn't. */
function fill(path: string): void {
  const file = openSync(path, 'wx', 0o600);
  try {
    const zeros = Buffer.alloc(chunkBytes);
    for (let written = 0; written < reserveBytes; written += chunkBytes) writeSync(file, zeros);
  } finally {
    closeSync(file);
  }
}
