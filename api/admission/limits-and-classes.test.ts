import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LimitRange, Node, PersistentVolume, PersistentVolumeClaim, Pod, type Binding } from '../../machinery/kinds/core.ts';
import type { Kind, KubernetesObject } from '../../machinery/kinds/kind.ts';
import { Ingress, IngressClass } from '../../machinery/kinds/networking.ts';
import { RuntimeClass } from '../../machinery/kinds/runtime-class.ts';
import { StorageClass } from '../../machinery/kinds/storage.ts';
import type { Draft } from '../../machinery/kinds/wire.ts';
import { someone, startTestCluster, type TestCluster } from '../access/test-cluster.ts';
import { resources } from '../resources/all.ts';
import { createAdmission, type Admitted } from './admission.ts';
import { defaultIngressClass, defaultStorageClass } from './default-class.ts';
import { limitRanger } from './limit-ranger.ts';
import { persistentVolumeClaimResize } from './persistent-volume-claim-resize.ts';
import { podTopologyLabels } from './pod-topology-labels.ts';
import { runtimeClass } from './runtime-class.ts';
import { storageObjectInUseProtection } from './storage-object-in-use-protection.ts';

let cluster: TestCluster;
const admission = createAdmission([limitRanger, defaultStorageClass, storageObjectInUseProtection, persistentVolumeClaimResize, runtimeClass, defaultIngressClass, podTopologyLabels]);

beforeAll(async () => {
  cluster = await startTestCluster();
  await cluster.put(LimitRange, { metadata: { name: 'l', namespace: 'limited' }, spec: { limits: [
    { type: 'Container', min: { cpu: '50m' }, max: { cpu: '2' }, default: { cpu: '500m' }, defaultRequest: { cpu: '100m', memory: '64Mi' }, maxLimitRequestRatio: { cpu: '10' } },
    { type: 'Pod', max: { cpu: '3' } },
    { type: 'PersistentVolumeClaim', min: { storage: '1Gi' }, max: { storage: '5Gi' } },
  ] } });
  await cluster.put(StorageClass, { metadata: { name: 'old', creationTimestamp: '2025-01-01T00:00:00Z', annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } }, provisioner: 'a' });
  await cluster.put(StorageClass, { metadata: { name: 'new', creationTimestamp: '2026-01-01T00:00:00Z', annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } }, provisioner: 'a' });
  await cluster.put(StorageClass, { metadata: { name: 'other', creationTimestamp: '2026-06-01T00:00:00Z' }, provisioner: 'a' });
  await cluster.put(StorageClass, { metadata: { name: 'growing' }, provisioner: 'a', allowVolumeExpansion: true });
  await cluster.put(Node, { metadata: { name: 'n1', labels: { 'topology.kubernetes.io/zone': 'z', 'topology.kubernetes.io/region': 'r', other: 'x' } } });
  await cluster.put(IngressClass, { metadata: { name: 'nginx', annotations: { 'ingressclass.kubernetes.io/is-default-class': 'true' } }, spec: { controller: 'a.b/c' } });
  await cluster.put(RuntimeClass, {
    metadata: { name: 'vm' }, handler: 'vm', overhead: { podFixed: { cpu: '250m' } }, scheduling: { nodeSelector: { vm: 'yes' }, tolerations: [{ key: 'vm', operator: 'Exists' }] },
  });
});
afterAll(() => cluster.close());

/** What admission makes of a new object. Throws its refusal. */
function admit<T extends KubernetesObject>(kind: Kind<T>, object: T, old?: T): T {
  const resource = resources.find((one) => one.group === kind.group && one.plural === kind.plural);
  if (resource === undefined) throw new Error(`no resource ${kind.plural}`);
  const { namespace = '', name = '' } = object.metadata ?? {};
  const write: Admitted = {
    operation: old === undefined ? 'CREATE' : 'UPDATE', resource, subresource: '', namespace, name, user: someone('u'), old, caches: cluster.caches, dryRun: false, options: undefined,
    warn: () => undefined, annotate: () => undefined, signal: AbortSignal.timeout(30_000),
  };
  const draft = structuredClone(object) as Draft<KubernetesObject>;
  void admission.mutate(write, draft);
  void admission.validate(write, draft);
  return draft as T;
}

