import { request } from 'node:https';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { readAuditPolicy } from '../api/audit/policy.ts';
import { ConfigMap } from '../machinery/kinds/core.ts';
import { createClient } from '../client/client.ts';
import { startTestServer, type TestServer } from './test-server.ts';

interface AuditEvent {
  readonly stage: string;
  readonly verb: string;
  readonly requestURI: string;
  readonly user?: { readonly username: string };
  readonly [field: string]: unknown;
}

let cluster: TestServer;
const events: AuditEvent[] = [];

beforeAll(async () => {
  const policy = readAuditPolicy(`
    apiVersion: audit.k8s.io/v1
    kind: Policy
    omitStages: [RequestReceived]
    rules:
    - {level: RequestResponse, users: [admin, scribe], resources: [{group: "", resources: [secrets, configmaps]}]}
    - {level: Metadata, users: [admin, scribe, ishmael, system:anonymous]}
  `);
  cluster = await startTestServer({ audit: { policy, sink: (event) => void events.push(event as AuditEvent) } });
});
afterAll(() => cluster.dispose());
beforeEach(() => void events.splice(0));

/** Events of one path, the volatile left out. */
function of(pattern: RegExp): object[] {
  return events.filter(({ requestURI }) => pattern.test(requestURI)).map(({ auditID: _id, requestReceivedTimestamp: _received, stageTimestamp: _stage, userAgent: _agent, ...rest }) => rest);
}

/** The code of the answer. */
async function asIshmael(method: string, path: string, headers: Record<string, string>): Promise<number> {
  const { certPem: cert, keyPem: key } = await cluster.pki.clientCertificate({ commonName: 'ishmael', organizations: [] });
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port: cluster.server.port, ca: cluster.pki.caPem, cert, key, agent: false, method, path, headers });
    sent.once('response', ({ statusCode = 0 }) => {
      sent.destroy();
      resolve(statusCode);
    });
    sent.once('error', reject);
    sent.flushHeaders();
    if (method === 'GET') sent.end();
  });
}

describe('the audit log', () => {
  it('tells who did what to which object, and what was sent and answered', async () => {
    await cluster.client.create(ConfigMap, { metadata: { name: 'c', namespace: 'default' }, data: { a: 'b' } });
    expect(of(/configmaps/)).toMatchObject([{
      kind: 'Event', apiVersion: 'audit.k8s.io/v1', level: 'RequestResponse', stage: 'ResponseComplete', verb: 'create', requestURI: '/api/v1/namespaces/default/configmaps',
      user: { username: 'admin', groups: ['system:masters', 'system:authenticated'] }, sourceIPs: ['127.0.0.1'],
      objectRef: { resource: 'configmaps', namespace: 'default', apiVersion: 'v1' }, responseStatus: { code: 201 },
      requestObject: { data: { a: 'b' } }, responseObject: { metadata: { name: 'c' }, data: { a: 'b' } },
      annotations: { 'authorization.k8s.io/decision': 'allow' },
    }]);
  });

  it('never holds what a Secret holds', async () => {
    await cluster.kubectl('create', 'secret', 'generic', 's', '--from-literal=key=swordfish');
    await cluster.kubectl('get', 'secret', 's', '-o', 'yaml');
    await cluster.kubectl('patch', 'secret', 's', '--type=json', '-p', '[{"op":"replace","path":"/data/key","value":"c3dvcmRmaXNo"}]');
    const text = JSON.stringify(events);
    expect(of(/secrets/).length).toBeGreaterThan(2);
    expect(text).not.toMatch(/swordfish|c3dvcmRmaXNo/);
    expect(text).toContain('<redacted>');
  });

  it('tells of what was refused, and why', async () => {
    const stranger = createClient(await cluster.transportAs('ishmael'));
    await expect(stranger.get(ConfigMap, { namespace: 'default', name: 'c' })).rejects.toThrow('cannot get resource');
    expect(of(/configmaps/)).toMatchObject([{ level: 'Metadata', verb: 'get', responseStatus: { code: 403, reason: 'Forbidden' }, annotations: { 'authorization.k8s.io/decision': 'forbid' } }]);
  });

  it.each([
    ['what is not served', '/apis/none.example.com/v1/things', {}, 403],
    ['a form that nothing has', '/api/v1/namespaces/default/configmaps/formless', { accept: 'application/pdf' }, 406],
    ['a command, by who may only read', '/api/v1/namespaces/default/pods/p/exec?command=id', { connection: 'Upgrade', upgrade: 'websocket' }, 403],
    ['a body that is too large', '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', { 'content-type': 'application/json', 'content-length': String(4 << 20) }, 413, 'POST'],
  ])('tells of %s, that was asked for', async (_what, path, headers, code, method = 'GET') => {
    expect(await asIshmael(method, path, headers)).toBe(code);
    await expect.poll(() => events.filter(({ requestURI }) => requestURI === path)).toMatchObject([{ user: { username: 'ishmael' }, responseStatus: { code } }]);
  });

  it('tells of callers who are nobody, and of pages', async () => {
    const answer = await cluster.kubectl('--token', 'wrong', '--client-certificate', '/dev/null', 'get', '--raw', '/version');
    expect(answer.code).not.toBe(0);
    await cluster.kubectl('get', '--raw', '/version');
    expect(of(/^\/version/)).toMatchObject([{ verb: 'get', responseStatus: { code: 200 }, user: { username: 'admin' } }]);
  });

  it('tells whom a user acted as', async () => {
    await cluster.kubectl('--as', 'scribe', '--as-group', 'system:masters', 'get', 'configmap', 'c');
    expect(of(/configmaps\/c/)).toMatchObject([{ user: { username: 'admin' }, impersonatedUser: { username: 'scribe' } }]);
  });

  it('tells when a watch begins and when it has ended', async () => {
    await cluster.kubectl('get', '--raw', '/api/v1/namespaces/default/configmaps?watch=1&timeoutSeconds=1');
    await expect.poll(() => of(/watch=1/)).toMatchObject([{ stage: 'ResponseStarted', verb: 'watch' }, { stage: 'ResponseComplete', responseStatus: { code: 200 } }]);
  });
});
