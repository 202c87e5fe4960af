import { closeSync, openSync, writeSync } from 'node:fs';

/** Takes all the room that there is, with a file at `path`. */
export function fillDisk(path: string): void {
  const file = openSync(path, 'w');
  try {
    for (let size = 1 << 20; size >= 512; size /= 2) {
      try {
        for (;;) writeSync(file, Buffer.alloc(size));
      } catch {
        // Smaller pieces may still fit.
      }
    }
  } finally {
    closeSync(file);
  }
}
