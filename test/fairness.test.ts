import { connect as connectTls } from 'node:tls';
import { once } from 'node:events';
import { request as httpsRequest } from 'node:https';
import type { IncomingHttpHeaders } from 'node:http';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { FlowSchema } from '../machinery/kinds/flow-control.ts';
import { eventually } from './e2e/eventually.ts';
import { startTestServer, type TestServer } from './test-server.ts';

/** Priority and fairness over HTTPS, by the schemas and levels that are in the store. */

let test: TestServer;
let narrow: { readonly certPem: string; readonly keyPem: string };
let other: { readonly certPem: string; readonly keyPem: string };
const group = 'flowcontrol.apiserver.k8s.io';
const path = '/api/v1/namespaces/default/configmaps';

beforeAll(async () => {
  test = await startTestServer();
  narrow = await test.pki.clientCertificate({ commonName: 'narrow', organizations: [] });
  other = await test.pki.clientCertificate({ commonName: 'other', organizations: [] });
  // One share of hundreds: a seat or two, and nobody waits.
  await test.transport.request({ verb: 'create', group, version: 'v1', resource: 'prioritylevelconfigurations', body: { metadata: { name: 'narrow' }, spec: { type: 'Limited', limited: { nominalConcurrencyShares: 1, borrowingLimitPercent: 0, limitResponse: { type: 'Reject' } } } } });
  await test.transport.request({
    verb: 'create', group, version: 'v1', resource: 'flowschemas',
    body: { metadata: { name: 'narrow' }, spec: { matchingPrecedence: 50, priorityLevelConfiguration: { name: 'narrow' }, rules: [{ subjects: [{ kind: 'User', user: { name: 'narrow' } }], resourceRules: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'], namespaces: ['*'], clusterScope: true }] }] } },
  });
  await test.transport.request({
    verb: 'create', group: 'rbac.authorization.k8s.io', version: 'v1', resource: 'clusterrolebindings',
    body: { metadata: { name: 'narrow' }, roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' }, subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'narrow' }] },
  });
});
afterAll(() => test.dispose());

function get(who: { readonly certPem: string; readonly keyPem: string }): Promise<{ code: number; headers: IncomingHttpHeaders; text: string }> {
  return new Promise((resolve, reject) => {
    const asked = httpsRequest({ host: '127.0.0.1', port: test.server.port, ca: test.pki.caPem, cert: who.certPem, key: who.keyPem, path }, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => { text += chunk.toString(); });
      response.on('end', () => { resolve({ code: response.statusCode ?? 0, headers: response.headers, text }); });
    });
    asked.on('error', reject);
    asked.end();
  });
}

/** A request that has a seat and keeps it: its body never comes. */
async function hold() {
  const socket = connectTls({ host: '127.0.0.1', port: test.server.port, ca: test.pki.caPem, cert: narrow.certPem, key: narrow.keyPem });
  socket.on('error', () => undefined);
  await once(socket, 'secureConnect');
  socket.write(`POST ${path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 10\r\nexpect: 100-continue\r\n\r\n`);
  return { socket, text: String((await once(socket, 'data') as [Buffer])[0]) };
}

it('a schema says whether its level is there', async () => {
  const dangling = async () => {
    const { status } = (await test.transport.request({ verb: 'get', group, version: 'v1', resource: 'flowschemas', name: 'lost' })) as { status?: { conditions?: { type: string; status: string }[] } };
    return status?.conditions?.find(({ type }) => type === 'Dangling')?.status;
  };
  await test.transport.request({
    verb: 'create', group, version: 'v1', resource: 'flowschemas',
    body: { metadata: { name: 'lost' }, spec: { matchingPrecedence: 9999, priorityLevelConfiguration: { name: 'late' }, rules: [{ subjects: [{ kind: 'User', user: { name: 'nobody' } }], nonResourceRules: [{ verbs: ['*'], nonResourceURLs: ['*'] }] }] } },
  });
  await expect.poll(dangling).toBe('True');
  await test.transport.request({ verb: 'create', group, version: 'v1', resource: 'prioritylevelconfigurations', body: { metadata: { name: 'late' }, spec: { type: 'Limited', limited: { nominalConcurrencyShares: 1, limitResponse: { type: 'Reject' } } } } });
  await expect.poll(dangling).toBe('False');
});

it('a full level turns requests away, others are served, and who leaves gives back the seat', async () => {
  const held = [await hold()];
  while (held.at(-1)?.text.includes('100 Continue') === true) held.push(await hold());
  expect(held.at(-1)?.text).toContain('429 Too Many Requests');
  const turnedAway = await get(narrow);
  expect(turnedAway).toMatchObject({ code: 429, headers: { 'retry-after': '1' }, text: expect.stringContaining('Too many requests, please try again later.') });
  expect(turnedAway.headers['x-kubernetes-pf-flowschema-uid']).toMatch(/^[\da-f-]{36}$/);
  expect(turnedAway.headers['x-kubernetes-pf-prioritylevel-uid']).toMatch(/^[\da-f-]{36}$/);
  // Not allowed, but let in.
  expect((await get(other)).code).toBe(403);
  for (const { socket } of held) socket.destroy();
  await expect.poll(async () => (await get(narrow)).code).toBe(200);
  const metrics = await new Promise<string>((resolve, reject) => {
    httpsRequest({ host: '127.0.0.1', port: test.server.port, ca: test.pki.caPem, cert: narrow.certPem, key: narrow.keyPem, path: '/metrics' }, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => { text += chunk.toString(); });
      response.on('end', () => { resolve(text); });
    }).on('error', reject).end();
  });
  expect(metrics).toMatch(/apiserver_flowcontrol_rejected_requests_total\{priority_level="narrow",flow_schema="narrow",reason="concurrency-limit"\} \d+/);
  expect(metrics).toContain('apiserver_flowcontrol_current_executing_seats{priority_level="narrow"} 0');
});

it('a flow schema tells whether its priority level is there', async () => {
  const dangling = async (name: string) => (await test.client.get(FlowSchema, { name })).status?.conditions?.find(({ type }) => type === 'Dangling');
  await eventually(async () => { expect(await dangling('narrow')).toMatchObject({ status: 'False', reason: 'Found', message: 'This FlowSchema references the PriorityLevelConfiguration object named "narrow" and it exists' }); });
  await test.transport.request({ verb: 'delete', group, version: 'v1', resource: 'prioritylevelconfigurations', name: 'narrow' });
  await eventually(async () => { expect(await dangling('narrow')).toMatchObject({ status: 'True', reason: 'NotFound', message: 'This FlowSchema references the PriorityLevelConfiguration object named "narrow" but there is no such object' }); });
  expect(await dangling('exempt')).toMatchObject({ status: 'False' });
});
