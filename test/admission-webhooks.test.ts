import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { MutatingWebhookConfiguration, ValidatingWebhookConfiguration } from '../machinery/kinds/admission-registration.ts';
import { ConfigMap, Namespace, Pod, Service, ServiceAccount } from '../machinery/kinds/core.ts';
import { ApiError } from '../machinery/status.ts';
import { eventually } from './e2e/eventually.ts';
import { startTestServer, type TestServer } from './test-server.ts';
import { patching, startWebhookServer, type WebhookServer } from './webhook-server.ts';

let test: TestServer;
let hooks: WebhookServer;

beforeAll(async () => {
  test = await startTestServer();
  hooks = await startWebhookServer(test.pki, ['hook.default.svc']);
  await test.client.create(Namespace, { metadata: { name: 'hooked', labels: { hooked: 'yes' } } });
});

afterAll(async () => {
  await hooks.close();
  await test.dispose();
});

afterEach(async () => {
  for (const kind of [MutatingWebhookConfiguration, ValidatingWebhookConfiguration]) {
    for (const { metadata } of (await test.client.list(kind, {})).items) await test.client.delete(kind, { name: metadata?.name ?? '' });
  }
  await settled();
});

const rule = { operations: ['CREATE', 'UPDATE', 'DELETE'], apiGroups: [''], apiVersions: ['v1'], resources: ['configmaps'] };
let drawn = 0;
const map = (more: object = {}): ConfigMap => ({ metadata: { name: `m${drawn++}`, namespace: 'hooked', ...more } });

interface HookOptions {
  readonly path: string;
  readonly name?: string;
  readonly config?: object;
}

function webhook({ path, name = `${path.slice(1)}.example.com`, config = {} }: HookOptions) {
  return {
    name, rules: [rule], sideEffects: 'None', admissionReviewVersions: ['v1'], namespaceSelector: { matchLabels: { hooked: 'yes' } }, timeoutSeconds: 5,
    clientConfig: { url: `https://127.0.0.1:${hooks.port}${path}`, caBundle: hooks.caBundle }, ...config,
  };
}

/** Configurations count once the server has seen them in its own watch: a write after them is seen later. */
async function settled(): Promise<void> {
  await test.client.create(Namespace, { metadata: { generateName: 'settled-' } });
}

/** The result is the configuration's name. */
async function validating(...options: readonly HookOptions[]): Promise<string> {
  const name = `v${drawn++}`;
  await test.client.create(ValidatingWebhookConfiguration, { metadata: { name }, webhooks: options.map(webhook) });
  await settled();
  return name;
}

async function mutating(...options: readonly HookOptions[]): Promise<void> {
  await test.client.create(MutatingWebhookConfiguration, { metadata: { name: `m${drawn++}` }, webhooks: options.map(webhook) });
  await settled();
}

const about = (resource: string, operation: string, group = '') => ({ rules: [{ operations: [operation], apiGroups: [group], apiVersions: ['v1'], resources: [resource] }] });

async function refusal(object: ConfigMap = map()): Promise<ApiError> {
  try {
    await test.client.create(ConfigMap, object);
  } catch (error) {
    if (error instanceof ApiError) return error;
    throw error;
  }
  throw new Error('it was admitted');
}

