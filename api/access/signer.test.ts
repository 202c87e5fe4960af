import { X509Certificate, createPrivateKey, createPublicKey } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CertificateSigningRequest, ClusterRole, ClusterRoleBinding } from '../../machinery/kinds/cluster.ts';
import { Node } from '../../machinery/kinds/core.ts';
import type { User } from '../request.ts';
import { clientSigner, nodeClientSigner, nodeServingSigner } from './certificate-rules.ts';
import { makeRequest } from './certificates.ts';
import { follow } from './follow.ts';
import { openPki, type Pki } from './pki.ts';
import { createAuthorizer, type ClusterAuthorizer } from './rbac.ts';
import { runSigner } from './signer.ts';
import { someone, startTestCluster, type TestCluster } from './test-cluster.ts';

let cluster: TestCluster;
let authorizer: ClusterAuthorizer;
let pki: Pki;
let signer: ReturnType<typeof runSigner>;
let directory: string;
const problems: unknown[] = [];

const bootstrapper = someone('system:bootstrap:abcdef', 'system:bootstrappers');
const nodeUser = someone('system:node:n', 'system:nodes');
const nodeSubject = { commonName: 'system:node:n', organizations: ['system:nodes'] };

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'coracle-signer-'));
  cluster = await startTestCluster();
  authorizer = createAuthorizer(cluster.caches);
  pki = await openPki(cluster.store, { dataDir: directory, token: 't', now: () => cluster.time });
  await pki.serverCertificate(['192.0.2.1']);
  for (const [subresource, group] of [['nodeclient', 'system:bootstrappers'], ['selfnodeclient', 'system:nodes']] as const) {
    await cluster.put(ClusterRole, { metadata: { name: subresource }, rules: [{ verbs: ['create'], apiGroups: ['certificates.k8s.io'], resources: [`certificatesigningrequests/${subresource}`] }] });
    await cluster.put(ClusterRoleBinding, { metadata: { name: subresource }, roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: subresource }, subjects: [{ kind: 'Group', name: group }] });
  }
  await cluster.put(Node, { metadata: { name: 'm' }, status: { addresses: [{ type: 'InternalIP', address: '192.0.2.9' }] } });
  signer = runSigner({ writer: cluster.writer, pki, authorizer, report: (error) => void problems.push(error) });
});

afterAll(async () => {
  await signer.close();
  authorizer.close();
  await cluster.close();
  await rm(directory, { recursive: true, force: true });
  expect(problems).toEqual([]);
});

interface Asked { readonly user: User; readonly signerName: string; readonly subject?: { commonName: string; organizations: string[] }; readonly names?: string[]; readonly usages?: string[]; readonly approved?: true; readonly text?: string; readonly expirationSeconds?: number }

let counter = 0;

/** Files a request; resolves with it once `until` holds. */
async function file(asked: Asked, until: (request: CertificateSigningRequest) => boolean): Promise<{ request: CertificateSigningRequest; keyPem: string }> {
  const { requestPem, keyPem } = await makeRequest(asked.subject ?? nodeSubject, asked.names ?? []);
  const name = `r${counter++}`;
  const reached = new Promise<CertificateSigningRequest>((resolve) => {
    const following = follow(cluster.caches, CertificateSigningRequest, {
      reset: () => undefined, remove: () => undefined,
      set({ object }) {
        if (object.metadata?.name !== name || !until(object)) return;
        queueMicrotask(() => { following.close(); });
        resolve(object);
      },
    });
  });
  await cluster.put(CertificateSigningRequest, {
    metadata: { name },
    spec: {
      request: Buffer.from(asked.text ?? requestPem).toString('base64'), signerName: asked.signerName, username: asked.user.name, groups: [...asked.user.groups],
      ...(asked.expirationSeconds === undefined ? {} : { expirationSeconds: asked.expirationSeconds }),
      usages: asked.usages ?? ['digital signature', asked.signerName === nodeServingSigner ? 'server auth' : 'client auth'],
    },
    ...(asked.approved === undefined ? {} : { status: { conditions: [{ type: 'Approved', status: 'True' }] } }),
  });
  return { request: await reached, keyPem };
}

