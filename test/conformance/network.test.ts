import { beforeAll, describe, expect, it } from 'vitest';
import { EndpointSlice } from '../../machinery/kinds/discovery.ts';
import { Endpoints, Pod, Service, ServiceAccount } from '../../machinery/kinds/core.ts';
import type { ObjectMeta } from '../../machinery/kinds/kind.ts';
import { Ingress, IngressClass, IPAddress, ServiceCIDR } from '../../machinery/kinds/networking.ts';
import { eventually } from '../e2e/eventually.ts';
import { useCluster } from './cluster.ts';
import { unique } from './definitions.ts';
import { useNode } from './kubelet.ts';
import { expectConditions, expectDiscovered, expectOperations } from './operations.ts';
import { watching } from './watching.ts';

const played = useNode();
const cluster = useCluster('network');

beforeAll(async () => {
  await eventually(() => cluster.client.get(ServiceAccount, { namespace: cluster.namespace, name: 'default' }));
});

const slicesOf = async (name: string, namespace = cluster.namespace) => (await cluster.client.list(EndpointSlice, { namespace, labelSelector: `kubernetes.io/service-name=${name}` })).items;

describe('[sig-network] API Server', () => {
  it('API Server should provide secure master service', async () => {
    const { spec } = await cluster.client.get(Service, { namespace: 'default', name: 'kubernetes' });
    expect(spec).toMatchObject({ type: 'ClusterIP', ports: [{ name: 'https', port: 443, protocol: 'TCP' }] });
  });

  it('API Server should have Endpoints and EndpointSlices pointing to API Server', async () => {
    const { subsets = [] } = await cluster.client.get(Endpoints, { namespace: 'default', name: 'kubernetes' });
    expect(subsets).not.toEqual([]);
    const slices = await slicesOf('kubernetes', 'default');
    const told = subsets.flatMap(({ addresses = [], ports = [] }) => addresses.flatMap(({ ip }) => ports.map(({ port }) => `${ip} ${port}`)));
    const sliced = slices.flatMap(({ endpoints, ports = [] }) => (endpoints ?? []).flatMap(({ addresses }) => addresses.flatMap((ip) => ports.map(({ port }) => `${ip} ${port}`))));
    expect(told).not.toEqual([]);
    expect(sliced.toSorted()).toEqual(told.toSorted());
  });
});

