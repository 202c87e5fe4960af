import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fetchBundles, fetchTaggedBundles } from './bundles.ts';
import { bytesDigest } from './digest.ts';
import { noRegistrySettings, type RegistrySettings } from './registry-settings.ts';
import { openRegistry } from './registry.ts';

const digest = `sha256:${'a'.repeat(64)}`;
const indexType = 'application/vnd.oci.image.index.v1+json';
const bundleType = 'application/vnd.dev.sigstore.bundle.v0.3+json';
const payloadType = 'application/vnd.in-toto+json';

interface Served {
  readonly status?: number;
  readonly type?: string;
  readonly link?: string;
  readonly body: string | Buffer;
}

let server: Server;
let host: string;
/** By their paths after the repository. */
let documents: Map<string, Served>;

beforeEach(async () => {
  documents = new Map();
  server = createServer((request, response) => {
    const { status = 200, type = 'application/json', link, body } = documents.get((request.url ?? '').replace('/v2/team/app/', '')) ?? { status: 404, body: '404 page not found' };
    response.writeHead(status, { 'content-type': type, ...(link === undefined ? {} : { link }) }).end(body);
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(() => {
  server.close();
  server.closeAllConnections();
});

interface Changes {
  readonly bundle?: unknown;
  readonly layerType?: string;
  readonly layers?: number;
}

const envelope = (name: string) => ({ payload: Buffer.from(name).toString('base64'), payloadType, signatures: [{ sig: Buffer.from(`signed ${name}`).toString('base64') }] });
const found = (name: string) => ({ payload: Buffer.from(name), payloadType, signature: Buffer.from(`signed ${name}`) });

/** Puts a bundle there, as cosign 3 does; answers what a list says of it. */
function keep(name: string, { bundle = { mediaType: bundleType, verificationMaterial: { publicKey: { hint: 'x' } }, dsseEnvelope: envelope(name) }, layerType = bundleType, layers = 1 }: Changes = {}) {
  const body = Buffer.from(typeof bundle === 'string' ? bundle : JSON.stringify(bundle));
  const layer = { mediaType: layerType, digest: bytesDigest(body), size: body.length };
  const config = { mediaType: 'application/vnd.oci.empty.v1+json', digest: bytesDigest(Buffer.from('{}')), size: 2 };
  const manifest = Buffer.from(JSON.stringify({ schemaVersion: 2, artifactType: bundleType, config, layers: Array.from({ length: layers }, () => layer), subject: { digest }, annotations: { name } }));
  documents.set(`blobs/${layer.digest}`, { body });
  documents.set(`manifests/${bytesDigest(manifest)}`, { type: 'application/vnd.oci.image.manifest.v1+json', body: manifest });
  return { mediaType: 'application/vnd.oci.image.manifest.v1+json', digest: bytesDigest(manifest), size: manifest.length };
}

const list = (...manifests: readonly object[]): Served => ({ type: indexType, body: JSON.stringify({ schemaVersion: 2, manifests }) });
const registry = (settings: RegistrySettings = noRegistrySettings, of = host) => openRegistry({ registry: of, repository: 'team/app' }, { action: 'pull', credentials: [], settings, signal: AbortSignal.timeout(20_000) });
const fetched = () => fetchBundles(registry(), digest);
const listedAt = `referrers/${digest}`;
const tagged = `manifests/sha256-${'a'.repeat(64)}`;

describe('bundles of an image', () => {
  it('are those that refer to it, page by page, the newest first', async () => {
    const at = (created: string) => ({ artifactType: bundleType, annotations: { 'org.opencontainers.image.created': created, 'dev.sigstore.bundle.predicateType': 'https://sigstore.dev/cosign/sign/v1' } });
    documents.set(listedAt, { ...list({ ...keep('old'), ...at('2026-01-01T00:00:00Z') }), link: `</v2/team/app/referrers/${digest}?last=1>; rel="next"` });
    documents.set(`${listedAt}?last=1`, list({ ...keep('new'), ...at('2026-02-01T00:00:00Z') }));
    expect(await fetched()).toEqual([found('new'), found('old')]);
  });

  it.each([[400], [404], [405], [200]])('are none where the registry answers a question for the list by %i', async (status) => {
    documents.set(listedAt, { status, type: 'text/html', body: '<html>' });
    expect(await fetched()).toEqual([]);
  });

  it('may be listed under the tag of its digest', async () => {
    expect(await fetchTaggedBundles(registry(), digest)).toEqual([]);
    documents.set(tagged, list(keep('bare'), { ...keep('told'), artifactType: 'application/vnd.oci.empty.v1+json' }));
    expect(await fetchTaggedBundles(registry(), digest)).toEqual([found('bare'), found('told')]);
  });

  it('are asked of a mirror first, and of the registry when the mirror has none', async () => {
    const settings = (registryName: string, mirror: string) => ({ ...noRegistrySettings, mirrors: new Map([[registryName, [new URL(mirror)]]]) });
    documents.set(listedAt, list(keep('mirrored')));
    // Nobody listens there.
    expect(await fetchBundles(registry(settings('127.0.0.1:1', `http://${host}`), '127.0.0.1:1'), digest)).toEqual([found('mirrored')]);
    expect(await fetchBundles(registry(settings(host, 'http://127.0.0.1:1')), digest)).toEqual([found('mirrored')]);
    documents.set(listedAt, list());
    await expect(fetchBundles(registry(settings('127.0.0.1:1', `http://${host}`), '127.0.0.1:1'), digest)).rejects.toThrow('127.0.0.1:1');
  });

  it('are not what else refers to it, nor what can not be read', async () => {
    documents.set(listedAt, list(
      { ...keep('sbom'), artifactType: 'application/spdx+json' }, { ...keep('built'), annotations: { 'dev.sigstore.bundle.predicateType': 'https://slsa.dev/provenance/v1' } },
      { ...keep('long'), digest: `sha512:${'b'.repeat(128)}` }, { ...keep('gone'), digest: `sha256:${'c'.repeat(64)}` }, keep('two', { layers: 2 }), keep('none', { layers: 0 }),
      keep('other', { layerType: 'application/json' }), keep('broken', { bundle: '{' }), keep('of a file', { bundle: { messageSignature: { signature: 'eA==' } } }),
      keep('twice', { bundle: { dsseEnvelope: { ...envelope('x'), signatures: [{ sig: 'eA==' }, { sig: 'eA==' }] } } }), keep('unsigned', { bundle: { dsseEnvelope: { ...envelope('x'), signatures: [] } } }), keep('good'),
    ));
    expect(await fetched()).toEqual([found('good')]);
  });

  it('are not what no signature needs the size of: it would be kept beside the image', async () => {
    documents.set(listedAt, list(keep('large', { bundle: { dsseEnvelope: envelope('x'.repeat(64 * 1024 + 1)) } }), keep('good')));
    expect(await fetched()).toEqual([found('good')]);
  });

  it('are looked for among so many of what refers to it, and not more', async () => {
    documents.set(listedAt, { type: indexType, body: `{"manifests":[${JSON.stringify(keep('good'))}${',0'.repeat(500_000)}]}` });
    expect(await fetched()).toEqual([found('good')]);
  });

  it('whose bytes are others than their digest says are none', async () => {
    documents.set(listedAt, list(keep('changed')));
    for (const [path, served] of documents) if (path.startsWith('blobs/')) documents.set(path, { ...served, body: `${served.body.toString()} ` });
    expect(await fetched()).toEqual([]);
  });

  it('can not be had when the registry fails, and a list that leads elsewhere is not followed', async () => {
    documents.set(listedAt, { ...list(), link: '<http://elsewhere.example/v2/x>; rel="next"' });
    expect(await fetched()).toEqual([]);
    documents.set(listedAt, { status: 500, body: '{}' });
    await expect(fetched()).rejects.toMatchObject({ code: 'Unavailable' });
  });
});