describe('a validating webhook', () => {
  it('is sent the review of a write', async () => {
    await validating({ path: '/seen' });
    const { metadata } = await test.client.create(ConfigMap, { ...map(), data: { a: 'b' } });
    const place = { namespace: 'hooked', name: metadata?.name ?? '' };
    await test.client.patch(ConfigMap, place, 'application/merge-patch+json', { data: { a: 'c' } });
    await test.client.delete(ConfigMap, place);
    const [created, updated, deleted] = hooks.asked('/seen');
    const kind = { group: '', version: 'v1', kind: 'ConfigMap' };
    expect(created).toMatchObject({ operation: 'CREATE', kind, requestKind: kind, name: place.name, namespace: 'hooked', dryRun: false, userInfo: { username: 'admin' }, object: { kind: 'ConfigMap', apiVersion: 'v1', data: { a: 'b' } }, oldObject: null, options: { kind: 'CreateOptions' } });
    expect(updated).toMatchObject({ operation: 'UPDATE', object: { data: { a: 'c' } }, oldObject: { data: { a: 'b' } }, options: { kind: 'PatchOptions' } });
    expect(deleted).toMatchObject({ operation: 'DELETE', object: null, oldObject: { data: { a: 'c' } }, options: { kind: 'DeleteOptions' } });
  });

  it.each<[string, object, object]>([
    ['with its own status', { allowed: false, status: { code: 418, reason: 'Teapot', message: 'short and stout' } }, { code: 418, reason: 'Teapot', message: 'admission webhook "no.example.com" denied the request: short and stout' }],
    ['without a word', { allowed: false }, { code: 400, message: 'admission webhook "no.example.com" denied the request without explanation' }],
  ])('refuses: %s', async (_name, response, status) => {
    hooks.on('/no', () => response);
    await validating({ path: '/no' });
    expect((await refusal()).status).toMatchObject(status);
  });

  it('warns', async () => {
    hooks.on('/warns', () => ({ allowed: true, warnings: ['mind the gap'] }));
    await validating({ path: '/warns' });
    const { code, err } = await test.kubectl('create', 'configmap', `m${drawn++}`, '-n', 'hooked');
    expect({ code, err }).toEqual({ code: 0, err: 'Warning: mind the gap\n' });
  });

  it.each<[string, string, object | { raw: string }, string]>([
    ['no review', '/raw', { raw: 'hello' }, 'failed calling webhook "raw.example.com": failed to call webhook: Post'],
    ['another kind', '/kind', { raw: '{"kind":"Pod","apiVersion":"v1"}' }, 'failed calling webhook "kind.example.com": received invalid webhook response: expected webhook response of admission.k8s.io/v1, Kind=AdmissionReview, got v1, Kind=Pod'],
    ['a review of something else', '/uid', { allowed: true, uid: 'x' }, 'failed calling webhook "uid.example.com": received invalid webhook response: expected response.uid='],
    ['an error', '/error', { code: 503 }, 'failed calling webhook "error.example.com": failed to call webhook: the server responded with the status code 503'],
  ])('that answers with %s fails: the write with it, unless that is ignored', async (_name, path, response, message) => {
    hooks.on(path, () => response);
    const strict = await validating({ path });
    const error = await refusal();
    expect(error.status).toMatchObject({ code: 500, reason: 'InternalError' });
    expect(error.message).toContain(`Internal error occurred: ${message}`);
    await test.client.delete(ValidatingWebhookConfiguration, { name: strict });
    await validating({ path, config: { failurePolicy: 'Ignore' } });
    await test.client.create(ConfigMap, map());
  });

  it('has so much time and no more', async () => {
    hooks.on('/slow', async () => {
      await new Promise((resolve) => { setTimeout(resolve, 3000).unref(); });
      return { allowed: true };
    });
    await validating({ path: '/slow', config: { timeoutSeconds: 1 } });
    expect((await refusal()).message).toContain(`failed calling webhook "slow.example.com": failed to call webhook: Post "https://127.0.0.1:${hooks.port}/slow?timeout=1s": context deadline exceeded`);
  });

  it('is asked where it wants to be, and when its conditions hold', async () => {
    await validating({ path: '/few', config: { objectSelector: { matchLabels: { ask: 'me' } }, matchConditions: [{ name: 'not-quiet', expression: "!object.metadata.name.startsWith('quiet')" }] } });
    await test.client.create(ConfigMap, map());
    await test.client.create(ConfigMap, { ...map({ labels: { ask: 'me' } }), metadata: { name: 'quiet', namespace: 'hooked', labels: { ask: 'me' } } });
    await test.client.create(ConfigMap, { ...map({ labels: { ask: 'me' } }), metadata: { name: 'elsewhere', namespace: 'default', labels: { ask: 'me' } } });
    expect(hooks.asked('/few')).toHaveLength(0);
    await test.client.create(ConfigMap, map({ labels: { ask: 'me' } }));
    expect(hooks.asked('/few')).toHaveLength(1);
  });

  it('sees another version of the same objects, if it asks for that one', async () => {
    const events = { operations: ['CREATE'], apiGroups: ['events.k8s.io'], apiVersions: ['v1'], resources: ['events'] };
    await validating({ path: '/events', config: { rules: [events] } }, { path: '/exact', config: { rules: [events], matchPolicy: 'Exact' } });
    const { code, err } = await test.kubectlWith(JSON.stringify({
      apiVersion: 'v1', kind: 'Event', metadata: { name: 'e', namespace: 'hooked' }, involvedObject: { kind: 'Pod', namespace: 'hooked', name: 'p' }, reason: 'Why', message: 'so', type: 'Normal',
    }), 'create', '-f', '-');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(hooks.asked('/events')).toMatchObject([{ kind: { group: 'events.k8s.io', version: 'v1' }, requestKind: { group: '' }, object: { apiVersion: 'events.k8s.io/v1', note: 'so' } }]);
    expect(hooks.asked('/exact')).toHaveLength(0);
  });

  it('is told of dry runs, if it can bear them', async () => {
    await validating({ path: '/dry' });
    expect((await test.kubectl('create', 'configmap', `m${drawn++}`, '-n', 'hooked', '--dry-run=server')).code).toBe(0);
    expect(hooks.asked('/dry')).toMatchObject([{ dryRun: true }]);
  });

  it('is reached through a Service', async () => {
    await test.client.create(Service, { metadata: { name: 'hook', namespace: 'default' }, spec: { type: 'ExternalName', externalName: 'localhost' } });
    await validating({ path: '/service', config: { clientConfig: { service: { name: 'hook', namespace: 'default', path: '/service', port: hooks.port }, caBundle: hooks.caBundle } } });
    await test.client.create(ConfigMap, map());
    expect(hooks.asked('/service')).toHaveLength(1);
  });

  it('of a Service without endpoints fails', async () => {
    await validating({ path: '/nowhere', config: { clientConfig: { service: { name: 'nothing', namespace: 'default' }, caBundle: hooks.caBundle } } });
    expect((await refusal()).message).toContain('failed calling webhook "nowhere.example.com": failed to call webhook: Post "https://nothing.default.svc/?timeout=5s": service "nothing" not found');
  });
});

