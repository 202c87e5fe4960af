import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { KeyValue, Store, Transaction } from '../store/store.ts';
import { makeRequest, readRequest } from './certificates.ts';
import { ensureServerToken, openPki, serviceAddress, type Pki } from './pki.ts';
import { OtherClusterError, WrongTokenError } from './sealing.ts';

/** As much of a store as the keys need: ranges and compare-and-write. */
function memoryStore(): Pick<Store, 'range' | 'commit'> {
  const kept = new Map<string, KeyValue>();
  let revision = 1;
  return {
    range: ({ from, to }) => {
      const items = [...kept.values()].filter(({ key }) => key >= from && key < to);
      return Promise.resolve({ revision, items, count: items.length });
    },
    commit: ({ compares, writes }: Transaction) => {
      const current = compares.map(({ key }) => kept.get(key));
      if (compares.some((compare, index) => (current[index]?.modRevision ?? 0) !== compare.revision)) {
        return Promise.resolve({ committed: false, revision, current });
      }
      revision++;
      for (const write of writes) {
        if (write.type === 'put') kept.set(write.key, { key: write.key, value: write.value, createRevision: revision, modRevision: revision });
      }
      return Promise.resolve({ committed: true, revision });
    },
  };
}

const now = () => Date.parse('2026-01-01T00:00:00Z');
let root = '';
let store: ReturnType<typeof memoryStore>;
let pki: Pki;

const open = (name: string, token = 'token') => openPki(store, { dataDir: join(root, name), token, now });

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'coracle-pki-'));
  store = memoryStore();
  pki = await open('a');
});

afterAll(() => rm(root, { recursive: true, force: true }));

describe("the cluster's keys", () => {
  it('are the same for every server that has the token', async () => {
    const other = await open('b');
    expect(other.caPem).toBe(pki.caPem);
    expect(other.serviceAccountKeys.keyId).toBe(pki.serviceAccountKeys.keyId);
  });

  it('are minted once when two servers start at the same time', async () => {
    store = memoryStore();
    const both = await Promise.all([open('c'), open('d')]);
    expect(both[0].caPem).toBe(both[1].caPem);
  });

  it('stay closed to a wrong token', async () => {
    await expect(open('e', 'guess')).rejects.toThrow(WrongTokenError);
  });

  it('are not replaced in the directory of a cluster that is in another store', async () => {
    const own = store;
    const { caPem } = await open('f');
    store = memoryStore();
    await expect(open('f')).rejects.toThrow(/^the store holds no cluster, and .*f belongs to one/);
    expect(await store.range({ from: '/', to: '0' })).toMatchObject({ items: [] });
    await open('g');
    await expect(open('f')).rejects.toThrow(OtherClusterError);
    store = own;
    expect((await open('f')).caPem).toBe(caPem);
  });

  it('are readable for their owner only, and not in the store', async () => {
    const path = join(root, 'a', 'pki', 'cluster-ca.key');
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    const key = (await readFile(path, 'utf8')).split('\n')[1] ?? '-';
    const { items } = await store.range({ from: '/', to: '0' });
    expect(items.every(({ value }) => !value.includes(key))).toBe(true);
  });

  it('come from disk at a restart, without the token', async () => {
    const token = await ensureServerToken(join(root, 'c'));
    expect(await ensureServerToken(join(root, 'c'))).toBe(token);
    await expect(open('c', 'anything')).resolves.toBeDefined();
  });
});

describe('a certificate', () => {
  it('of the server names every way to reach it, and is kept', async () => {
    const pair = await pki.serverCertificate(['node-1', '192.0.2.7']);
    const certificate = new X509Certificate(pair.certPem);
    expect(certificate.verify(createPublicKey(pki.caPem))).toBe(true);
    expect(certificate.checkPrivateKey(createPrivateKey(pair.keyPem))).toBe(true);
    for (const name of ['localhost', 'kubernetes.default.svc', 'node-1']) expect(certificate.checkHost(name)).toBe(name);
    for (const address of ['127.0.0.1', '::1', serviceAddress, '192.0.2.7']) expect(certificate.checkIP(address)).toBe(address);
    expect((await pki.serverCertificate(['node-1'])).certPem).toBe(pair.certPem);
    expect([pki.isServerName('node-1'), pki.isServerName('other')]).toEqual([true, false]);
    expect((await pki.serverCertificate(['node-2'])).certPem).not.toBe(pair.certPem);
  });

  it('of a client carries its user and groups, and is minted again for other groups', async () => {
    const pair = await pki.clientCertificate({ commonName: 'system:admin', organizations: ['system:masters', 'b'] });
    expect(new X509Certificate(pair.certPem).toLegacyObject().subject).toMatchObject({ CN: 'system:admin', O: ['system:masters', 'b'] });
    expect((await pki.clientCertificate({ commonName: 'system:admin', organizations: ['system:masters', 'b'] })).certPem).toBe(pair.certPem);
    expect((await pki.clientCertificate({ commonName: 'system:admin', organizations: [] })).certPem).not.toBe(pair.certPem);
  });

  it('that is torn on disk is minted again', async () => {
    await pki.frontProxyCertificate();
    await writeFile(join(root, 'a', 'pki', 'front-proxy-client.crt'), 'torn');
    const again = await pki.frontProxyCertificate();
    expect(new X509Certificate(again.certPem).verify(createPublicKey(pki.frontProxyCaPem))).toBe(true);
  });

  it('is signed for the key of a request', async () => {
    const { requestPem, keyPem } = await makeRequest({ commonName: 'system:node:n', organizations: ['system:nodes'] }, ['n', '192.0.2.1']);
    const request = await readRequest(requestPem);
    expect(request).toMatchObject({ commonName: 'system:node:n', organizations: ['system:nodes'], dnsNames: ['n'], ipAddresses: ['192.0.2.1'], otherNames: [] });
    const signed = new X509Certificate(await pki.certify(request.publicKey, { ...request, usages: ['client'], names: [] }, 3_600_000));
    expect(signed.checkPrivateKey(createPrivateKey(keyPem))).toBe(true);
    expect(signed.validToDate.getTime()).toBe(now() + 3_600_000);
  });
});
