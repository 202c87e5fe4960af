import { describe, expect, it } from 'vitest';
import { PodTemplate } from '../../../machinery/kinds/core.ts';
import type { KubernetesList } from '../../../machinery/kinds/kind.ts';
import { ApiError } from '../../../machinery/status.ts';
import { startTestServer } from '../../test-server.ts';
import { useCluster } from '../cluster.ts';
import { call } from '../raw.ts';

const cluster = useCluster('lists');
const total = 400;

const template = (index: number, namespace: string): PodTemplate => ({
  metadata: { name: `template-${String(index).padStart(4, '0')}`, namespace }, template: { spec: { containers: [{ name: 'test', image: 'test2' }] } },
});

async function fill(client: typeof cluster.client, namespace: string): Promise<void> {
  for (let start = 0; start < total; start += 40) await Promise.all(Array.from({ length: 40 }, (_, index) => client.create(PodTemplate, template(start + index, namespace))));
}

describe('[sig-api-machinery]', () => {
  it('Servers with support for API chunking should return chunks of results for list calls', async () => {
    const { client, namespace } = cluster;
    await fill(client, namespace);
    for (const limit of [7, 120, 399]) {
      let next: string | undefined;
      let version: string | undefined;
      let found = 0;
      do {
        const { items, metadata } = await client.list(PodTemplate, { namespace, limit, ...(next === undefined ? {} : { continue: next }) });
        expect(items.length).toBeLessThanOrEqual(limit);
        version ??= metadata.resourceVersion;
        expect(metadata.resourceVersion).toBe(version);
        for (const { metadata: item } of items) expect(item?.name).toBe(`template-${String(found++).padStart(4, '0')}`);
        expect(metadata.remainingItemCount).toBe(found === total ? undefined : total - found);
        next = metadata.continue;
        expect(next === undefined || next === '').toBe(found === total);
      } while (next !== undefined && next !== '');
      expect(found).toBe(total);
    }
    const whole = await client.list(PodTemplate, { namespace });
    expect(whole.items).toHaveLength(total);
    expect(whole.metadata).not.toHaveProperty('continue');
    expect(whole.metadata).not.toHaveProperty('remainingItemCount');
  });

  // A server of its own: no client of the shared one can tell its store to forget the past.
  it('Servers with support for API chunking should support continue listing from the last key if the original version has been compacted away, though the list is inconsistent [Slow]', async () => {
    const { client, store, dispose } = await startTestServer();
    await using ending = new AsyncDisposableStack();
    ending.defer(dispose);
    const namespace = 'default';
    const limit = total / 10;
    await fill(client, namespace);
    const first = await client.list(PodTemplate, { namespace, limit });
    expect(first.items).toHaveLength(limit);
    expect(first.metadata.remainingItemCount).toBe(total - limit);
    const later = await client.create(PodTemplate, { ...template(9000, namespace), metadata: { name: 'zz-later', namespace } });
    await store.compact(Number(later.metadata?.resourceVersion));

    const refused: unknown = await client.list(PodTemplate, { namespace, limit, continue: first.metadata.continue ?? '' }).catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: 410, reason: 'Expired', status: { metadata: { continue: expect.stringMatching(/./) as unknown } } });
    const token = refused instanceof ApiError ? String(refused.status.metadata['continue']) : '';
    let found = limit;
    let version: string | undefined;
    let next: string | undefined = token;
    while (next !== undefined && next !== '') {
      const { items, metadata }: KubernetesList<PodTemplate> = await client.list(PodTemplate, { namespace, limit, continue: next });
      version ??= metadata.resourceVersion;
      expect(version).not.toBe(first.metadata.resourceVersion);
      expect(metadata.resourceVersion).toBe(version);
      expect(items.length).toBeLessThanOrEqual(limit);
      for (const { metadata: item } of items) {
        expect(item?.name).toBe(found === total ? 'zz-later' : `template-${String(found).padStart(4, '0')}`);
        found++;
      }
      expect(metadata.remainingItemCount).toBe(found === total + 1 ? undefined : total + 1 - found);
      next = metadata.continue;
    }
    expect(found).toBe(total + 1);
  });

  it('Servers with support for Table transformation should return a 406 for a backend which does not implement metadata', async () => {
    const accept = 'application/json;as=Table;v=v1;g=meta.k8s.io';
    const review = { apiVersion: 'authorization.k8s.io/v1', kind: 'SelfSubjectAccessReview', spec: { resourceAttributes: { namespace: 'default', verb: 'get', resource: 'pods' } } };
    const answer = await call('POST', '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', { headers: { accept }, body: review });
    expect(answer.code).toBe(406);
    expect(answer.body).toMatchObject({ kind: 'Status', status: 'Failure', reason: 'NotAcceptable', code: 406 });
  });
});
