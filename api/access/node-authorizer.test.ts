import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PersistentVolume, Pod } from '../../machinery/kinds/core.ts';
import { VolumeAttachment } from '../../machinery/kinds/storage.ts';
import { createAuthorizer, type ClusterAuthorizer } from './rbac.ts';
import { asking, someone, startTestCluster, type TestCluster } from './test-cluster.ts';

let cluster: TestCluster;
let authorizer: ClusterAuthorizer;
const node = someone('system:node:n', 'system:nodes');

beforeAll(async () => {
  cluster = await startTestCluster();
  authorizer = createAuthorizer(cluster.caches);
  await cluster.put(Pod, {
    metadata: { name: 'mine', namespace: 'a' },
    spec: {
      nodeName: 'n', serviceAccountName: 'bot', imagePullSecrets: [{ name: 'pull' }],
      containers: [{ name: 'c', env: [{ name: 'E', valueFrom: { secretKeyRef: { name: 'env', key: 'k' } } }], envFrom: [{ configMapRef: { name: 'settings' } }] }],
      initContainers: [{ name: 'i', envFrom: [{ secretRef: { name: 'init' } }] }],
      volumes: [{ name: 'v', secret: { secretName: 'volume' } }, { name: 'w', projected: { sources: [{ secret: { name: 'projected' } }, { configMap: { name: 'kube-root-ca.crt' } }] } }, { name: 'x', persistentVolumeClaim: { claimName: 'disk' } }, { name: 'y', ephemeral: {} }],
      resourceClaims: [{ name: 'gpu', resourceClaimName: 'gpu' }],
    },
  });
  await cluster.put(PersistentVolume, { metadata: { name: 'pv-disk' }, spec: { claimRef: { namespace: 'a', name: 'disk' } } });
  await cluster.put(PersistentVolume, { metadata: { name: 'pv-other' }, spec: { claimRef: { namespace: 'b', name: 'disk' } } });
  await cluster.put(VolumeAttachment, { metadata: { name: 'at-n' }, spec: { attacher: 'a', nodeName: 'n', source: {} } });
  await cluster.put(VolumeAttachment, { metadata: { name: 'at-m' }, spec: { attacher: 'a', nodeName: 'm', source: {} } });
  await cluster.put(Pod, { metadata: { name: 'other', namespace: 'a' }, spec: { nodeName: 'm', containers: [], volumes: [{ name: 'v', secret: { secretName: 'others' } }] } });
});

afterAll(async () => {
  authorizer.close();
  await cluster.close();
});

const may = (request: string) => authorizer.authorize(node, asking(request)).allowed;
const list = (fieldSelector: string) => authorizer.authorize(node, asking('list pods', { fieldSelector })).allowed;

describe('a node', () => {
  it.each([
    'get secrets in a/pull', 'get secrets in a/env', 'get secrets in a/init', 'watch secrets in a/volume', 'get secrets in a/projected',
    'get configmaps in a/settings', 'list configmaps in a/kube-root-ca.crt', 'create serviceaccounts/token in a/bot',
    'get pods in a/mine', 'patch pods/status in a/mine', 'create pods/eviction in a/mine',
    'get nodes in /n', 'create nodes', 'patch nodes/status in /n',
    'get leases@coordination.k8s.io in kube-node-lease/n', 'create leases@coordination.k8s.io in kube-node-lease',
    'get csinodes@storage.k8s.io in /n', 'patch csinodes@storage.k8s.io in /n', 'create csinodes@storage.k8s.io',
    'get persistentvolumeclaims in a/disk', 'patch persistentvolumeclaims/status in a/disk', 'get persistentvolumeclaims in a/mine-y', 'get persistentvolumes in /pv-disk',
    'get volumeattachments@storage.k8s.io in /at-n', 'get resourceclaims@resource.k8s.io in a/gpu',
    'create events in a', 'create certificatesigningrequests@certificates.k8s.io', 'list services',
  ])('may %s', (request) => {
    expect(may(request)).toBe(true);
  });

  it.each([
    'get secrets in a/others', 'get secrets in b/pull', 'list secrets in a', 'delete secrets in a/pull', 'get configmaps in a/unknown',
    'create serviceaccounts/token in a/default', 'get pods in a/other', 'list pods', 'update pods in a/mine',
    'get nodes in /m', 'list nodes', 'delete nodes in /n', 'patch nodes/status in /m',
    'get leases@coordination.k8s.io in kube-node-lease/m', 'get leases@coordination.k8s.io in kube-system/n',
    'get csinodes@storage.k8s.io in /m', 'update csinodes@storage.k8s.io in /m', 'list csinodes@storage.k8s.io',
    'get persistentvolumeclaims in a/unknown', 'get persistentvolumeclaims in b/disk', 'list persistentvolumeclaims in a', 'update persistentvolumeclaims in a/disk', 'patch persistentvolumeclaims/status in b/disk',
    'get persistentvolumes in /pv-other', 'list persistentvolumes', 'get volumeattachments@storage.k8s.io in /at-m', 'list volumeattachments@storage.k8s.io', 'get resourceclaims@resource.k8s.io in b/gpu',
    'list deployments@apps in a', 'get /metrics',
  ])('may not %s', (request) => {
    expect(may(request)).toBe(false);
  });

  it('lists and watches its own pods only', () => {
    expect([list('spec.nodeName=n'), list('spec.nodeName=m'), list('spec.nodeName!=n'), list('status.phase=Running')]).toEqual([true, false, false, false]);
  });

  it('loses what a pod needed when the pod goes', async () => {
    await cluster.put(Pod, { metadata: { name: 'brief', namespace: 'a' }, spec: { nodeName: 'n', containers: [], volumes: [{ name: 'v', secret: { secretName: 'brief' } }] } });
    expect(may('get secrets in a/brief')).toBe(true);
    await cluster.remove(Pod, { namespace: 'a', name: 'brief' });
    expect(may('get secrets in a/brief')).toBe(false);
  });

  it('is one by name and group both', () => {
    expect(authorizer.authorize(someone('system:node:n'), asking('get pods in a/mine')).allowed).toBe(false);
    expect(authorizer.authorize(someone('n', 'system:nodes'), asking('get pods in a/mine')).allowed).toBe(false);
  });
});
