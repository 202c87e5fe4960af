import { describe, expect, it } from 'vitest';
import { ReplicaSet } from '../../../machinery/kinds/apps.ts';
import { ConfigMap, Namespace, Pod, ReplicationController, ResourceQuota, Secret, Service, ServiceAccount } from '../../../machinery/kinds/core.ts';
import type { Kind, KubernetesObject } from '../../../machinery/kinds/kind.ts';
import { eventually } from '../../e2e/eventually.ts';
import { useCluster } from '../cluster.ts';
import { unique } from '../definitions.ts';
import { watching } from '../watching.ts';

const cluster = useCluster('resource-quota');

type Amounts = Readonly<Record<string, string>>;

/** A namespace of the test's own, where nothing but its objects counts; gone at the end. */
async function useNamespace(): Promise<{ readonly namespace: string } & AsyncDisposable> {
  const { client } = cluster;
  const namespace = unique('resourcequota');
  await client.create(Namespace, { metadata: { name: namespace } });
  // What every namespace is given has to be there, or it would be counted later.
  await eventually(() => Promise.all([client.get(ServiceAccount, { namespace, name: 'default' }), client.get(ConfigMap, { namespace, name: 'kube-root-ca.crt' })]));
  return { namespace, async [Symbol.asyncDispose]() { await client.delete(Namespace, { name: namespace }); } };
}

const quota = (namespace: string, hard: Amounts, more: object = {}): ResourceQuota => ({ metadata: { name: 'test-quota', namespace }, spec: { hard, ...more } });

/** Resolves when the status says that so much is used (of what is named; the rest is not looked at). */
async function expectUsed(namespace: string, used: Amounts, name = 'test-quota'): Promise<void> {
  await using watch = watching(cluster.client, ResourceQuota, { namespace, fieldSelector: `metadata.name=${name}` });
  await watch.until('CHANGED', ({ status }) => Object.entries(used).every(([resource, amount]) => status?.used?.[resource] === amount));
}

const everything: Amounts = {
  services: '10', 'services.nodeports': '1', 'services.loadbalancers': '1', pods: '10', resourcequotas: '1', replicationcontrollers: '10', configmaps: '10', secrets: '10', cpu: '1', memory: '500Mi',
  persistentvolumeclaims: '10', 'requests.storage': '10Gi', 'requests.ephemeral-storage': '50Gi', 'count/replicasets.apps': '5', 'requests.example.com/dongle': '3',
};

/** Creates a quota of everything and then the object, which it counts while it is there. */
async function captures<T extends KubernetesObject>(kind: Kind<T>, object: (namespace: string) => T, resource: string): Promise<void> {
  const { client } = cluster;
  await using own = await useNamespace();
  const { namespace } = own;
  const before = String((await client.list(kind, { namespace })).items.length);
  await client.create(ResourceQuota, quota(namespace, everything));
  await expectUsed(namespace, { resourcequotas: '1', [resource]: before });
  const { status } = await client.get(ResourceQuota, { namespace, name: 'test-quota' });
  expect(status?.hard).toEqual(everything);
  const { metadata } = await client.create(kind, object(namespace));
  await expectUsed(namespace, { resourcequotas: '1', [resource]: String(Number(before) + 1) });
  await client.delete(kind, { namespace, name: metadata?.name ?? '' });
  await expectUsed(namespace, { resourcequotas: '1', [resource]: before });
}

type Demand = { readonly requests?: Amounts; readonly limits?: Amounts };

const pod = (namespace: string, name: string, resources: Demand, more: object = {}): Pod => ({ metadata: { name, namespace }, spec: { containers: [{ name: 'pause', image: 'registry.example/pause', resources }], ...more } });
const template = { metadata: { labels: { name: 'web' } }, spec: { containers: [{ name: 'web', image: 'registry.example/pause' }] } };