describe('a mutating webhook', () => {
  it('changes the object; the next one sees that', async () => {
    hooks.on('/first', () => patching({ op: 'add', path: '/data', value: { first: 'yes' } }));
    hooks.on('/second', ({ object }) => patching({ op: 'add', path: '/metadata/labels', value: { saw: JSON.stringify(object?.['data'] ?? null).includes('first') ? 'first' : 'nothing' } }));
    await mutating({ path: '/first' }, { path: '/second' });
    expect(await test.client.create(ConfigMap, map())).toMatchObject({ data: { first: 'yes' }, metadata: { labels: { saw: 'first' } } });
  });

  it('is asked again when another changed the object after it, if it wants that', async () => {
    hooks.on('/again', ({ object }) => patching({ op: 'add', path: '/metadata/labels', value: { saw: object?.['data'] === undefined ? 'nothing' : 'data' } }));
    hooks.on('/data', ({ object }) => (object?.['data'] === undefined ? patching({ op: 'add', path: '/data', value: { a: 'b' } }) : { allowed: true }));
    await mutating({ path: '/again', config: { reinvocationPolicy: 'IfNeeded' } }, { path: '/data' });
    expect(await test.client.create(ConfigMap, map())).toMatchObject({ data: { a: 'b' }, metadata: { labels: { saw: 'data' } } });
    expect(hooks.asked('/again')).toHaveLength(2);
    expect(hooks.asked('/data')).toHaveLength(1);
  });

  it('adds to a pod what is then defaulted, and given its token, once', async () => {
    hooks.on('/sidecar', () => patching({ op: 'add', path: '/spec/initContainers', value: [{ name: 'added', image: 'b' }] }));
    await mutating({ path: '/sidecar', config: about('pods', 'CREATE') });
    await test.kubectl('create', 'serviceaccount', 'keeper', '-n', 'hooked');
    const { spec } = await test.client.create(Pod, { metadata: { name: 'with-sidecar', namespace: 'hooked' }, spec: { serviceAccountName: 'keeper', containers: [{ name: 'c', image: 'a' }] } });
    expect(spec?.initContainers).toMatchObject([{ name: 'added', terminationMessagePolicy: 'File', imagePullPolicy: 'Always', volumeMounts: [{ mountPath: '/var/run/secrets/kubernetes.io/serviceaccount' }] }]);
    expect(spec?.volumes).toHaveLength(1);
    expect(spec?.containers[0]?.volumeMounts).toHaveLength(1);
    expect(spec?.tolerations).toHaveLength(2);
  });

  it('may refuse, deletions too', async () => {
    hooks.on('/keep', ({ operation }) => ({ allowed: operation !== 'DELETE', status: { message: 'keep it' } }));
    await mutating({ path: '/keep' });
    const { metadata } = await test.client.create(ConfigMap, map());
    await expect(test.client.delete(ConfigMap, { namespace: 'hooked', name: metadata?.name ?? '' })).rejects.toThrow('admission webhook "keep.example.com" denied the request: keep it');
  });

  it('whose patch does not apply fails the write', async () => {
    hooks.on('/broken', () => patching({ op: 'remove', path: '/nothing' }));
    await mutating({ path: '/broken' });
    expect((await refusal()).status).toMatchObject({ code: 500, message: expect.stringContaining('admission webhook "broken.example.com": ') });
  });

  it('gets what it changed judged like what a user writes', async () => {
    hooks.on('/wrong', () => patching({ op: 'add', path: '/metadata/labels', value: { 'not a label': 'x' } }));
    await mutating({ path: '/wrong' });
    expect((await refusal()).status).toMatchObject({ code: 422, reason: 'Invalid' });
  });
});

