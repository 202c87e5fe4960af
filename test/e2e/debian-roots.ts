import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from './command.ts';

/** Root file systems that `debian-roots.sh` makes. */
export const rootNames = ['debian', 'nginx', 'redis', 'postgresql'] as const;
export type RootName = typeof rootNames[number];

const script = join(import.meta.dirname, 'debian-roots.sh');
const kept = join(import.meta.dirname, '../../generated/debian-roots');
/** Downloads some hundred megabytes, and installs them. */
export const rootsMs = 600_000;

/** Why this run is without them; undefined when it can have them. */
export function whyNoRoots(): string | undefined {
  if (process.env['CI'] !== 'true') return 'they are made where CI=true, since that downloads 100 MB';
  return existsSync('/usr/sbin/debootstrap') ? undefined : 'debootstrap is missing';
}

/** Makes the roots, or takes those that were made by the same script on the same release; answers their directory. */
export async function debianRoots(): Promise<string> {
  const key = createHash('sha256').update(await readFile(script)).update(await readFile('/etc/os-release')).digest('hex').slice(0, 16);
  const [directory, unfinished] = [join(kept, key), join(kept, `${key}.${process.pid}`)];
  if (existsSync(directory)) return directory;
  await mkdir(kept, { recursive: true });
  for (const name of await readdir(kept)) await rm(join(kept, name), { recursive: true, force: true });
  try {
    await run(script, [unfinished], { deadlineMs: rootsMs });
    await rename(unfinished, directory);
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
  return directory;
}
