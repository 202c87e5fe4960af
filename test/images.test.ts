import { createServer, request as httpRequest, type ClientRequest, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { chmod, lchown, link, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { silentLog } from '../client/log.ts';
import { buildImage } from '../node-agent/images/build.ts';
import { writeLayout } from '../node-agent/images/layout.ts';
import { parseReference } from '../node-agent/images/reference.ts';
import { architectureOf } from '../machinery/architecture.ts';
import { openImageStore, type ImageStore } from '../node-agent/images/store.ts';
import { openRuntime } from '../node-agent/runtime/native-runtime.ts';
import type { Runtime } from '../node-agent/runtime/runtime.ts';
import { run } from './e2e/command.ts';
import { login, startRegistry, type Registry } from './e2e/registry.ts';

/** Images between this store, the distribution project's registry and skopeo, with the real runtime. */
let directory: string;
let runtime: Runtime;
let open: Registry;
let locked: Registry;
let stores = 0;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'coracle-images-'));
  runtime = await openRuntime({ dataDir: directory, instance: 'images', log: silentLog });
  [open, locked] = await Promise.all([startRegistry(), startRegistry({ isLocked: true })]);
});
afterAll(async () => {
  await Promise.all([open, locked].map((each) => each[Symbol.asyncDispose]()));
  await runtime.close();
  await rm(directory, { recursive: true, force: true });
});

async function newStore(): Promise<{ readonly store: ImageStore; readonly dataDir: string }> {
  stores += 1;
  const dataDir = join(directory, `store-${stores}`);
  return { dataDir, store: await openImageStore({ dataDir, unpack: (request) => runtime.unpack(request), pack: (request) => runtime.pack(request) }) };
}

/** A small root directory, with `bytes` that don't compress. */
async function newRoot(bytes = 1000): Promise<string> {
  const root = await mkdtemp(join(directory, 'root-'));
  await chmod(root, 0o755);
  await mkdir(join(root, 'bin'));
  await writeFile(join(root, 'bin/app'), randomBytes(bytes), { mode: 0o755 });
  await lchown(join(root, 'bin/app'), 12, 34);
  await link(join(root, 'bin/app'), join(root, 'bin/same'));
  await symlink('app', join(root, 'bin/alias'));
  return root;
}

const blobsOf = async (dataDir: string): Promise<readonly string[]> => await readdir(join(dataDir, 'images/blobs/sha256'));
const config = { entrypoint: ['/bin/app'], command: ['-v'], env: ['A=1'], workingDir: '/bin', user: '12', labels: { team: 'x' } };
const skopeo = (...args: readonly string[]) => run('/usr/bin/skopeo', args);

interface Inspected {
  readonly Digest: string;
  readonly Layers: readonly string[];
  readonly Labels: unknown;
  readonly Env: unknown;
}

async function inspect(image: string): Promise<Inspected> {
  return JSON.parse(await skopeo('inspect', '--tls-verify=false', `docker://${image}`)) as Inspected;
}

describe('a built image', () => {
  it('has the directory’s files, what containers run, and the same digests every time', async () => {
    const root = await newRoot();
    const [first, second] = [await newStore(), await newStore()];
    const image = await first.store.build(root, { name: 'team/app:1', mtime: 1_000_000_000, config });
    expect(image).toMatchObject({ references: ['docker.io/team/app:1'], config: { entrypoint: ['/bin/app'], command: ['-v'], env: ['A=1'], workingDir: '/bin', user: '12' } });
    const app = await stat(join(image.layers[0] ?? '', 'bin/same'));
    expect({ uid: app.uid, gid: app.gid, links: app.nlink, mtime: app.mtimeMs }).toEqual({ uid: 12, gid: 34, links: 2, mtime: 1e12 });
    expect((await second.store.build(root, { mtime: 1_000_000_000, config })).id).toBe(image.id);
    expect(await readdir(join(first.dataDir, 'images/incoming'))).toEqual([]);
  });

  it('shares what it has with another, and leaves nothing when both are removed', async () => {
    const { store, dataDir } = await newStore();
    const root = await newRoot();
    await store.build(root, { name: 'a:1', mtime: 0, config });
    const other = await store.build(root, { name: 'b:1', mtime: 0, config: { ...config, user: '0' } });
    await store.remove('a:1');
    expect(await stat(join(other.layers[0] ?? '', 'bin/app'))).toMatchObject({ uid: 12 });
    await store.push('b:1', `${open.host}/shared/b:1`, {});
    await store.remove(other.id);
    expect(await blobsOf(dataDir)).toEqual([]);
    expect(await readdir(join(dataDir, 'images/layers'))).toEqual([]);
  });

  it.each([
    ['a directory that is not there', '/nowhere/at/all', 'a:1', 'is no directory that can be read'],
    ['a name that is none', '/', 'NO Name', 'invalid reference format'],
    ['a name with a digest', '/', `a@sha256:${'0'.repeat(64)}`, 'has a digest, which only the image itself can give'],
  ])('is not made of %s', async (_name, root, name, message) => {
    await expect((await newStore()).store.build(root, { name, mtime: 0, config })).rejects.toThrow(message);
  });
});

