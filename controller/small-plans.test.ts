import { describe, expect, it } from 'vitest';
import { timestamp } from '../machinery/conditions.ts';
import type { Node, PersistentVolume, PersistentVolumeClaim, Pod, ResourceQuota, Toleration } from '../machinery/kinds/core.ts';
import { readAmounts } from '../machinery/quota/usage.ts';
import { parseRange, plan as planRange } from './node-ipam.ts';
import { plan as planOrphan } from './pod-garbage/orphaned.ts';
import { plan as planTerminated } from './pod-garbage/terminated.ts';
import { plan as planClaim } from './pvc-protection.ts';
import { plan as planVolume } from './pv-protection.ts';
import { plan as planQuota } from './resource-quota.ts';
import { plan as planRootCa } from './root-ca.ts';
import { plan as planAccount } from './service-account.ts';
import { plan as planEviction } from './taint-eviction.ts';

const now = Date.UTC(2026, 0, 1);
const types = (steps: readonly { readonly type: string }[]): readonly string[] => steps.map(({ type }) => type);

describe('ranges of pod addresses', () => {
  const cluster = parseRange('10.244.0.0/16');
  const rangeOf = (taken: readonly string[], range = cluster): unknown => {
    const [step] = planRange({ metadata: { name: 'a' } }, new Set(taken), range);
    return step?.type === 'update' ? (step.object as Node).spec?.podCIDR : step?.type;
  };
  it.each([
    ['the first', [], '10.244.0.0/24'], ['the next', ['10.244.0.0/24'], '10.244.1.0/24'], ['one that came free', ['10.244.0.0/24', '10.244.2.0/24'], '10.244.1.0/24'],
  ])('are given in order: %s', (_name, taken, expected) => {
    expect(rangeOf(taken)).toBe(expected);
  });
  it('run out with an event', () => {
    expect(rangeOf(['10.9.8.0/24'], parseRange('10.9.8.0/24'))).toBe('event');
  });
  it('are kept by who has one', () => {
    expect(planRange({ metadata: { name: 'a' }, spec: { podCIDR: '10.244.7.0/24' } }, new Set(), cluster)).toEqual([]);
  });
  it.each(['10.244.0.0', '10.244.0.0/28', '300.1.1.1/16', 'fd00::/64'])('are refused when they make no sense: %s', (text) => {
    expect(() => parseRange(text)).toThrow('must be an IPv4 range');
  });
});

const tolerating = (tolerations: readonly Toleration[]): Pod => ({ metadata: { namespace: 'default', name: 'web', uid: 'u' }, spec: { containers: [], nodeName: 'n', tolerations } });

describe('pods under NoExecute taints', () => {
  const taints = [{ key: 'node.kubernetes.io/unreachable', effect: 'NoExecute' }];
  it.each<[string, readonly Toleration[], number, readonly string[]]>([
    ['at once without a toleration', [], now, ['event', 'patch', 'delete']],
    ['never with one for ever', [{ operator: 'Exists' }], now, []],
    ['later with one for a time', [{ key: 'node.kubernetes.io/unreachable', operator: 'Exists', tolerationSeconds: 300 }], now - 100_000, ['requeueAfter']],
    ['when that time is over', [{ key: 'node.kubernetes.io/unreachable', operator: 'Exists', tolerationSeconds: 300 }], now - 300_000, ['event', 'patch', 'delete']],
  ])('go %s', (_name, tolerations, since, expected) => {
    expect(types(planEviction(tolerating(tolerations), { taints, since }, now))).toEqual(expected);
  });
});

const goingWith = (finalizer: string) => ({ name: 'a', namespace: 'default', uid: 'u', deletionTimestamp: timestamp(now), finalizers: [finalizer, 'example.com/other'] });
const finalizersAfter = ([step]: readonly { readonly type: string }[]): unknown => (step?.type === 'update' ? (step as unknown as { readonly object: Pod }).object.metadata?.finalizers : undefined);

describe('claims and volumes that are being deleted', () => {
  const claim: PersistentVolumeClaim = { metadata: goingWith('kubernetes.io/pvc-protection') };
  const volume: PersistentVolume = { metadata: goingWith('kubernetes.io/pv-protection') };

  it('are let go once nobody uses them', () => {
    expect(finalizersAfter(planClaim(claim, { inUse: false }))).toEqual(['example.com/other']);
    expect(finalizersAfter(planVolume(volume))).toEqual(['example.com/other']);
    expect(finalizersAfter(planVolume({ ...volume, status: { phase: 'Released' } }))).toEqual(['example.com/other']);
  });
  it('are kept while somebody does', () => {
    expect(planClaim(claim, { inUse: true })).toEqual([]);
    expect(planVolume({ ...volume, status: { phase: 'Bound' } })).toEqual([]);
  });
  it('are left alone when they stay, or are not held', () => {
    expect(planClaim({ metadata: { name: 'a', finalizers: ['kubernetes.io/pvc-protection'] } }, { inUse: false })).toEqual([]);
    expect(planVolume({ metadata: { name: 'a', finalizers: ['kubernetes.io/pv-protection'] } })).toEqual([]);
    expect(planVolume({ metadata: { ...volume.metadata, finalizers: ['example.com/other'] } })).toEqual([]);
  });
});

