import { generateKeyPairSync, sign } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import type { ImagePolicy, ImageRule } from '../../../machinery/kinds/image-policy.ts';
import { bytesDigest } from '../../images/digest.ts';
import type { Signature } from '../../images/signatures.ts';
import type { StoredImage } from '../../images/store.ts';
import { noRegistrySettings } from '../../images/registry-settings.ts';
import type { PodHandle } from '../handle.ts';
import { verifyImage } from './verify-image.ts';

const { publicKey, privateKey } = generateKeyPairSync('ed25519');
const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
/** Nobody listens there. */
const guarded = '127.0.0.1:1/guarded/app';
const free = '127.0.0.1:1/free/app';
const digest = `sha256:${'d'.repeat(64)}`;
const image: StoredImage = {
  id: `sha256:${'1'.repeat(64)}`, references: [`${free}:1`], repoDigests: [`${guarded}@${digest}`, `${free}@${digest}`], sizeBytes: 1, pinned: false, layers: [],
  config: { diffIds: [], env: [], entrypoint: [], command: [], workingDir: '', user: '' },
};

function signatureFor(repository: string): Signature {
  const payload = Buffer.from(JSON.stringify({ critical: { identity: { 'docker-reference': repository }, image: { 'docker-manifest-digest': digest }, type: 'cosign container image signature' } }));
  return { payload, signature: sign(null, payload, privateKey) };
}

/** Runs the check as for a container that asks for the image by `asked`. */
async function verify(asked: string, rules: readonly ImageRule[], signatures: readonly Signature[] = [], of = image, kept: Signature[] = []): Promise<void> {
  const policies: readonly ImagePolicy[] = rules.length === 0 ? [] : [{ metadata: { name: 'p' }, spec: { rules } }];
  const handle = {
    starting: new AbortController().signal, pod: () => ({ metadata: { namespace: 'ns' }, spec: { containers: [] } }),
    node: { imagePolicies: { current: async () => policies }, registries: noRegistrySettings, images: { signatures: async () => signatures, keepSignatures: async (_digest: string, more: readonly Signature[]) => void kept.push(...more) } },
  } as unknown as PodHandle;
  await verifyImage(handle, { name: 'a', image: asked }, of);
}

const keyed = (of: string): ImageRule => ({ image: of, publicKeys: [pem] });

describe('an image before its container starts', () => {
  it.each<[string, string, readonly ImageRule[], readonly Signature[]]>([
    ['where there are no policies', `${guarded}:1`, [], []],
    ['when no rule matches', `${free}:1`, [keyed(guarded)], []],
    ['when a rule lets it', `${guarded}:1`, [{ image: '**', allow: 'unsigned' }, keyed('**')], []],
    ['by a signature that the node has, without the registry', `${guarded}:1`, [keyed('**')], [signatureFor(guarded)]],
    ['by its id, when all its names may', image.id, [keyed('**')], [signatureFor(guarded), signatureFor(free)]],
  ])('may run %s', async (_name, asked, rules, signatures) => {
    await expect(verify(asked, rules, signatures)).resolves.toBeUndefined();
  });

  it.each<[string, string, readonly ImageRule[], readonly Signature[]]>([
    ['without a signature, when the registry is not there', `${guarded}:1`, [keyed('**')], []],
    ['by the signature of another name', `${free}:1`, [keyed('**')], [signatureFor(guarded)]],
    ['by its id, when one of its names may not', image.id, [keyed(guarded)], []],
    ['by the digits of its id, when one of its names may not', image.id.slice('sha256:'.length), [keyed(guarded)], []],
  ])('may not run %s', async (_name, asked, rules, signatures) => {
    await expect(verify(asked, rules, signatures)).rejects.toMatchObject({ reason: 'SignatureValidationFailed', eventReason: 'SignatureValidationFailed', message: expect.stringMatching(/is refused by rule 1 of ImagePolicy "p" .*: its signatures can't be had: /) });
  });

  it('is remembered with the signatures that let it run, and no others', async () => {
    const [good, other] = [signatureFor(guarded), { ...signatureFor(guarded), signature: Buffer.from('made by somebody') }];
    const blobs = new Map([good, other].map(({ payload }) => [bytesDigest(payload), payload]));
    const layers = [other, good].map(({ payload, signature }) => ({ mediaType: 'application/vnd.dev.cosign.simplesigning.v1+json', digest: bytesDigest(payload), size: payload.length, annotations: { 'dev.cosignproject.cosign/signature': signature.toString('base64') } }));
    const manifest = JSON.stringify({ schemaVersion: 2, config: layers[0], layers });
    const server = createServer(({ url = '' }, response) => void response.end(url.endsWith('.sig') ? manifest : blobs.get(url.slice(url.lastIndexOf('/') + 1))));
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
    try {
      const there = `127.0.0.1:${(server.address() as AddressInfo).port}/guarded/app`;
      const kept: Signature[] = [];
      await verify(`${there}:1`, [{ ...keyed('**'), signedAs: guarded }], [], { ...image, repoDigests: [`${there}@${digest}`] }, kept);
      expect(kept).toEqual([good]);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });

  it('may not run when it has no name at all, and a rule is for everything', async () => {
    const nameless = { ...image, references: [], repoDigests: [] };
    await expect(verify(image.id, [keyed('**')], [signatureFor(guarded)], nameless)).rejects.toThrow('it did not come from a registry');
    await expect(verify(image.id, [keyed(guarded)], [], nameless)).resolves.toBeUndefined();
  });
});
