import { createHash, generateKeyPairSync, sign as signBytes, type KeyObject } from 'node:crypto';

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
const manifestType = 'application/vnd.oci.image.manifest.v1+json';

/** Puts a signature beside an image in its registry, as `cosign sign --key` leaves it there. `host`: spoken to over plain HTTP. */
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
  const send = async (url: string, init: RequestInit): Promise<Response> => {
    const response = await fetch(url, { ...init, signal: AbortSignal.timeout(10_000) });
    if (!response.ok) throw new Error(`${init.method ?? ''} ${url}: ${response.status} ${await response.text()}`);
    return response;
  };
  for (const blob of [payload, config]) {
    const begun = await send(`${base}/blobs/uploads/`, { method: 'POST' });
    await send(`${begun.headers.get('location') ?? ''}&digest=${digestOf(blob)}`, { method: 'PUT', body: new Uint8Array(blob) });
  }
  await send(`${base}/manifests/${digest.replace(':', '-')}.sig`, { method: 'PUT', body: manifest, headers: { 'content-type': manifestType } });
}
