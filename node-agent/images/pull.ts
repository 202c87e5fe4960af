import { open, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { bytesDigest } from './digest.ts';
import { ImageError } from './image-error.ts';
import { choosePlatform, indexTypes, isIndex, manifestTypes, parseConfig, parseJson, parseManifest, type Descriptor, type Manifest } from './manifest.ts';
import { formatReference, parseReference, repositoryOf, type ImageReference } from './reference.ts';
import type { PodCredentials } from './pull-access.ts';
import { openRegistry, type Credentials, type Registry } from './registry.ts';
import { noRegistrySettings, type RegistrySettings } from './registry-settings.ts';
import { messageOf } from '../../machinery/thrown.ts';
import type { LayerSource } from './layers.ts';
import type { ImageIntake, StoredImage } from './store.ts';

export interface PullOptions {
  /** Tried in order after none at all is refused. */
  readonly credentials?: readonly Credentials[];
  /** The same for a pod: whose credentials were accepted is remembered, and decides who else may use the image. */
  readonly podCredentials?: readonly PodCredentials[];
  /** Absent: none is anything but what its name says. */
  readonly registries?: RegistrySettings;
  readonly signal?: AbortSignal;
  /** How long the registry may stay silent, milliseconds; absent: a minute. */
  readonly silenceMs?: number;
  /** Whole pull, milliseconds. */
  readonly deadlineMs?: number;
}

const largestDocument = 8 * 1024 * 1024;
const defaultDeadlineMs = 30 * 60_000;
/** So many requests for a layer's rest may end without a byte of it, one after another. */
const mostFruitless = 3;

/** Brings an image from its registry. Source: OCI distribution-spec 1.1, pulling manifests and blobs. Throws `ImageError` in containerd's words. */
export async function pullImage(intake: ImageIntake, text: string, options: PullOptions): Promise<StoredImage> {
  const reference = parseReference(text);
  if (reference === undefined) throw new ImageError('InvalidName', `couldn't parse image name "${text}": invalid reference format`);
  const deadline = AbortSignal.timeout(options.deadlineMs ?? defaultDeadlineMs);
  const signal = options.signal === undefined ? deadline : AbortSignal.any([options.signal, deadline]);
  const name = formatReference(reference);
  try {
    const registry = openRegistry(reference, {
      action: 'pull', credentials: [...(options.podCredentials ?? []), ...(options.credentials ?? [])], settings: options.registries ?? noRegistrySettings, signal,
      ...(options.silenceMs === undefined ? {} : { silenceMs: options.silenceMs }),
    });
    const { digest, manifest } = await resolveManifest(registry, reference, name);
    const config = await registry.document(`blobs/${manifest.config.digest}`, [], largestDocument);
    check(config.body, manifest.config);
    const { diffIds } = parseConfig(parseJson(config.body, `the config of ${name}`), name);
    if (diffIds.length !== manifest.layers.length) throw new ImageError('Corrupt', `${name} has ${manifest.layers.length} layers, its config ${diffIds.length}`);
    const layers = manifest.layers.map((layer, position) => layerOf(intake, registry, layer, diffIds[position] ?? '', signal));
    const repository = repositoryOf(reference);
    const by = options.podCredentials?.find((each) => each === registry.accepted());
    return await intake.admit({
      config: config.body, layers, references: [reference], repoDigests: [`${repository}@${digest}`],
      ...(options.podCredentials === undefined ? {} : { verified: { repository, by } }),
    }, signal);
  } catch (error) {
    if (options.signal?.aborted === true) throw options.signal.reason;
    const code = error instanceof ImageError ? error.code : 'Unavailable';
    throw new ImageError(code, `failed to pull and unpack image "${name}": ${messageOf(error)}`, { cause: error });
  }
}

async function resolveManifest(registry: Registry, reference: ImageReference, name: string): Promise<{ digest: string; manifest: Manifest }> {
  const accept = [...manifestTypes, ...indexTypes];
  const first = await registry.document(`manifests/${reference.digest ?? reference.tag ?? 'latest'}`, accept, largestDocument).catch((error: unknown) => {
    if (!(error instanceof ImageError)) throw error;
    throw new ImageError(error.code, `failed to resolve reference "${name}": ${error.message}`, { cause: error });
  });
  const digest = bytesDigest(first.body);
  if (reference.digest !== undefined && digest !== reference.digest) throw new ImageError('Corrupt', `the registry answered ${digest} for ${reference.digest}`);
  const document = parseJson(first.body, `the manifest of ${name}`);
  if (!isIndex(document, first.mediaType)) return { digest, manifest: parseManifest(document, name) };
  const chosen = choosePlatform(document, name);
  const second = await registry.document(`manifests/${chosen.digest}`, accept, largestDocument);
  check(second.body, chosen);
  return { digest, manifest: parseManifest(parseJson(second.body, chosen.digest), chosen.digest) };
}

function check(body: Buffer, descriptor: Descriptor): void {
  if (body.length !== descriptor.size) throw new ImageError('Corrupt', `${descriptor.digest} has ${body.length} bytes instead of ${descriptor.size}`);
  if (bytesDigest(body) !== descriptor.digest) throw new ImageError('Corrupt', `${descriptor.digest} has other bytes than its digest says`);
}

function layerOf(intake: ImageIntake, registry: Registry, layer: Descriptor, diffId: string, signal: AbortSignal): LayerSource {
  return { diffId, digest: layer.digest, size: layer.size, fetch: () => download(intake, registry, layer, signal) };
}

/** Goes on where an earlier attempt stopped; the digest is checked by unpacking. */
async function download(intake: ImageIntake, registry: Registry, layer: Descriptor, signal: AbortSignal): Promise<string> {
  const hex = layer.digest.slice('sha256:'.length);
  const whole = join(intake.blobsDir, hex);
  const partial = `${whole}.partial`;
  if ((await sizeOf(whole)) === layer.size) return whole;
  let present = await sizeOf(partial);
  // A connection that broke off is followed by another, for as long as they bring something.
  for (let fruitless = 0; present !== layer.size || layer.size === 0;) {
    const failure = await fetchMore(registry, partial, layer, present < layer.size ? present : 0).then(() => undefined, (error: unknown) => error);
    signal.throwIfAborted();
    if (failure instanceof ImageError && failure.code !== 'Unavailable') throw failure;
    const size = await sizeOf(partial);
    if (size === layer.size) break;
    fruitless = size > present ? 0 : fruitless + 1;
    if (fruitless === mostFruitless) throw failure ?? new ImageError('Unavailable', `layer ${layer.digest} ended after ${size} of ${layer.size} bytes`);
    present = size;
  }
  await rename(partial, whole);
  return whole;
}

async function fetchMore(registry: Registry, partial: string, layer: Descriptor, present: number): Promise<void> {
  const { body, offset } = await registry.blob(layer.digest, present);
  await writeFrom(partial, offset, body, layer);
}

/** 0 for a file that isn't there. */
function sizeOf(path: string): Promise<number> {
  return stat(path).then((info) => info.size, () => 0);
}

/** Writes each piece before the next is asked for: what a broken connection leaves is on disk. Fails when more comes than was promised. */
async function writeFrom(path: string, offset: number, body: AsyncIterable<Uint8Array>, layer: Descriptor): Promise<void> {
  const file = await open(path, offset === 0 ? 'w' : 'r+');
  try {
    let at = offset;
    for await (const chunk of body) {
      if (at + chunk.length > layer.size) throw new ImageError('Corrupt', `${layer.digest} is longer than the manifest says`);
      await file.writev([chunk], at);
      at += chunk.length;
    }
  } finally {
    await file.close();
  }
}
