import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { extract } from 'tar-stream';
import { start } from './command.ts';

/** The distribution project's own registry on loopback, as Debian packages it. */
export interface Registry extends AsyncDisposable {
  /** `127.0.0.1:<port>` */
  readonly host: string;
  /** Pushes the one image of a `docker save` archive as `<repository>:<tag>`; answers its digest. */
  push(archive: string, repository: string, tag: string): Promise<string>;
}

export interface Login {
  readonly username: string;
  readonly password: string;
}

/** The password "open sesame"; docker-registry takes nothing but bcrypt. */
export const login: Login = { username: 'ali', password: 'open sesame' };
const htpasswd = 'ali:$2b$04$abcdefghijklmnopqrstuu/LVz6MZlItEy42I2juLihZ66HnQx/cy\n';

const manifestType = 'application/vnd.oci.image.manifest.v1+json';

/** Starts a registry on a free port; `isLocked`: it asks for `login`. */
export async function startRegistry({ isLocked = false } = {}): Promise<Registry> {
  const directory = await mkdtemp(join(tmpdir(), 'coracle-registry-'));
  const auth = `auth: {htpasswd: {realm: cave, path: ${directory}/htpasswd}}\n`;
  await writeFile(join(directory, 'htpasswd'), htpasswd);
  await writeFile(join(directory, 'config.yml'), `version: 0.1\nstorage: {filesystem: {rootdirectory: ${directory}/data}}\nhttp: {addr: "127.0.0.1:0"}\n${isLocked ? auth : ''}`);
  const running = start('/usr/bin/docker-registry', ['serve', join(directory, 'config.yml')]);
  const end = async (): Promise<void> => {
    await running[Symbol.asyncDispose]();
    await rm(directory, { recursive: true, force: true });
  };
  try {
    const [, host = ''] = await running.until(/listening on (127\.0\.0\.1:\d+)/);
    const authorization = isLocked ? `Basic ${Buffer.from(`${login.username}:${login.password}`).toString('base64')}` : undefined;
    return { host, push: (archive, repository, tag) => push(`http://${host}/v2/${repository}`, authorization, archive, tag), [Symbol.asyncDispose]: end };
  } catch (error) {
    await end();
    throw error;
  }
}

async function push(base: string, authorization: string | undefined, archive: string, tag: string): Promise<string> {
  const files = await filesOf(archive);
  const config = fileOf(files, 'config.json');
  const layer = gzipSync(fileOf(files, 'layer.tar'));
  const send = async (url: string, init: RequestInit): Promise<Response> => {
    const response = await fetch(url, { ...init, headers: { ...init.headers, ...(authorization === undefined ? {} : { authorization }) }, signal: AbortSignal.timeout(10_000) });
    if (!response.ok) throw new Error(`${init.method ?? ''} ${url}: ${response.status} ${await response.text()}`);
    return response;
  };
  for (const blob of [config, layer]) {
    const begun = await send(`${base}/blobs/uploads/`, { method: 'POST' });
    await send(`${begun.headers.get('location') ?? ''}&digest=${digestOf(blob)}`, { method: 'PUT', body: new Uint8Array(blob) });
  }
  const manifest = Buffer.from(JSON.stringify({
    schemaVersion: 2, mediaType: manifestType,
    config: { mediaType: 'application/vnd.oci.image.config.v1+json', digest: digestOf(config), size: config.length },
    layers: [{ mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip', digest: digestOf(layer), size: layer.length }],
  }));
  await send(`${base}/manifests/${tag}`, { method: 'PUT', body: new Uint8Array(manifest), headers: { 'content-type': manifestType } });
  return digestOf(manifest);
}

const digestOf = (bytes: Buffer): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

async function filesOf(archive: string): Promise<ReadonlyMap<string, Buffer>> {
  const files = new Map<string, Buffer>();
  for await (const entry of createReadStream(archive).pipe(extract())) files.set(entry.header.name, await buffer(entry));
  return files;
}

function fileOf(files: ReadonlyMap<string, Buffer>, name: string): Buffer {
  const bytes = files.get(name);
  if (bytes === undefined) throw new Error(`the archive has no ${name}`);
  return bytes;
}