describe('a webhook about subresources', () => {
  it('is asked about a Scale', async () => {
    hooks.on('/scale', ({ object }) => ({ allowed: !JSON.stringify(object).includes('"replicas":3'), status: { message: 'not three' } }));
    await validating({ path: '/scale', config: about('deployments/scale', 'UPDATE', 'apps') });
    expect((await test.kubectl('create', 'deployment', 'd', '--image=a', '-n', 'hooked')).code).toBe(0);
    expect((await test.kubectl('scale', 'deployment', 'd', '-n', 'hooked', '--replicas=3')).err).toContain('admission webhook "scale.example.com" denied the request: not three');
    expect((await test.kubectl('scale', 'deployment', 'd', '-n', 'hooked', '--replicas=2')).code).toBe(0);
    expect(hooks.asked('/scale').at(-1)).toMatchObject({ kind: { group: 'autoscaling', kind: 'Scale' }, resource: { resource: 'deployments' }, subResource: 'scale', object: { kind: 'Scale', spec: { replicas: 2 } }, oldObject: { spec: { replicas: 1 } } });
    expect((await test.kubectl('get', 'deployment', 'd', '-n', 'hooked', '-o', 'jsonpath={.spec.replicas}')).out).toBe('2');
  });

  it('is asked about bindings, streams into containers and evictions', async () => {
    for (const [path, resource, operation] of [['/binding', 'pods/binding', 'CREATE'], ['/attach', 'pods/attach', 'CONNECT'], ['/exec', 'pods/exec', 'CONNECT'], ['/evict', 'pods/eviction', 'CREATE']] as const) {
      await validating({ path, config: about(resource, operation) });
      if (path !== '/binding') hooks.on(path, () => ({ allowed: false, status: { message: 'not here' } }));
    }
    await test.client.create(ServiceAccount, { metadata: { name: 'default', namespace: 'hooked' } });
    await test.client.create(Pod, { metadata: { name: 'p', namespace: 'hooked' }, spec: { containers: [{ name: 'c', image: 'a' }] } });
    const eviction = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: 'p', namespace: 'hooked' } };
    const post = (subresource: string, body: object) => test.kubectlWith(JSON.stringify(body), 'create', '--raw', `/api/v1/namespaces/hooked/pods/p/${subresource}`, '-f', '-');
    expect((await post('binding', { apiVersion: 'v1', kind: 'Binding', metadata: { name: 'p' }, target: { kind: 'Node', name: 'n' } })).code).toBe(0);
    expect(hooks.asked('/binding')).toMatchObject([{ operation: 'CREATE', kind: { kind: 'Binding' }, resource: { resource: 'pods' }, subResource: 'binding', name: 'p', object: { kind: 'Binding', target: { name: 'n' } } }]);
    expect((await test.kubectl('attach', 'p', '-n', 'hooked')).err).toContain('admission webhook "attach.example.com" denied the request: not here');
    expect((await test.kubectl('exec', 'p', '-n', 'hooked', '--', 'ls', '-l')).err).toContain('admission webhook "exec.example.com" denied the request: not here');
    expect(hooks.asked('/exec')[0]).toMatchObject({ operation: 'CONNECT', kind: { group: '', version: 'v1', kind: 'PodExecOptions' }, subResource: 'exec', name: 'p', object: { kind: 'PodExecOptions', apiVersion: 'v1', container: 'c', command: ['ls', '-l'], stdout: true, stderr: true }, oldObject: null });
    expect((await post('eviction', eviction)).err).toContain('admission webhook "evict.example.com" denied the request: not here');
  });

  it('is asked about tokens, approvals and what is asked below proxy', async () => {
    hooks.on('/refuse', () => ({ allowed: false, status: { message: 'not here' } }));
    await test.client.create(ServiceAccount, { metadata: { name: 'asks', namespace: 'hooked' } });
    const spec = { request: Buffer.from('-----BEGIN CERTIFICATE REQUEST-----\nAA==\n-----END CERTIFICATE REQUEST-----\n').toString('base64'), signerName: 'example.com/any', usages: ['client auth'] };
    await test.kubectlWith(JSON.stringify({ apiVersion: 'certificates.k8s.io/v1', kind: 'CertificateSigningRequest', metadata: { name: 'asks' }, spec }), 'create', '-f', '-');
    await validating({ path: '/token', config: about('serviceaccounts/token', 'CREATE') });
    await validating({ path: '/refuse', config: { ...about('certificatesigningrequests/approval', 'UPDATE', 'certificates.k8s.io'), namespaceSelector: {} } });
    await validating({ path: '/refuse', config: about('services/proxy', 'CONNECT') });
    expect((await test.kubectl('create', 'token', 'asks', '-n', 'hooked')).code).toBe(0);
    expect(hooks.asked('/token')).toMatchObject([{ kind: { group: 'authentication.k8s.io', kind: 'TokenRequest' }, resource: { resource: 'serviceaccounts' }, subResource: 'token', name: 'asks', object: { kind: 'TokenRequest' }, oldObject: null }]);
    expect((await test.kubectl('certificate', 'approve', 'asks')).err).toContain('denied the request: not here');
    expect(hooks.asked('/refuse')[0]).toMatchObject({ kind: { kind: 'CertificateSigningRequest' }, subResource: 'approval', object: { status: { conditions: [{ type: 'Approved' }] } } });
    expect((await test.kubectl('get', '--raw', '/api/v1/namespaces/hooked/services/web:80/proxy/a/b?c=d')).err).toContain('denied the request: not here');
    expect(hooks.asked('/refuse')[1]).toMatchObject({ operation: 'CONNECT', kind: { kind: 'ServiceProxyOptions' }, subResource: 'proxy', name: 'web:80', object: { kind: 'ServiceProxyOptions', path: 'a/b' } });
  });

  it('is not asked about the deletion that an eviction is', async () => {
    await test.client.create(Pod, { metadata: { name: 'going', namespace: 'hooked' }, spec: { containers: [{ name: 'c', image: 'a' }] } });
    hooks.on('/gone', () => ({ allowed: false }));
    await validating({ path: '/gone', config: about('pods', 'DELETE') });
    expect((await test.kubectl('delete', 'pod', 'going', '-n', 'hooked')).code).toBe(1);
    const eviction = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: 'going', namespace: 'hooked' } };
    expect((await test.kubectlWith(JSON.stringify(eviction), 'create', '--raw', '/api/v1/namespaces/hooked/pods/going/eviction', '-f', '-')).code).toBe(0);
  });
});

