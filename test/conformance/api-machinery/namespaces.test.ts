import { describe, expect, it } from 'vitest';
import { ConfigMap, Namespace, Pod, Service, ServiceAccount } from '../../../machinery/kinds/core.ts';
import { eventually } from '../../e2e/eventually.ts';
import { useCluster } from '../cluster.ts';
import { unique } from '../definitions.ts';
import { call } from '../raw.ts';
import { watching } from '../watching.ts';

const cluster = useCluster('namespaces');
const none = { code: 404, reason: 'NotFound' };

/** With its service account, without which no pod is taken. */
async function create(name: string, more: object = {}): Promise<Namespace> {
  const created = await cluster.client.create(Namespace, { metadata: { name, ...more } });
  await eventually(() => cluster.client.get(ServiceAccount, { namespace: name, name: 'default' }));
  return created;
}

/** Deletes it and waits until it is gone. */
async function remove(name: string): Promise<void> {
  const { client } = cluster;
  await using watch = watching(client, Namespace, { fieldSelector: `metadata.name=${name}` });
  await client.delete(Namespace, { name });
  await watch.until('DELETED');
}

const pod = (namespace: string, name: string, more: object = {}): Pod => ({ metadata: { name, namespace, ...more }, spec: { containers: [{ name: 'nginx', image: 'registry.example/pause' }] } });
const waits = (status: Namespace['status'], condition: string) => status?.conditions?.some(({ type, status: value }) => type === condition && value === 'True') === true;
const condition = (type: string) => ({ type, status: 'True', reason: 'Conformance', message: 'by a test' });

