import { generateKeyPairSync } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ClusterRole, ClusterRoleBinding } from '../../machinery/kinds/cluster.ts';
import { Node, Pod, Secret, ServiceAccount } from '../../machinery/kinds/core.ts';
import { ApiError } from '../../machinery/status.ts';
import type { Credentials } from './access.ts';
import { anonymous, createAuthenticator, type ClusterAuthenticator } from './authentication.ts';
import type { SigningKey } from './pki.ts';
import { createAuthorizer, type ClusterAuthorizer } from './rbac.ts';
import { someone, startOfTime, startTestCluster, type TestCluster } from './test-cluster.ts';
import { issueServiceAccountToken, signSecretToken } from './tokens.ts';

let cluster: TestCluster;
let authorizer: ClusterAuthorizer;
let authenticator: ClusterAuthenticator;
const used: string[] = [];

const signingKey = (): SigningKey => ({ keyId: 'k', ...generateKeyPairSync('ec', { namedCurve: 'P-256' }) });
const pki = { serviceAccountKeys: signingKey() };
const admin = someone('admin', 'system:masters');
const account = { namespace: 'a', name: 'bot' };
const showing = (credentials: Partial<Credentials>): Credentials => ({ headers: {}, ...credentials });
const base64 = (text: string) => Buffer.from(text).toString('base64');

async function tokenFor(spec: object = {}, user = admin, signer = pki): Promise<string> {
  const request = await issueServiceAccountToken({ pki: signer, caches: cluster.caches, now: () => cluster.time, uuid: () => 'id' }, account, { spec } as never, user);
  return request.status?.token ?? '';
}

const userOf = (bearerToken: string) => authenticator.authenticate(showing({ bearerToken }));
const boundToPod = { boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: 'p', uid: 'pod-uid' } };

beforeAll(async () => {
  cluster = await startTestCluster();
  authorizer = createAuthorizer(cluster.caches);
  authenticator = createAuthenticator({ pki, caches: cluster.caches, authorizer, now: () => cluster.time, usedSecret: (secret) => void used.push(`${secret.namespace}/${secret.name}`) });
  await cluster.put(Node, { metadata: { name: 'n', uid: 'node-uid' } });
});

beforeEach(async () => {
  cluster.time = startOfTime;
  await cluster.put(ServiceAccount, { metadata: { ...account, uid: 'bot-uid' } });
  await cluster.put(Pod, { metadata: { name: 'p', namespace: 'a', uid: 'pod-uid' }, spec: { containers: [], nodeName: 'n', serviceAccountName: 'bot' } });
});

afterAll(async () => {
  authorizer.close();
  await cluster.close();
});

describe('a caller', () => {
  it('without credentials is anonymous', async () => {
    expect(await authenticator.authenticate(showing({}))).toEqual(anonymous);
  });

  it('with a certificate is its common name and organizations, the certificate before any token', async () => {
    const certificate = { commonName: 'ann', organizations: ['dev'] };
    expect(await authenticator.authenticate(showing({ certificate, bearerToken: 'nonsense' }))).toEqual({ name: 'ann', groups: ['dev', 'system:authenticated'] });
  });

  it('with a token that nobody issued is refused in Kubernetes\' words', async () => {
    const error = await userOf('nonsense').catch((one: unknown) => one);
    expect(error).toBeInstanceOf(ApiError);
    expect((error as ApiError).status).toMatchObject({ code: 401, reason: 'Unauthorized', message: 'Unauthorized' });
  });
});

describe('a service account\'s token', () => {
  it('names the account, its groups, and the pod that it is bound to', async () => {
    expect(await userOf(await tokenFor(boundToPod))).toEqual({
      name: 'system:serviceaccount:a:bot', uid: 'bot-uid',
      groups: ['system:serviceaccounts', 'system:serviceaccounts:a', 'system:authenticated'],
      extra: {
        'authentication.kubernetes.io/credential-id': ['JTI=id'],
        'authentication.kubernetes.io/pod-name': ['p'], 'authentication.kubernetes.io/pod-uid': ['pod-uid'],
        'authentication.kubernetes.io/node-name': ['n'], 'authentication.kubernetes.io/node-uid': ['node-uid'],
      },
    });
  });

  it.each<[string, () => Promise<void>]>([
    ['its pod is deleted', () => cluster.remove(Pod, { namespace: 'a', name: 'p' })],
    ['its pod is another of the same name', () => cluster.put(Pod, { metadata: { name: 'p', namespace: 'a', uid: 'new' }, spec: { containers: [] } })],
    ['its account is deleted', () => cluster.remove(ServiceAccount, account)],
    ['its account was made again', () => cluster.put(ServiceAccount, { metadata: { ...account, uid: 'new' } })],
    ['its time is over', async () => void (cluster.time += 3_601_000)],
  ])('is worth nothing once %s', async (_name, happen) => {
    const token = await tokenFor(boundToPod);
    await userOf(token);
    await happen();
    await expect(userOf(token)).rejects.toThrow('Unauthorized');
  });

  it('for another audience does not open the API, but is reviewed for that audience', async () => {
    const token = await tokenFor({ audiences: ['vault'] });
    await expect(userOf(token)).rejects.toThrow('Unauthorized');
    expect(await authenticator.reviewToken(token, ['vault', 'other'])).toMatchObject({ user: { name: 'system:serviceaccount:a:bot' }, audiences: ['vault'] });
  });

  it('signed by another key is refused', async () => {
    await expect(userOf(await tokenFor({}, admin, { serviceAccountKeys: signingKey() }))).rejects.toThrow('Unauthorized');
  });
});

