import { spawn, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { statSync, watch } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createPlainServer, type AddressInfo } from 'node:net';
import { arch, tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { UnpackRequest } from '../runtime/runtime.ts';
import { exchange } from './answer.ts';
import { fileDigest } from './digest.ts';
import { openImageStore, type ImageStore } from './store.ts';

/** Unpacking is the runtime's: here it checks the digest, as the real one does, and leaves the blob as the layer's only file. */
async function unpack(request: UnpackRequest): Promise<void> {
  if ((await fileDigest(request.blob)) !== request.digest) throw new Error('digest mismatch');
  await mkdir(request.target);
  await writeFile(join(request.target, 'blob'), await readFile(request.blob));
}

const digestOf = (bytes: Buffer): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
const layer = gzipSync(Buffer.alloc(200_000, 'x'));
const diffId = digestOf(Buffer.alloc(200_000, 'x'));
const config = Buffer.from(JSON.stringify({ config: { Env: ['A=1'], Cmd: ['run'] }, rootfs: { type: 'layers', diff_ids: [diffId] } }));
const manifest = Buffer.from(JSON.stringify({
  schemaVersion: 2, mediaType: 'application/vnd.oci.image.manifest.v1+json',
  config: { mediaType: 'application/vnd.oci.image.config.v1+json', digest: digestOf(config), size: config.length },
  layers: [{ mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip', digest: digestOf(layer), size: layer.length }],
}));
const machine = arch() === 'arm64' ? 'arm64' : 'amd64';
const index = Buffer.from(JSON.stringify({
  schemaVersion: 2, mediaType: 'application/vnd.oci.image.index.v1+json',
  manifests: [
    { mediaType: 'application/vnd.oci.image.manifest.v1+json', digest: digestOf(Buffer.from('other')), size: 5, platform: { os: 'linux', architecture: 's390x' } },
    { mediaType: 'application/vnd.oci.image.manifest.v1+json', digest: digestOf(manifest), size: manifest.length, platform: { os: 'linux', architecture: machine } },
  ],
}));

let directory: string;
let store: ImageStore;
let server: Server;
let answer: (request: IncomingMessage, response: ServerResponse) => boolean;
let requests: string[];
let host: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'coracle-images-'));
  store = await openImageStore({ dataDir: directory, unpack });
  requests = [];
  answer = () => false;
  server = createServer((request, response) => {
    requests.push(`${request.url ?? ''}${request.headers.range === undefined ? '' : ` ${request.headers.range}`}`);
    if (!answer(request, response)) serve(request, response);
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(async () => {
  server.close();
  server.closeAllConnections();
  await rm(directory, { recursive: true });
});

const files: Readonly<Record<string, Buffer>> = {
  'manifests/1': manifest, 'manifests/multi': index, [`manifests/${digestOf(manifest)}`]: manifest, [`blobs/${digestOf(config)}`]: config, [`blobs/${digestOf(layer)}`]: layer,
};

function serve(request: IncomingMessage, response: ServerResponse): void {
  const body = files[(request.url ?? '').replace('/v2/team/app/', '')];
  const from = /bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1];
  if (body === undefined) response.writeHead(404).end('{}');
  else if (from === undefined) response.writeHead(200, { 'content-type': 'application/json' }).end(body);
  else response.writeHead(206).end(body.subarray(Number(from)));
}

describe('pulling an image', () => {
  it.each(['1', 'multi'])('brings %s for this machine, checks it and remembers where it came from', async (tag) => {
    const image = await store.pull(`${host}/team/app:${tag}`, {});
    expect(image).toMatchObject({
      id: digestOf(config), references: [`${host}/team/app:${tag}`], repoDigests: [`${host}/team/app@${digestOf(tag === '1' ? manifest : index)}`], config: { env: ['A=1'], command: ['run'] },
    });
    expect(await readFile(join(image.layers[0] ?? '', 'blob'))).toEqual(layer);
    expect(await store.resolve(`${host}/team/app:${tag}`)).toEqual(image);
  });

  it('fetches nothing twice, and has one image for two names', async () => {
    await store.pull(`${host}/team/app:1`, {});
    requests = [];
    await store.pull(`${host}/team/app@${digestOf(manifest)}`, {});
    expect(requests.some((url) => url.includes(digestOf(layer)))).toBe(false);
    expect(await store.list()).toHaveLength(1);
  });

  it('goes on where a broken download stopped', async () => {
    answer = (request, response) => {
      if (!(request.url ?? '').endsWith(digestOf(layer))) return false;
      response.writeHead(200, { 'content-length': layer.length });
      response.write(layer.subarray(0, 50));
      // Cut when the piece has reached the disk.
      const watcher = watch(join(directory, 'images', 'blobs', 'sha256'), (_event, name) => {
        if (name?.endsWith('.partial') !== true || statSync(join(directory, 'images', 'blobs', 'sha256', name)).size !== 50) return;
        watcher.close();
        response.destroy();
      });
      return true;
    };
    await expect(store.pull(`${host}/team/app:1`, {})).rejects.toThrow('failed to pull and unpack image');
    answer = () => false;
    requests = [];
    await store.pull(`${host}/team/app:1`, {});
    expect(requests.at(-1)).toMatch(/ bytes=50-$/);
  });

  it('answers token and basic challenges', async () => {
    answer = (request, response) => {
      const { authorization } = request.headers;
      if ((request.url ?? '').startsWith('/token')) {
        const isKnown = authorization === `Basic ${Buffer.from('u:p').toString('base64')}`;
        response.writeHead(isKnown ? 200 : 401).end(JSON.stringify({ token: 't0k' }));
        return true;
      }
      if (authorization === 'Bearer t0k') return false;
      response.writeHead(401, { 'www-authenticate': `Bearer realm="http://${host}/token",service="reg",scope="repository:team/app:pull"` }).end();
      return true;
    };
    await expect(store.pull(`${host}/team/app:1`, {})).rejects.toMatchObject({ code: 'Unauthorized' });
    await store.pull(`${host}/team/app:1`, { credentials: [{ username: 'no', password: 'no' }, { username: 'u', password: 'p' }] });
    expect(requests.filter((url) => url.startsWith('/token')).at(-1)).toBe('/token?service=reg&scope=repository%3Ateam%2Fapp%3Apull');
  });

  it('is done from any port, those included that browsers block', async () => {
    const blocked = createServer(serve);
    // An address of this test's own: the port itself is a well-known one.
    const address = `127.${process.pid % 200 + 1}.${process.pid >> 8 & 0xff}.7`;
    await new Promise<void>((resolve) => void blocked.listen(6000, address, resolve));
    try {
      await expect(fetch(`http://${address}:6000/`)).rejects.toMatchObject({ cause: { message: 'bad port' } });
      expect((await store.pull(`${address}:6000/team/app:1`, {})).id).toBe(digestOf(config));
    } finally {
      blocked.close();
      blocked.closeAllConnections();
    }
  });

  it('follows a registry to where its blobs are, and shows nobody else its credentials', async () => {
    const seen: (string | undefined)[] = [];
    const elsewhere = createServer((request, response) => {
      seen.push(request.headers.authorization);
      serve(request, response);
    });
    await new Promise<void>((resolve) => void elsewhere.listen(0, '127.0.0.1', resolve));
    answer = (request, response) => {
      if (request.headers.authorization === undefined) response.writeHead(401, { 'www-authenticate': 'Basic realm="r"' }).end();
      else if ((request.url ?? '').includes('/blobs/')) response.writeHead(307, { location: `http://127.0.0.1:${(elsewhere.address() as AddressInfo).port}${request.url ?? ''}` }).end();
      else return false;
      return true;
    };
    try {
      await store.pull(`${host}/team/app:1`, { credentials: [{ username: 'u', password: 'p' }] });
      expect(seen).toEqual([undefined, undefined]);
      answer = (_request, response) => {
        response.writeHead(302, { location: '/again' }).end();
        return true;
      };
      await expect(store.pull(`${host}/team/app:other`, {})).rejects.toThrow('stopped after 10 redirects');
    } finally {
      elsewhere.close();
      elsewhere.closeAllConnections();
    }
  });

  it.each([
    ['an unknown tag', '2', 'NotFound', /failed to resolve reference "127\.0\.0\.1:\d+\/team\/app:2": 127\.0\.0\.1:\d+\/team\/app\/manifests\/2: not found/],
    ['a name that is none', 'UP PER', 'InvalidName', /couldn't parse image name/],
  ])('refuses %s', async (_name, tag, code, message) => {
    const failure: unknown = await store.pull(`${host}/team/app:${tag}`, {}).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code, message: expect.stringMatching(message) });
  });

  it('takes no byte that the digest does not cover, and begins again after it', async () => {
    answer = (request, response) => {
      if (!(request.url ?? '').endsWith(digestOf(layer))) return false;
      response.end(Buffer.alloc(layer.length));
      return true;
    };
    await expect(store.pull(`${host}/team/app:1`, {})).rejects.toThrow('digest mismatch');
    expect(await store.list()).toEqual([]);
    answer = () => false;
    await store.pull(`${host}/team/app:1`, {});
  });

  it.each<[string, Buffer, string]>([
    ['longer', Buffer.concat([layer, Buffer.from('x')]), 'is longer than the manifest says'], ['shorter', layer.subarray(0, -1), `ended after ${layer.length - 1} of ${layer.length} bytes`],
  ])('takes no layer that is %s than the manifest says', async (_name, bytes, message) => {
    answer = (request, response) => {
      if (!(request.url ?? '').endsWith(digestOf(layer))) return false;
      const from = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
      response.writeHead(from === 0 ? 200 : 206).end(bytes.subarray(from));
      return true;
    };
    await expect(store.pull(`${host}/team/app:1`, {})).rejects.toThrow(message);
    expect(await store.list()).toEqual([]);
  });

  it('fetches several layers at once', async () => {
    const layers = ['a', 'b', 'c', 'd'].map((letter) => Buffer.alloc(1000, letter));
    const several = Buffer.from(JSON.stringify({ rootfs: { type: 'layers', diff_ids: layers.map(digestOf) } }));
    const documents: Readonly<Record<string, Buffer>> = {
      ...Object.fromEntries(layers.map((each) => [`blobs/${digestOf(each)}`, each])), [`blobs/${digestOf(several)}`]: several,
      'manifests/several': Buffer.from(JSON.stringify({ config: { digest: digestOf(several), size: several.length }, layers: layers.map((each) => ({ digest: digestOf(each), size: each.length })) })),
    };
    const held: (() => void)[] = [];
    let most = 0;
    answer = (request, response) => {
      const path = (request.url ?? '').replace('/v2/team/app/', '');
      const body = documents[path];
      if (body?.length !== 1000) return response.end(body) !== undefined;
      held.push(() => response.end(body));
      most = Math.max(most, held.length);
      // The first are answered when three are waited for: one after the other they never would be.
      if (held.length === 3 || requests.filter((url) => url.includes('/blobs/')).length > 4) for (const release of held.splice(0)) release();
      return true;
    };
    const image = await store.pull(`${host}/team/app:several`, {});
    expect(most).toBe(3);
    expect(await Promise.all(image.layers.map((path) => readFile(join(path, 'blob'))))).toEqual(layers);
  });

  it('ends when it is aborted', async () => {
    answer = () => true;
    const stop = new AbortController();
    const pulling = store.pull(`${host}/team/app:1`, { signal: stop.signal });
    stop.abort(new Error('enough'));
    await expect(pulling).rejects.toThrow('enough');
  });

  /** The second of two that want the same layer waits for the first. */
  async function twoPulls(): Promise<{ readonly first: Promise<unknown>; readonly second: Promise<unknown>; readonly stops: readonly AbortController[] }> {
    const asked = Promise.withResolvers<void>();
    answer = (request) => {
      if (!(request.url ?? '').endsWith(digestOf(layer))) return false;
      asked.resolve();
      return true;
    };
    const stops = [new AbortController(), new AbortController()];
    const pull = (tag: string, stop: AbortController | undefined) => store.pull(`${host}/team/app:${tag}`, stop === undefined ? {} : { signal: stop.signal });
    const first = pull('1', stops[0]);
    await asked.promise;
    return { first, second: pull('multi', stops[1]), stops };
  }

  it('goes on for one who waited for another\'s download when that is given up', async () => {
    const { first, second, stops: [stop] } = await twoPulls();
    // It has begun to wait when all but the layer has been read.
    await expect.poll(() => requests.filter((url) => url.includes(digestOf(config)))).toHaveLength(2);
    answer = () => false;
    stop?.abort(new Error('enough'));
    await expect(first).rejects.toThrow('enough');
    expect(await second).toMatchObject({ references: [`${host}/team/app:multi`] });
  });

  it('ends when it is aborted while it waits for another\'s download, which goes on', async () => {
    const { first, second, stops } = await twoPulls();
    stops[1]?.abort(new Error('enough'));
    await expect(second).rejects.toThrow('enough');
    expect(await Promise.race([first, Promise.resolve('under way')])).toBe('under way');
    stops[0]?.abort(new Error('over'));
    await expect(first).rejects.toThrow('over');
  });

  it.each<[string, RegExp]>([
    ['for its manifest', /manifests\//], ['for its config', new RegExp(`blobs/${digestOf(config)}`)], ['for a layer', new RegExp(`blobs/${digestOf(layer)}`)],
  ])('gives up a registry that takes the request %s and says nothing, and hinders no other', async (_what, path) => {
    answer = (request) => path.test(request.url ?? '') && (request.url ?? '').includes('/silent/');
    server.removeAllListeners('request');
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      if (answer(request, response)) return;
      request.url = (request.url ?? '').replace('/v2/silent/app/', '/v2/team/app/');
      serve(request, response);
    });
    const silent = store.pull(`${host}/silent/app:1`, { silenceMs: 200 }).then(() => undefined, (error: unknown) => error);
    await store.pull(`${host}/team/app:multi`, {});
    expect(await silent).toMatchObject({ code: 'Unavailable', message: expect.stringContaining('no answer within 0.2 s') });
  });

  it('gives up one that takes connections and never finds its way to TLS', async () => {
    const mute = createPlainServer(() => undefined);
    await new Promise<void>((resolve) => void mute.listen(0, '127.0.0.1', resolve));
    try {
      const { port } = mute.address() as AddressInfo;
      await expect(exchange({ method: 'GET', url: `https://127.0.0.1:${port}/v2/`, headers: {}, silenceMs: 200 }, AbortSignal.timeout(10_000))).rejects.toMatchObject({ code: 'Unavailable', message: expect.stringContaining('no answer within 0.2 s') });
    } finally {
      mute.close();
    }
  });

  it('keeps two stores on one directory in step', async () => {
    const other = await openImageStore({ dataDir: directory, unpack });
    await Promise.all([store.pull(`${host}/team/app:1`, {}), other.pull(`${host}/team/app:multi`, {})]);
    expect((await other.resolve(`${host}/team/app:1`))?.references.length).toBe(2);
    await other.remove(`${host}/team/app:1`);
    expect(await store.resolve(`${host}/team/app:1`)).toBeUndefined();
    await store.remove(digestOf(config));
    expect(await other.list()).toEqual([]);
  });
});

