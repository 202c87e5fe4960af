import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:https';
import { join } from 'node:path';
import { createLocalJWKSet, exportJWK, generateKeyPair, jwtVerify, SignJWT, type CryptoKey, type JSONWebKeySet } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mintAuthority, mintLeaf } from '../api/access/certificates.ts';
import { startTestServer, type TestServer } from './test-server.ts';

/** An OpenID Connect issuer on loopback, over TLS with an authority of its own. */
interface TestIssuer {
  readonly url: string;
  readonly caPem: string;
  readonly privateKey: CryptoKey;
  close(): Promise<void>;
}

async function startIssuer(): Promise<TestIssuer> {
  const authority = await mintAuthority('issuer-ca', Date.now());
  const leaf = await mintLeaf(authority, { commonName: 'issuer', organizations: [], usages: ['server'], names: ['127.0.0.1'], notAfter: new Date(Date.now() + 3_600_000) }, Date.now());
  const { publicKey, privateKey } = await generateKeyPair('RS256', { extractable: true });
  const jwk = { ...(await exportJWK(publicKey)), kid: 'k', alg: 'RS256' };
  const server: Server = createServer({ cert: leaf.certPem, key: leaf.keyPem }, (request, answer) => {
    const address = server.address();
    const url = `https://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
    answer.end(JSON.stringify(request.url === '/keys' ? { keys: [jwk] } : { issuer: url, jwks_uri: `${url}/keys` }));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return {
    url: `https://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`, caPem: authority.certPem, privateKey,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

let issuer: TestIssuer;
let cluster: TestServer;

beforeAll(async () => {
  issuer = await startIssuer();
  cluster = await startTestServer({ oidc: { issuerUrl: issuer.url, clientId: 'coracle', usernameClaim: 'email', groupsClaim: 'groups', groupsPrefix: 'oidc:', caPem: issuer.caPem } });
});

afterAll(async () => {
  await cluster.dispose();
  await issuer.close();
});

function tokenOf(claims: Record<string, unknown>): Promise<string> {
  return new SignJWT({ iss: issuer.url, aud: 'coracle', sub: '1', email: 'ahab@pequod.example', groups: ['captains'], ...claims })
    .setProtectedHeader({ alg: 'RS256', kid: 'k' }).setExpirationTime('5m').sign(issuer.privateKey);
}

describe('a user of an outside issuer', () => {
  it('is known by its claims and allowed by its groups', async () => {
    const token = await tokenOf({});
    const authority = join(cluster.dataDir, 'ca.pem');
    await writeFile(authority, cluster.server.caPem);
    // Without the administrator's certificate, which would come first.
    const bearer = ['--kubeconfig', '/dev/null', '--server', cluster.server.url, '--certificate-authority', authority, '--token', token];
    expect((await cluster.kubectl('auth', 'whoami', '-o', 'jsonpath={.status.userInfo.username} {.status.userInfo.groups}', ...bearer)).out)
      .toBe('ahab@pequod.example ["oidc:captains","system:authenticated"]');
    expect((await cluster.kubectl('get', 'pods', ...bearer)).err).toContain('User "ahab@pequod.example" cannot list resource "pods"');
    await cluster.kubectl('create', 'clusterrolebinding', 'captains', '--clusterrole=view', '--group=oidc:captains');
    await expect.poll(async () => (await cluster.kubectl('get', 'pods', ...bearer)).err).toContain('No resources found');
  });

  it('is answered for by TokenReview', async () => {
    const review = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec: { token: await tokenOf({}) } };
    const { out } = await cluster.kubectlWith(JSON.stringify(review), 'create', '-f', '-', '-o', 'jsonpath={.status.authenticated} {.status.user.username}');
    expect(out).toBe('true ahab@pequod.example');
  });
});

describe('the cluster as an issuer', () => {
  it('publishes keys by which others verify its service accounts\' tokens', async () => {
    await cluster.kubectl('create', 'serviceaccount', 'captain');
    const { out: token } = await cluster.kubectl('create', 'token', 'captain', '--audience', 'vault');
    const discovery: unknown = JSON.parse((await cluster.kubectl('get', '--raw', '/.well-known/openid-configuration')).out);
    expect(discovery).toMatchObject({ issuer: 'https://kubernetes.default.svc.cluster.local', jwks_uri: `${cluster.server.url}/openid/v1/jwks` });
    const keys = JSON.parse((await cluster.kubectl('get', '--raw', '/openid/v1/jwks')).out) as JSONWebKeySet;
    const { payload } = await jwtVerify(token.trim(), createLocalJWKSet(keys), { audience: 'vault', issuer: 'https://kubernetes.default.svc.cluster.local' });
    expect(payload.sub).toBe('system:serviceaccount:default:captain');
  });
});
