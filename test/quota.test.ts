import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createClient, type Client } from '../client/client.ts';
import { createInformer, type Informer } from '../client/informer.ts';
import { addressKey } from '../client/informer-store.ts';
import { createControllers } from '../controller/all.ts';
import { systemClock } from '../machinery/clock.ts';
import { Job } from '../machinery/kinds/batch.ts';
import { ConfigMap, LimitRange, Namespace, PersistentVolumeClaim, Pod, ResourceQuota, Secret, Service } from '../machinery/kinds/core.ts';
import type { KubernetesObject } from '../machinery/kinds/kind.ts';
import { startTestServer, type TestServer } from './test-server.ts';

/** Quotas, as admission and their controller keep them together. */

const stopping = new AbortController();
let fixture: TestServer;
let client: Client;
let quotas: Informer<ResourceQuota>;
const running: Promise<unknown>[] = [];

beforeAll(async () => {
  fixture = await startTestServer();
  ({ client } = fixture);
  const controllers = createControllers({
    client: createClient(fixture.server.localTransport({ name: 'system:kube-controller-manager', groups: [] })), clock: systemClock, kinds: fixture.server.kinds, extensionKinds: fixture.server.extensionKinds,
    rootCaPem: fixture.server.caPem, signToken: fixture.server.signToken, clusterCidr: '10.244.0.0/16', freeze: true,
  });
  quotas = createInformer(client, ResourceQuota, { clock: systemClock });
  running.push(controllers.run(stopping.signal), quotas.run(stopping.signal));
  await quotas.waitForSync(AbortSignal.timeout(10_000));
});
afterAll(async () => {
  stopping.abort();
  await Promise.all(running);
  await fixture.dispose();
});

/** A namespace of that name with one quota, once its controller has looked at it. */
async function limited(namespace: string, hard: Record<string, string>, more: object = {}): Promise<void> {
  await client.create(Namespace, { metadata: { name: namespace } });
  await client.create(ResourceQuota, { metadata: { name: 'q', namespace }, spec: { hard, ...more } });
  await used(namespace, (amounts) => Object.keys(amounts).length === Object.keys(hard).length);
}

/** Resolves once the quota's use is as wanted. */
async function used(namespace: string, condition: (amounts: Readonly<Record<string, string>>) => boolean): Promise<void> {
  const key = addressKey(namespace, 'q');
  try {
    await quotas.waitUntil(key, (quota) => condition(quota?.status?.used ?? {}), AbortSignal.timeout(10_000));
  } catch (error) {
    throw new Error(`the quota is not as wanted: ${JSON.stringify(quotas.get(key)?.status)}`, { cause: error });
  }
}

const pod = (namespace: string, name: string, resources: object = {}, more: object = {}): Pod => ({ metadata: { name, namespace }, spec: { containers: [{ name: 'c', image: 'x', resources }], ...more } });
const job = (name: string): Job => ({ metadata: { name, namespace: 'kinds' }, spec: { template: { spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'x' }] } } } });
const claim = (name: string, storage: string, storageClassName: string): PersistentVolumeClaim => (
  { metadata: { name, namespace: 'grown' }, spec: { accessModes: ['ReadWriteOnce'], storageClassName, resources: { requests: { storage } } } });
const refusal = (why: string) => ({ code: 403, message: expect.stringContaining(why) as unknown });

/** How many were let in. */
async function admitted(writes: readonly Promise<KubernetesObject>[]): Promise<number> {
  const outcomes = await Promise.allSettled(writes);
  for (const outcome of outcomes) if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject(refusal('exceeded quota'));
  return outcomes.filter(({ status }) => status === 'fulfilled').length;
}

