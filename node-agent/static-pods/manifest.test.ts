import { describe, expect, it } from 'vitest';
import type { Pod, PodSpec } from '../../machinery/kinds/core.ts';
import { isStatic } from '../../machinery/pod/static.ts';
import { staticPod } from './manifest.ts';

const origin = { file: '/m/web.yaml', nodeName: 'Machine', seenAt: Date.UTC(2026, 0, 1) };
const web: Pod = { metadata: { name: 'web', labels: { a: 'b' }, annotations: { own: 'yes' } }, spec: { containers: [{ name: 'c', image: 'x' }] } };
const uidOf = (pod: Pod, more: Partial<typeof origin> = {}): string => staticPod(pod, { ...origin, ...more }).metadata?.uid ?? '';
const withSpec = (spec: Partial<PodSpec>): Pod => ({ ...web, spec: { containers: [], ...spec } });

describe('the pod of a manifest', () => {
  it('is its node\'s, and says where it comes from', () => {
    const pod = staticPod(web, origin);
    const uid = pod.metadata?.uid ?? '';
    expect(pod).toEqual({
      apiVersion: 'v1', kind: 'Pod',
      metadata: {
        name: 'web-machine', namespace: 'default', uid, labels: { a: 'b' },
        annotations: { own: 'yes', 'kubernetes.io/config.hash': uid, 'kubernetes.io/config.seen': '2026-01-01T00:00:00Z', 'kubernetes.io/config.source': 'file' },
      },
      spec: { nodeName: 'Machine', containers: [{ name: 'c', image: 'x' }], tolerations: [{ operator: 'Exists', effect: 'NoExecute' }] },
    });
    expect(isStatic(pod)).toBe(true);
  });

  it('takes nothing from it that is the node\'s or the API\'s to say', () => {
    const pod = staticPod({
      metadata: { name: 'web', namespace: 'ns', uid: '../../etc', finalizers: ['f'], deletionTimestamp: 'now', annotations: { 'kubernetes.io/config.mirror': 'x' } },
      spec: { containers: [], nodeName: 'other', tolerations: [{ operator: 'Exists', effect: 'NoExecute' }] }, status: { phase: 'Failed' },
    }, origin);
    expect(Object.keys(pod.metadata ?? {}).toSorted()).toEqual(['annotations', 'name', 'namespace', 'uid']);
    expect(pod.metadata).toMatchObject({ namespace: 'ns', uid: expect.stringMatching(/^[0-9a-f]{32}$/) });
    expect(pod.metadata?.annotations).not.toHaveProperty('kubernetes.io/config.mirror');
    expect(pod.spec).toMatchObject({ nodeName: 'Machine', tolerations: [{ operator: 'Exists', effect: 'NoExecute' }] });
    expect(pod.status).toBeUndefined();
  });

  it.each<[string, boolean, string]>([
    ['as it was', true, uidOf(web)],
    ['when its fields are ordered otherwise', true, uidOf({ spec: { containers: [{ image: 'x', name: 'c' }] }, metadata: { annotations: { own: 'yes' }, labels: { a: 'b' }, name: 'web' } })],
    ['at another time', true, uidOf(web, { seenAt: 0 })],
    ['of another image', false, uidOf({ ...web, spec: { containers: [{ name: 'c', image: 'y' }] } })],
    ['of another label', false, uidOf({ ...web, metadata: { ...web.metadata, labels: {} } })],
    ['of another file', false, uidOf(web, { file: '/m/other.yaml' })],
    ['of another node', false, uidOf(web, { nodeName: 'other' })],
  ])('%s: the same is %s', (_name, isSame, uid) => {
    expect(uid === uidOf(web)).toBe(isSame);
  });

  it('needs a name', () => {
    expect(() => staticPod({ spec: { containers: [] } }, origin)).toThrow('name is needed for the pod');
  });

  const container = { name: 'c' };
  const projecting = (source: object): Pod => withSpec({ volumes: [{ name: 'v', projected: { sources: [source] } }] });
  it.each<[string, Pod]>([
    ['serviceaccounts', withSpec({ serviceAccountName: 'a' })],
    ['serviceaccounts', withSpec({ serviceAccount: 'a' })],
    ['secrets', withSpec({ imagePullSecrets: [{ name: 's' }] })],
    ['secrets', withSpec({ containers: [{ ...container, envFrom: [{ secretRef: { name: 's' } }] }] })],
    ['secrets', withSpec({ initContainers: [{ ...container, env: [{ name: 'A', valueFrom: { secretKeyRef: { name: 's', key: 'k' } } }] }] })],
    ['configmaps', withSpec({ containers: [{ ...container, envFrom: [{ configMapRef: { name: 's' } }] }] })],
    ['configmaps', withSpec({ containers: [{ ...container, env: [{ name: 'A', valueFrom: { configMapKeyRef: { name: 's', key: 'k' } } }] }] })],
    ['resourceclaims', withSpec({ resourceClaims: [{ name: 'r' }] })],
    ['configmaps (via configmap volumes)', withSpec({ volumes: [{ name: 'v', configMap: { name: 'c' } }] })],
    ['secrets (via secret volumes)', withSpec({ volumes: [{ name: 'w', emptyDir: {} }, { name: 'v', secret: { secretName: 's' } }] })],
    ['csidrivers (via CSI volumes)', withSpec({ volumes: [{ name: 'v', csi: { driver: 'd' } }] })],
    ['persistentvolumeclaims', withSpec({ volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'c' } }] })],
    ['persistentvolumeclaims (via ephemeral volumes)', withSpec({ volumes: [{ name: 'v', ephemeral: {} }] })],
    ['configmaps (via projected volumes)', projecting({ configMap: { name: 'c' } })],
    ['secrets (via projected volumes)', projecting({ secret: { name: 'c' } })],
    ['serviceaccounts (via projected volumes)', projecting({ serviceAccountToken: { path: 't' } })],
    ['clustertrustbundles', projecting({ clusterTrustBundle: { path: 't' } })],
    ['podcertificates', projecting({ podCertificate: {} })],
  ])('can do without the API: not with %s', (what, pod) => {
    expect(() => staticPod(pod, origin)).toThrow(new Error(`static pods may not reference ${what}`));
  });

  it('may show itself to its containers', () => {
    expect(() => staticPod(projecting({ downwardAPI: { items: [] } }), origin)).not.toThrow();
  });
});