describe('[sig-api-machinery]', () => {
  it('Namespaces [Serial] should ensure that all pods are removed when a namespace is deleted', async () => {
    const { client } = cluster;
    const namespace = unique('nsdeletetest');
    await create(namespace);
    await client.create(Pod, pod(namespace, 'test-pod'));
    await remove(namespace);
    await create(namespace);
    await expect(client.get(Pod, { namespace, name: 'test-pod' })).rejects.toMatchObject(none);
    expect((await client.list(Pod, { namespace })).items).toEqual([]);
    await client.delete(Namespace, { name: namespace });
  });

  it('Namespaces [Serial] should ensure that all services are removed when a namespace is deleted', async () => {
    const { client } = cluster;
    const namespace = unique('nsdeletetest');
    await create(namespace);
    await client.create(Service, { metadata: { name: 'test-service', namespace }, spec: { selector: { foo: 'bar', baz: 'blah' }, ports: [{ port: 80, targetPort: 80 }] } });
    await remove(namespace);
    await create(namespace);
    await expect(client.get(Service, { namespace, name: 'test-service' })).rejects.toMatchObject(none);
    await client.delete(Namespace, { name: namespace });
  });

  it('Namespaces [Serial] should patch a Namespace', async () => {
    const { client } = cluster;
    const name = unique('nspatchtest');
    await client.create(Namespace, { metadata: { name } });
    await client.patch(Namespace, { name }, 'application/strategic-merge-patch+json', { metadata: { labels: { testLabel: 'testValue' } } });
    expect((await client.get(Namespace, { name })).metadata?.labels).toMatchObject({ testLabel: 'testValue' });
    await client.delete(Namespace, { name });
  });

  it('Namespaces [Serial] should apply changes to a namespace status', async () => {
    const { client } = cluster;
    const name = unique('status');
    await client.create(Namespace, { metadata: { name } });
    expect((await client.getSubresource<Namespace>(Namespace, { name }, 'status')).status?.phase).toBe('Active');

    const patched = await client.patch(Namespace, { name }, 'application/merge-patch+json', { metadata: { annotations: { patchednamespacestatus: 'true' } }, status: { conditions: [condition('StatusPatch')] } }, { subresource: 'status' });
    expect(patched.metadata?.annotations).toMatchObject({ patchednamespacestatus: 'true' });
    expect(patched.status?.conditions).toEqual([expect.objectContaining(condition('StatusPatch'))]);
    expect(patched.status?.phase).toBe('Active');

    const updated = await client.updateStatus(Namespace, { ...patched, status: { ...patched.status, conditions: [...patched.status?.conditions ?? [], condition('StatusUpdate')] } });
    expect(updated.status?.conditions?.map(({ type }) => type)).toEqual(['StatusPatch', 'StatusUpdate']);
    await client.delete(Namespace, { name });
  });

  it('Namespaces [Serial] should apply an update to a Namespace', async () => {
    const { client } = cluster;
    const name = unique('update');
    const created = await client.create(Namespace, { metadata: { name } });
    const updated = await client.update(Namespace, { ...created, metadata: { ...created.metadata, labels: { ...created.metadata?.labels, updated: name } } });
    expect(updated.metadata?.labels).toEqual({ 'kubernetes.io/metadata.name': name, updated: name });
    await client.delete(Namespace, { name });
  });

  it('Namespaces [Serial] should apply a finalizer to a Namespace', async () => {
    const { client } = cluster;
    const name = unique('finalizer');
    const created = await client.create(Namespace, { metadata: { name } });
    expect(created.spec?.finalizers).toEqual(['kubernetes']);
    const finalizer = 'e2e.example.com/fakeFinalizer';
    const added = await client.updateSubresource<Namespace>(Namespace, { name }, 'finalize', { ...created, spec: { finalizers: ['kubernetes', finalizer] } });
    expect(added.spec?.finalizers).toEqual(['kubernetes', finalizer]);
    expect((await client.get(Namespace, { name })).spec?.finalizers).toContain(finalizer);
    const removed = await client.updateSubresource<Namespace>(Namespace, { name }, 'finalize', { ...added, spec: { finalizers: ['kubernetes'] } });
    expect(removed.spec?.finalizers).toEqual(['kubernetes']);
    await remove(name);
  });

  it('OrderedNamespaceDeletion namespace deletion should delete pod first', async () => {
    const { client } = cluster;
    const namespace = unique('nsdeletetest');
    const finalizer = 'e2e.example.com/finalizer';
    await create(namespace);
    await client.create(Pod, pod(namespace, 'test-pod', { finalizers: [finalizer] }));
    await client.create(ConfigMap, { metadata: { name: 'test-configmap', namespace, finalizers: [finalizer] }, data: { key: 'value' } });
    await using podWatch = watching(client, Pod, { namespace });
    await using mapWatch = watching(client, ConfigMap, { namespace, fieldSelector: 'metadata.name=test-configmap' });
    await using watch = watching(client, Namespace, { fieldSelector: `metadata.name=${namespace}` });
    await client.delete(Namespace, { name: namespace });
    await podWatch.until('MODIFIED', ({ metadata }) => metadata?.deletionTimestamp !== undefined);
    // The namespace says what it waits for, and nothing but pods is deleted while it does.
    const { status } = await watch.until('MODIFIED', (object) => waits(object.status, 'NamespaceFinalizersRemaining') && waits(object.status, 'NamespaceContentRemaining'));
    expect(status?.phase).toBe('Terminating');
    // Each condition is told, those that don't hold as well: clients take its presence for a sign that the controller has been there.
    expect(status?.conditions?.map(({ type, status: value }) => `${type} ${value}`).toSorted()).toEqual([
      'NamespaceContentRemaining True', 'NamespaceDeletionContentFailure False', 'NamespaceDeletionDiscoveryFailure False', 'NamespaceDeletionGroupVersionParsingFailure False', 'NamespaceFinalizersRemaining True',
    ]);
    const kept = await client.get(ConfigMap, { namespace, name: 'test-configmap' });
    expect(kept.metadata?.deletionTimestamp).toBeUndefined();

    const { code } = await call('PATCH', `/api/v1/namespaces/${namespace}/pods/test-pod`, { headers: { 'content-type': 'application/merge-patch+json' }, body: { metadata: { finalizers: null } } });
    expect(code).toBe(200);
    await podWatch.until('DELETED');
    await mapWatch.until('MODIFIED', ({ metadata }) => metadata?.deletionTimestamp !== undefined);
    await client.patch(ConfigMap, { namespace, name: 'test-configmap' }, 'application/merge-patch+json', { metadata: { finalizers: null } });
    await watch.until('DELETED');
  });
});