describe('what is used of a quota', () => {
  const quota: ResourceQuota = { metadata: { name: 'q', namespace: 'default', uid: 'u' }, spec: { hard: { pods: '2', 'requests.memory': '1Gi' } } };
  it('is told for what has a limit, and nothing else', () => {
    const [step] = planQuota({ quota, used: readAmounts({ pods: '1', cpu: '1' }) });
    expect(step).toMatchObject({ type: 'status', status: { hard: { pods: '2', 'requests.memory': '1Gi' }, used: { pods: '1', 'requests.memory': '0' } } });
  });
  it.each<[string, ResourceQuota, readonly string[]]>([
    ['is counted again later', { ...quota, status: { hard: { pods: '2', 'requests.memory': '1024Mi' }, used: { pods: '1', 'requests.memory': '0' } } }, ['requeueAfter']],
    ['is told anew when it changes', { ...quota, status: { hard: { pods: '2', 'requests.memory': '1Gi' }, used: { pods: '2', 'requests.memory': '0' } } }, ['status', 'requeueAfter']],
    ['is told anew when the limits change', { ...quota, status: { hard: { pods: '3', 'requests.memory': '1Gi' }, used: { pods: '1', 'requests.memory': '0' } } }, ['status', 'requeueAfter']],
    ['is nobody\'s concern when the quota goes', { ...quota, metadata: { ...quota.metadata, deletionTimestamp: timestamp(now) } }, []],
  ])('%s', (_name, stored, expected) => {
    expect(types(planQuota({ quota: stored, used: readAmounts({ pods: '1' }) }))).toEqual(expected);
  });
});

describe('leftover pods', () => {
  const bound: Pod = { metadata: { namespace: 'default', name: 'web', uid: 'u' }, spec: { containers: [], nodeName: 'n' }, status: { phase: 'Running' } };
  it.each([
    ['stay while their node is there', bound, { goneSince: undefined, confirmed: false }, []],
    ['stay for a while after their node went', bound, { goneSince: now, confirmed: false }, ['requeueAfter']],
    ['fail and go when it is gone for good', bound, { goneSince: now - 40_000, confirmed: true }, ['patch', 'delete']],
    ['have failed and go when they were deleted before they had a node', { metadata: { name: 'web', uid: 'u', deletionTimestamp: timestamp(now) }, spec: { containers: [] } }, { goneSince: undefined, confirmed: false }, ['patch', 'delete']],
    ['stay while they wait for a node', { metadata: { name: 'web', uid: 'u' }, spec: { containers: [] } }, { goneSince: undefined, confirmed: false }, []],
  ])('%s', (_name, pod, observed, expected) => {
    expect(types(planOrphan(pod, observed, now))).toEqual(expected);
  });

  it('that have ended go oldest first, down to the threshold', () => {
    const ended = [30, 10, 20].map((seconds): Pod => ({ metadata: { name: `p${seconds}`, uid: `p${seconds}`, creationTimestamp: timestamp(now + seconds * 1000) } }));
    expect(planTerminated(ended, 1)).toMatchObject([{ uid: 'p10' }, { uid: 'p20' }]);
    expect(planTerminated(ended, 3)).toEqual([]);
  });
});

describe('what every namespace has', () => {
  const namespace = { metadata: { name: 'web' } };
  const going = { metadata: { name: 'web', deletionTimestamp: timestamp(now) } };
  it('is a default ServiceAccount', () => {
    expect(planAccount(namespace, { present: false })).toMatchObject([{ type: 'create', object: { metadata: { name: 'default', namespace: 'web' } } }]);
    expect(planAccount(namespace, { present: true })).toEqual([]);
    expect(planAccount(going, { present: false })).toEqual([]);
  });
  it('is the certificate that pods trust the API server by, kept as it should be', () => {
    expect(planRootCa(namespace, undefined, 'CA')).toMatchObject([{ type: 'create', object: { metadata: { name: 'kube-root-ca.crt' }, data: { 'ca.crt': 'CA' } } }]);
    expect(planRootCa(namespace, { data: { 'ca.crt': 'old' } }, 'CA')).toMatchObject([{ type: 'update', object: { data: { 'ca.crt': 'CA' } } }]);
    expect(planRootCa(namespace, { data: { 'ca.crt': 'CA' } }, 'CA')).toEqual([]);
    expect(planRootCa(going, undefined, 'CA')).toEqual([]);
  });
});
