import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { createAdmission } from '../admission/admission.ts';
import { apiVersionOf, type Kind, type KubernetesObject } from '../../machinery/kinds/kind.ts';
import { failure } from '../../machinery/status.ts';
import type { Writer } from '../handlers/writer.ts';
import type { RequestInfo, User } from '../request.ts';
import { resources } from '../resources/all.ts';
import type { Caches } from '../store/cache.ts';
import { openEmbedded } from '../store/embedded.ts';
import type { Store } from '../store/store.ts';
import { restless } from '../store/test-pace.ts';
import { createCaches } from '../store/watch-cache.ts';

/** A store with its caches, for the tests of this room: objects are put as they are, past handlers and admission. */
export interface TestCluster {
  readonly store: Store;
  readonly caches: Caches;
  readonly writer: Writer;
  /** Milliseconds; tests move it. */
  time: number;
  put<T extends KubernetesObject>(kind: Kind<T>, object: T): Promise<void>;
  remove(kind: Kind, at: { readonly namespace?: string; readonly name: string }): Promise<void>;
  close(): Promise<void>;
}

export const startOfTime = Date.parse('2026-01-01T00:00:00Z');

export async function startTestCluster(): Promise<TestCluster> {
  const directory = await mkdtemp(join(tmpdir(), 'coracle-access-'));
  const store = await openEmbedded({ path: join(directory, 'store'), compactionPeriodMs: 0 });
  const caches = await createCaches(store, resources, { freeze: true, pace: restless });
  let drawn = 0;
  const cluster: TestCluster = {
    store, caches, time: startOfTime,
    writer: {
      store, caches, admission: createAdmission([]),
      authorize: () => undefined,
      codec: { encode: (resource, object) => encode(resource, object), decode: notHere, check: notHere, parse: notHere, strategicMerge: notHere },
      now: () => cluster.time,
      uuid: () => `uid-${drawn++}`,
      nameSuffix: () => 'xxxxx',
    },
    async put(kind, object) {
      const { namespace, name = '' } = object.metadata ?? {};
      const uid = object.metadata?.uid ?? `uid-of-${name}`;
      const value = encode(kind, { ...object, metadata: { ...object.metadata, uid } });
      await store.commit({ compares: [], writes: [{ type: 'put', key: caches.of(kind).keyOf(namespace, name), value }] });
      await nextTurn();
    },
    async remove(kind, { namespace, name }) {
      await store.commit({ compares: [], writes: [{ type: 'delete', key: caches.of(kind).keyOf(namespace, name) }] });
      await nextTurn();
    },
    async close() {
      caches.close();
      await store.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
  return cluster;
}

function notHere(): never {
  throw failure('InternalError', 'these tests write no bodies');
}

/** `kind`, `apiVersion`, `metadata`, then the rest; no resourceVersion. */
function encode(kind: Kind, object: KubernetesObject): Buffer {
  const { kind: _kind, apiVersion: _apiVersion, metadata, ...rest } = object;
  const { resourceVersion: _revision, ...kept } = metadata ?? {};
  return Buffer.from(JSON.stringify({ kind: kind.kind, apiVersion: apiVersionOf(kind), metadata: kept, ...rest }));
}

/** `get pods/log in a/x`: a request as short text: verb, resource with subresource, `in` namespace, `/` name; the group after `@`. */
export function asking(text: string, more: Partial<RequestInfo> = {}): RequestInfo {
  const [verb = '', target = '', , where = ''] = text.split(' ');
  if (target.startsWith('/')) return { path: target, isResource: false, verb, group: '', version: '', resource: '', subresource: '', namespace: '', name: '' };
  const [resourcePath = '', group = ''] = target.split('@');
  const [resource = '', subresource = ''] = resourcePath.split('/');
  const [namespace = '', name = ''] = where.split('/');
  return { path: '', isResource: true, verb, group, version: 'v1', resource, subresource, namespace, name, ...more };
}

export function someone(name: string, ...groups: readonly string[]): User {
  return { name, groups: [...groups, 'system:authenticated'] };
}
