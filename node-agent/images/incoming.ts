import { randomUUID } from 'node:crypto';
import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** `images/incoming/`: what is on its way in or out. Each name bears the process that made it. */

export function temporaryName(what: string): string {
  return `${process.pid}.${what}.${randomUUID()}`;
}

/** Removes what processes left that are gone; another process's import goes on. For an agent at its start. */
export async function clearIncoming(dataDir: string): Promise<void> {
  const incoming = join(dataDir, 'images', 'incoming');
  for (const name of await readdir(incoming)) {
    const pid = Number(name.split('.')[0]);
    const lives = pid !== process.pid && (await stat(`/proc/${pid}`).then(() => true, () => false));
    if (!lives) await rm(join(incoming, name), { recursive: true, force: true });
  }
}
