import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openEmbedded } from '../api/store/embedded.ts';
import { encryptedStore, reseal } from '../api/store/encryption.ts';
import { readEncryptionConfiguration } from '../api/store/encryption/configuration.ts';
import type { Store } from '../api/store/store.ts';
import { createCaches } from '../api/store/watch-cache.ts';
import { manualClock } from '../machinery/clock.ts';
import { put, record, storeContract, write } from './suites/store-contract.ts';

const keyA = Buffer.alloc(32, 1).toString('base64');
const keyB = Buffer.alloc(16, 2).toString('base64');

/** An EncryptionConfiguration of `secrets` with these providers. */
function configuration(...providers: readonly object[]): ReturnType<typeof readEncryptionConfiguration> {
  return readEncryptionConfiguration(JSON.stringify({
    kind: 'EncryptionConfiguration', apiVersion: 'apiserver.config.k8s.io/v1', resources: [{ resources: ['secrets'], providers }],
  }));
}

const gcm = (name: string, secret: string) => ({ aesgcm: { keys: [{ name, secret }] } });
const secretKey = '/registry/core/secrets/default/s';

storeContract('an encrypted store', async () => {
  const path = await mkdtemp(join(tmpdir(), 'store-'));
  const clock = manualClock();
  const rules = readEncryptionConfiguration(JSON.stringify({
    kind: 'EncryptionConfiguration', apiVersion: 'apiserver.config.k8s.io/v1', resources: [{ resources: ['*.*'], providers: [gcm('a', keyA)] }],
  })).map((rule) => ({ ...rule, keyPrefix: '/t/' }));
  const store = encryptedStore(await openEmbedded({ path, clock }), rules);
  return {
    store,
    elapse: async (seconds) => void clock.advance(seconds * 1000),
    async dispose() {
      await store.close();
      await rm(path, { recursive: true });
    },
  };
});