describe('[sig-network] Endpoints', () => {
  const nobody = (metadata: ObjectMeta): Service => ({ metadata, spec: { selector: { 'does-not-match-anything': 'still-created' }, ports: [{ name: 'example', port: 80, protocol: 'TCP' }] } });

  it('EndpointSlice should create and delete EndpointSlices for a Service with a selector that matches no pods', async () => {
    const { client, namespace } = cluster;
    const name = unique('empty-selector');
    await client.create(Service, nobody({ namespace, name }));
    await eventually(async () => expect((await slicesOf(name)).map(({ endpoints }) => endpoints ?? [])).toEqual([[]]));
    await client.delete(Service, { namespace, name });
    await eventually(async () => expect(await slicesOf(name)).toEqual([]));
  });

  it('EndpointsController should create and delete Endpoints for a Service with a selector that matches no pods', async () => {
    const { client, namespace } = cluster;
    const name = unique('empty-selector');
    await client.create(Service, nobody({ namespace, name }));
    expect((await eventually(() => client.get(Endpoints, { namespace, name }))).subsets ?? []).toEqual([]);
    await client.delete(Service, { namespace, name });
    await eventually(() => expect(client.get(Endpoints, { namespace, name })).rejects.toMatchObject({ code: 404, reason: 'NotFound' }));
  });

  it('EndpointSlice should support creating EndpointSlice API operations', async () => {
    await expectDiscovered(EndpointSlice, 'endpointslices');
    await expectOperations(cluster, EndpointSlice, (metadata) => ({
      metadata, addressType: 'IPv4', endpoints: [{ addresses: ['10.0.0.1'], conditions: { ready: true }, hostname: 'pod1' }], ports: [{ name: 'http', port: 80, protocol: 'TCP' }],
    }));
  });

  it('EndpointSliceMirroring should mirror a custom Endpoints resource through create update and delete', async () => {
    const { client, namespace } = cluster;
    const at = { namespace, name: unique('custom-endpoints') };
    const endpoints = (ip: string): Endpoints => ({ metadata: at, subsets: [{ ports: [{ port: 80 }], addresses: [{ ip }] }] });
    const mirrors = async (ip: string) => eventually(async () => expect(await slicesOf(at.name)).toMatchObject([{ addressType: 'IPv4', ports: [{ port: 80, protocol: 'TCP' }], endpoints: [{ addresses: [ip], conditions: { ready: true } }] }]));
    await expectDiscovered(EndpointSlice, 'endpointslices');
    await client.create(Service, { metadata: at, spec: { ports: [{ name: 'example', port: 80, protocol: 'TCP' }] } });
    await client.create(Endpoints, endpoints('10.1.2.3'));
    await mirrors('10.1.2.3');
    await client.update(Endpoints, endpoints('10.2.3.4'));
    await mirrors('10.2.3.4');
    await client.delete(Endpoints, at);
    await eventually(async () => expect(await slicesOf(at.name)).toEqual([]));
    await client.delete(Service, at);
  });

  it('Endpoints should test the lifecycle of an Endpoint', async () => {
    const { client, namespace } = cluster;
    const labelSelector = 'test-endpoint-static=true';
    const at = { namespace, name: unique('testservice') };
    const before = await client.list(Endpoints, { labelSelector });
    await using watch = watching(client, Endpoints, { namespace, labelSelector, resourceVersion: before.metadata.resourceVersion ?? '' });
    const created = await client.create(Endpoints, { metadata: { ...at, labels: { 'test-endpoint-static': 'true' } }, subsets: [{ addresses: [{ ip: '10.0.0.24' }], ports: [{ name: 'http', port: 80, protocol: 'TCP' }] }] });
    await watch.until('ADDED');
    expect((await client.list(Endpoints, { labelSelector })).items.map(({ metadata }) => metadata?.name)).toEqual([at.name]);
    await client.update(Endpoints, { ...created, metadata: { ...created.metadata, labels: { ...created.metadata?.labels, 'test-service': 'updated' } } });
    await watch.until('MODIFIED');
    expect((await client.get(Endpoints, at)).metadata?.labels).toMatchObject({ 'test-service': 'updated' });
    const patch = { metadata: { labels: { 'test-service': 'patched' } }, subsets: [{ addresses: [{ ip: '10.0.0.25' }], ports: [{ name: 'http-test', port: 8080 }] }] };
    await client.patch(Endpoints, at, 'application/strategic-merge-patch+json', patch);
    await watch.until('MODIFIED');
    expect(await client.get(Endpoints, at)).toMatchObject(patch);
    await client.deleteCollection(Endpoints, { namespace, labelSelector });
    await watch.until('DELETED');
    await expect(client.get(Endpoints, at)).rejects.toMatchObject({ code: 404, reason: 'NotFound' });
  });

  it.each([
    'EndpointsController should create Endpoints for Pods matching a Service',
    'EndpointSlice should create Endpoints and EndpointSlices for Pods matching a Service',
  ])('%s', async () => {
    const { client, namespace } = cluster;
    const [first, second, shared] = [unique('pod1'), unique('pod2'), unique('shared12')];
    const create = (name: string, ports: readonly { readonly name: string; readonly containerPort: number }[]) => client.create(Pod, {
      metadata: { namespace, name, labels: { [name]: 'on', [shared]: 'on' } }, spec: { ...played.place, containers: [{ name: 'container1', image: 'registry.example/nginx', ports: [...ports] }] },
    });
    await create(first, [{ name: 'example-name', containerPort: 3000 }]);
    await create(second, [{ name: 'example-name', containerPort: 3001 }, { name: 'other-port', containerPort: 3002 }]);
    const ports = (name: string, targetPort: number | string) => ({ publishNotReadyAddresses: true, ports: [{ name, port: 80, targetPort, protocol: 'TCP' }] });
    const [single, named] = [unique('int-port'), unique('named-port')];
    await client.create(Service, { metadata: { namespace, name: single }, spec: { selector: { [first]: 'on' }, ...ports('example', 3000) } });
    await client.create(Service, { metadata: { namespace, name: named }, spec: { selector: { [shared]: 'on' }, ...ports('http', 'example-name') } });
    const addressOf = (name: string) => eventually(async () => {
      const { status, metadata } = await client.get(Pod, { namespace, name });
      expect(status?.podIP).toBeDefined();
      return { ip: status?.podIP ?? '', nodeName: played.name, targetRef: { kind: 'Pod', name, namespace, uid: metadata?.uid } };
    });
    const [one, two] = [await addressOf(first), await addressOf(second)];

    const subset = (address: object, name: string, port: number) => ({ addresses: [address], ports: [{ name, port, protocol: 'TCP' }] });
    await eventually(async () => expect((await client.get(Endpoints, { namespace, name: single })).subsets).toEqual([subset(one, 'example', 3000)]));
    await eventually(async () => {
      const { subsets = [] } = await client.get(Endpoints, { namespace, name: named });
      expect(subsets.toSorted((a, b) => (a.ports?.[0]?.port ?? 0) - (b.ports?.[0]?.port ?? 0))).toEqual([subset(one, 'http', 3000), subset(two, 'http', 3001)]);
    });
    const slice = ({ ip, ...rest }: { readonly ip: string }, name: string, port: number) => ({
      addressType: 'IPv4', ports: [{ name, port, protocol: 'TCP' }], endpoints: [{ addresses: [ip], conditions: { ready: true, serving: true, terminating: false }, ...rest }],
    });
    await eventually(async () => expect(await slicesOf(single)).toMatchObject([slice(one, 'example', 3000)]));
    await eventually(async () => {
      const slices = await slicesOf(named);
      expect(slices.toSorted((a, b) => (a.ports?.[0]?.port ?? 0) - (b.ports?.[0]?.port ?? 0))).toMatchObject([slice(one, 'http', 3000), slice(two, 'http', 3001)]);
      for (const { metadata } of slices) expect(metadata).toMatchObject({ labels: { 'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io' }, ownerReferences: [{ kind: 'Service', name: named }] });
    });
  });
});

