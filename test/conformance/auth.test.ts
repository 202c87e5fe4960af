import { createPublicKey, randomBytes, verify, type webcrypto } from 'node:crypto';
import { join } from 'node:path';
import { beforeAll, describe, expect, inject, it } from 'vitest';
import { makeRequest, mintAuthority } from '../../api/access/certificates.ts';
import { httpsTransport } from '../../client/https.ts';
import { readKubeconfig } from '../../client/kubeconfig.ts';
import { CertificateSigningRequest, LocalSubjectAccessReview, RoleBinding, SubjectAccessReview, TokenReview } from '../../machinery/kinds/cluster.ts';
import { ConfigMap, Namespace, Pod, ServiceAccount } from '../../machinery/kinds/core.ts';
import type { TokenRequest } from '../../machinery/kinds/authentication.ts';
import { eventually } from '../e2e/eventually.ts';
import { useCluster } from './cluster.ts';
import { unique } from './definitions.ts';
import { expectDiscovered, expectOperations } from './operations.ts';
import { call } from './raw.ts';
import { watching } from './watching.ts';

const cluster = useCluster('auth');
const merge = 'application/merge-patch+json';
const base64 = (text: string): string => Buffer.from(text).toString('base64');

beforeAll(async () => {
  await eventually(() => cluster.client.get(ServiceAccount, { namespace: cluster.namespace, name: 'default' }));
});

async function createToken(name: string): Promise<string> {
  const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { expirationSeconds: 3600 } };
  const { status } = await cluster.client.createSubresource<TokenRequest>(ServiceAccount, { namespace: cluster.namespace, name }, 'token', body);
  expect(status?.token).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+$/);
  return status?.token ?? '';
}

const part = (token: string, index: number): unknown => JSON.parse(Buffer.from(token.split('.')[index] ?? '', 'base64url').toString());

