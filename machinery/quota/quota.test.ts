import { describe, expect, it } from 'vitest';
import type { PersistentVolumeClaim, Pod, PodSpec, ResourceQuota, Service } from '../kinds/core.ts';
import { covers } from './scopes.ts';
import { difference, readAmounts, sum, usageOf, writeAmounts } from './usage.ts';

const kindOf = (group: string, plural: string) => ({ group, plural });
const pods = kindOf('', 'pods');
const claims = kindOf('', 'persistentvolumeclaims');

function pod(spec: Partial<PodSpec>, phase = 'Running'): Pod {
  return { metadata: { namespace: 'n', name: 'p' }, spec: { containers: [{ name: 'c', image: 'i' }], ...spec }, status: { phase } };
}

const asking = (requests: Record<string, string>, limits: Record<string, string> = {}): Pod => pod({ containers: [{ name: 'c', image: 'i', resources: { requests, limits } }] });
const service = (spec: NonNullable<Service['spec']>): Service => ({ metadata: { name: 's' }, spec });
const claim = (more: Partial<PersistentVolumeClaim>): PersistentVolumeClaim => ({ metadata: { name: 'c' }, ...more });

const quotaOf = (spec: NonNullable<ResourceQuota['spec']>): ResourceQuota => ({ metadata: { name: 'q' }, spec });

describe('what an object counts for', () => {
  it.each<[string, { readonly group: string; readonly plural: string }, object, Record<string, string>]>([
    ['a job', kindOf('batch', 'jobs'), {}, { 'count/jobs.batch': '1' }],
    ['a secret, which had a name of its own', kindOf('', 'secrets'), {}, { 'count/secrets': '1', secrets: '1' }],
    ['a kind of that name in another group', kindOf('example.com', 'secrets'), {}, { 'count/secrets.example.com': '1' }],
    ['a pod that asks for nothing', pods, pod({}), { 'count/pods': '1', pods: '1' }],
    ['a pod that has ended', pods, pod({}, 'Succeeded'), { 'count/pods': '1' }],
    ['a pod that asks', pods, asking({ cpu: '250m', memory: '1Gi' }, { cpu: '1', memory: '1Gi' }), {
      'count/pods': '1', pods: '1', cpu: '250m', 'requests.cpu': '250m', memory: '1Gi', 'requests.memory': '1Gi', 'limits.cpu': '1', 'limits.memory': '1Gi',
    }],
    ['a pod that asks for a device, under one name only', pods, asking({ 'example.com/gpu': '2' }, { 'example.com/gpu': '2' }), { 'count/pods': '1', pods: '1', 'requests.example.com/gpu': '2' }],
    ['a pod with huge pages', pods, asking({ 'hugepages-2Mi': '4Mi' }, { 'hugepages-2Mi': '4Mi' }), { 'count/pods': '1', pods: '1', 'hugepages-2Mi': '4Mi', 'requests.hugepages-2Mi': '4Mi' }],
    ['a service', kindOf('', 'services'), service({ ports: [{ port: 80 }] }), { 'count/services': '1', services: '1' }],
    ['a service with node ports', kindOf('', 'services'), service({ type: 'NodePort', ports: [{ port: 80 }, { port: 81 }] }), { 'count/services': '1', services: '1', 'services.nodeports': '2' }],
    ['a load balancer', kindOf('', 'services'), service({ type: 'LoadBalancer', ports: [{ port: 80 }] }), { 'count/services': '1', services: '1', 'services.loadbalancers': '1', 'services.nodeports': '1' }],
    ['a load balancer that wants no node ports but one', kindOf('', 'services'), service({ type: 'LoadBalancer', allocateLoadBalancerNodePorts: false, ports: [{ port: 80 }, { port: 81, nodePort: 30_000 }] }), {
      'count/services': '1', services: '1', 'services.loadbalancers': '1', 'services.nodeports': '1',
    }],
    ['a claim', claims, claim({ spec: { resources: { requests: { storage: '1Gi' } } } }), { 'count/persistentvolumeclaims': '1', persistentvolumeclaims: '1', 'requests.storage': '1Gi' }],
    ['a claim of a class that grows', claims, claim({ spec: { storageClassName: 'fast', resources: { requests: { storage: '1Gi' } } }, status: { allocatedResources: { storage: '2Gi' } } }), {
      'count/persistentvolumeclaims': '1', persistentvolumeclaims: '1', 'requests.storage': '2Gi',
      'fast.storageclass.storage.k8s.io/requests.storage': '2Gi', 'fast.storageclass.storage.k8s.io/persistentvolumeclaims': '1',
    }],
  ])('%s', (_name, kind, object, expected) => {
    expect(writeAmounts(usageOf(kind, object))).toEqual(expected);
  });

  it('is added and taken away name by name', () => {
    const [a, b] = [readAmounts({ cpu: '1', pods: '2' }), readAmounts({ cpu: '500m', secrets: '1' })];
    expect(writeAmounts(sum(a, b))).toEqual({ cpu: '1500m', pods: '2', secrets: '1' });
    expect(writeAmounts(difference(a, b))).toEqual({ cpu: '500m', pods: '2', secrets: '-1' });
  });
});