describe('a webhook about reviews', () => {
  const ask = (namespace: string, resource: string, body: object) => {
    const [group = '', plural = ''] = resource.split('/');
    return test.kubectlWith(JSON.stringify(body), 'create', '--raw', `/apis/${group}/v1/${namespace === '' ? '' : `namespaces/${namespace}/`}${plural}`, '-f', '-');
  };
  const resourceAttributes = { verb: 'get', resource: 'pods', namespace: 'hooked' };

  it.each<[string, string, object, string?]>([
    ['authentication.k8s.io/tokenreviews', 'TokenReview', { token: 'x' }],
    ['authentication.k8s.io/selfsubjectreviews', 'SelfSubjectReview', {}],
    ['authorization.k8s.io/subjectaccessreviews', 'SubjectAccessReview', { user: 'ann', resourceAttributes }],
    ['authorization.k8s.io/selfsubjectaccessreviews', 'SelfSubjectAccessReview', { resourceAttributes }],
    ['authorization.k8s.io/selfsubjectrulesreviews', 'SelfSubjectRulesReview', { namespace: 'hooked' }],
    ['authorization.k8s.io/localsubjectaccessreviews', 'LocalSubjectAccessReview', { user: 'ann', resourceAttributes }, 'hooked'],
  ])('is asked about %s', async (resource, kind, spec, namespace = '') => {
    const [group = '', plural = ''] = resource.split('/');
    hooks.on('/reviewed', () => ({ allowed: false, status: { message: 'ask nobody' } }));
    await validating({ path: '/reviewed', config: about(plural, 'CREATE', group) });
    const { err } = await ask(namespace, resource, { apiVersion: `${group}/v1`, kind, spec });
    expect(err).toContain('admission webhook "reviewed.example.com" denied the request: ask nobody');
    expect(hooks.asked('/reviewed').at(-1)).toMatchObject({ operation: 'CREATE', kind: { group, version: 'v1', kind }, object: { kind }, oldObject: null, options: { kind: 'CreateOptions' } });
  });

  it('may change the question; one that is none is refused without it', async () => {
    hooks.on('/changes', () => patching({ op: 'replace', path: '/spec/user', value: 'nobody' }));
    hooks.on('/judges', () => ({ allowed: true }));
    const config = about('subjectaccessreviews', 'CREATE', 'authorization.k8s.io');
    await mutating({ path: '/changes', config });
    await validating({ path: '/judges', config });
    const review = { apiVersion: 'authorization.k8s.io/v1', kind: 'SubjectAccessReview', spec: { user: 'ann', groups: ['system:masters'], resourceAttributes } };
    expect(JSON.parse((await ask('', 'authorization.k8s.io/subjectaccessreviews', review)).out)).toMatchObject({ spec: { user: 'nobody' }, status: { allowed: true } });
    expect((await ask('', 'authorization.k8s.io/subjectaccessreviews', { ...review, spec: { user: 'ann' } })).code).toBe(1);
    expect(hooks.asked('/judges')).toHaveLength(1);
  });

  it('in a namespace that is missing is answered all the same', async () => {
    const review = { apiVersion: 'authorization.k8s.io/v1', kind: 'LocalSubjectAccessReview', spec: { user: 'ann', resourceAttributes: { ...resourceAttributes, namespace: 'missing' } } };
    expect(JSON.parse((await ask('missing', 'authorization.k8s.io/localsubjectaccessreviews', review)).out)).toMatchObject({ status: { allowed: false } });
  });
});