describe('an encrypted store', () => {
  let path: string;
  let plain: Store;

  beforeEach(async () => {
    path = await mkdtemp(join(tmpdir(), 'store-'));
    plain = await openEmbedded({ path });
  });
  afterEach(async () => {
    await plain.close();
    await rm(path, { recursive: true });
  });

  const raw = async (key: string): Promise<string> => (await plain.range({ from: key, to: `${key}\0` })).items[0]?.value.toString('latin1') ?? '';

  it('has no trace of a chosen value on the disk, and leaves the others alone', async () => {
    const store = encryptedStore(plain, configuration(gcm('a', keyA)));
    await store.commit(write(put(secretKey, 'swordfish-in-the-clear'), put('/registry/core/configmaps/default/c', 'haddock-in-the-clear')));
    await store.close();
    const bytes = Buffer.concat(await Promise.all(['store.db', 'store.db-wal'].map((name) => readFile(join(path, name)).catch(() => Buffer.alloc(0)))));
    expect([bytes.includes('swordfish-in-the-clear'), bytes.includes('haddock-in-the-clear'), bytes.includes('k8s:enc:aesgcm:v1:a:')]).toEqual([false, true, true]);
    plain = await openEmbedded({ path });
    expect((await encryptedStore(plain, configuration(gcm('a', keyA))).range({ from: '/registry/', to: '/registry0' })).items.map(({ value }) => value.toString()))
      .toEqual(['haddock-in-the-clear', 'swordfish-in-the-clear']);
  });

  it('reads what older keys and no key wrote, and seals it again with the first', async () => {
    await plain.commit(write(put(`${secretKey}-plain`, 'from before')));
    await encryptedStore(plain, configuration(gcm('a', keyA))).commit(write(put(`${secretKey}-a`, 'with a')));
    await encryptedStore(plain, configuration({ aescbc: { keys: [{ name: 'c', secret: keyB }] } })).commit(write(put(`${secretKey}-cbc`, 'with cbc')));
    const rotated = configuration(gcm('b', keyB), gcm('a', keyA), { aescbc: { keys: [{ name: 'c', secret: keyB }] } }, { identity: {} });
    const all = { from: '/registry/', to: '/registry0' };
    const read = async (rules: typeof rotated) => (await encryptedStore(plain, rules).range(all)).items.map(({ value }) => value.toString());
    expect(await read(rotated)).toEqual(['with a', 'with cbc', 'from before']);
    expect(await reseal(plain, rotated, AbortSignal.timeout(5000))).toBe(3);
    expect(await read(configuration(gcm('b', keyB)))).toEqual(['with a', 'with cbc', 'from before']);
    expect(await reseal(plain, rotated, AbortSignal.timeout(5000))).toBe(0);
    expect(await raw(`${secretKey}-plain`)).toMatch(/^k8s:enc:aesgcm:v1:b:/);
  });

  it('is not taken for a store of objects when nobody opens its values', async () => {
    await encryptedStore(plain, configuration(gcm('a', keyA))).commit(write(put(secretKey, 'v')));
    await expect(createCaches(plain, [])).rejects.toThrow(`the value of ${secretKey} can't be read: it is sealed (k8s:enc:aesgcm:v1:a)`);
  });

  it('is written in the clear again when identity comes first', async () => {
    await encryptedStore(plain, configuration(gcm('a', keyA))).commit(write(put(secretKey, 'v')));
    expect(await reseal(plain, configuration({ identity: {} }, gcm('a', keyA)), AbortSignal.timeout(5000))).toBe(1);
    expect(await raw(secretKey)).toBe('v');
  });

  it('hands on as it is what it can not open: a value whose key is gone, or that was moved to another name', async () => {
    const rules = configuration(gcm('a', keyA));
    const store = encryptedStore(plain, rules);
    await store.commit(write(put(secretKey, 'v')));
    const sealed = (await plain.range({ from: secretKey, to: `${secretKey}\0` })).items[0]?.value ?? Buffer.alloc(0);
    await plain.commit({ compares: [], writes: [{ type: 'put', key: `${secretKey}-moved`, value: sealed }] });
    const all = { from: '/registry/', to: '/registry0' };
    expect((await encryptedStore(plain, configuration(gcm('b', keyB))).range(all)).items.map(({ value }) => value)).toEqual([sealed, sealed]);
    expect((await store.range(all)).items.map(({ value }) => value)).toEqual([Buffer.from('v'), sealed]);
    const sink = record();
    store.watch('/registry/', 2, sink);
    await expect.poll(() => sink.seen.length).toBe(2);
    expect([sink.seen, sink.ends]).toEqual([[`2: ${secretKey}=v`, `3: ${secretKey}-moved=${sealed.toString()}`], []]);
    await expect(reseal(plain, configuration(gcm('b', keyB)), AbortSignal.timeout(5000))).rejects.toThrow(`the value of ${secretKey} can't be opened: no provider`);
  });

  it.each([
    ['kind: Nonsense', 'kind: must be EncryptionConfiguration of apiserver.config.k8s.io/v1'],
    ['a: [', 'the file: is no YAML'],
    [`{kind: EncryptionConfiguration, apiVersion: apiserver.config.k8s.io/v1, resources: [{resources: [secrets], providers: [{kms: {}}]}]}`, 'resources[0].providers[0]: "kms" is not supported: use aesgcm'],
    [`{kind: EncryptionConfiguration, apiVersion: apiserver.config.k8s.io/v1, resources: [{resources: [secrets], providers: [{aesgcm: {keys: [{name: a, secret: YWJj}]}}]}]}`, 'resources[0].providers[0].aesgcm.keys[0].secret: must be 16, 24 or 32 bytes in base64, not 3'],
    [`{kind: EncryptionConfiguration, apiVersion: apiserver.config.k8s.io/v1, resources: [{resources: [], providers: [{identity: {}}]}]}`, 'resources[0].resources: must be a list that is not empty'],
  ])('refuses the configuration %s', (text, message) => {
    expect(() => readEncryptionConfiguration(text)).toThrow(message);
  });

  it.each([
    ['secrets', '/registry/core/secrets/'], ['deployments.apps', '/registry/apps/deployments/'], ['*.apps', '/registry/apps/'], ['*.', '/registry/core/'], ['*.*', '/registry/'],
    ['roles.rbac.authorization.k8s.io', '/registry/rbac.authorization.k8s.io/roles/'],
  ])('%s are the keys under %s', (name, prefix) => {
    const [rule] = readEncryptionConfiguration(JSON.stringify({ kind: 'EncryptionConfiguration', apiVersion: 'apiserver.config.k8s.io/v1', resources: [{ resources: [name], providers: [{ identity: {} }] }] }));
    expect(rule?.keyPrefix).toBe(prefix);
  });
});