describe('a quota', () => {
  it('is never exceeded, however many create at once', async () => {
    await limited('crowd', { pods: '5', 'count/configmaps': '100' });
    expect(await admitted(Array.from({ length: 20 }, (_, index) => client.create(Pod, pod('crowd', `p${index}`))))).toBe(5);
    await used('crowd', ({ pods }) => pods === '5');
    await expect(client.create(Pod, pod('crowd', 'late'))).rejects.toMatchObject({ code: 403, message: 'pods "late" is forbidden: exceeded quota: q, requested: pods=1, used: pods=5, limited: pods=5' });
  });

  it('counts off what goes and what ends', async () => {
    await limited('short', { pods: '2' });
    await client.create(Pod, pod('short', 'a'));
    const ending = await client.create(Pod, pod('short', 'b', {}, { nodeName: 'n1' }));
    await client.delete(Pod, { namespace: 'short', name: 'a' });
    await used('short', ({ pods }) => pods === '1');
    await client.updateSubresource(Pod, { namespace: 'short', name: 'b' }, 'status', { ...ending, status: { ...ending.status, phase: 'Succeeded' } });
    await used('short', ({ pods }) => pods === '0');
    expect(await admitted(['c', 'd', 'e'].map((name) => client.create(Pod, pod('short', name))))).toBe(2);
  });

  it('has containers say what they ask', async () => {
    await limited('compute', { 'requests.cpu': '1', 'limits.memory': '1Gi' });
    await expect(client.create(Pod, pod('compute', 'silent'))).rejects.toMatchObject({ code: 403, message: 'pods "silent" is forbidden: failed quota: q: must specify limits.memory for: c; requests.cpu for: c' });
    await client.create(Pod, pod('compute', 'a', { requests: { cpu: '600m' }, limits: { memory: '256Mi', cpu: '1' } }));
    await used('compute', (amounts) => amounts['requests.cpu'] === '600m' && amounts['limits.memory'] === '256Mi');
    await expect(client.create(Pod, pod('compute', 'b', { requests: { cpu: '500m' }, limits: { memory: '1Gi', cpu: '1' } }))).rejects.toMatchObject(
      refusal('exceeded quota: q, requested: limits.memory=1Gi,requests.cpu=500m, used: limits.memory=256Mi,requests.cpu=600m, limited: limits.memory=1Gi,requests.cpu=1'));
  });

  it('counts any kind', async () => {
    await limited('kinds', { 'count/jobs.batch': '1', secrets: '1', 'count/secrets': '5' });
    await client.create(Job, job('a'));
    await expect(client.create(Job, job('b'))).rejects.toMatchObject({ code: 403, message: 'jobs.batch "b" is forbidden: exceeded quota: q, requested: count/jobs.batch=1, used: count/jobs.batch=1, limited: count/jobs.batch=1' });
    await client.create(Secret, { metadata: { name: 'a', namespace: 'kinds' } });
    await expect(client.create(Secret, { metadata: { name: 'b', namespace: 'kinds' } })).rejects.toMatchObject(refusal('exceeded quota: q, requested: secrets=1, used: secrets=1, limited: secrets=1'));
    await client.create(ConfigMap, { metadata: { name: 'free', namespace: 'kinds' } });
  });

  it('counts what a Service or a claim grows by', async () => {
    await limited('grown', { 'services.nodeports': '1', 'requests.storage': '5Gi', 'fast.storageclass.storage.k8s.io/requests.storage': '2Gi' });
    const service = await client.create(Service, { metadata: { name: 's', namespace: 'grown' }, spec: { ports: [{ name: 'a', port: 1 }, { name: 'b', port: 2 }] } });
    await expect(client.update(Service, { ...service, spec: { ...service.spec, type: 'NodePort' } })).rejects.toMatchObject(refusal('exceeded quota: q, requested: services.nodeports=2, used: services.nodeports=0, limited: services.nodeports=1'));
    await client.create(PersistentVolumeClaim, claim('a', '2Gi', 'fast'));
    await expect(client.create(PersistentVolumeClaim, claim('b', '1Gi', 'fast'))).rejects.toMatchObject(refusal('requested: fast.storageclass.storage.k8s.io/requests.storage=1Gi, used: fast.storageclass.storage.k8s.io/requests.storage=2Gi'));
    await client.create(PersistentVolumeClaim, claim('c', '3Gi', 'slow'));
  });

  it('counts what a pod is resized to', async () => {
    await limited('resized', { 'requests.cpu': '1' });
    const made = await client.create(Pod, pod('resized', 'a', { requests: { cpu: '600m' } }, { nodeName: 'n1' }));
    const resize = (cpu: string) => client.updateSubresource(Pod, { namespace: 'resized', name: 'a' }, 'resize', { ...made, metadata: { name: 'a', namespace: 'resized' }, spec: { ...made.spec, containers: made.spec?.containers.map((one) => ({ ...one, resources: { requests: { cpu } } })) ?? [] } });
    await expect(resize('1100m')).rejects.toMatchObject(refusal('exceeded quota: q, requested: requests.cpu=500m, used: requests.cpu=600m, limited: requests.cpu=1'));
    await resize('900m');
    await used('resized', (amounts) => amounts['requests.cpu'] === '900m');
    await client.create(LimitRange, { metadata: { name: 'l', namespace: 'resized' }, spec: { limits: [{ type: 'Container', min: { cpu: '500m' } }] } });
    await expect(resize('400m')).rejects.toMatchObject(refusal('minimum cpu usage per Container is 500m, but request is 400m'));
    await resize('700m');
    await used('resized', (amounts) => amounts['requests.cpu'] === '700m');
  });

  it('looks at its scopes only', async () => {
    await limited('scoped', { pods: '0' }, { scopes: ['BestEffort'] });
    await expect(client.create(Pod, pod('scoped', 'best'))).rejects.toMatchObject(refusal('exceeded quota: q, requested: pods=1, used: pods=0, limited: pods=0'));
    await client.create(Pod, pod('scoped', 'burst', { requests: { cpu: '100m' } }));
  });

  it('is not spent by a dry run, nor by what is refused otherwise', async () => {
    await limited('dry', { pods: '1' });
    const asked = await fixture.kubectlWith(JSON.stringify({ apiVersion: 'v1', kind: 'Pod', ...pod('dry', 'a') }), 'create', '--dry-run=server', '-f', '-');
    expect(asked.out).toContain('pod/a created (server dry run)');
    await client.create(Pod, pod('dry', 'a'));
    await expect(client.create(Pod, pod('dry', 'a'))).rejects.toMatchObject({ code: 409 });
    await client.delete(Pod, { namespace: 'dry', name: 'a' });
    await used('dry', ({ pods }) => pods === '0');
  });
});
