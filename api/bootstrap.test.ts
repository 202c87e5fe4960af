import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ClusterRole, ClusterRoleBinding } from '../machinery/kinds/cluster.ts';
import { ConfigMap, Namespace, Secret, Service } from '../machinery/kinds/core.ts';
import { parseJoinToken } from '../machinery/join-token.ts';
import type { Draft } from '../machinery/kinds/wire.ts';
import { runAggregation } from './access/aggregation.ts';
import { bootstrapTokenUser } from './access/bootstrap-tokens.ts';
import { ensureJoinToken } from './access/join.ts';
import { createAuthorizer } from './access/rbac.ts';
import { asking, someone, startTestCluster, type TestCluster } from './access/test-cluster.ts';
import { bootstrap, keepKubernetesService, seeds } from './bootstrap.ts';
import { validateMetadata } from './handlers/metadata.ts';

let cluster: TestCluster;
const pki = { caPem: 'CA', frontProxyCaPem: 'FRONT', caHash: 'ab'.repeat(32) };
const url = 'https://192.0.2.1:6443';
const run = (at = url) => bootstrap({ writer: cluster.writer, pki, url: at, signal: AbortSignal.timeout(5000) });

beforeAll(async () => {
  cluster = await startTestCluster();
  await run();
});

afterAll(() => cluster.close());

describe('a new cluster', () => {
  it('has what every cluster has', () => {
    const { caches } = cluster;
    expect([...caches.of(Namespace).list()].map(({ name }) => name)).toEqual(['default', 'kube-node-lease', 'kube-public', 'kube-system']);
    expect(caches.of(Service).get('default', 'kubernetes')?.object.spec).toMatchObject({ clusterIP: '10.43.0.1', ports: [{ port: 443, targetPort: 6443 }] });
    expect(caches.of(ConfigMap).get('kube-public', 'cluster-info')?.object.data?.['kubeconfig']).toContain(`server: ${url}`);
    expect(caches.of(ConfigMap).get('kube-system', 'extension-apiserver-authentication')?.object.data).toMatchObject({ 'client-ca-file': 'CA', 'requestheader-client-ca-file': 'FRONT' });
  });

  it('is seeded with objects that its own rules accept', () => {
    for (const { resource, object } of seeds(pki, url)) {
      const draft = structuredClone(object) as Draft<typeof object>;
      resource.defaults?.(draft);
      resource.prepareForCreate?.(draft);
      expect([...validateMetadata(resource, draft), ...(resource.validate?.(draft) ?? [])], `${resource.plural} ${object.metadata?.name ?? ''}`).toEqual([]);
    }
  });

  it('writes nothing at the next start', async () => {
    const before = cluster.caches.revision;
    await run();
    expect((await cluster.store.range({ from: '/', to: '0', countOnly: true })).revision).toBe(before);
  });

  it('gets its way to the API back when somebody deletes it', async () => {
    const problems: unknown[] = [];
    const keeper = keepKubernetesService({ writer: cluster.writer, url, report: (error) => void problems.push(error) });
    await cluster.remove(Service, { namespace: 'default', name: 'kubernetes' });
    await expect.poll(() => cluster.caches.of(Service).get('default', 'kubernetes')?.object.spec?.clusterIP).toBe('10.43.0.1');
    await keeper.close();
    expect(problems).toEqual([]);
  });

  it.each<[string, string, boolean]>([
    ['system:kube-scheduler', 'create pods/binding in a/p', true],
    ['system:kube-scheduler', 'get secrets in a/s', false],
    ['system:kube-controller-manager', 'create replicasets@apps in a', true],
    ['ann', 'create selfsubjectaccessreviews@authorization.k8s.io', true],
    ['ann', 'get /apis/apps', true],
    ['ann', 'get /metrics', false],
    ['ann', 'list pods in a', false],
  ])('lets %s %s: %s', (name, request, allowed) => {
    const authorizer = createAuthorizer(cluster.caches);
    expect(authorizer.authorize(someone(name), asking(request)).allowed).toBe(allowed);
    authorizer.close();
  });
});

