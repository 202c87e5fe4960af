import { createReadStream, createWriteStream } from 'node:fs';
import { rm, stat } from 'node:fs/promises';
import { arch } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createHash } from 'node:crypto';
import { createGzip } from 'node:zlib';
import { architectureOf } from '../../machinery/architecture.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { bytesDigest } from './digest.ts';
import { ImageError } from './image-error.ts';
import { temporaryName } from './incoming.ts';
import { manifestTypes } from './manifest.ts';

/** What containers of a built image run, unless their pod says otherwise. Source: OCI image-spec 1.1, image configuration. */
export interface BuiltConfig {
  readonly entrypoint?: readonly string[];
  readonly command?: readonly string[];
  readonly env?: readonly string[];
  readonly workingDir?: string;
  readonly user?: string;
  readonly labels?: Readonly<Record<string, string>>;
}

export interface BuildOptions {
  /** Of every file and of the image, seconds since the epoch: the same directory gives the same digests. */
  readonly mtime: number;
  readonly config: BuiltConfig;
}

export interface BuiltLayer {
  /** The compressed layer; whoever asked for it takes it away. */
  readonly path: string;
  readonly digest: string;
  readonly diffId: string;
  readonly size: number;
}

export interface BuiltImage {
  readonly config: Buffer;
  readonly manifest: Buffer;
  readonly layer: BuiltLayer;
}

/** A directory as an image of one layer, its files in `workDir`. Throws what the runtime throws when the directory can't be packed. */
export async function buildImage(pack: Runtime['pack'], workDir: string, directory: string, options: BuildOptions, signal?: AbortSignal): Promise<BuiltImage> {
  if (!(await stat(directory).then((info) => info.isDirectory(), () => false))) throw new ImageError('NotFound', `${directory} is no directory that can be read`);
  const layer = await buildLayer(pack, workDir, directory, options.mtime, signal);
  return { layer, ...imageDocuments(layer, options) };
}

async function buildLayer(pack: Runtime['pack'], workDir: string, directory: string, mtime: number, signal?: AbortSignal): Promise<BuiltLayer> {
  const tar = join(workDir, temporaryName('tar'));
  const path = join(workDir, temporaryName('layer'));
  try {
    await pack({ directory, mtime, target: tar });
    const content = createHash('sha256');
    const blob = createHash('sha256');
    await pipeline(createReadStream(tar), tee(content), createGzip(), tee(blob), createWriteStream(path, { flags: 'wx', mode: 0o600 }), signal === undefined ? {} : { signal });
    return { path, digest: `sha256:${blob.digest('hex')}`, diffId: `sha256:${content.digest('hex')}`, size: (await stat(path)).size };
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  } finally {
    await rm(tar, { force: true });
  }
}

/** Passes bytes on, and has them hashed. */
function tee(hash: ReturnType<typeof createHash>): PassThrough {
  const through = new PassThrough();
  through.on('data', (chunk: Buffer) => hash.update(chunk));
  return through;
}

/** The config and manifest of an image of one layer. Pure. */
function imageDocuments(layer: Omit<BuiltLayer, 'path'>, { mtime, config }: BuildOptions): Pick<BuiltImage, 'config' | 'manifest'> {
  const created = new Date(mtime * 1000).toISOString().replace('.000', '');
  const { entrypoint = [], command = [], env = [], workingDir = '', user = '', labels = {} } = config;
  const configBytes = Buffer.from(JSON.stringify({
    created, architecture: architectureOf(arch()), os: 'linux',
    config: {
      ...(user === '' ? {} : { User: user }), ...(env.length === 0 ? {} : { Env: env }), ...(entrypoint.length === 0 ? {} : { Entrypoint: entrypoint }),
      ...(command.length === 0 ? {} : { Cmd: command }), ...(workingDir === '' ? {} : { WorkingDir: workingDir }), ...(Object.keys(labels).length === 0 ? {} : { Labels: labels }),
    },
    rootfs: { type: 'layers', diff_ids: [layer.diffId] },
    history: [{ created, created_by: 'coracle image build' }],
  }));
  const manifest = Buffer.from(JSON.stringify({
    schemaVersion: 2, mediaType: manifestTypes[0],
    config: { mediaType: 'application/vnd.oci.image.config.v1+json', digest: bytesDigest(configBytes), size: configBytes.length },
    layers: [{ mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip', digest: layer.digest, size: layer.size }],
  }));
  return { config: configBytes, manifest };
}