const pod = (asked: object, namespace = 'limited', more: object = {}): Pod => ({ metadata: { name: 'p', namespace }, spec: { containers: [{ name: 'c', resources: asked }], ...more } });
const large = (name: string) => ({ name, resources: { requests: { cpu: '1' }, limits: { cpu: '2' } } });
const claim = (storage: string, more: object = {}): PersistentVolumeClaim => ({ metadata: { name: 'c', namespace: 'limited' }, spec: { resources: { requests: { storage } }, ...more } });

const boundClaim = (storage: string, storageClassName: string, phase = 'Bound'): PersistentVolumeClaim => ({ ...claim(storage, { storageClassName }), status: { phase } });

const grown = (storageClassName: string, phase?: string) => () => admit(PersistentVolumeClaim, boundClaim('3Gi', storageClassName, phase), boundClaim('2Gi', storageClassName, phase));

/** What a Binding of a pod to that node says beside. */
function bindingTo(name: string, labels?: Record<string, string>): Draft<Binding>['metadata'] {
  const resource = resources.find(({ group, plural }) => group === '' && plural === 'pods');
  if (resource === undefined) throw new Error('no pods');
  const draft: Draft<Binding> = { metadata: { name: 'p', namespace: 'a', ...(labels === undefined ? {} : { labels }) }, target: { kind: 'Node', name } };
  void admission.mutate({
    operation: 'CREATE', resource, subresource: 'binding', namespace: 'a', name: 'p', user: someone('u'), old: undefined, caches: cluster.caches, dryRun: false, options: undefined,
    warn: () => undefined, annotate: () => undefined, signal: AbortSignal.timeout(30_000),
  }, draft);
  return draft.metadata;
}

describe('limits of a namespace', () => {
  it('fill in what a container leaves open, and say so', () => {
    const { metadata, spec } = admit(Pod, pod({}));
    expect(spec?.containers[0]?.resources).toEqual({ requests: { cpu: '100m', memory: '64Mi' }, limits: { cpu: '500m' } });
    expect(metadata?.annotations).toEqual({ 'kubernetes.io/limit-ranger': 'LimitRanger plugin set: cpu, memory request for container c; cpu limit for container c' });
    expect(admit(Pod, pod({}, 'free'))).toEqual(pod({}, 'free'));
  });

  it.each<[string, Pod, string]>([
    ['too little', pod({ requests: { cpu: '10m' }, limits: { cpu: '50m' } }), 'minimum cpu usage per Container is 50m, but request is 10m'],
    ['too much', pod({ requests: { cpu: '1' }, limits: { cpu: '2500m' } }), 'maximum cpu usage per Container is 2, but limit is 2500m'],
    ['a limit far above the request', pod({ requests: { cpu: '100m' }, limits: { cpu: '2' } }), 'cpu max limit to request ratio per Container is 10, but provided ratio is 20.000000'],
    ['several faults', pod({ requests: { cpu: '10m' }, limits: { cpu: '200m' } }), '[minimum cpu usage per Container is 50m, but request is 10m, cpu max limit to request ratio per Container is 10, but provided ratio is 20.000000]'],
  ])('refuse %s', (_name, object, why) => {
    expect(() => admit(Pod, object)).toThrow(`pods "p" is forbidden: ${why}`);
  });

  it('hold for a pod as a whole', () => {
    expect(() => admit(Pod, pod({}, 'limited', { containers: [large('a'), large('b')] }))).toThrow('pods "p" is forbidden: maximum cpu usage per Pod is 3, but limit is 4');
  });

  it('hold for claims', () => {
    expect(() => admit(PersistentVolumeClaim, claim('500Mi'))).toThrow('persistentvolumeclaims "c" is forbidden: minimum storage usage per PersistentVolumeClaim is 1Gi, but request is 500Mi');
    expect(() => admit(PersistentVolumeClaim, claim('10Gi'))).toThrow('persistentvolumeclaims "c" is forbidden: maximum storage usage per PersistentVolumeClaim is 5Gi, but request is 10Gi');
    expect(() => admit(PersistentVolumeClaim, claim('2Gi'))).not.toThrow();
  });
});

describe('default classes', () => {
  it('go to claims that name none: the newest of several', () => {
    expect(admit(PersistentVolumeClaim, claim('1Gi')).spec?.storageClassName).toBe('new');
    expect(admit(PersistentVolumeClaim, claim('1Gi', { storageClassName: '' })).spec?.storageClassName).toBe('');
  });

  it('go to Ingresses that name none', () => {
    expect(admit(Ingress, { metadata: { name: 'i', namespace: 'a' } }).spec?.ingressClassName).toBe('nginx');
    expect(admit(Ingress, { metadata: { name: 'i', namespace: 'a', annotations: { 'kubernetes.io/ingress.class': 'b' } } }).spec?.ingressClassName).toBeUndefined();
  });
});