describe('a later start', () => {
  it('brings back what is missing, and keeps what was added', async () => {
    await cluster.remove(Namespace, { name: 'kube-public' });
    const scheduler = cluster.caches.of(ClusterRole).get(undefined, 'system:kube-scheduler')?.object;
    const extra = { verbs: ['get'], apiGroups: ['acme.com'], resources: ['things'] };
    await cluster.put(ClusterRole, { ...scheduler, rules: [...(scheduler?.rules ?? []).slice(1), extra] });
    await cluster.put(ClusterRoleBinding, { metadata: { name: 'system:basic-user' }, roleRef: { apiGroup: '', kind: 'ClusterRole', name: 'x' }, subjects: [{ kind: 'User', name: 'ann' }] });
    await run();
    expect(cluster.caches.of(Namespace).get(undefined, 'kube-public')).toBeDefined();
    const rules = cluster.caches.of(ClusterRole).get(undefined, 'system:kube-scheduler')?.object.rules ?? [];
    expect(rules).toContainEqual(extra);
    expect(rules).toContainEqual(scheduler?.rules?.[0]);
    expect(cluster.caches.of(ClusterRoleBinding).get(undefined, 'system:basic-user')?.object.subjects?.map(({ name }) => name)).toEqual(['ann', 'system:authenticated']);
  });

  it('on another port leads everybody there', async () => {
    await run('https://192.0.2.1:7443');
    expect(cluster.caches.of(Service).get('default', 'kubernetes')?.object.spec?.ports?.map(({ targetPort }) => targetPort)).toEqual([7443]);
    expect(cluster.caches.of(ConfigMap).get('kube-public', 'cluster-info')?.object.data?.['kubeconfig']).toContain('server: https://192.0.2.1:7443');
  });

  it('leaves a role alone that says so', async () => {
    await cluster.put(ClusterRole, { metadata: { name: 'system:discovery', annotations: { 'rbac.authorization.kubernetes.io/autoupdate': 'false' } }, rules: [] });
    await run();
    expect(cluster.caches.of(ClusterRole).get(undefined, 'system:discovery')?.object.rules).toEqual([]);
  });
});

describe('an aggregated role', () => {
  it('has the rules of the roles that it selects, as they come and go', async () => {
    const problems: unknown[] = [];
    const aggregation = runAggregation({ writer: cluster.writer, report: (error) => void problems.push(error) });
    const authorizer = createAuthorizer(cluster.caches);
    await cluster.put(ClusterRoleBinding, { metadata: { name: 'viewer' }, roleRef: { apiGroup: '', kind: 'ClusterRole', name: 'admin' }, subjects: [{ kind: 'User', name: 'viv' }] });
    const may = (request: string) => authorizer.authorize(someone('viv'), asking(request)).allowed;
    await expect.poll(() => may('list deployments@apps in a')).toBe(true);
    expect(may('create rolebindings@rbac.authorization.k8s.io in a')).toBe(true);
    expect(may('list things@acme.com in a')).toBe(false);
    const things = { metadata: { name: 'things', labels: { 'rbac.authorization.k8s.io/aggregate-to-view': 'true' } }, rules: [{ verbs: ['list'], apiGroups: ['acme.com'], resources: ['things'] }] };
    await cluster.put(ClusterRole, things);
    await expect.poll(() => may('list things@acme.com in a')).toBe(true);
    await cluster.remove(ClusterRole, { name: 'things' });
    await expect.poll(() => may('list things@acme.com in a')).toBe(false);
    await aggregation.close();
    authorizer.close();
    expect(problems).toEqual([]);
  });
});

describe('the join token', () => {
  it('is made once and opens the door', async () => {
    const text = await ensureJoinToken(cluster.writer, pki);
    await cluster.caches.waitForNewest(AbortSignal.timeout(5000));
    expect(await ensureJoinToken(cluster.writer, pki)).toBe(text);
    const token = parseJoinToken(text);
    expect(token?.caHash).toBe(pki.caHash);
    expect(bootstrapTokenUser(cluster.caches, `${token?.id}.${token?.secret}`, cluster.time)?.groups).toContain('system:bootstrappers');
    expect([...cluster.caches.of(Secret).list('kube-system')]).toHaveLength(1);
  });
});
