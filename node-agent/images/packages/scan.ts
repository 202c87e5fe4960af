import { constants } from 'node:fs';
import { lstat, open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { parseAlpineInstalled, parseDebianStatus, parseNpmPackage, type Package } from './parse.ts';

/** A layer on disk, and its directories (`/a/b`) that hide what the layers below have there. */
export interface ScannedLayer {
  readonly path: string;
  readonly opaque: ReadonlySet<string>;
}

/** Larger databases are not read. */
const largestFile = 64 * 1024 * 1024;
/** Names in one image; the rest is not looked at. */
const mostEntries = 2_000_000;
const deepest = 64;

/**
 * The packages of an image, lowest layer first: what a container would see of dpkg's and apk's databases and of node_modules. No
 * link is followed, so nothing leads out of the layers.
 */
export async function scanPackages(layers: readonly ScannedLayer[], signal: AbortSignal): Promise<readonly Package[]> {
  const found = new Map<string, Package>();
  const budget = { entries: mostEntries };
  for await (const { place, file } of filesOf('', layers.toReversed().map(({ path, opaque }) => ({ path, opaque })), budget, signal)) {
    const read = readerOf(place);
    if (read === undefined) continue;
    for (const each of read(await readRegular(file))) found.set(JSON.stringify(each), each);
  }
  return [...found.values()];
}

type Reader = (text: string) => readonly Package[];

/** Where packages are listed. */
const readers: readonly (readonly [RegExp, Reader])[] = [
  [/^\/var\/lib\/dpkg\/status$/, parseDebianStatus],
  [/^\/var\/lib\/dpkg\/status\.d\/[^/]+(?<!\.md5sums)$/, parseDebianStatus],
  [/^(?:\/usr)?\/lib\/apk\/db\/installed$/, parseAlpineInstalled],
  [/\/node_modules\/(?:@[^/]+\/)?[^/@][^/]*\/package\.json$/, (text) => [parseNpmPackage(text)].filter((each) => each !== undefined)],
];

function readerOf(place: string): Reader | undefined {
  return readers.find(([pattern]) => pattern.test(place))?.[1];
}

/** What several layers have at one place, the uppermost first. */
type Stack = readonly ScannedLayer[];

/** Every regular file below `place` as overlay shows it; `stack` holds the layers' directories there. */
async function* filesOf(place: string, stack: Stack, budget: { entries: number }, signal: AbortSignal, depth = 0): AsyncGenerator<{ readonly place: string; readonly file: string }> {
  if (depth > deepest) return;
  signal.throwIfAborted();
  const directories = new Map<string, { layers: ScannedLayer[]; isClosed: boolean }>();
  const hidden = new Set<string>();
  for (const layer of stack) {
    for (const entry of await readdir(join(layer.path, place), { withFileTypes: true })) {
      const { name } = entry;
      const below = directories.get(name);
      budget.entries -= 1;
      if (budget.entries < 0) return;
      if (hidden.has(name) || below?.isClosed === true) continue;
      const path = `${place}/${name}`;
      if (entry.isDirectory()) {
        directories.set(name, { layers: [...(below?.layers ?? []), layer], isClosed: layer.opaque.has(path) });
      } else if (below !== undefined) {
        below.isClosed = true;
      } else {
        hidden.add(name);
        if (entry.isFile()) yield { place: path, file: join(layer.path, path) };
      }
    }
  }
  for (const [name, { layers }] of directories) yield* filesOf(`${place}/${name}`, layers, budget, signal, depth + 1);
}

async function readRegular(path: string): Promise<string> {
  if ((await lstat(path)).size > largestFile) return '';
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    return await file.readFile('utf8');
  } finally {
    await file.close();
  }
}
