import { createServer, request as httpsRequest, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ApiError } from '../machinery/status.ts';
import { startTestServer, type TestServer } from './test-server.ts';

/** Logs, exec and port-forward reach a node's agent through the API server: bytes pass unchanged, strangers don't pass at all. */

let test: TestServer;
let agent: Server;
/** What the agent was asked: user, method and path. */
const asked: string[] = [];
/** What upgrades offered it. */
const protocols: (string | undefined)[] = [];

const used = { cpu: { time: '2026-01-01T00:00:00Z', usageNanoCores: 250_000_000, usageCoreNanoSeconds: 1 }, memory: { time: '2026-01-01T00:00:00Z', workingSetBytes: 64 * 1024 * 1024 } };
const summary = { node: { nodeName: 'n1', ...used }, pods: [] };

const agentCaller = (socket: unknown) => (socket as TLSSocket).getPeerCertificate().subject.CN;

beforeAll(async () => {
  test = await startTestServer();
  const { certPem: cert, keyPem: key } = await test.pki.agentCertificate('n1', ['127.0.0.1']);
  agent = createServer({ cert, key, ca: test.pki.caPem, requestCert: true, rejectUnauthorized: true }, (request, response) => {
    asked.push(`${agentCaller(request.socket)} ${request.method} ${request.url}`);
    if (request.url?.startsWith('/stats/summary') === true) {
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(summary));
      return;
    }
    response.writeHead(200, { 'content-type': 'text/plain' });
    response.write('first line\n');
    response.end('second line\n');
  });
  agent.on('upgrade', (request, socket: Duplex, head: Buffer) => {
    asked.push(`${agentCaller(request.socket)} ${request.method} ${request.url}`);
    protocols.push(request.headers['sec-websocket-protocol']);
    if (request.url?.includes('refuse') === true) {
      socket.end('HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno');
      return;
    }
    socket.write(`HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: ${request.headers.upgrade}\r\nx-agent: yes\r\n\r\n`);
    socket.on('error', () => undefined);
    socket.write(head);
    socket.pipe(socket);
  });
  await new Promise<void>((resolve) => { agent.listen(0, '127.0.0.1', resolve); });
  await seed();
});

afterAll(async () => {
  agent.close();
  agent.closeAllConnections();
  await test.dispose();
});

async function seed(): Promise<void> {
  const { transport } = test;
  const core = { group: '', version: 'v1' } as const;
  const port = (agent.address() as AddressInfo).port;
  await transport.request({ ...core, verb: 'create', resource: 'serviceaccounts', namespace: 'default', body: { metadata: { name: 'default' } } });
  for (const [name, to] of [['n1', port], ['n2', 1]] as const) {
    await transport.request({ ...core, verb: 'create', resource: 'nodes', body: { metadata: { name } } });
    await transport.request({
      ...core, verb: 'patch', resource: 'nodes', name, subresource: 'status', patchType: 'application/merge-patch+json',
      body: { status: { addresses: [{ type: 'InternalIP', address: '127.0.0.1' }], daemonEndpoints: { kubeletEndpoint: { Port: to } } } },
    });
  }
  for (const [name, nodeName, containers] of [['p', 'n1', ['main']], ['lost', 'n2', ['main']], ['two', 'n1', ['a', 'b']], ['waiting', undefined, ['main']]] as const) {
    await transport.request({
      ...core, verb: 'create', resource: 'pods', namespace: 'default',
      body: { metadata: { name }, spec: { ...(nodeName === undefined ? {} : { nodeName }), containers: containers.map((container) => ({ name: container, image: 'x' })) } },
    });
  }
}

