import { describe, expect, it } from 'vitest';
import type { Endpoints, Service } from '../../machinery/kinds/core.ts';
import { plan } from './mirroring.ts';

const service: Service = { metadata: { name: 'db', namespace: 'default' }, spec: { ports: [{ port: 5432 }] } };
const endpoints: Endpoints = {
  metadata: { name: 'db', namespace: 'default', uid: 'e', labels: { team: 'a' }, annotations: { owner: 'a', 'kubectl.kubernetes.io/last-applied-configuration': '{}' } },
  subsets: [{ addresses: [{ ip: '10.1.2.3' }, { ip: 'fd00::3' }], notReadyAddresses: [{ ip: '10.1.2.4', hostname: 'h' }], ports: [{ port: 5432 }] }],
};
const mirrored = { addressType: 'IPv4', metadata: {
  name: 'db-x', namespace: 'default', uid: 's', annotations: { owner: 'a' },
  labels: { team: 'a', 'kubernetes.io/service-name': 'db', 'endpointslice.kubernetes.io/managed-by': 'endpointslicemirroring-controller.k8s.io' },
}, endpoints: [{ addresses: ['10.1.2.3'], conditions: { ready: true } }, { addresses: ['10.1.2.4'], conditions: { ready: false }, hostname: 'h' }], ports: [{ name: '', port: 5432, protocol: 'TCP' }] };

describe('the mirror of Endpoints that a user wrote', () => {
  it('is a slice for each address family, with what they say of themselves', () => {
    const { uid: _uid, name: _name, ...metadata } = mirrored.metadata;
    expect(plan(endpoints, { service, slices: [] })).toMatchObject([
      { type: 'create', object: { ...mirrored, metadata: { ...metadata, generateName: 'db-', ownerReferences: [{ kind: 'Endpoints', name: 'db', uid: 'e', controller: true }] } } },
      { type: 'create', object: { addressType: 'IPv6', endpoints: [{ addresses: ['fd00::3'], conditions: { ready: true } }] } },
    ]);
  });

  it('is at rest when it says the same, and follows addresses, labels and annotations', () => {
    const [only] = endpoints.subsets ?? [];
    const v4: Endpoints = { ...endpoints, subsets: [{ ...only, addresses: [{ ip: '10.1.2.3' }] }] };
    expect(plan(v4, { service, slices: [mirrored] })).toEqual([]);
    expect(plan({ ...v4, subsets: [{ ...only, addresses: [{ ip: '10.9.9.9' }] }] }, { service, slices: [mirrored] }))
      .toMatchObject([{ type: 'update', object: { metadata: { name: 'db-x' }, endpoints: [{ addresses: ['10.1.2.4'] }, { addresses: ['10.9.9.9'] }] } }]);
    expect(plan({ ...v4, metadata: { ...v4.metadata, labels: { team: 'b' } } }, { service, slices: [mirrored] })).toMatchObject([{ type: 'update', object: { metadata: { labels: { team: 'b' } } } }]);
    expect(plan({ ...v4, subsets: [] }, { service, slices: [mirrored] })).toMatchObject([{ type: 'delete', at: { name: 'db-x' }, uid: 's' }]);
  });

  it.each([
    ['the Service is gone', endpoints, undefined],
    ['the Service chooses pods itself', endpoints, { ...service, spec: { ...service.spec, selector: { app: 'db' } } }],
    ['they ask for none', { ...endpoints, metadata: { ...endpoints.metadata, labels: { 'endpointslice.kubernetes.io/skip-mirror': 'true' } } }, service],
    ['they are a lock of leader election', { ...endpoints, metadata: { ...endpoints.metadata, annotations: { 'control-plane.alpha.kubernetes.io/leader': '{}' } } }, service],
  ])('goes when %s', (_why, given, its) => {
    expect(plan(given, { service: its, slices: [mirrored] })).toMatchObject([{ type: 'delete', at: { name: 'db-x' } }]);
    expect(plan(given, { service: its, slices: [] })).toEqual([]);
  });
});