describe('a token that a Secret keeps', () => {
  const place = { namespace: 'a', name: 's' };
  const keep = (token: string, more: Partial<Secret['metadata']> = {}) => cluster.put(Secret, {
    type: 'kubernetes.io/service-account-token', metadata: { ...place, annotations: { 'kubernetes.io/service-account.name': 'bot' }, ...more }, data: { token: base64(token) },
  });
  async function kept(): Promise<string> {
    const token = await signSecretToken(pki, { metadata: { ...account, uid: 'bot-uid' } }, { metadata: place });
    await keep(token);
    return token;
  }

  it('names the account, has Kubernetes\' claims and does not end', async () => {
    const token = await kept();
    expect(JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())).toEqual({
      iss: 'kubernetes/serviceaccount', sub: 'system:serviceaccount:a:bot', 'kubernetes.io/serviceaccount/namespace': 'a', 'kubernetes.io/serviceaccount/secret.name': 's',
      'kubernetes.io/serviceaccount/service-account.name': 'bot', 'kubernetes.io/serviceaccount/service-account.uid': 'bot-uid',
    });
    cluster.time += 20 * 365 * 86_400_000;
    used.length = 0;
    expect(await userOf(token)).toEqual({ name: 'system:serviceaccount:a:bot', uid: 'bot-uid', groups: ['system:serviceaccounts', 'system:serviceaccounts:a', 'system:authenticated'] });
    expect(await authenticator.reviewToken(token, ['vault'])).toBeUndefined();
    expect(used).toEqual(['a/s']);
  });

  it.each<[string, (token: string) => Promise<void>]>([
    ['its Secret is deleted', () => cluster.remove(Secret, place)],
    ['its Secret is being deleted', (token) => keep(token, { deletionTimestamp: '2026-01-01T00:00:00Z' })],
    ['its Secret keeps another', () => keep('x')],
    ['it was not used for too long', (token) => keep(token, { labels: { 'kubernetes.io/legacy-token-invalid-since': '2026-01-01' } })],
    ['its account is deleted', () => cluster.remove(ServiceAccount, account)],
    ['its account is being deleted', () => cluster.put(ServiceAccount, { metadata: { ...account, uid: 'bot-uid', deletionTimestamp: '2026-01-01T00:00:00Z' } })],
    ['its account was made again', () => cluster.put(ServiceAccount, { metadata: { ...account, uid: 'new' } })],
  ])('is worth nothing once %s', async (_name, happen) => {
    const token = await kept();
    await userOf(token);
    await happen(token);
    await expect(userOf(token)).rejects.toThrow('Unauthorized');
  });

  it('is not one that says so without a Secret, nor one bound to nothing that lasts for ever', async () => {
    const { SignJWT } = await import('jose');
    const sign = (claims: Record<string, unknown>) => new SignJWT(claims).setProtectedHeader({ alg: 'ES256', kid: 'k' }).sign(pki.serviceAccountKeys.privateKey);
    const token = await kept();
    const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as Record<string, unknown>;
    await expect(userOf(await sign({ ...claims, 'kubernetes.io/serviceaccount/secret.name': '' }))).rejects.toThrow('Unauthorized');
    await expect(userOf(await sign({ ...claims, iss: 'https://kubernetes.default.svc.cluster.local' }))).rejects.toThrow('Unauthorized');
    await expect(userOf(await sign({
      iss: 'https://kubernetes.default.svc.cluster.local', aud: 'https://kubernetes.default.svc.cluster.local', sub: 'system:serviceaccount:a:bot',
      'kubernetes.io': { namespace: 'a', serviceaccount: { name: 'bot', uid: 'bot-uid' } },
    }))).rejects.toThrow('Unauthorized');
  });
});