describe('the scopes of a quota', () => {
  const scoped = (...scopes: string[]): ResourceQuota => quotaOf({ scopes });
  const chosen = (scopeName: string, operator: string, ...values: string[]): ResourceQuota => quotaOf({ scopeSelector: { matchExpressions: [{ scopeName, operator, ...(values.length === 0 ? {} : { values }) }] } });
  const far = { topologyKey: 'zone', labelSelector: {}, namespaces: ['other'] };

  it.each<[string, ResourceQuota, Pod, boolean]>([
    ['none', quotaOf({}), pod({}), true],
    ['pods with a deadline', scoped('Terminating'), pod({ activeDeadlineSeconds: 5 }), true],
    ['pods with a deadline, not this', scoped('Terminating'), pod({}), false],
    ['pods without a deadline', scoped('NotTerminating'), pod({}), true],
    ['pods without a deadline, not this', scoped('NotTerminating'), pod({ activeDeadlineSeconds: 0 }), false],
    ['pods that ask for nothing', scoped('BestEffort'), pod({}), true],
    ['pods that ask for nothing, not this', scoped('BestEffort'), asking({ cpu: '1' }), false],
    ['pods that ask', scoped('NotBestEffort'), asking({ cpu: '1' }), true],
    ['all scopes at once', scoped('NotBestEffort', 'Terminating'), asking({ cpu: '1' }), false],
    ['pods of some priority', scoped('PriorityClass'), pod({ priorityClassName: 'high' }), true],
    ['pods of some priority, not this', scoped('PriorityClass'), pod({}), false],
    ['pods of one priority', chosen('PriorityClass', 'In', 'high'), pod({ priorityClassName: 'high' }), true],
    ['pods of one priority, not this', chosen('PriorityClass', 'In', 'high'), pod({ priorityClassName: 'low' }), false],
    ['pods of other priorities', chosen('PriorityClass', 'NotIn', 'high'), pod({}), true],
    ['pods of no priority', chosen('PriorityClass', 'DoesNotExist'), pod({}), true],
    ['pods that look into other namespaces', scoped('CrossNamespacePodAffinity'), pod({ affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [far] } } }), true],
    ['pods that prefer other namespaces', scoped('CrossNamespacePodAffinity'), pod({ affinity: { podAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 1, podAffinityTerm: far }] } } }), true],
    ['pods that look into other namespaces, not this', scoped('CrossNamespacePodAffinity'), pod({}), false],
    ['classes of claims', chosen('VolumeAttributesClass', 'Exists'), pod({}), false],
  ])('%s', (_name, quota, object, expected) => {
    expect(covers(quota, pods, object)).toBe(expected);
  });

  it('are about pods and claims only', () => {
    const quota = chosen('VolumeAttributesClass', 'In', 'gold');
    expect(covers(quota, claims, claim({ spec: { volumeAttributesClassName: 'gold' } }))).toBe(true);
    expect(covers(quota, claims, claim({ spec: { volumeAttributesClassName: 'tin' }, status: { currentVolumeAttributesClassName: 'gold' } }))).toBe(true);
    expect(covers(quota, claims, claim({}))).toBe(false);
    expect(covers(quota, kindOf('', 'services'), service({}))).toBe(false);
    expect(covers(quota, kindOf('example.com', 'pods'), {})).toBe(false);
  });
});