describe('an image that no registry is known to have', () => {
  it('stays when the disk fills up, unless it is told otherwise; one that was pulled does not', async () => {
    const { store } = await newStore();
    expect((await store.build(await newRoot(), { name: 'kept:1', mtime: 0, config })).pinned).toBe(true);
    await store.push('kept:1', `${open.host}/team/kept:1`, {});
    await store.pin('kept:1', false);
    expect((await store.resolve('kept:1'))?.pinned).toBe(false);
    await expect(store.pin('other:1', true)).rejects.toMatchObject({ code: 'NotFound' });
    const { store: other } = await newStore();
    expect((await other.pull(`${open.host}/team/kept:1`, {})).pinned).toBe(false);
    await other.pin(`${open.host}/team/kept:1`, true);
    expect((await other.pull(`${open.host}/team/kept:1`, {})).pinned).toBe(true);
  });
});

describe('what pulls that were cut short have left', () => {
  it('is removed once it is old, and images are as they were', async () => {
    const { store, dataDir } = await newStore();
    const built = await store.build(await newRoot(), { name: 'whole:1', mtime: 0, config });
    const [blobs, layers] = ['blobs/sha256', 'layers'].map((name) => join(dataDir, 'images', name)) as [string, string];
    const before = [await readdir(blobs), await readdir(layers)];
    await Promise.all([writeFile(join(blobs, `${'a'.repeat(64)}.partial`), 'x'), writeFile(join(blobs, 'b'.repeat(64)), 'x'), mkdir(join(layers, 'c'.repeat(64)))]);
    const now = Date.now();
    await store.removeOrphans(now);
    expect(await readdir(blobs)).toHaveLength((before[0]?.length ?? 0) + 2);
    await store.removeOrphans(now + 2 * 3_600_000);
    expect([await readdir(blobs), await readdir(layers)]).toEqual(before);
    await store.push('whole:1', `${open.host}/team/whole:1`, {});
    expect(await stat(join(built.layers[0] ?? '', 'bin/app'))).toMatchObject({ uid: 12 });
  });
});

describe('pushing', () => {
  it('brings an image that other programs read, and pulling brings it back', async () => {
    const { store } = await newStore();
    const built = await store.build(await newRoot(), { name: 'app:1', mtime: 0, config });
    const name = `${open.host}/team/app:1`;
    const { digest, sent } = await store.push('app:1', name, {});
    expect(sent).toHaveLength(2);
    expect(await inspect(name)).toMatchObject({ Digest: digest, Labels: { team: 'x' }, Env: ['A=1'] });
    expect((await store.resolve('app:1'))?.repoDigests).toEqual([`${open.host}/team/app@${digest}`]);
    const pulled = await (await newStore()).store.pull(name, {});
    expect(pulled).toMatchObject({ id: built.id, config: built.config });
    expect(await readFile(join(pulled.layers[0] ?? '', 'bin/app'))).toEqual(await readFile(join(built.layers[0] ?? '', 'bin/app')));
  });

  it('sends nothing that the registry has', async () => {
    const { store } = await newStore();
    await store.build(await newRoot(), { name: 'again:1', mtime: 0, config });
    await store.push('again:1', `${open.host}/team/again:1`, {});
    expect(await store.push('again:1', `${open.host}/team/again:2`, {})).toMatchObject({ sent: [] });
    expect((await inspect(`${open.host}/team/again:2`)).Layers).toHaveLength(1);
  });

  it('goes piece by piece when a layer is large', async () => {
    const { store } = await newStore();
    await store.build(await newRoot(300_000), { name: 'large:1', mtime: 0, config });
    await store.push('large:1', `${open.host}/team/large:1`, { chunkBytes: 100_000 });
    const { Layers } = await inspect(`${open.host}/team/large:1`);
    await (await newStore()).store.pull(`${open.host}/team/large:1`, {});
    expect(Layers).toHaveLength(1);
  });

  it('needs the credentials that the registry asks for', async () => {
    const { store } = await newStore();
    await store.build(await newRoot(), { name: 'secret:1', mtime: 0, config });
    const name = `${locked.host}/team/secret:1`;
    await expect(store.push('secret:1', name, {})).rejects.toMatchObject({ code: 'Unauthorized', message: expect.stringContaining('push access denied') });
    await expect(store.push('secret:1', name, { credentials: [{ ...login, password: 'guess' }] })).rejects.toMatchObject({ code: 'Unauthorized' });
    await store.push('secret:1', name, { credentials: [login] });
    expect((await (await newStore()).store.pull(name, { credentials: [login] })).references).toEqual([name]);
  });

  it('is refused for an image whose layers are only there unpacked', async () => {
    const name = `${open.host}/team/web:1`;
    const { store } = await newStore();
    await store.build(await newRoot(), { name: 'web:1', mtime: 0, config });
    await store.push('web:1', name, {});
    const other = await newStore();
    await other.store.pull(name, {});
    await expect(other.store.push(name, `${open.host}/team/web:2`, {})).rejects.toThrow("only images of 'coracle image build' can be pushed");
    await expect(other.store.push('absent:1', name, {})).rejects.toMatchObject({ code: 'NotFound' });
  });
});

