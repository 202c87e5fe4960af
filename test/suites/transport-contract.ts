/** What every way to the API must do, so that components can't tell which one they have. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createClient } from '../../client/client.ts';
import type { ApiRequest, Transport, WatchEvent } from '../../client/transport.ts';
import type { KubernetesObject } from '../../machinery/kinds/kind.ts';
import { ConfigMap } from '../../machinery/kinds/core.ts';
import { ApiError } from '../../machinery/status.ts';

export interface TransportUnderTest {
  /** Of somebody who may do anything. */
  readonly transport: Transport;
  /** Of somebody who may do nothing, named `nobody`. */
  readonly powerless: Transport;
  dispose(): Promise<void>;
}

const configMaps = { group: '', version: 'v1', resource: 'configmaps', namespace: 'default' } as const;

function configMap(name: string, data: Readonly<Record<string, string>> = {}, labels: Readonly<Record<string, string>> = {}): ConfigMap {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, labels }, data };
}

async function refusal(promise: Promise<unknown>): Promise<ApiError> {
  const outcome = await promise.then(() => undefined, (error: unknown) => error);
  if (outcome instanceof ApiError) return outcome;
  throw new Error(`refused with an ApiError was expected, not ${String(outcome)}`);
}

function summary(event: WatchEvent): string {
  return `${event.type} ${event.object.metadata?.name ?? ''}`;
}

function revisionOf(object: KubernetesObject): string {
  return object.metadata?.resourceVersion ?? '';
}

/** Events one by one, until `count` have come. */
async function take(transport: Transport, request: ApiRequest, count: number, once?: () => Promise<unknown>): Promise<WatchEvent[]> {
  const events: WatchEvent[] = [];
  const controller = new AbortController();
  let started = once;
  for await (const batch of transport.watch({ ...request, signal: controller.signal })) {
    events.push(...batch);
    const run = started;
    started = undefined;
    await run?.();
    if (events.length >= count) controller.abort();
  }
  return events;
}

