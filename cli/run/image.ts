import { resolve } from 'node:path';
import { ImageError } from '../../node-agent/images/image-error.ts';
import { credentialsIn } from '../../node-agent/images/pull-secrets.ts';
import { parseReference } from '../../node-agent/images/reference.ts';
import type { Credentials } from '../../node-agent/images/registry.ts';
import { noRegistrySettings, type RegistrySettings } from '../../node-agent/images/registry-settings.ts';
import { openImageStore, type ImageStore } from '../../node-agent/images/store.ts';
import { imagesInUse } from '../../node-agent/pod/records.ts';
import { openRuntime } from '../../node-agent/runtime/native-runtime.ts';
import { RuntimeError } from '../../node-agent/runtime/runtime.ts';
import { silentLog } from '../../client/log.ts';
import { readIdentity } from '../data-dir.ts';
import { CommandFailure } from '../failure.ts';
import { readGiven } from '../given-file.ts';
import { requireRoot } from '../host.ts';
import type { Invocation } from '../terminal.ts';

export interface ImageCommandOptions {
  readonly dataDir: string;
}

export async function importImage({ terminal }: Invocation, path: string, options: ImageCommandOptions & { readonly name?: string }): Promise<void> {
  await withImages(options, async (images) => {
    const found = await images.import(resolve(path), options.name === undefined ? {} : { name: options.name });
    for (const { id, references } of found) terminal.line(`${references.join(', ')} ${shortId(id)}`);
  });
}

export interface RegistryCommandOptions extends ImageCommandOptions {
  readonly creds?: Credentials;
  /** A file in the form of Docker's config.json. */
  readonly authFile?: string;
  /** Plain HTTP. */
  readonly insecure: boolean;
}

export async function pullImage({ terminal }: Invocation, reference: string, options: RegistryCommandOptions): Promise<void> {
  await withImages(options, async (images) => {
    const { id } = await images.pull(reference, await registryAccess(reference, options));
    terminal.line(`${reference} ${shortId(id)}`);
  });
}

export async function pushImage({ terminal }: Invocation, name: string, target: string, options: RegistryCommandOptions): Promise<void> {
  await withImages(options, async (images) => {
    const image = wholeId((await images.list()).map(({ id }) => id), name);
    const { digest, sent } = await images.push(image, target, await registryAccess(target, options));
    terminal.line(`${target} ${digest}${sent.length === 0 ? ' (all layers were there)' : ''}`);
  });
}

async function registryAccess(text: string, { creds, authFile, insecure }: RegistryCommandOptions): Promise<{ readonly credentials: readonly Credentials[]; readonly registries: RegistrySettings }> {
  const reference = parseReference(text);
  const registry = reference?.registry ?? '';
  const given = creds === undefined ? [] : [creds];
  const registries = { ...noRegistrySettings, insecure: insecure ? [registry] : [] };
  if (authFile === undefined || reference === undefined) return { credentials: given, registries };
  const found = credentialsIn(await readGiven(resolve(authFile)), reference);
  if (found.length === 0) throw new CommandFailure(`${authFile} has no credentials for ${registry}`);
  return { credentials: found, registries };
}

export async function listImages({ terminal }: Invocation, options: ImageCommandOptions): Promise<void> {
  await withImages(options, async (images) => {
    const rows = (await images.list()).flatMap(({ id, references, sizeBytes, pinned }) => (references.length === 0 ? ['<none>'] : references).map((reference) => [reference, shortId(id), megabytes(sizeBytes), pinned ? 'yes' : 'no']));
    for (const line of aligned([['NAME', 'ID', 'SIZE', 'PINNED'], ...rows])) terminal.line(line);
  });
}

export async function removeImages({ terminal }: Invocation, references: readonly string[], options: ImageCommandOptions): Promise<void> {
  await withImages(options, async (images) => {
    const ids = (await images.list()).map(({ id }) => id);
    for (const reference of references) {
      await images.remove(wholeId(ids, reference));
      terminal.line(`removed ${reference}`);
    }
  });
}

export async function pinImages({ terminal }: Invocation, references: readonly string[], pinned: boolean, options: ImageCommandOptions): Promise<void> {
  await withImages(options, async (images) => {
    const ids = (await images.list()).map(({ id }) => id);
    for (const reference of references) {
      await images.pin(wholeId(ids, reference), pinned);
      terminal.line(`${pinned ? 'pinned' : 'unpinned'} ${reference}`);
    }
  });
}

/** The id of which `text` is the beginning, as `list` shows it; else the text, which is a name then. */
export function wholeId(ids: readonly string[], text: string): string {
  if (!/^[0-9a-f]{6,64}$/.test(text)) return text;
  const [found, ...others] = ids.filter((id) => id.startsWith(`sha256:${text}`));
  if (others.length > 0) throw new CommandFailure(`${text} is the beginning of more than one image's id: give more of it`);
  return found ?? text;
}

/** The image store of a node's data directory, which an agent may be using at the same time. */
export async function withImages(options: ImageCommandOptions, use: (images: ImageStore) => Promise<void>): Promise<void> {
  requireRoot('image');
  const dataDir = resolve(options.dataDir);
  const identity = await readIdentity(dataDir);
  if (identity === undefined) throw new CommandFailure(`${dataDir} is no data directory of Coracle: start one with 'coracle up --data-dir ${dataDir}', or name another with --data-dir`);
  const runtime = await openRuntime({ dataDir, instance: identity.instance, log: silentLog });
  try {
    const images = await openImageStore({ dataDir, unpack: (request) => runtime.unpack(request), pack: (request) => runtime.pack(request), opaqueDirectories: (layer, scratch) => runtime.opaqueDirectories(layer, scratch), inUse: () => imagesInUse(dataDir) });
    await failuresOfImages(() => use(images));
  } finally {
    await runtime.close();
  }
}

/** What images and layers are refused for is the user's to mend. */
export async function failuresOfImages<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof ImageError || error instanceof RuntimeError) throw new CommandFailure(error.message, { cause: error.cause });
    throw error;
  }
}

export function shortId(id: string): string {
  return id.replace('sha256:', '').slice(0, 12);
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)}MB`;
}

/** Columns padded to their widest cell, three spaces apart. */
export function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_cell, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) => row.map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column] ?? 0))).join('   '));
}