describe('an image that skopeo brought to a registry', () => {
  it.each(['gzip', 'zstd'])('is pulled with its layers in %s', async (format) => {
    const source = `${open.host}/skopeo/source-${format}:1`;
    const { store } = await newStore();
    const built = await store.build(await newRoot(50_000), { name: 'source:1', mtime: 0, config });
    await store.push('source:1', source, {});
    const name = `${open.host}/skopeo/${format}:1`;
    const [here, there] = [`docker://${source}`, `docker://${name}`];
    await skopeo('copy', '--src-tls-verify=false', '--dest-tls-verify=false', `--dest-compress-format=${format}`, '--format=oci', here, there);
    expect(await skopeo('inspect', '--raw', '--tls-verify=false', there)).toContain(`application/vnd.oci.image.layer.v1.tar+${format}`);
    const pulled = await (await newStore()).store.pull(name, {});
    expect(await readFile(join(pulled.layers[0] ?? '', 'bin/app'))).toEqual(await readFile(join(built.layers[0] ?? '', 'bin/app')));
  });

  it('is chosen from a list of several platforms', async () => {
    const { store } = await newStore();
    const built = await store.build(await newRoot(), { name: 'listed:1', mtime: 0, config });
    const { digest } = await store.push('listed:1', `${open.host}/team/listed:1`, {});
    const manifest = await skopeo('inspect', '--raw', '--tls-verify=false', `docker://${open.host}/team/listed:1`);
    const entry = (architecture: string) => ({ mediaType: 'application/vnd.oci.image.manifest.v1+json', digest, size: Buffer.byteLength(manifest), platform: { os: 'linux', architecture } });
    const machine = architectureOf(process.arch);
    for (const [tag, architectures] of [['all', ['s390x', machine]], ['other', ['s390x']]] as const) {
      const type = 'application/vnd.oci.image.index.v1+json';
      const put = await fetch(`http://${open.host}/v2/team/listed/manifests/${tag}`, { method: 'PUT', headers: { 'content-type': type }, body: JSON.stringify({ schemaVersion: 2, mediaType: type, manifests: architectures.map(entry) }) });
      expect(put.status).toBe(201);
    }
    const { store: other } = await newStore();
    expect((await other.pull(`${open.host}/team/listed:all`, {})).id).toBe(built.id);
    await expect(other.pull(`${open.host}/team/listed:other`, {})).rejects.toMatchObject({ code: 'NoPlatform' });
  });

  it('is taken from a layout that was built, by both', async () => {
    const output = join(directory, 'app.tar');
    const built = await buildImage((request) => runtime.pack(request), directory, await newRoot(), { mtime: 0, config });
    await writeLayout(built, parseReference('layout/app:1'), output);
    const [image] = await (await newStore()).store.import(output);
    expect(image).toMatchObject({ references: ['docker.io/layout/app:1'], config: { user: '12' } });
    await skopeo('copy', '--dest-tls-verify=false', `oci-archive:${output}`, `docker://${open.host}/layout/app:1`);
    expect((await (await newStore()).store.pull(`${open.host}/layout/app:1`, {})).id).toBe(image?.id);
  });
});

/** What a proxy before the registry does to the answer with a blob: ends the connection after so many bytes, or says no more. */
type Fault = { readonly after: number; readonly fault: 'break' | 'hang' } | undefined;