export function transportContract(name: string, open: () => Promise<TransportUnderTest>): void {
  describe(name, () => {
    let under: TransportUnderTest;
    let transport: Transport;
    beforeAll(async () => {
      under = await open();
      ({ transport } = under);
    });
    afterAll(() => under.dispose());

    it('creates, reads, updates, patches and deletes an object', async () => {
      const created = await transport.request({ ...configMaps, verb: 'create', body: configMap('life', { a: '1' }) });
      expect(created).toMatchObject({ kind: 'ConfigMap', apiVersion: 'v1', metadata: { name: 'life', namespace: 'default' }, data: { a: '1' } });
      expect(created.metadata?.uid).toMatch(/^[0-9a-f-]{36}$/);
      expect(await transport.request({ ...configMaps, verb: 'get', name: 'life' })).toEqual(created);
      const updated = await transport.request({ ...configMaps, verb: 'update', name: 'life', body: { ...created, data: { a: '2' } } });
      expect(updated).toMatchObject({ data: { a: '2' } });
      const patched = await transport.request({
        ...configMaps, verb: 'patch', name: 'life', patchType: 'application/merge-patch+json', body: { data: { b: '3' } },
      });
      expect(patched).toMatchObject({ data: { a: '2', b: '3' } });
      expect(await transport.request({ ...configMaps, verb: 'delete', name: 'life' })).toMatchObject({ kind: 'Status', status: 'Success' });
      expect(await refusal(transport.request({ ...configMaps, verb: 'get', name: 'life' }))).toMatchObject({ code: 404, reason: 'NotFound', message: 'configmaps "life" not found' });
    });

    it('applies configurations, each by its manager', async () => {
      const client = createClient(transport);
      const config = (data: Readonly<Record<string, string>>): ConfigMap => ({ metadata: { name: 'applied', namespace: 'default' }, data });
      await client.apply(ConfigMap, config({ a: '1' }), { fieldManager: 'one' });
      const both = await client.apply(ConfigMap, config({ b: '1' }), { fieldManager: 'two' });
      expect(both.data).toEqual({ a: '1', b: '1' });
      expect(both.metadata?.managedFields?.map(({ manager, operation }) => [manager, operation])).toEqual([['one', 'Apply'], ['two', 'Apply']]);
      expect(await refusal(client.apply(ConfigMap, config({ a: '2' }), { fieldManager: 'two' }))).toMatchObject({ code: 409, message: 'Apply failed with 1 conflict: conflict with "one": .data.a' });
      expect((await client.apply(ConfigMap, config({ a: '2' }), { fieldManager: 'two', force: true })).data).toEqual({ a: '2' });
    });

    it('encodes what is written at once: the caller may reuse its object', async () => {
      const data: Record<string, string> = { a: 'before' };
      const creating = transport.request({ ...configMaps, verb: 'create', body: configMap('reused', data) });
      data['a'] = 'after';
      await creating;
      expect(await transport.request({ ...configMaps, verb: 'get', name: 'reused' })).toMatchObject({ data: { a: 'before' } });
    });

    it('refuses an update of a version that is not the newest', async () => {
      const first = await transport.request({ ...configMaps, verb: 'create', body: configMap('contended') });
      await transport.request({ ...configMaps, verb: 'update', name: 'contended', body: { ...first, data: { by: 'one' } } });
      const late = await refusal(transport.request({ ...configMaps, verb: 'update', name: 'contended', body: { ...first, data: { by: 'two' } } }));
      expect(late).toMatchObject({ code: 409, reason: 'Conflict' });
      expect(late.message).toBe('Operation cannot be fulfilled on configmaps "contended": the object has been modified; please apply your changes to the latest version and try again');
    });

    it('tells who may not do what', async () => {
      const error = await refusal(under.powerless.request({ ...configMaps, verb: 'list' }));
      expect(error).toMatchObject({ code: 403, reason: 'Forbidden' });
      expect(error.message).toBe('configmaps is forbidden: User "nobody" cannot list resource "configmaps" in API group "" in the namespace "default"');
    });

    it('lists what selectors choose, page by page, as of one moment', async () => {
      for (const one of ['a', 'b', 'c']) await transport.request({ ...configMaps, verb: 'create', body: configMap(`page-${one}`, {}, { set: 'page' }) });
      const query = { labelSelector: 'set=page', limit: '2' };
      const first = await transport.request({ ...configMaps, verb: 'list', query });
      expect(first).toMatchObject({ kind: 'ConfigMapList', items: [{ metadata: { name: 'page-a' } }, { metadata: { name: 'page-b' } }] });
      await transport.request({ ...configMaps, verb: 'create', body: configMap('page-bb', {}, { set: 'page' }) });
      const next = String(Reflect.get(first.metadata ?? {}, 'continue'));
      const second = await transport.request({ ...configMaps, verb: 'list', query: { ...query, continue: next } });
      expect(second).toMatchObject({ metadata: { resourceVersion: revisionOf(first) }, items: [{ metadata: { name: 'page-c' } }] });
    });

    it('watches from a revision: every change once, in order', async () => {
      const before = await transport.request({ ...configMaps, verb: 'create', body: configMap('watched', { step: '1' }) });
      const query = { resourceVersion: revisionOf(before), fieldSelector: 'metadata.name=watched' };
      const second = await transport.request({ ...configMaps, verb: 'update', name: 'watched', body: { ...before, data: { step: '2' } } });
      const events = await take(transport, { ...configMaps, verb: 'watch', query }, 2, () => transport.request({ ...configMaps, verb: 'delete', name: 'watched' }));
      expect(events.map(summary)).toEqual(['MODIFIED watched', 'DELETED watched']);
      expect(events[0]?.object).toEqual(second);
      expect(Number(revisionOf(events[1]?.object ?? {}))).toBeGreaterThan(Number(revisionOf(second)));
    });

    it('begins a watch without a revision with what is there', async () => {
      await transport.request({ ...configMaps, verb: 'create', body: configMap('present', {}, { at: 'start' }) });
      const events = await take(transport, { ...configMaps, verb: 'watch', query: { labelSelector: 'at=start' } }, 2, () =>
        transport.request({ ...configMaps, verb: 'create', body: configMap('later', {}, { at: 'start' }) }));
      expect(events.map(summary)).toEqual(['ADDED present', 'ADDED later']);
    });

    it('shows an object that leaves the selector as deleted', async () => {
      const member = await transport.request({ ...configMaps, verb: 'create', body: configMap('leaver', {}, { team: 'red' }) });
      const events = await take(transport, { ...configMaps, verb: 'watch', query: { labelSelector: 'team=red' } }, 2, () =>
        transport.request({ ...configMaps, verb: 'update', name: 'leaver', body: { ...member, metadata: { ...member.metadata, labels: { team: 'blue' } } } }));
      expect(events.map(summary)).toEqual(['ADDED leaver', 'DELETED leaver']);
    });

    it('marks the end of the initial state for streaming lists', async () => {
      await transport.request({ ...configMaps, verb: 'create', body: configMap('streamed', {}, { stream: 'yes' }) });
      const query = { labelSelector: 'stream=yes', sendInitialEvents: 'true', resourceVersionMatch: 'NotOlderThan', allowWatchBookmarks: 'true' };
      const events = await take(transport, { ...configMaps, verb: 'watch', query }, 2);
      expect(events.map(summary)).toEqual(['ADDED streamed', 'BOOKMARK ']);
      expect(events[1]?.object.metadata?.annotations).toEqual({ 'k8s.io/initial-events-end': 'true' });
    });

    it('ends a watch when its time is over', async () => {
      const events = await Array.fromAsync(transport.watch({ ...configMaps, verb: 'watch', query: { fieldSelector: 'metadata.name=none', timeoutSeconds: '1' } }));
      expect(events.flat()).toEqual([]);
    });

    it('ends a watch quietly when its signal aborts', async () => {
      const controller = new AbortController();
      const watching = Array.fromAsync(transport.watch({ ...configMaps, verb: 'watch', query: { fieldSelector: 'metadata.name=none' }, signal: controller.signal }));
      controller.abort();
      expect((await watching).flat()).toEqual([]);
    });

    it('refuses a watch with a bad selector', async () => {
      const error = await refusal(Array.fromAsync(transport.watch({ ...configMaps, verb: 'watch', query: { fieldSelector: 'spec.x=1' } })));
      expect(error).toMatchObject({ code: 400, reason: 'BadRequest' });
    });

    it('keeps nothing of a dry run', async () => {
      const tried = await transport.request({ ...configMaps, verb: 'create', query: { dryRun: 'All' }, body: configMap('tried') });
      expect(tried.metadata?.name).toBe('tried');
      expect(await refusal(transport.request({ ...configMaps, verb: 'get', name: 'tried' }))).toMatchObject({ code: 404 });
    });

    it('shows what a dry run of a change would have made', async () => {
      const present = await transport.request({ ...configMaps, verb: 'create', body: configMap('unchanged', { a: '1' }) });
      const dryRun = { query: { dryRun: 'All' }, name: 'unchanged' };
      const patch = { patchType: 'application/merge-patch+json', body: { data: { a: '2' } } } as const;
      expect(await transport.request({ ...configMaps, ...dryRun, ...patch, verb: 'patch' })).toMatchObject({ data: { a: '2' } });
      await transport.request({ ...configMaps, ...dryRun, verb: 'delete' });
      expect(await transport.request({ ...configMaps, verb: 'get', name: 'unchanged' })).toEqual(present);
    });

    it('deletes a collection', async () => {
      for (const one of ['a', 'b']) await transport.request({ ...configMaps, verb: 'create', body: configMap(`heap-${one}`, {}, { heap: 'yes' }) });
      await transport.request({ ...configMaps, verb: 'deletecollection', query: { labelSelector: 'heap=yes' } });
      const left = await createClient(transport).list(ConfigMap, { namespace: 'default', labelSelector: 'heap=yes' });
      expect(left.items).toEqual([]);
    });
  });
}