describe('[sig-auth]', () => {
  it('Certificates API [Privileged:ClusterAdmin] should support CSR API operations', async () => {
    const { client } = cluster;
    await expectDiscovered(CertificateSigningRequest, 'certificatesigningrequests', 'certificatesigningrequests/approval', 'certificatesigningrequests/status');
    const { requestPem } = await makeRequest({ commonName: 'conformance.example.com', organizations: [] }, []);
    const spec: CertificateSigningRequest['spec'] = { request: base64(requestPem), signerName: `example.com/conformance-${randomBytes(3).toString('hex')}`, expirationSeconds: 3600, usages: ['digital signature', 'key encipherment', 'server auth'] };
    await expectOperations(cluster, CertificateSigningRequest, (metadata) => ({ metadata, spec }));

    // By its signer as well, one after another and together.
    const bySigner = { fieldSelector: `spec.signerName=${spec.signerName}` };
    for (let count = 0; count < 2; count++) await client.create(CertificateSigningRequest, { metadata: { generateName: 'conformance-' }, spec });
    expect((await client.list(CertificateSigningRequest, bySigner)).items.map((one) => one.spec.expirationSeconds)).toEqual([3600, 3600]);
    await client.deleteCollection(CertificateSigningRequest, bySigner);
    expect((await client.list(CertificateSigningRequest, bySigner)).items).toEqual([]);

    const created = await client.create(CertificateSigningRequest, { metadata: { generateName: 'conformance-' }, spec });
    const at = { name: created.metadata?.name ?? '' };
    const uid = created.metadata?.uid;
    expect((await client.getSubresource<CertificateSigningRequest>(CertificateSigningRequest, at, 'approval')).metadata?.uid).toBe(uid);
    const approval = await client.patch(CertificateSigningRequest, at, merge, { metadata: { annotations: { patchedapproval: 'true' } }, status: { conditions: [{ type: 'ApprovalPatch', status: 'True', reason: 'e2e' }] } }, { subresource: 'approval' });
    expect(approval.status?.conditions).toEqual([expect.objectContaining({ type: 'ApprovalPatch', status: 'True', reason: 'e2e' })]);
    expect(approval.metadata?.annotations).toMatchObject({ patchedapproval: 'true' });
    const approved = await client.updateSubresource<CertificateSigningRequest>(CertificateSigningRequest, at, 'approval', {
      ...approval, status: { ...approval.status, conditions: [...approval.status?.conditions ?? [], { type: 'Approved', status: 'True', reason: 'E2E', message: 'Set from an e2e test' }] },
    });
    expect(approved.status?.conditions?.map(({ type }) => type)).toEqual(['ApprovalPatch', 'Approved']);

    expect((await client.getSubresource<CertificateSigningRequest>(CertificateSigningRequest, at, 'status')).metadata?.uid).toBe(uid);
    const { certPem } = await mintAuthority('conformance', Date.now());
    const patched = await client.patch(CertificateSigningRequest, at, merge, { metadata: { annotations: { patchedstatus: 'true' } }, status: { certificate: base64(certPem) } }, { subresource: 'status' });
    expect(patched).toMatchObject({ metadata: { annotations: { patchedapproval: 'true', patchedstatus: 'true' } }, status: { certificate: base64(certPem) } });
    const updated = await client.updateStatus(CertificateSigningRequest, { ...patched, status: { ...patched.status, conditions: [...patched.status?.conditions ?? [], { type: 'StatusUpdate', status: 'True', reason: 'E2E', message: 'Set from an e2e test' }] } });
    expect(updated.status?.conditions?.map(({ type }) => type)).toEqual(['ApprovalPatch', 'Approved', 'StatusUpdate']);
    await client.delete(CertificateSigningRequest, at);
  });

  it('ServiceAccounts ServiceAccountIssuerDiscovery should support OIDC discovery of service account issuer', async () => {
    const { server, ca = '' } = await readKubeconfig(join(inject('controlPlane'), 'admin.kubeconfig'));
    const token = await createToken('default');
    // Who asks is the account itself, as a pod would, with its own token: it may read where tokens are to be checked.
    const transport = httpsTransport({ server, ca, token });
    const discovered = await transport.getPath('/.well-known/openid-configuration');
    const claims = part(token, 1) as Readonly<Record<string, unknown>>;
    expect(discovered).toMatchObject({
      issuer: claims['iss'], jwks_uri: expect.stringMatching(/\/openid\/v1\/jwks$/) as unknown, response_types_supported: ['id_token'], subject_types_supported: ['public'], id_token_signing_alg_values_supported: expect.arrayContaining([Reflect.get(Object(part(token, 0)), 'alg')]) as unknown,
    });
    const { keys } = await transport.getPath('/openid/v1/jwks') as { readonly keys: readonly (webcrypto.JsonWebKey & { readonly kid: string; readonly use: string })[] };
    transport.close();
    const { kid, alg } = part(token, 0) as { readonly kid: string; readonly alg: string };
    const key = keys.find((one) => one.kid === kid);
    expect(key).toMatchObject({ use: 'sig', alg });
    const [header = '', payload = '', signature = ''] = token.split('.');
    const publicKey = createPublicKey({ key: key ?? {}, format: 'jwk' });
    expect(verify('sha256', Buffer.from(`${header}.${payload}`), alg.startsWith('ES') ? { key: publicKey, dsaEncoding: 'ieee-p1363' } : publicKey, Buffer.from(signature, 'base64url'))).toBe(true);
    expect(claims).toMatchObject({ sub: `system:serviceaccount:${cluster.namespace}:default`, aud: expect.arrayContaining([claims['iss']]) as unknown });
  });

  it('ServiceAccounts should allow opting out of API token automount', async () => {
    const { client, namespace } = cluster;
    const accounts = { 'default-sa': {}, 'mount-sa': { automountServiceAccountToken: true }, 'nomount-sa': { automountServiceAccountToken: false } };
    for (const [name, more] of Object.entries(accounts)) await client.create(ServiceAccount, { metadata: { name, namespace }, ...more });
    const pods = { defaultspec: {}, mountspec: { automountServiceAccountToken: true }, nomountspec: { automountServiceAccountToken: false } };
    const mounted: Record<string, boolean> = {};
    for (const serviceAccountName of Object.keys(accounts)) {
      for (const [name, more] of Object.entries(pods)) {
        const spec = { serviceAccountName, containers: [{ name: 'token-test', image: 'registry.example/agnhost' }], ...more };
        const created = await client.create(Pod, { metadata: { name: `pod-service-account-${serviceAccountName}-${name}`, namespace }, spec });
        mounted[`${serviceAccountName} ${name}`] = created.spec?.containers[0]?.volumeMounts?.some(({ mountPath }) => mountPath === '/var/run/secrets/kubernetes.io/serviceaccount') === true;
      }
    }
    expect(mounted).toEqual({
      'default-sa defaultspec': true, 'default-sa mountspec': true, 'default-sa nomountspec': false,
      'mount-sa defaultspec': true, 'mount-sa mountspec': true, 'mount-sa nomountspec': false,
      'nomount-sa defaultspec': false, 'nomount-sa mountspec': true, 'nomount-sa nomountspec': false,
    });
  });

  it('ServiceAccounts should create a serviceAccountToken and ensure a successful TokenReview', async () => {
    const { client, namespace } = cluster;
    const name = unique('e2e');
    const account = await client.create(ServiceAccount, { metadata: { name, namespace } });
    const token = await createToken(name);
    const { status } = await client.create(TokenReview, { metadata: { name: 'token' }, spec: { token } });
    expect(status?.error ?? '').toBe('');
    expect(status).toMatchObject({ authenticated: true, user: { username: `system:serviceaccount:${namespace}:${name}`, uid: account.metadata?.uid } });
    await client.delete(ServiceAccount, { namespace, name });
  });

  it('ServiceAccounts should guarantee kube-root-ca.crt exist in any namespace', async () => {
    const { client } = cluster;
    const namespace = unique('root-ca');
    const at = { namespace, name: 'kube-root-ca.crt' };
    await client.create(Namespace, { metadata: { name: namespace } });
    await using watch = watching(client, ConfigMap, { namespace, fieldSelector: 'metadata.name=kube-root-ca.crt' });
    const first = await watch.until('ADDED');
    const { ca = '' } = await readKubeconfig(join(inject('controlPlane'), 'admin.kubeconfig'));
    expect(first.data).toEqual({ 'ca.crt': ca });
    await client.delete(ConfigMap, at);
    const second = await watch.until('ADDED', ({ metadata }) => metadata?.uid !== first.metadata?.uid);
    expect(second.data).toEqual(first.data);
    await client.update(ConfigMap, { metadata: at, data: { 'ca.crt': '' } });
    await watch.until('MODIFIED', ({ data }) => data?.['ca.crt'] === '');
    await watch.until('MODIFIED', ({ data }) => data?.['ca.crt'] === ca);
    await client.delete(Namespace, { name: namespace });
  });

  it('ServiceAccounts should run through the lifecycle of a ServiceAccount', async () => {
    const { client, namespace } = cluster;
    const name = unique('testserviceaccount');
    await using watch = watching(client, ServiceAccount, { namespace, labelSelector: `test-serviceaccount-static=${name}` });
    await client.create(ServiceAccount, { metadata: { name, namespace, labels: { 'test-serviceaccount-static': name } } });
    expect((await watch.until('ADDED')).metadata?.labels).toEqual({ 'test-serviceaccount-static': name });
    const patched = await client.patch(ServiceAccount, { namespace, name }, 'application/strategic-merge-patch+json', { automountServiceAccountToken: false });
    expect(patched.automountServiceAccountToken).toBe(false);
    const { items } = await client.list(ServiceAccount, { labelSelector: `test-serviceaccount-static=${name}` });
    expect(items.map(({ metadata, automountServiceAccountToken }) => [metadata?.name, automountServiceAccountToken])).toEqual([[name, false]]);
    await client.deleteCollection(ServiceAccount, { namespace, labelSelector: `test-serviceaccount-static=${name}` });
    await watch.until('DELETED');
  });

  it('ServiceAccounts should update a ServiceAccount', async () => {
    const { client, namespace } = cluster;
    const name = unique('e2e-sa');
    const created = await client.create(ServiceAccount, { metadata: { name, namespace } });
    expect(created).not.toHaveProperty('automountServiceAccountToken');
    const updated = await client.update(ServiceAccount, { ...created, automountServiceAccountToken: true });
    expect(updated.automountServiceAccountToken).toBe(true);
    expect((await client.get(ServiceAccount, { namespace, name })).automountServiceAccountToken).toBe(true);
    await client.delete(ServiceAccount, { namespace, name });
  });

  it('SubjectReview should support SubjectReview API operations', async () => {
    const { client, namespace } = cluster;
    const name = unique('e2e');
    const { metadata } = await client.create(ServiceAccount, { metadata: { name, namespace } });
    const user = `system:serviceaccount:${namespace}:${name}`;
    const groups = ['system:authenticated', 'system:serviceaccounts', `system:serviceaccounts:${namespace}`];
    const impersonation = { 'impersonate-user': user, 'impersonate-uid': metadata?.uid ?? '', 'impersonate-group': groups };
    const resourceAttributes = { verb: 'list', resource: 'configmaps', namespace, version: 'v1' };
    const spec = { user, uid: metadata?.uid ?? '', groups, resourceAttributes };
    /** What two reviews say, and what the account meets itself. */
    const told = async () => [
      (await client.create(SubjectAccessReview, { spec })).status?.allowed,
      (await client.create(LocalSubjectAccessReview, { metadata: { namespace }, spec })).status?.allowed,
      (await call('GET', `/api/v1/namespaces/${namespace}/configmaps`, { headers: impersonation })).code,
    ];
    expect(await told()).toEqual([false, false, 403]);
    await client.create(RoleBinding, { metadata: { name, namespace }, roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'view' }, subjects: [{ kind: 'ServiceAccount', name, namespace }] });
    expect(await told()).toEqual([true, true, 200]);
  });
});
