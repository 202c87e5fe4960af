import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { bytesDigest } from './digest.ts';
import { ImageError } from './image-error.ts';
import { addSignatures, fetchSignatures, readSignatures } from './signatures.ts';

const digest = `sha256:${'a'.repeat(64)}`;
const payload = Buffer.from('{"critical":{}}');
const layer = (bytes: Buffer, changes: object = {}) => ({
  mediaType: 'application/vnd.dev.cosign.simplesigning.v1+json', digest: bytesDigest(bytes), size: bytes.length, annotations: { 'dev.cosignproject.cosign/signature': Buffer.from('sig').toString('base64') }, ...changes,
});

/** A repository that has these documents. */
const repository = (documents: Readonly<Record<string, Buffer>>) => ({
  async document(path: string) {
    const body = documents[path];
    if (body === undefined) throw new ImageError('NotFound', `${path}: not found`);
    return { body, mediaType: '' };
  },
});
const manifestOf = (...layers: readonly object[]) => ({ [`manifests/sha256-${'a'.repeat(64)}.sig`]: Buffer.from(JSON.stringify({ config: layer(payload), layers })) });

describe('signatures of an image', () => {
  it('are those under the tag of its digest', async () => {
    const found = await fetchSignatures(repository({ ...manifestOf(layer(payload), layer(payload, { mediaType: 'other' }), layer(payload, { annotations: {} })), [`blobs/${bytesDigest(payload)}`]: payload }), digest);
    expect(found).toEqual([{ payload, signature: Buffer.from('sig') }]);
  });

  it('are none when there is no such tag', async () => {
    expect(await fetchSignatures(repository({}), digest)).toEqual([]);
  });

  it.each<[string, Readonly<Record<string, Buffer>>, string]>([
    ['has other bytes than it says', { [`blobs/${bytesDigest(payload)}`]: Buffer.from('{}') }, 'has other bytes than its digest says'],
    ['is not there', {}, 'not found'],
  ])('are not had when a payload %s', async (_name, blobs, message) => {
    await expect(fetchSignatures(repository({ ...manifestOf(layer(payload)), ...blobs }), digest)).rejects.toThrow(message);
  });

  it('are kept beside those that are there, and read again', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'coracle-signatures-'));
    try {
      const path = join(directory, 'new', 'a.json');
      expect(await readSignatures(path)).toEqual([]);
      const signatures = [{ payload, signature: Buffer.from([0, 255]) }, { payload, signature: Buffer.from([1]), payloadType: 'application/vnd.in-toto+json' }];
      await addSignatures(path, signatures);
      expect(await readSignatures(path)).toEqual(signatures);
      const other = { payload, signature: Buffer.from([2]) };
      await addSignatures(path, [other, signatures[0] ?? other]);
      expect(await readSignatures(path)).toEqual([...signatures, other]);
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});
