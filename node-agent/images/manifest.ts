import { arch } from 'node:os';
import { architectureOf } from '../../machinery/architecture.ts';
import { textOf } from '../../machinery/patch/json-value.ts';
import { ImageError } from './image-error.ts';

/** What registries and archives say about images, read with suspicion. Source: OCI image-spec 1.1; Docker image manifest v2, schema 2. */

export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  /** What a manifest is that is no image. */
  readonly artifactType?: string;
  readonly annotations: Readonly<Record<string, string>>;
  readonly platform?: { readonly os: string; readonly architecture: string; readonly variant?: string };
}

export interface Manifest {
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
}

export interface ImageConfig {
  readonly diffIds: readonly string[];
  readonly env: readonly string[];
  readonly entrypoint: readonly string[];
  readonly command: readonly string[];
  readonly workingDir: string;
  readonly user: string;
  readonly stopSignal?: string;
}

export const manifestTypes = ['application/vnd.oci.image.manifest.v1+json', 'application/vnd.docker.distribution.manifest.v2+json'] as const;
export const indexTypes = ['application/vnd.oci.image.index.v1+json', 'application/vnd.docker.distribution.manifest.list.v2+json'] as const;

type Fields = Readonly<Record<string, unknown>>;

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function parseJson(bytes: Buffer, what: string): Fields {
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'));
    if (isFields(value)) return value;
  } catch (error) {
    throw new ImageError('Corrupt', `${what} is not JSON`, { cause: error });
  }
  throw new ImageError('Corrupt', `${what} is not a JSON object`);
}

function texts(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((each): each is string => typeof each === 'string') : [];
}

function fields(value: unknown): Fields {
  return isFields(value) ? value : {};
}

function parseDescriptor(value: unknown, what: string): Descriptor {
  const { mediaType, digest, size, artifactType, annotations, platform } = fields(value);
  if (!/^sha256:[0-9a-f]{64}$/.test(textOf(digest))) throw new ImageError('Corrupt', `${what} has the digest "${textOf(digest)}", which is not sha256`);
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) throw new ImageError('Corrupt', `${what} has no size`);
  const at = fields(platform);
  return {
    mediaType: textOf(mediaType), digest: textOf(digest), size, ...(textOf(artifactType) === '' ? {} : { artifactType: textOf(artifactType) }),
    annotations: Object.fromEntries(Object.entries(fields(annotations)).map(([key, each]) => [key, textOf(each)])),
    ...(isFields(platform) ? { platform: { os: textOf(at['os']), architecture: textOf(at['architecture']), ...(textOf(at['variant']) === '' ? {} : { variant: textOf(at['variant']) }) } } : {}),
  };
}

/** Most layers that an image may have: overlay takes 500, Docker 127. */
const mostLayers = 127;

export function parseManifest(document: Fields, what: string): Manifest {
  const layers = Array.isArray(document['layers']) ? document['layers'] : [];
  if (layers.length > mostLayers) throw new ImageError('Corrupt', `${what} has ${layers.length} layers; at most ${mostLayers} are taken`);
  return { config: parseDescriptor(document['config'], `${what}'s config`), layers: layers.map((layer) => parseDescriptor(layer, `a layer of ${what}`)) };
}

/** Whether a document lists manifests for several platforms. */
export function isIndex(document: Fields, mediaType: string): boolean {
  return (indexTypes as readonly string[]).includes(textOf(document['mediaType']) || mediaType) || Array.isArray(document['manifests']);
}

export function descriptorsOf(index: Fields, what: string): readonly Descriptor[] {
  const manifests = Array.isArray(index['manifests']) ? index['manifests'] : [];
  return manifests.map((each) => parseDescriptor(each, `a manifest of ${what}`));
}

const architecture = architectureOf(arch());

/** The manifest for this machine: Linux, its architecture; a lone manifest without a platform serves any. */
export function choosePlatform(index: Fields, what: string): Descriptor {
  const all = descriptorsOf(index, what).filter((each) => each.annotations['vnd.docker.reference.type'] !== 'attestation-manifest');
  const fitting = all.filter((each) => each.platform?.os === 'linux' && each.platform.architecture === architecture);
  const chosen = fitting.find((each) => each.platform?.variant === undefined || each.platform.variant === 'v8') ?? fitting[0]
    ?? (all.length === 1 && all[0]?.platform === undefined ? all[0] : undefined);
  if (chosen === undefined) throw new ImageError('NoPlatform', `no match for platform in manifest: ${what} has none for linux/${architecture}`);
  return chosen;
}

export function parseConfig(document: Fields, what: string): ImageConfig {
  const config = fields(document['config']);
  const rootfs = fields(document['rootfs']);
  const diffIds = texts(rootfs['diff_ids']);
  if (diffIds.some((each) => !/^sha256:[0-9a-f]{64}$/.test(each))) throw new ImageError('Corrupt', `${what} has a diff_id that is not sha256`);
  return {
    diffIds, env: texts(config['Env']), entrypoint: texts(config['Entrypoint']), command: texts(config['Cmd']),
    workingDir: textOf(config['WorkingDir']), user: textOf(config['User']),
    ...(textOf(config['StopSignal']) === '' ? {} : { stopSignal: textOf(config['StopSignal']) }),
  };
}

export function compressionOf(firstBytes: Buffer): 'gzip' | 'zstd' | 'none' {
  if (firstBytes[0] === 0x1f && firstBytes[1] === 0x8b) return 'gzip';
  return firstBytes.length >= 4 && firstBytes.readUInt32LE(0) === 0xfd2fb528 ? 'zstd' : 'none';
}