describe('a registry that breaks down', () => {
  let proxy: Server;
  let host: string;
  let faults: Fault[];
  let ranges: (string | undefined)[];
  /** After how many bytes of a piece of an upload the connection ends. */
  let cuts: (number | undefined)[];
  let pieces: string[];

  beforeEach(async () => {
    faults = [];
    ranges = [];
    cuts = [];
    pieces = [];
    proxy = createServer((request, response) => {
      const forwarded = httpRequest(`http://${open.host}${request.url ?? ''}`, { method: request.method, headers: request.headers }, (answer) => {
        response.writeHead(answer.statusCode ?? 500, answer.headers);
        const isLayer = Number(answer.headers['content-length']) > 100_000;
        if (isLayer) ranges.push(request.headers.range);
        const fault = isLayer ? faults.shift() : undefined;
        if (fault === undefined) answer.pipe(response);
        else void spoil(answer, response, fault);
      });
      forwarded.on('error', () => response.destroy());
      const cut = request.method === 'PATCH' ? cuts.shift() : undefined;
      if (request.method === 'PATCH') pieces.push(String(request.headers['content-range']));
      if (cut === undefined) request.pipe(forwarded);
      else void sendPart(request, forwarded, cut);
    });
    await new Promise<void>((resolve) => void proxy.listen(0, '127.0.0.1', resolve));
    host = `127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  });
  afterEach(() => {
    proxy.close();
    proxy.closeAllConnections();
  });

  async function spoil(answer: IncomingMessage, response: ServerResponse, { after, fault }: NonNullable<Fault>): Promise<void> {
    let left = after;
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      await new Promise((resolve) => void response.write(chunk.subarray(0, left), resolve));
      left -= chunk.length;
      if (left <= 0) break;
    }
    if (fault === 'break') response.socket?.end();
  }

  async function sendPart(request: IncomingMessage, forwarded: ClientRequest, after: number): Promise<void> {
    let left = after;
    for await (const chunk of request as AsyncIterable<Buffer>) {
      await new Promise((resolve) => void forwarded.write(chunk.subarray(0, left), resolve));
      left -= chunk.length;
      if (left <= 0) break;
    }
    forwarded.destroy();
    request.destroy();
  }

  const offsets = (): readonly number[] => ranges.map((range) => Number(/^bytes=(\d+)-$/.exec(range ?? 'bytes=0-')?.[1]));

  it.each<Fault>([{ after: 100_000, fault: 'break' }, { after: 100_000, fault: 'hang' }])('in the middle of a layer is asked for the rest in the same pull (%o)', async (fault) => {
    const { store } = await newStore();
    await store.build(await newRoot(1_000_000), { name: 'broken:1', mtime: 0, config });
    await store.push('broken:1', `${open.host}/proxied/broken:1`, {});
    faults = [fault, fault, undefined];
    await (await newStore()).store.pull(`${host}/proxied/broken:1`, fault?.fault === 'hang' ? { silenceMs: 1000 } : {});
    // What was on its way when a connection broke may be lost.
    expect(offsets()).toHaveLength(3);
    expect(offsets()).toEqual(offsets().toSorted((a, b) => a - b));
    expect(offsets()[2]).toBeGreaterThan(0);
  });

  it.each([0, 100_000])('in the middle of an upload is sent that piece again, or the blob from its beginning (%i bytes)', async (after) => {
    const { store } = await newStore();
    const built = await store.build(await newRoot(1_000_000), { name: 'uploaded:1', mtime: 0, config });
    cuts = [undefined, after];
    const name = `proxied/uploaded-${after}:1`;
    await store.push('uploaded:1', `${host}/${name}`, { chunkBytes: 400_000 });
    expect(pieces.slice(0, 2)).toEqual(['0-399999', '400000-799999']);
    expect(pieces.length).toBeGreaterThan(3);
    expect((await (await newStore()).store.pull(`${open.host}/${name}`, {})).id).toBe(built.id);
  });

  it('for good is not sent to for ever', async () => {
    const { store } = await newStore();
    await store.build(await newRoot(1_000_000), { name: 'lost:1', mtime: 0, config });
    cuts = Array.from({ length: 100 }, () => 0);
    await expect(store.push('lost:1', `${host}/proxied/lost:1`, { chunkBytes: 400_000 })).rejects.toMatchObject({ code: 'Unavailable', message: expect.stringContaining('failed to push image') });
    expect(pieces).toHaveLength(5);
  });

  it('in the middle of a layer and then says nothing more is given up, and asked for the rest by the next pull', async () => {
    const { store } = await newStore();
    await store.build(await newRoot(1_000_000), { name: 'silent:1', mtime: 0, config });
    await store.push('silent:1', `${open.host}/proxied/silent:1`, {});
    faults = [{ after: 100_000, fault: 'hang' }, ...Array.from({ length: 3 }, (): Fault => ({ after: 0, fault: 'hang' }))];
    const { store: other } = await newStore();
    await expect(other.pull(`${host}/proxied/silent:1`, { silenceMs: 300 })).rejects.toMatchObject({ code: 'Unavailable' });
    expect(faults).toEqual([]);
    await other.pull(`${host}/proxied/silent:1`, {});
    expect(offsets().at(-1)).toBeGreaterThan(0);
  });
});