/** An upgrade by somebody: what came back, or the refusal. */
async function upgrade(path: string, who = 'admin', groups: readonly string[] = ['system:masters'], headers: Readonly<Record<string, string>> = {}): Promise<{ readonly code: number; readonly echo: string; readonly body: string }> {
  const { certPem: cert, keyPem: key } = await test.pki.clientCertificate({ commonName: who, organizations: groups });
  return new Promise((resolve, reject) => {
    const request = httpsRequest({
      host: '127.0.0.1', port: test.server.port, ca: test.pki.caPem, cert, key, path, headers: { connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-version': '13', 'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==', ...headers },
    });
    request.on('error', reject);
    request.on('response', (response) => {
      let body = '';
      response.on('data', (chunk: Buffer) => { body += chunk.toString(); });
      response.on('end', () => { resolve({ code: response.statusCode ?? 0, echo: '', body }); });
    });
    request.on('upgrade', (response, socket) => {
      let echo = '';
      socket.on('data', (chunk: Buffer) => {
        echo += chunk.toString();
        if (echo.length < 6) return;
        socket.destroy();
        resolve({ code: response.statusCode ?? 0, echo, body: String(response.headers['x-agent']) });
      });
      socket.write('abcdef');
    });
    request.end();
  });
}

const pods = '/api/v1/namespaces/default/pods';

describe('the way to a node\'s agent', () => {
  it('streams logs, with the options that the agent knows', async () => {
    asked.length = 0;
    expect(await test.kubectl('logs', 'p', '--tail=5', '--timestamps')).toMatchObject({ code: 0, out: 'first line\nsecond line\n' });
    expect(asked).toEqual(['coracle-apiserver GET /containerLogs/default/p/main?tailLines=5&timestamps=true']);
  });

  it('splices an upgraded connection byte for byte, with every command word', async () => {
    asked.length = 0;
    expect(await upgrade(`${pods}/p/exec?command=echo&command=a%20b&stdin=true&stdout=true&container=main`)).toEqual({ code: 101, echo: 'abcdef', body: 'yes' });
    expect(asked).toEqual(['coracle-apiserver GET /exec/default/p/main?command=echo&command=a+b&input=1&output=1']);
  });

  it('splices logs, for whom may only read them too', async () => {
    const { transport } = test;
    const rbac = { group: 'rbac.authorization.k8s.io', version: 'v1', verb: 'create', namespace: 'default' } as const;
    await transport.request({ ...rbac, resource: 'roles', body: { metadata: { name: 'reads' }, rules: [{ apiGroups: [''], resources: ['pods/log', 'pods/exec'], verbs: ['get'] }] } });
    await transport.request({ ...rbac, resource: 'rolebindings', body: { metadata: { name: 'reads' }, roleRef: { apiGroup: rbac.group, kind: 'Role', name: 'reads' }, subjects: [{ apiGroup: rbac.group, kind: 'User', name: 'reader' }] } });
    asked.length = 0;
    expect(await upgrade(`${pods}/p/log?container=main&tailLines=5`, 'reader', [])).toMatchObject({ code: 101, echo: 'abcdef' });
    expect(asked).toEqual(['coracle-apiserver GET /containerLogs/default/p/main?tailLines=5']);
    expect(await upgrade(`${pods}/p/exec?command=ls`, 'reader', [])).toMatchObject({ code: 403, body: expect.stringContaining('cannot create resource \\"pods/exec\\"') });
  });

  it('takes the token of a WebSocket out of what it passes on', async () => {
    protocols.length = 0;
    const token = 'base64url.bearer.authorization.k8s.io.c2VjcmV0';
    expect(await upgrade(`${pods}/p/exec?command=ls`, 'admin', ['system:masters'], { 'sec-websocket-protocol': `${token}, v5.channel.k8s.io,v4.channel.k8s.io` })).toMatchObject({ code: 101 });
    expect(protocols).toEqual(['v5.channel.k8s.io, v4.channel.k8s.io']);
  });

  it('passes on what the agent refuses', async () => {
    expect(await upgrade(`${pods}/p/exec?command=refuse&stdout=true`)).toMatchObject({ code: 403, body: 'no' });
  });

  it('opens port-forwards', async () => {
    expect(await upgrade(`${pods}/p/portforward`)).toMatchObject({ code: 101, echo: 'abcdef' });
  });

  it.each([
    ['who may do nothing', `${pods}/p/exec?command=ls`, 'nobody', [], 403, 'cannot create resource \\"pods/exec\\"'],
    ['a pod that isn\'t there', `${pods}/none/exec?command=ls`, 'admin', ['system:masters'], 404, 'pods \\"none\\" not found'],
    ['no command', `${pods}/p/exec`, 'admin', ['system:masters'], 400, 'you must specify at least one command'],
    ['one of several containers, unnamed', `${pods}/two/exec?command=ls`, 'admin', ['system:masters'], 400, 'a container name must be specified for pod two, choose one of: [a b]'],
    ['a container that isn\'t there', `${pods}/p/exec?command=ls&container=x`, 'admin', ['system:masters'], 400, 'container x is not valid for pod p'],
    ['a pod without a node', `${pods}/waiting/exec?command=ls`, 'admin', ['system:masters'], 400, 'pod waiting does not have a host assigned'],
  ] as const)('refuses %s', async (_what, path, who, groups, code, message) => {
    const answer = await upgrade(path, who, groups);
    expect(answer.code).toBe(code);
    expect(answer.body).toContain(message);
  });

  it('says so when the agent can\'t be reached', async () => {
    const { code, err } = await test.kubectl('logs', 'lost');
    expect(code).toBe(1);
    expect(err).toContain('https://127.0.0.1:1/containerLogs/default/lost/main');
  });

  it('leads to what nodes use: those who look together ask once, and a node that is silent has no metrics', async () => {
    asked.length = 0;
    const look = () => test.transport.request({ verb: 'list', group: 'metrics.k8s.io', version: 'v1beta1', resource: 'nodes' });
    const [first, second] = await Promise.all([look(), look()]);
    expect(first).toMatchObject({ kind: 'NodeMetricsList', items: [{ metadata: { name: 'n1' }, usage: { cpu: '250m', memory: '64Mi' }, window: '10s' }] });
    expect((second as { readonly items: readonly unknown[] }).items).toHaveLength(1);
    expect(asked).toEqual(['coracle-apiserver GET /stats/summary?only_cpu_and_memory=true']);
    // So autoscaling inside the process sees them.
    const inside = test.server.localTransport({ name: 'x', groups: ['system:masters'] }).request({ verb: 'get', group: 'metrics.k8s.io', version: 'v1beta1', resource: 'nodes', name: 'n1' });
    expect(await inside).toMatchObject({ kind: 'NodeMetrics', usage: { cpu: '250m' } });
    const { out, err } = await test.kubectl('top', 'node', '--no-headers', 'n2');
    expect(out + err).toContain('nodemetrics.metrics.k8s.io "n2" not found');
  });

  it('is no way for calls inside the process', async () => {
    const call = test.server.localTransport({ name: 'x', groups: ['system:masters'] }).request({ verb: 'get', group: '', version: 'v1', resource: 'pods', namespace: 'default', name: 'p', subresource: 'log' });
    await expect(call).rejects.toBeInstanceOf(ApiError);
  });
});
