import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { request as httpsRequest } from 'node:https';
import { startTestServer, type TestServer } from './test-server.ts';

/** Whole numbers beyond 2⁵³, which a double rounds: nothing on their way may. */

let test: TestServer;
let identity: { readonly certPem: string; readonly keyPem: string };
beforeAll(async () => {
  test = await startTestServer();
  identity = await test.pki.clientCertificate({ commonName: 'admin', organizations: ['system:masters'] });
});
afterAll(() => test.dispose());

function ask(method: string, path: string, body = '', type = 'application/json'): Promise<{ code: number; text: string }> {
  return new Promise((resolve, reject) => {
    const asked = httpsRequest({ host: '127.0.0.1', port: test.server.port, ca: test.pki.caPem, cert: identity.certPem, key: identity.keyPem, method, path, headers: { 'content-type': type } }, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => { text += chunk.toString(); });
      response.on('end', () => { resolve({ code: response.statusCode ?? 0, text }); });
    });
    asked.on('error', reject);
    asked.end(body);
  });
}

const deployments = '/apis/apps/v1/namespaces/default/deployments';
const seconds = '9007199254740993';
const deployment = (name: string, grace: string) => `{"metadata":{"name":"${name}"},"spec":{"selector":{"matchLabels":{"app":"x"}},"template":{"metadata":{"labels":{"app":"x"}},"spec":{"terminationGracePeriodSeconds":${grace},"containers":[{"name":"c","image":"i"}]}}}}`;

describe('a field of 64 bits', () => {
  it('keeps all its digits through creation, patches, the status and reads', async () => {
    expect(await ask('POST', deployments, deployment('json', seconds))).toMatchObject({ code: 201, text: expect.stringContaining(`:${seconds}`) });
    const { text: patched } = await ask('PATCH', `${deployments}/json`, '{"metadata":{"labels":{"a":"b"}}}', 'application/merge-patch+json');
    expect(patched).toContain(`:${seconds}`);
    const { text: status } = await ask('PATCH', `${deployments}/json/status`, `{"status":{"observedGeneration":${seconds}}}`, 'application/strategic-merge-patch+json');
    expect(status).toContain(`"observedGeneration":${seconds}`);
    expect((await ask('PUT', `${deployments}/json`, status.replace('"replicas":1', '"replicas":2'))).text).toContain(`"observedGeneration":${seconds}`);
    const { text } = await ask('GET', deployments);
    expect(text).toContain(`:${seconds}`);
  });

  it('is as exact in YAML', async () => {
    expect((await ask('POST', deployments, deployment('yaml', seconds), 'application/yaml')).text).toContain(`:${seconds}`);
  });

  it('holds no more than 64 bits', async () => {
    expect(await ask('POST', deployments, deployment('more', '9223372036854775808'))).toMatchObject({
      code: 400, text: expect.stringContaining('cannot unmarshal number 9223372036854775808 into Go struct field PodSpec.spec.template.spec.terminationGracePeriodSeconds of type int64'),
    });
  });
});

describe('a value of no type', () => {
  it('keeps all its digits in a custom resource', async () => {
    const crd = { metadata: { name: 'things.example.com' }, spec: { group: 'example.com', scope: 'Namespaced', names: { plural: 'things', kind: 'Thing' }, versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object', properties: { typed: { type: 'integer', format: 'int64' }, free: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } } } } }] } };
    expect((await ask('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', JSON.stringify(crd))).code).toBe(201);
    const things = '/apis/example.com/v1/namespaces/default/things';
    await expect.poll(async () => (await ask('GET', things)).code).toBe(200);
    const made = await ask('POST', things, `{"apiVersion":"example.com/v1","kind":"Thing","metadata":{"name":"a"},"typed":${seconds},"free":{"n":[-${seconds}]}}`);
    expect(made).toMatchObject({ code: 201, text: expect.stringContaining(`"free":{"n":[-${seconds}]},"typed":${seconds}`) });
    const { text } = await ask('PATCH', `${things}/a`, '{"free":{"more":true}}', 'application/merge-patch+json');
    expect(text).toContain(`"free":{"more":true,"n":[-${seconds}]},"typed":${seconds}`);
    expect((await ask('GET', `${things}/a`)).text).toContain(`"typed":${seconds}`);
  });
});