describe('a request for a token', () => {
  it('is answered with times and what it asked for', async () => {
    const request = await issueServiceAccountToken({ pki, caches: cluster.caches, now: () => cluster.time, uuid: () => 'id' }, account, { spec: { audiences: [], expirationSeconds: 600 } }, admin);
    expect(request).toMatchObject({
      kind: 'TokenRequest', spec: { audiences: ['https://kubernetes.default.svc.cluster.local'], expirationSeconds: 600 },
      status: { expirationTimestamp: '2026-01-01T00:10:00Z' },
    });
  });

  const node = someone('system:node:n', 'system:nodes');
  it.each<[string, object, number, typeof admin?]>([
    ['for less than ten minutes', { expirationSeconds: 599 }, 422],
    ['bound to a missing pod', { boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: 'gone' } }, 404],
    ['bound to a pod that was made again', { boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: 'p', uid: 'old' } }, 409],
    ['bound to something else', { boundObjectRef: { apiVersion: 'v1', kind: 'ConfigMap', name: 'c' } }, 400],
    ['of a node, bound to nothing', {}, 403, node],
    ['of a node for another node\'s pod', boundToPod, 403, someone('system:node:other', 'system:nodes')],
  ])('%s is refused', async (_name, spec, code, user) => {
    await expect(tokenFor(spec, user)).rejects.toMatchObject({ status: { code } });
  });

  it('of a node for its own pod is granted', async () => {
    await expect(tokenFor(boundToPod, node)).resolves.not.toBe('');
  });
});

const put = (data: Record<string, string>) => cluster.put(Secret, {
  type: 'bootstrap.kubernetes.io/token', metadata: { name: 'bootstrap-token-abcdef', namespace: 'kube-system' },
  data: Object.fromEntries(Object.entries({ 'token-id': 'abcdef', 'token-secret': '0123456789abcdef', 'usage-bootstrap-authentication': 'true', ...data })
    .map(([key, value]) => [key, base64(value)])),
});

describe('a bootstrap token', () => {

  it('speaks for a bootstrapper and the groups that it gives', async () => {
    await put({ 'auth-extra-groups': 'system:bootstrappers:workers', expiration: '2026-01-01T00:00:01Z' });
    expect(await userOf('abcdef.0123456789abcdef')).toEqual({ name: 'system:bootstrap:abcdef', groups: ['system:bootstrappers', 'system:bootstrappers:workers', 'system:authenticated'] });
  });

  it.each<[string, Record<string, string>, string?]>([
    ['with another secret', {}, 'abcdef.0123456789abcdee'],
    ['that is over', { expiration: '2026-01-01T00:00:00Z' }],
    ['whose end can\'t be read', { expiration: 'soon' }],
    ['not meant for authentication', { 'usage-bootstrap-authentication': 'false' }],
    ['that gives groups beyond bootstrappers', { 'auth-extra-groups': 'system:masters' }],
  ])('%s is refused', async (_name, data, token = 'abcdef.0123456789abcdef') => {
    await put(data);
    await expect(userOf(token)).rejects.toThrow('Unauthorized');
  });
});

const as = (organizations: string[], headers: Credentials['headers']) =>
  authenticator.authenticate({ certificate: { commonName: 'ann', organizations }, headers });

describe('acting as another', () => {

  it.each<[string, Credentials['headers'], object]>([
    ['becomes that user', { 'impersonate-user': 'ben' }, { name: 'ben', groups: ['system:authenticated'] }],
    ['takes the groups named', { 'impersonate-user': 'ben', 'impersonate-group': ['x', 'y'] }, { name: 'ben', groups: ['x', 'y', 'system:authenticated'] }],
    ['gives an account its groups', { 'impersonate-user': 'system:serviceaccount:a:bot' }, { name: 'system:serviceaccount:a:bot', groups: ['system:serviceaccounts', 'system:serviceaccounts:a', 'system:authenticated'] }],
    ['as nobody is unauthenticated', { 'impersonate-user': 'system:anonymous' }, { name: 'system:anonymous', groups: ['system:unauthenticated'] }],
    ['takes uid and extra', { 'impersonate-user': 'ben', 'impersonate-uid': '7', 'impersonate-extra-acme.com%2fteam': 'red' }, { name: 'ben', uid: '7', groups: ['system:authenticated'], extra: { 'acme.com/team': ['red'] } }],
  ])('%s', async (_name, headers, user) => {
    expect(await as(['system:masters'], headers)).toEqual({ ...user, impersonator: { name: 'ann', groups: ['system:masters', 'system:authenticated'] } });
  });

  it('is refused to who may not', async () => {
    await expect(as([], { 'impersonate-user': 'ben' })).rejects.toThrow('users "ben" is forbidden: User "ann" cannot impersonate resource "users" in API group "" at the cluster scope');
  });

  it('needs leave for each group', async () => {
    await cluster.put(ClusterRole, { metadata: { name: 'as-ben' }, rules: [{ verbs: ['impersonate'], apiGroups: [''], resources: ['users'], resourceNames: ['ben'] }] });
    await cluster.put(ClusterRoleBinding, { metadata: { name: 'as-ben' }, roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'as-ben' }, subjects: [{ kind: 'User', name: 'ann' }] });
    expect((await as([], { 'impersonate-user': 'ben' })).name).toBe('ben');
    await expect(as([], { 'impersonate-user': 'ben', 'impersonate-group': 'system:masters' })).rejects.toThrow('groups "system:masters" is forbidden');
  });

  it('needs a user', async () => {
    await expect(as(['system:masters'], { 'impersonate-group': 'x' })).rejects.toThrow('without impersonating a user');
  });
});