describe('storage in use', () => {
  it('is protected from the start', () => {
    expect(admit(PersistentVolumeClaim, claim('1Gi')).metadata?.finalizers).toEqual(['kubernetes.io/pvc-protection']);
    expect(admit(PersistentVolume, { metadata: { name: 'v' } }).metadata?.finalizers).toEqual(['kubernetes.io/pv-protection']);
  });
});

describe('a claim that grows', () => {
  it('needs a class that lets it', () => {
    expect(grown('growing')).not.toThrow();
    for (const name of ['other', 'missing', '']) expect(grown(name)).toThrow('persistentvolumeclaims "c" is forbidden: only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize');
  });
  it('is bound', () => {
    expect(grown('growing', 'Pending')).toThrow('persistentvolumeclaims "c" is forbidden: Only bound persistent volume claims can be expanded');
  });
  it('is left alone when it asks for the same', () => {
    expect(() => admit(PersistentVolumeClaim, boundClaim('2048Mi', 'other'), boundClaim('2Gi', 'other'))).not.toThrow();
  });
});

describe('a pod that is given its node', () => {
  it('is told its zone and region', () => {
    expect(bindingTo('n1')?.labels).toEqual({ 'topology.kubernetes.io/zone': 'z', 'topology.kubernetes.io/region': 'r' });
    expect(bindingTo('n1', { 'topology.kubernetes.io/zone': 'mine', a: 'b' })?.labels).toEqual({ 'topology.kubernetes.io/zone': 'mine', 'topology.kubernetes.io/region': 'r', a: 'b' });
    expect(bindingTo('gone')?.labels).toBeUndefined();
  });
});

describe('a runtime class', () => {
  const under = (runtimeClassName: string, more: object = {}) => pod({}, 'free', { runtimeClassName, ...more });

  it('adds what its pods cost and where they run', () => {
    expect(admit(Pod, under('vm', { nodeSelector: { a: 'b' } })).spec).toMatchObject({ overhead: { cpu: '250m' }, nodeSelector: { a: 'b', vm: 'yes' }, tolerations: [{ key: 'vm', operator: 'Exists' }] });
  });

  it('is one with pods that say the same in other words', () => {
    expect(admit(Pod, under('vm', { overhead: { cpu: '0.25' } })).spec?.overhead).toEqual({ cpu: '250m' });
  });

  it.each([
    ['the same', { key: 'vm', operator: 'Exists' }, []],
    ['less', { key: 'vm', operator: 'Equal', value: 'x', effect: 'NoSchedule' }, [{ key: 'vm', operator: 'Exists' }]],
    ['less, for a time', { key: 'vm', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 5 }, [{ key: 'vm', operator: 'Exists' }]],
    ['more', { operator: 'Exists' }, [{ operator: 'Exists' }]],
    ['something else', { key: 'a', operator: 'Exists' }, [{ key: 'a', operator: 'Exists' }, { key: 'vm', operator: 'Exists' }]],
  ])('tolerates for its pods what they don\'t: %s', (_name, own, expected) => {
    expect(admit(Pod, under('vm', { tolerations: [own] })).spec?.tolerations).toEqual(expected.length === 0 ? [own] : expected);
  });

  it.each<[string, Pod, string]>([
    ['is there', under('none'), 'pod rejected: RuntimeClass "none" not found'],
    ['agrees with its pods about the cost', under('vm', { overhead: { cpu: '1' } }), "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead"],
    ['alone gives pods overhead', pod({}, 'free', { overhead: { cpu: '1' } }), 'pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead'],
    ['alone gives pods overhead, even none', pod({}, 'free', { overhead: {} }), 'pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead'],
    ['agrees with its pods about the place', under('vm', { nodeSelector: { vm: 'no' } }), 'conflict: runtimeClass.scheduling.nodeSelector[vm] = yes; pod.spec.nodeSelector[vm] = no'],
  ])('%s', (_name, object, why) => {
    expect(() => admit(Pod, object)).toThrow(`pods "p" is forbidden: ${why}`);
  });
});