describe('[sig-api-machinery]', () => {
  it('ResourceQuota should create a ResourceQuota and ensure its status is promptly calculated.', async () => {
    await using own = await useNamespace();
    await cluster.client.create(ResourceQuota, quota(own.namespace, everything));
    await expectUsed(own.namespace, { resourcequotas: '1', pods: '0', services: '0', 'requests.ephemeral-storage': '0' });
    const { status } = await cluster.client.get(ResourceQuota, { namespace: own.namespace, name: 'test-quota' });
    expect(status?.hard).toEqual(everything);
    expect(Object.keys(status?.used ?? {}).toSorted()).toEqual(Object.keys(everything).toSorted());
  });

  it('ResourceQuota should create a ResourceQuota and capture the life of a service.', async () => {
    const { client } = cluster;
    await using own = await useNamespace();
    const { namespace } = own;
    const service = (name: string, type: string): Service => ({ metadata: { name, namespace }, spec: { type, ports: [{ port: 80, targetPort: 80 }] } });
    await client.create(ResourceQuota, quota(namespace, everything));
    await expectUsed(namespace, { services: '0', resourcequotas: '1' });
    await client.create(Service, service('plain', 'ClusterIP'));
    await client.create(Service, service('node-port', 'NodePort'));
    // A load balancer takes a node port as well, of which the one there is is taken.
    await expect(client.create(Service, service('balancer', 'LoadBalancer'))).rejects.toMatchObject({ code: 403, reason: 'Forbidden' });
    await expectUsed(namespace, { services: '2', 'services.nodeports': '1', 'services.loadbalancers': '0' });
    await client.delete(Service, { namespace, name: 'plain' });
    await client.delete(Service, { namespace, name: 'node-port' });
    await expectUsed(namespace, { services: '0', 'services.nodeports': '0', 'services.loadbalancers': '0' });
  });

  it('ResourceQuota should create a ResourceQuota and capture the life of a secret.', () => (
    captures(Secret, (namespace) => ({ metadata: { name: 'test-secret', namespace }, stringData: { 'data-1': 'value-1' } }), 'secrets')
  ));

  it('ResourceQuota should create a ResourceQuota and capture the life of a configMap.', () => (
    captures(ConfigMap, (namespace) => ({ metadata: { name: 'test-configmap', namespace }, data: { a: 'b' } }), 'configmaps')
  ));

  it('ResourceQuota should create a ResourceQuota and capture the life of a replication controller.', () => (
    captures(ReplicationController, (namespace) => ({ metadata: { name: 'test-rc', namespace }, spec: { replicas: 0, selector: { name: 'web' }, template } }), 'replicationcontrollers')
  ));

  it('ResourceQuota should create a ResourceQuota and capture the life of a replica set.', () => (
    captures(ReplicaSet, (namespace) => ({ metadata: { name: 'test-rs', namespace }, spec: { replicas: 0, selector: { matchLabels: { name: 'web' } }, template } }), 'count/replicasets.apps')
  ));

  it('ResourceQuota should create a ResourceQuota and capture the life of a pod.', async () => {
    const { client } = cluster;
    await using own = await useNamespace();
    const { namespace } = own;
    await client.create(ResourceQuota, quota(namespace, everything));
    await expectUsed(namespace, { resourcequotas: '1', pods: '0' });
    const dongles = { 'example.com/dongle': '2' };
    const requests = { cpu: '500m', memory: '252Mi', 'ephemeral-storage': '30Gi', ...dongles };
    await client.create(Pod, pod(namespace, 'test-pod', { requests, limits: dongles }));
    const used = { pods: '1', cpu: '500m', memory: '252Mi', 'requests.ephemeral-storage': '30Gi', 'requests.example.com/dongle': '2' };
    await expectUsed(namespace, used);

    const forbidden = { code: 403, reason: 'Forbidden', message: expect.stringContaining('exceeded quota: test-quota') as unknown };
    await expect(client.create(Pod, pod(namespace, 'fail-pod', { requests: { cpu: '600m', memory: '100Mi', 'ephemeral-storage': '1Gi' } }))).rejects.toMatchObject(forbidden);
    await expect(client.create(Pod, pod(namespace, 'fail-pod-for-extended-resource', { requests: { ...requests, cpu: '100m', memory: '10Mi', 'ephemeral-storage': '1Gi' }, limits: dongles }))).rejects.toMatchObject(forbidden);
    // What a pod asks for can't be changed by an update of it.
    const found = await client.get(Pod, { namespace, name: 'test-pod' });
    const resources = { requests: { ...requests, cpu: '100m', memory: '100Mi' }, limits: dongles };
    const { resourceVersion: _anyVersion, ...metadata } = found.metadata ?? {};
    const changed = { ...found, metadata, spec: { ...found.spec, containers: found.spec?.containers.map((container) => ({ ...container, resources })) ?? [] } };
    await expect(client.update(Pod, changed)).rejects.toMatchObject({ code: 422, reason: 'Invalid' });
    await expectUsed(namespace, used);

    await client.delete(Pod, { namespace, name: 'test-pod' }, { gracePeriodSeconds: 0 });
    await expectUsed(namespace, { pods: '0', cpu: '0', memory: '0', 'requests.ephemeral-storage': '0', 'requests.example.com/dongle': '0' });
  });

  it('ResourceQuota should verify ResourceQuota with terminating scopes.', async () => {
    const { client } = cluster;
    await using own = await useNamespace();
    const { namespace } = own;
    const hard = { pods: '5', 'requests.cpu': '1', 'requests.memory': '500Mi', 'limits.cpu': '2', 'limits.memory': '1Gi' };
    const none = { pods: '0', 'requests.cpu': '0', 'requests.memory': '0', 'limits.cpu': '0', 'limits.memory': '0' };
    const demand = { requests: { cpu: '500m', memory: '200Mi' }, limits: { cpu: '1', memory: '400Mi' } };
    const used = { pods: '1', 'requests.cpu': '500m', 'requests.memory': '200Mi', 'limits.cpu': '1', 'limits.memory': '400Mi' };
    const names = ['terminating', 'not-terminating'] as const;
    await client.create(ResourceQuota, { ...quota(namespace, hard, { scopes: ['Terminating'] }), metadata: { name: names[0], namespace } });
    await client.create(ResourceQuota, { ...quota(namespace, hard, { scopes: ['NotTerminating'] }), metadata: { name: names[1], namespace } });
    for (const name of names) await expectUsed(namespace, none, name);
    for (const [name, counted, other, more] of [['test-pod', names[1], names[0], {}], ['terminating-pod', names[0], names[1], { activeDeadlineSeconds: 3600 }]] as const) {
      await client.create(Pod, pod(namespace, name, demand, more));
      await expectUsed(namespace, used, counted);
      await expectUsed(namespace, none, other);
      await client.delete(Pod, { namespace, name }, { gracePeriodSeconds: 0 });
      await expectUsed(namespace, none, counted);
    }
  });

  it('ResourceQuota should verify ResourceQuota with best effort scope.', async () => {
    const { client } = cluster;
    await using own = await useNamespace();
    const { namespace } = own;
    const names = ['best-effort', 'not-best-effort'] as const;
    await client.create(ResourceQuota, { ...quota(namespace, { pods: '5' }, { scopes: ['BestEffort'] }), metadata: { name: names[0], namespace } });
    await client.create(ResourceQuota, { ...quota(namespace, { pods: '5' }, { scopes: ['NotBestEffort'] }), metadata: { name: names[1], namespace } });
    for (const name of names) await expectUsed(namespace, { pods: '0' }, name);
    for (const [name, counted, other, demand] of [['best-effort-pod', names[0], names[1], {}], ['burstable-pod', names[1], names[0], { requests: { cpu: '500m', memory: '200Mi' }, limits: { cpu: '1', memory: '400Mi' } }]] as const) {
      await client.create(Pod, pod(namespace, name, demand));
      await expectUsed(namespace, { pods: '1' }, counted);
      await expectUsed(namespace, { pods: '0' }, other);
      await client.delete(Pod, { namespace, name }, { gracePeriodSeconds: 0 });
      await expectUsed(namespace, { pods: '0' }, counted);
    }
  });

  it('ResourceQuota should be able to update and delete ResourceQuota.', async () => {
    const { client } = cluster;
    await using own = await useNamespace();
    const { namespace } = own;
    const at = { namespace, name: 'test-quota' };
    const created = await client.create(ResourceQuota, quota(namespace, { cpu: '1', memory: '500Mi' }));
    expect(created.spec?.hard).toEqual({ cpu: '1', memory: '500Mi' });
    expect((await client.get(ResourceQuota, at)).spec?.hard).toEqual({ cpu: '1', memory: '500Mi' });
    const updated = await eventually(async () => client.update(ResourceQuota, { ...await client.get(ResourceQuota, at), spec: { hard: { cpu: '2', memory: '1Gi' } } }));
    expect(updated.spec?.hard).toEqual({ cpu: '2', memory: '1Gi' });
    expect((await client.get(ResourceQuota, at)).spec?.hard).toEqual({ cpu: '2', memory: '1Gi' });
    await client.delete(ResourceQuota, at);
    await expect(client.get(ResourceQuota, at)).rejects.toMatchObject({ code: 404, reason: 'NotFound' });
  });

  it('ResourceQuota should manage the lifecycle of a ResourceQuota', async () => {
    const { client } = cluster;
    await using own = await useNamespace();
    const { namespace } = own;
    const label = unique('lifecycle');
    const at = { namespace, name: 'test-quota' };
    await client.create(ResourceQuota, { ...quota(namespace, { cpu: '1', memory: '500Mi' }), metadata: { ...at, labels: { [label]: 'yes' } } });
    const listed = await client.list(ResourceQuota, { labelSelector: `${label}=yes` });
    expect(listed.items.map(({ metadata, spec }) => [metadata?.name, spec?.hard])).toEqual([['test-quota', { cpu: '1', memory: '500Mi' }]]);
    const patched = await client.patch(ResourceQuota, at, 'application/strategic-merge-patch+json', { metadata: { labels: { [label]: 'patched' } }, spec: { hard: { memory: '750Mi' } } });
    expect(patched).toMatchObject({ metadata: { labels: { [label]: 'patched' } }, spec: { hard: { cpu: '1', memory: '750Mi' } } });
    await client.deleteCollection(ResourceQuota, { namespace, labelSelector: `${label}=patched` });
    expect((await client.list(ResourceQuota, { labelSelector: `${label}=patched` })).items).toEqual([]);
  });

  it('ResourceQuota should apply changes to a resourcequota status', async () => {
    const { client } = cluster;
    await using own = await useNamespace();
    const { namespace } = own;
    const at = { namespace, name: 'test-quota' };
    await using watch = watching(client, ResourceQuota, { namespace });
    await client.create(ResourceQuota, quota(namespace, { cpu: '500m', memory: '500Mi' }));
    await watch.until('CHANGED', ({ status }) => status?.hard?.['cpu'] === '500m' && status.hard['memory'] === '500Mi');
    // By the status one can say what one will; the controller says what the spec says again.
    await eventually(async () => client.updateStatus(ResourceQuota, { ...await client.get(ResourceQuota, at), status: { hard: { cpu: '600m', memory: '600Mi' } } }));
    await watch.until('MODIFIED', ({ status }) => status?.hard?.['cpu'] === '600m' && status.hard['memory'] === '600Mi');
    await watch.until('MODIFIED', ({ status }) => status?.hard?.['cpu'] === '500m' && status.hard['memory'] === '500Mi');

    const spec = { hard: { cpu: '1', memory: '1Gi' } };
    await client.patch(ResourceQuota, at, 'application/strategic-merge-patch+json', { spec });
    await watch.until('MODIFIED', (object) => object.spec?.hard?.['cpu'] === '1' && object.status?.hard?.['cpu'] === '1' && object.status.hard['memory'] === '1Gi');
    const patch = { metadata: { annotations: { patched: 'true' } }, spec: { hard: { cpu: '9' } }, status: { hard: { cpu: '2', memory: '2Gi' } } };
    const patched = await client.patch(ResourceQuota, at, 'application/strategic-merge-patch+json', patch, { subresource: 'status' });
    expect(patched).toMatchObject({ spec, status: { hard: { cpu: '2', memory: '2Gi' } } });
    await watch.until('MODIFIED', ({ status }) => status?.hard?.['cpu'] === '2');
    await watch.until('MODIFIED', ({ status }) => status?.hard?.['cpu'] === '1' && status.hard['memory'] === '1Gi');
    const read = await client.getSubresource<ResourceQuota>(ResourceQuota, at, 'status');
    expect(read).toMatchObject({ spec, status: { hard: spec.hard } });
    const again = await client.patch(ResourceQuota, at, 'application/strategic-merge-patch+json', { status: { hard: { cpu: '3', memory: '3Gi' } } }, { subresource: 'status' });
    expect(again.spec).toEqual(spec);
    await watch.until('MODIFIED', (object) => object.status?.hard?.['cpu'] === '1' && object.spec?.hard?.['cpu'] === '1');
  });
});
