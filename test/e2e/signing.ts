import { createHash, createPublicKey, generateKeyPairSync, sign as signBytes, type KeyObject } from 'node:crypto';

export interface SigningKey {
  /** PEM. */
  readonly publicKey: string;
  readonly privateKey: KeyObject;
}

/** A key pair of the kind that `cosign generate-key-pair` makes. */
export function newSigningKey(): SigningKey {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  return { publicKey: publicKey.export({ type: 'spki', format: 'pem' }).toString(), privateKey };
}

const digestOf = (bytes: Buffer): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
const indexType = 'application/vnd.oci.image.index.v1+json';
const manifestType = 'application/vnd.oci.image.manifest.v1+json';

/** Puts a signature beside an image in its registry, as `cosign sign --key` leaves it there up to cosign 2. `host`: spoken to over plain HTTP. */
export async function sign(host: string, repository: string, digest: string, { privateKey }: SigningKey): Promise<void> {
  const payload = Buffer.from(JSON.stringify({
    critical: { identity: { 'docker-reference': `${host}/${repository}` }, image: { 'docker-manifest-digest': digest }, type: 'cosign container image signature' }, optional: null,
  }));
  const config = Buffer.from(JSON.stringify({ architecture: '', os: '', config: {}, rootfs: { type: 'layers', diff_ids: [digestOf(payload)] } }));
  const manifest = JSON.stringify({
    schemaVersion: 2, mediaType: manifestType, config: { mediaType: 'application/vnd.oci.image.config.v1+json', digest: digestOf(config), size: config.length },
    layers: [{
      mediaType: 'application/vnd.dev.cosign.simplesigning.v1+json', digest: digestOf(payload), size: payload.length,
      annotations: { 'dev.cosignproject.cosign/signature': signBytes('sha256', payload, privateKey).toString('base64') },
    }],
  });
  const base = `http://${host}/v2/${repository}`;
  for (const blob of [payload, config]) await putBlob(base, blob);
  await putManifest(base, `${digest.replace(':', '-')}.sig`, manifestType, manifest);
}

const bundleType = 'application/vnd.dev.sigstore.bundle.v0.3+json';

/** The same as cosign 3 does it: a Sigstore bundle that refers to the image; in a registry that keeps no such list, cosign does. */
export async function signByBundle(host: string, repository: string, digest: string, { publicKey, privateKey }: SigningKey, predicateType = 'https://sigstore.dev/cosign/sign/v1'): Promise<void> {
  const payloadType = 'application/vnd.in-toto+json';
  const statement = Buffer.from(JSON.stringify({ _type: 'https://in-toto.io/Statement/v1', subject: [{ digest: { sha256: digest.slice('sha256:'.length) }, annotations: {} }], predicateType, predicate: {} }));
  const signature = signBytes('sha256', Buffer.concat([Buffer.from(`DSSEv1 ${payloadType.length} ${payloadType} ${statement.length} `), statement]), privateKey);
  const hint = createHash('sha256').update(createPublicKey(publicKey).export({ type: 'spki', format: 'der' })).digest('base64');
  const bundle = Buffer.from(JSON.stringify({
    mediaType: bundleType, verificationMaterial: { publicKey: { hint } },
    dsseEnvelope: { payload: statement.toString('base64'), payloadType, signatures: [{ sig: signature.toString('base64') }] },
  }));
  const nothing = Buffer.from('{}');
  const base = `http://${host}/v2/${repository}`;
  const image = await send(`${base}/manifests/${digest}`, { method: 'HEAD', headers: { accept: manifestType } });
  const manifest = JSON.stringify({
    schemaVersion: 2, mediaType: manifestType, config: { mediaType: 'application/vnd.oci.empty.v1+json', artifactType: bundleType, digest: digestOf(nothing), size: nothing.length },
    layers: [{ mediaType: bundleType, digest: digestOf(bundle), size: bundle.length }],
    subject: { mediaType: manifestType, digest, size: Number(image.headers.get('content-length')) },
    annotations: { 'dev.sigstore.bundle.content': 'dsse-envelope', 'dev.sigstore.bundle.predicateType': predicateType, 'org.opencontainers.image.created': new Date().toISOString() },
    artifactType: bundleType,
  });
  for (const blob of [bundle, nothing]) await putBlob(base, blob);
  const referrer = { mediaType: manifestType, digest: digestOf(Buffer.from(manifest)), size: manifest.length };
  await putManifest(base, referrer.digest, manifestType, manifest);
  await addReferrer(base, digest.replace(':', '-'), referrer);
}

/** Source: OCI distribution-spec 1.1, "Referrers Tag Schema". */
async function addReferrer(base: string, tag: string, referrer: object): Promise<void> {
  const before = await fetch(`${base}/manifests/${tag}`, { headers: { accept: indexType }, signal: AbortSignal.timeout(10_000) });
  const { manifests = [] } = (before.ok ? await before.json() : {}) as { readonly manifests?: readonly object[] };
  await putManifest(base, tag, indexType, JSON.stringify({ schemaVersion: 2, mediaType: indexType, manifests: [...manifests, referrer] }));
}

async function send(url: string, init: RequestInit): Promise<Response> {
  const response = await fetch(url, { ...init, signal: AbortSignal.timeout(10_000) });
  if (!response.ok) throw new Error(`${init.method ?? ''} ${url}: ${response.status} ${await response.text()}`);
  return response;
}

async function putBlob(base: string, blob: Buffer): Promise<void> {
  const begun = await send(`${base}/blobs/uploads/`, { method: 'POST' });
  await send(`${begun.headers.get('location') ?? ''}&digest=${digestOf(blob)}`, { method: 'PUT', body: new Uint8Array(blob) });
}

async function putManifest(base: string, name: string, type: string, body: string): Promise<void> {
  await send(`${base}/manifests/${name}`, { method: 'PUT', body, headers: { 'content-type': type } });
}