describe('[sig-network] Ingresses', () => {
  it('Ingress API should support creating Ingress API operations', async () => {
    const { client, namespace } = cluster;
    const backend = { service: { name: 'default-backend', port: { number: 80 } } };
    const ingress = (metadata: ObjectMeta): Ingress => ({ metadata, spec: { defaultBackend: backend, rules: [{ host: 'foo.bar.com', http: { paths: [{ path: '/', pathType: 'Prefix', backend }] } }] } });
    await expectDiscovered(Ingress, 'ingresses', 'ingresses/status');
    await expectOperations(cluster, Ingress, ingress);

    const at = { namespace, name: (await client.create(Ingress, ingress({ namespace, generateName: 'e2e-' }))).metadata?.name ?? '' };
    const status = (ip: string) => ({ loadBalancer: { ingress: [{ ip }] } });
    const patched = await client.patch(Ingress, at, 'application/merge-patch+json', { metadata: { annotations: { patchedstatus: 'true' } }, status: status('169.1.1.1') }, { subresource: 'status' });
    expect(patched).toMatchObject({ metadata: { annotations: { patchedstatus: 'true' } }, status: status('169.1.1.1') });
    const updated = await client.updateStatus(Ingress, { ...patched, status: status('169.1.1.2') });
    expect(updated.status).toEqual(status('169.1.1.2'));
    expect((await client.getSubresource<Ingress>(Ingress, at, 'status')).status).toEqual(status('169.1.1.2'));
    await client.delete(Ingress, at);
  });

  it('IngressClass API should support creating IngressClass API operations', async () => {
    await expectDiscovered(IngressClass, 'ingressclasses');
    await expectOperations(cluster, IngressClass, (metadata) => ({ metadata, spec: { controller: 'example.com/controller' } }));
  });
});

