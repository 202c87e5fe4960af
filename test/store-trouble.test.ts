import { mkdtemp, rm } from 'node:fs/promises';
import { get } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openEmbedded } from '../api/store/embedded.ts';
import type { Store, WatchSink } from '../api/store/store.ts';
import type { WatchEvent } from '../client/transport.ts';
import type { HttpsTransport } from '../client/https.ts';
import { startTestServer, type TestServer } from './test-server.ts';

/** What a server does when its store holds what it can't read, and when it can't be followed any more. */

let directory: string;
let store: Store;
let follower: WatchSink | undefined;
let test: TestServer;
let jane: HttpsTransport;
const told: string[] = [];
const ends: Error[] = [];

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'coracle-trouble-'));
  const real = await openEmbedded({ path: directory });
  store = { ...real, watch: (prefix, from, sink) => (follower = sink, real.watch(prefix, from, sink)) };
  test = await startTestServer({ store, onError: (what, error) => { told.push(`${what}: ${String(error)}`); }, onEnd: (error) => { ends.push(error); } });
  jane = await test.transportAs('jane');
});
afterAll(async () => {
  await test.dispose();
  await store.close();
  await rm(directory, { recursive: true });
});

const configMaps = { group: '', version: 'v1', resource: 'configmaps', namespace: 'default' } as const;
const secrets = { ...configMaps, resource: 'secrets' } as const;
const bindings = { group: 'rbac.authorization.k8s.io', version: 'v1', resource: 'clusterrolebindings' } as const;
const key = '/registry/core/secrets/default/theirs';
const message = `Internal error occurred: the value of ${key} can't be read: it is sealed (k8s:enc:aesgcm:v1:other), and no key of this server's encryption configuration opens it`;

/** A watch that is there, and what it ends with. */
async function watching(request: typeof configMaps | typeof secrets): Promise<{ readonly ended: Promise<unknown> }> {
  const batches: AsyncIterator<readonly WatchEvent[]> = test.transport.watch({ ...request, verb: 'watch', query: { sendInitialEvents: 'true', allowWatchBookmarks: 'true', resourceVersionMatch: 'NotOlderThan' } })[Symbol.asyncIterator]();
  await batches.next();
  const rest = async (): Promise<unknown> => {
    for (;;) if ((await batches.next()).done === true) return undefined;
  };
  return { ended: rest().catch((error: unknown) => error) };
}

function codeOf(path: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port: test.server.port, ca: test.pki.caPem, path }, (response) => { resolve(response.resume().statusCode); }).on('error', reject);
  });
}

describe('a value that this server has no key for', () => {
  it('takes its kind away, and no other: authorization goes on too, and the kind is back when the value has gone', async () => {
    await test.transport.request({ ...bindings, verb: 'create', body: { metadata: { name: 'jane' }, roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'edit' }, subjects: [{ kind: 'User', name: 'jane' }] } });
    await test.transport.request({ ...secrets, verb: 'create', body: { metadata: { name: 'ours' } } });
    await jane.request({ ...configMaps, verb: 'create', body: { metadata: { name: 'one' } } });
    const { ended } = await watching(secrets);
    await store.commit({ compares: [], writes: [{ type: 'put', key, value: Buffer.from('k8s:enc:aesgcm:v1:other:xxxxxxxx') }] });

    expect(await ended).toMatchObject({ status: { code: 500, message } });
    for (const query of [{}, { resourceVersion: '0' }, { limit: '1' }]) await expect(test.transport.request({ ...secrets, verb: 'list', query })).rejects.toMatchObject({ status: { code: 500, message } });
    await expect(test.transport.watch({ ...secrets, verb: 'watch' })[Symbol.asyncIterator]().next()).rejects.toMatchObject({ status: { code: 500, message } });
    for (const verb of ['get', 'delete'] as const) await expect(test.transport.request({ ...secrets, verb, name: 'theirs' })).rejects.toMatchObject({ status: { code: 500, message } });
    await expect(test.transport.request({ ...secrets, verb: 'create', body: { metadata: { name: 'theirs' } } })).rejects.toMatchObject({ status: { reason: 'AlreadyExists' } });
    expect(await test.transport.request({ ...secrets, verb: 'get', name: 'ours' })).toMatchObject({ metadata: { name: 'ours' } });
    expect(await test.transport.request({ ...configMaps, verb: 'list' })).toMatchObject({ items: [{ metadata: { name: 'one' } }] });
    await test.transport.request({ ...bindings, verb: 'delete', name: 'jane' });
    await expect(jane.request({ ...configMaps, verb: 'create', body: { metadata: { name: 'two' } } })).rejects.toMatchObject({ status: { code: 403 } });
    expect(told).toHaveLength(1);
    expect(told[0]).toContain(key);

    await store.commit({ compares: [], writes: [{ type: 'delete', key }] });
    expect(await test.transport.request({ ...secrets, verb: 'list' })).toMatchObject({ items: expect.arrayContaining([expect.objectContaining({ metadata: expect.objectContaining({ name: 'ours' }) })]) });
  });
});

describe('a store that can not be followed any more', () => {
  it('is told once, ends watches, and nothing is answered by what was known of it', async () => {
    const { ended } = await watching(configMaps);
    const local = test.server.localTransport({ name: 'admin', groups: ['system:masters'] });
    const broken = new Error('the watch broke');
    follower?.end(broken);
    await ended;
    expect(ends).toEqual([broken]);
    const refused = { status: { code: 503, message: 'the store ended: the watch broke' } };
    await expect(test.transport.request({ ...configMaps, verb: 'list', query: { resourceVersion: '0' } })).rejects.toMatchObject(refused);
    await expect(test.transport.request({ ...configMaps, verb: 'create', body: { metadata: { name: 'late' } } })).rejects.toMatchObject(refused);
    expect(await codeOf('/livez')).toBe(503);
    await expect(local.request({ ...configMaps, verb: 'get', name: 'one' })).rejects.toMatchObject({ status: { code: 503 } });
    expect((await store.range({ from: '/registry/core/configmaps/default/late', to: '/registry/core/configmaps/default/late0' })).items).toEqual([]);
  });
});