const issued = ({ status }: CertificateSigningRequest) => (status?.certificate ?? '') !== '';
const failed = ({ status }: CertificateSigningRequest) => (status?.conditions ?? []).some(({ type }) => type === 'Failed');

describe('a request', () => {
  it.each<[string, Asked]>([
    ['of a new node', { user: bootstrapper, signerName: nodeClientSigner }],
    ['of a node that renews', { user: nodeUser, signerName: nodeClientSigner }],
    ['of a node for its own server', { user: nodeUser, signerName: nodeServingSigner, names: ['n', '192.0.2.7'] }],
    ['that was approved', { user: someone('ann'), signerName: clientSigner, subject: { commonName: 'ann', organizations: ['dev'] }, approved: true }],
  ])('%s is signed', async (_name, asked) => {
    const { request, keyPem } = await file(asked, issued);
    const certificate = new X509Certificate(Buffer.from(request.status?.certificate ?? '', 'base64'));
    expect(certificate.checkPrivateKey(createPrivateKey(keyPem))).toBe(true);
    expect(certificate.verify(createPublicKey(pki.caPem))).toBe(true);
    expect(certificate.keyUsage).toEqual([asked.signerName === nodeServingSigner ? '1.3.6.1.5.5.7.3.1' : '1.3.6.1.5.5.7.3.2']);
  });

  it('is signed for as long as it asks, and for a year at most', async () => {
    for (const [expirationSeconds, days] of [[7 * 86_400, 7], [50 * 365 * 86_400, 365]] as const) {
      const { request } = await file({ user: bootstrapper, signerName: nodeClientSigner, expirationSeconds }, issued);
      const until = new X509Certificate(Buffer.from(request.status?.certificate ?? '', 'base64')).validToDate.getTime();
      expect(Math.round((until - cluster.time) / 86_400_000)).toBe(days);
    }
  });

  it.each<[string, Asked]>([
    ['for the superusers\' group', { user: someone('ann'), signerName: clientSigner, subject: { commonName: 'ann', organizations: ['system:masters'] }, approved: true }],
    ['of a node that names addresses for a client', { user: bootstrapper, signerName: nodeClientSigner, names: ['192.0.2.7'], approved: true }],
    ['that is no request', { user: bootstrapper, signerName: nodeClientSigner, text: '-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----' }],
    ['for usages beyond its signer\'s', { user: bootstrapper, signerName: nodeClientSigner, usages: ['digital signature', 'client auth', 'server auth'], approved: true }],
  ])('%s fails', async (_name, asked) => {
    expect((await file(asked, failed)).request.status?.certificate).toBeUndefined();
  });

  it.each<[string, Asked]>([
    ['of somebody', { user: someone('ann'), signerName: nodeClientSigner }],
    ['of one node for another\'s server', { user: someone('system:node:other', 'system:nodes'), signerName: nodeServingSigner, names: ['n'] }],
    ['for another node\'s address', { user: nodeUser, signerName: nodeServingSigner, names: ['192.0.2.9'] }],
    ['for the API server\'s address', { user: nodeUser, signerName: nodeServingSigner, names: ['192.0.2.1'] }],
    ['for another name', { user: nodeUser, signerName: nodeServingSigner, names: ['kubernetes.default.svc'] }],
    ['for a person', { user: someone('ann'), signerName: clientSigner, subject: { commonName: 'ann', organizations: [] } }],
  ])('%s waits for approval', async (_name, asked) => {
    const { request } = await file(asked, () => true);
    // The signer attends to requests in order: when this one is issued, it has left that one.
    await file({ user: bootstrapper, signerName: nodeClientSigner }, issued);
    expect(cluster.caches.of(CertificateSigningRequest).get(undefined, request.metadata?.name ?? '')?.object.status).toBeUndefined();
  });
});