describe('the distribution project\'s own registry', () => {
  it('gives back what was pushed to it', async () => {
    const root = join(directory, 'registry');
    const port = 20_000 + (process.pid % 20_000);
    await writeFile(join(directory, 'config.yml'), `version: 0.1\nlog: {level: error}\nstorage: {filesystem: {rootdirectory: ${root}}}\nhttp: {addr: "127.0.0.1:${port}"}\n`);
    const registry: ChildProcess = spawn('/usr/bin/docker-registry', ['serve', join(directory, 'config.yml')], { stdio: ['ignore', 'ignore', 'pipe'] });
    const ended = new Promise<void>((resolve) => void registry.on('exit', () => resolve()));
    try {
      const base = `http://127.0.0.1:${port}/v2/team/app`;
      await reachable(`http://127.0.0.1:${port}/v2/`);
      for (const blob of [config, layer]) {
        const begun = await fetch(`${base}/blobs/uploads/`, { method: 'POST' });
        const put = await fetch(`${begun.headers.get('location') ?? ''}&digest=${digestOf(blob)}`, { method: 'PUT', body: new Uint8Array(blob) });
        expect(put.status).toBe(201);
      }
      const put = await fetch(`${base}/manifests/1`, { method: 'PUT', body: new Uint8Array(manifest), headers: { 'content-type': 'application/vnd.oci.image.manifest.v1+json' } });
      expect(put.status).toBe(201);
      expect((await store.pull(`127.0.0.1:${port}/team/app:1`, {})).id).toBe(digestOf(config));
    } finally {
      registry.kill();
      await ended;
    }
  });
});

/** A registry that was just spawned has no event to wait on: its port is tried until it answers. */
async function reachable(url: string): Promise<void> {
  const deadline = AbortSignal.timeout(10_000);
  for (;;) {
    const response = await fetch(url, { signal: deadline }).catch(() => undefined);
    if (response !== undefined) return;
    deadline.throwIfAborted();
    await new Promise((resolve) => void setTimeout(resolve, 20));
  }
}