const lamp = (version: string, spec: object) => JSON.stringify({ apiVersion: `lights.example/${version}`, kind: 'Lamp', metadata: { name: `l${drawn++}`, namespace: 'hooked' }, spec });
const version = (name: string, storage: boolean, field: string) => ({ name, served: true, storage, schema: { openAPIV3Schema: { type: 'object', properties: { spec: { type: 'object', properties: { [field]: { type: 'string' } } } } } } });

describe('a webhook about custom resources', () => {
  it('sees the version that it knows, converted by whoever can, and its changes go back', async () => {
    hooks.on('/convert', (request) => {
      const { uid, desiredAPIVersion, objects } = request as unknown as { uid: string; desiredAPIVersion: string; objects: readonly { spec: { watts?: string; power?: string } }[] };
      const convertedObjects = objects.map((object) => ({ ...object, apiVersion: desiredAPIVersion, spec: desiredAPIVersion.endsWith('v2') ? { power: object.spec.watts ?? object.spec.power } : { watts: object.spec.power ?? object.spec.watts } }));
      return { raw: JSON.stringify({ kind: 'ConversionReview', apiVersion: 'apiextensions.k8s.io/v1', response: { uid, result: { status: 'Success' }, convertedObjects } }) };
    });
    await test.kubectlWith(JSON.stringify({
      apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata: { name: 'lamps.lights.example' },
      spec: {
        group: 'lights.example', scope: 'Namespaced', names: { plural: 'lamps', kind: 'Lamp' }, versions: [version('v1', true, 'watts'), version('v2', false, 'power')],
        conversion: { strategy: 'Webhook', webhook: { conversionReviewVersions: ['v1'], clientConfig: { url: `https://127.0.0.1:${hooks.port}/convert`, caBundle: hooks.caBundle } } },
      },
    }), 'create', '-f', '-');
    await test.kubectl('wait', '--for=condition=Established', 'crd/lamps.lights.example', '--timeout=20s');
    const rules = [{ operations: ['CREATE'], apiGroups: ['lights.example'], apiVersions: ['v2'], resources: ['lamps'] }];
    hooks.on('/dim', ({ object }) => (JSON.stringify(object).includes('"power":"100"') ? patching({ op: 'replace', path: '/spec/power', value: '60' }) : { allowed: true }));
    hooks.on('/dark', ({ object }) => ({ allowed: !JSON.stringify(object).includes('"power":"0"'), status: { message: 'too dark' } }));
    await mutating({ path: '/dim', config: { rules } });
    await validating({ path: '/dark', config: { rules } });
    const create = (text: string) => test.kubectlWith(text, 'create', '-f', '-', '-o', 'jsonpath={.spec.watts}');
    expect(await create(lamp('v1', { watts: '100' }))).toMatchObject({ code: 0, out: '60' });
    expect((await create(lamp('v1', { watts: '0' }))).err).toContain('admission webhook "dark.example.com" denied the request: too dark');
    expect(hooks.asked('/dark')[0]).toMatchObject({ kind: { version: 'v2' }, requestKind: { version: 'v1' }, object: { apiVersion: 'lights.example/v2', spec: { power: '60' } } });
  });
});

it('is counted how webhooks were asked', async () => {
  hooks.on('/counted', () => ({ allowed: false }));
  await validating({ path: '/counted' });
  await refusal();
  const { out } = await test.kubectl('get', '--raw', '/metrics');
  expect(out).toContain('apiserver_admission_webhook_request_total{name="counted.example.com",type="validating",operation="CREATE",code="400",rejected="true"} 1');
  expect(out).toContain('apiserver_admission_webhook_rejection_count{name="counted.example.com",type="validating",operation="CREATE",error_type="no_error",rejection_code="400"} 1');
});

describe('what configures webhooks', () => {
  it('can be mended when no webhook answers', async () => {
    await validating({ path: '/dead', config: { rules: [{ ...rule, apiGroups: ['*'], resources: ['*'] }], namespaceSelector: {}, clientConfig: { url: 'https://127.0.0.1:1/', caBundle: hooks.caBundle } } }).catch(() => undefined);
    await eventually(async () => { expect((await refusal()).message).toContain('failed calling webhook "dead.example.com"'); });
    expect((await test.kubectl('delete', 'validatingwebhookconfigurations', '--all')).code).toBe(0);
    await eventually(async () => { await test.client.create(ConfigMap, map()); });
  });
});