describe('[sig-network] Addresses', () => {
  it('ServiceCIDR and IPAddress API should support IPAddress API operations', async () => {
    let addresses = 0;
    await expectDiscovered(IPAddress, 'ipaddresses');
    await expectOperations(cluster, IPAddress, ({ generateName: _prefix, ...metadata }) => ({
      metadata: { ...metadata, name: `2001:db8:c0::${(addresses += 1)}` }, spec: { parentRef: { group: 'mygroup', resource: 'myresources', namespace: 'foo', name: 'bar' } },
    }));
  });

  it('ServiceCIDR and IPAddress API should support ServiceCIDR API operations', async () => {
    const { client } = cluster;
    const range = (metadata: ObjectMeta): ServiceCIDR => ({ metadata, spec: { cidrs: ['2001:db8:5e::/112'] } });
    await expectDiscovered(ServiceCIDR, 'servicecidrs', 'servicecidrs/status');
    await expectOperations(cluster, ServiceCIDR, range);
    const at = { name: (await client.create(ServiceCIDR, range({ generateName: 'range-' }))).metadata?.name ?? '' };
    await expectConditions(cluster, ServiceCIDR, at);
    await client.delete(ServiceCIDR, at);
    await eventually(() => expect(client.get(ServiceCIDR, at)).rejects.toMatchObject({ code: 404, reason: 'NotFound' }));
  });
});

describe('[sig-network] Services', () => {
  const ports = [{ name: 'http', port: 80, protocol: 'TCP', targetPort: 80 }];

  it('Services should complete a service status lifecycle', async () => {
    const { client, namespace } = cluster;
    const name = unique('test-service');
    const labelSelector = `${name}=true`;
    const at = { namespace, name };
    const before = await client.list(Service, { labelSelector });
    await using watch = watching(client, Service, { namespace, labelSelector, resourceVersion: before.metadata.resourceVersion ?? '' });
    await client.create(Service, { metadata: { ...at, labels: { [name]: 'true' } }, spec: { type: 'LoadBalancer', ports } });
    await watch.until('ADDED');
    const read = await client.getSubresource<Service>(Service, at, 'status');
    expect(read).toMatchObject({ metadata: { name }, status: { loadBalancer: {} } });

    const loadBalancer = { ingress: [{ ip: '203.0.113.1', ipMode: 'VIP' }] };
    await client.patch(Service, at, 'application/merge-patch+json', { metadata: { annotations: { patchedstatus: 'true' } }, status: { loadBalancer } }, { subresource: 'status' });
    expect(await watch.until('MODIFIED')).toMatchObject({ metadata: { annotations: { patchedstatus: 'true' } }, status: { loadBalancer } });
    const condition = { type: 'StatusUpdate', status: 'True', reason: 'E2E', message: 'Set from e2e test', lastTransitionTime: '2026-01-01T00:00:00Z' };
    const found = await client.get(Service, at);
    await client.updateStatus(Service, { ...found, status: { ...found.status, conditions: [condition] } });
    expect((await watch.until('MODIFIED')).status?.conditions).toContainEqual(condition);
    await client.patch(Service, at, 'application/strategic-merge-patch+json', { metadata: { labels: { 'test-service': 'patched' } } });
    expect(await watch.until('MODIFIED')).toMatchObject({ metadata: { labels: { 'test-service': 'patched' } }, status: { loadBalancer } });
    await client.delete(Service, at);
    await watch.until('DELETED');
  });

  it('Services should find a service from listing all namespaces', async () => {
    const { items } = await cluster.client.list(Service);
    expect(items.map(({ metadata }) => `${metadata?.namespace ?? ''}/${metadata?.name ?? ''}`)).toContain('default/kubernetes');
  });

  it('Services should delete a collection of services', async () => {
    const { client, namespace } = cluster;
    const label = unique('e2e');
    const create = (name: string, value: string, spec: NonNullable<Service['spec']>) => client.create(Service, { metadata: { namespace, name: `${label}-${name}`, labels: { [label]: value } }, spec });
    await create('a', 'doomed', { ports, type: 'ClusterIP' });
    await create('b', 'doomed', { ports, type: 'ClusterIP', selector: { app: 'x' } });
    await create('c', 'kept', { ports, type: 'ClusterIP' });
    expect((await client.list(Service, { namespace, labelSelector: label })).items).toHaveLength(3);
    await client.deleteCollection(Service, { namespace, labelSelector: `${label}=doomed` });
    expect((await client.list(Service, { namespace, labelSelector: label })).items.map(({ metadata }) => metadata?.name)).toEqual([`${label}-c`]);
  });
});
