import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MutatingWebhookConfiguration, ValidatingWebhookConfiguration } from '../../../machinery/kinds/admission-registration.ts';
import { ConfigMap, Namespace, Pod, ServiceAccount } from '../../../machinery/kinds/core.ts';
import { eventually } from '../../e2e/eventually.ts';
import { useCluster } from '../cluster.ts';
import { unique } from '../definitions.ts';
import { expectDiscovered } from '../operations.ts';
import { configuration, configure, denying, patching, rule, startHooks, type Hooks, type Respond, type ReviewRequest } from '../webhooks.ts';

const cluster = useCluster('webhook');
const slowMs = 1500;
let hooks: Hooks;

const dataOf = ({ object }: ReviewRequest): Readonly<Record<string, unknown>> => Object(object?.['data']) as Readonly<Record<string, unknown>>;
const labelled = ({ object }: ReviewRequest): boolean => JSON.stringify(object?.['metadata']).includes('"webhook-disallow":"true"');

/** Adds what comes after what is there: start, stage 1, stage 2. */
const stages: Respond = (request) => {
  const data = dataOf(request);
  if (data['mutation-stage-1'] === 'yes') return patching({ op: 'add', path: '/data/mutation-stage-2', value: 'yes' });
  return data['mutation-start'] === 'yes' ? patching({ op: 'add', path: '/data/mutation-stage-1', value: 'yes' }) : { allowed: true };
};

beforeAll(async () => {
  hooks = await startHooks({
    '/pods': async (request) => {
      // Longer than its caller waits.
      if (request.name === 'hanging-pod') await setTimeout(slowMs);
      return labelled(request) ? denying('the pod contains unwanted label') : { allowed: true };
    },
    '/configmaps': (request) => (dataOf(request)['webhook-e2e-test'] === 'webhook-disallow' ? denying('the configmap contains unwanted key and value') : { allowed: true }),
    '/attach': ({ name }) => denying(`attaching to pod '${name ?? ''}' is not allowed`),
    '/stages': stages,
    '/init-container': () => patching({ op: 'add', path: '/spec/initContainers', value: [{ image: 'webhook-added-image', name: 'webhook-added-init-container', resources: {} }] }),
    '/deny': () => denying('this webhook denies all requests'),
    '/label': () => patching({ op: 'add', path: '/metadata/labels/mutated', value: 'yes' }),
    '/slow': async () => {
      await setTimeout(slowMs);
      return { allowed: true };
    },
  });
  await eventually(() => cluster.client.get(ServiceAccount, { namespace: cluster.namespace, name: 'default' }));
});

afterAll(() => hooks[Symbol.asyncDispose]());

const map = (data: Readonly<Record<string, string>>, metadata: object = {}): ConfigMap => ({ metadata: { name: unique('map'), namespace: cluster.namespace, ...metadata }, data });
const unwanted = { 'webhook-e2e-test': 'webhook-disallow' };
const pod = (name: string, metadata: object = {}): Pod => ({ metadata: { name, namespace: cluster.namespace, ...metadata }, spec: { containers: [{ name: 'example', image: 'registry.example/pause' }] } });
const merge = 'application/merge-patch+json';

describe('[sig-api-machinery]', () => {
  it('AdmissionWebhook [Privileged:ClusterAdmin] should include webhook resources in discovery documents', async () => {
    await expectDiscovered(MutatingWebhookConfiguration, 'mutatingwebhookconfigurations', 'validatingwebhookconfigurations');
  });

  it('AdmissionWebhook [Privileged:ClusterAdmin] should be able to deny pod and configmap creation', async () => {
    const { client, namespace } = cluster;
    const skipped = unique('exempted');
    await client.create(Namespace, { metadata: { name: skipped, labels: { 'skip-webhook-admission': 'yes' } } });
    const inBoth = { matchExpressions: [{ key: 'kubernetes.io/metadata.name', operator: 'In', values: [namespace, skipped] }, { key: 'skip-webhook-admission', operator: 'NotIn', values: ['yes'] }] };
    await configure(client, ValidatingWebhookConfiguration, namespace,
      { name: 'deny-unwanted-pod-container-name-and-label.example.com', clientConfig: hooks.clientConfig('/pods'), rules: [rule(['CREATE'], 'pods')], timeoutSeconds: 1 },
      { name: 'deny-unwanted-configmap-data.example.com', clientConfig: hooks.clientConfig('/configmaps'), rules: [rule(['CREATE', 'UPDATE', 'DELETE'], 'configmaps')], namespaceSelector: inBoth },
      // Nothing answers there: what fails open is admitted all the same.
      { name: 'fail-open.example.com', clientConfig: { url: 'https://127.0.0.1:1/' }, rules: [rule(['CREATE'], 'configmaps')], failurePolicy: 'Ignore' });

    await expect(client.create(Pod, pod('disallowed-pod', { labels: { 'webhook-disallow': 'true' } }))).rejects.toThrow('denied the request: the pod contains unwanted label');
    await expect(client.create(Pod, pod('hanging-pod'))).rejects.toThrow(/webhook.*(deadline|timeout)/i);
    await expect(client.get(Pod, { namespace, name: 'hanging-pod' })).rejects.toMatchObject({ code: 404 });
    await expect(client.create(ConfigMap, map(unwanted))).rejects.toThrow('denied the request: the configmap contains unwanted key and value');

    const allowed = await client.create(ConfigMap, map({ admit: 'this' }));
    await expect(client.update(ConfigMap, { ...allowed, data: { ...allowed.data, ...unwanted } })).rejects.toThrow('the configmap contains unwanted key and value');
    await expect(client.patch(ConfigMap, { namespace, name: allowed.metadata?.name ?? '' }, merge, { data: unwanted })).rejects.toThrow('the configmap contains unwanted key and value');
    await client.create(ConfigMap, map(unwanted, { namespace: skipped }));
    await client.delete(Namespace, { name: skipped });
  });

  it('AdmissionWebhook [Privileged:ClusterAdmin] should be able to deny attaching pod', async () => {
    const { client, namespace, kubectl } = cluster;
    await configure(client, ValidatingWebhookConfiguration, namespace, { clientConfig: hooks.clientConfig('/attach'), rules: [rule(['CONNECT'], 'pods/attach')] });
    await client.create(Pod, pod('to-be-attached-pod'));
    await client.patch(Pod, { namespace, name: 'to-be-attached-pod' }, merge, { status: { phase: 'Running' } }, { subresource: 'status' });
    expect(await kubectl.refused`attach to-be-attached-pod -i -c=example`).toContain("attaching to pod 'to-be-attached-pod' is not allowed");
  });

  it('AdmissionWebhook [Privileged:ClusterAdmin] should unconditionally reject operations on fail closed webhook', async () => {
    const { client, namespace } = cluster;
    const { url } = hooks.clientConfig('/configmaps');
    await configure(client, ValidatingWebhookConfiguration, namespace, { name: 'fail-closed.example.com', clientConfig: { url }, rules: [rule(['CREATE', 'UPDATE', 'DELETE'], 'configmaps')], failurePolicy: 'Fail', objectSelector: { matchLabels: { closed: 'yes' } } });
    await expect(client.create(ConfigMap, map({}, { labels: { closed: 'yes' } }))).rejects.toMatchObject({ code: 500, reason: 'InternalError', message: expect.stringContaining('failed calling webhook "fail-closed.example.com"') as unknown });
  });

  it('AdmissionWebhook [Privileged:ClusterAdmin] should mutate configmap', async () => {
    const { client, namespace } = cluster;
    const hook = { clientConfig: hooks.clientConfig('/stages'), rules: [rule(['CREATE'], 'configmaps')] };
    await configure(client, MutatingWebhookConfiguration, namespace, { ...hook, name: 'adding-configmap-data-stage-1.example.com' }, { ...hook, name: 'adding-configmap-data-stage-2.example.com' });
    const { data } = await client.create(ConfigMap, map({ 'mutation-start': 'yes' }));
    expect(data).toEqual({ 'mutation-start': 'yes', 'mutation-stage-1': 'yes', 'mutation-stage-2': 'yes' });
  });

  it('AdmissionWebhook [Privileged:ClusterAdmin] should mutate pod and apply defaults after mutation', async () => {
    const { client, namespace } = cluster;
    await configure(client, MutatingWebhookConfiguration, namespace, { clientConfig: hooks.clientConfig('/init-container'), rules: [rule(['CREATE'], 'pods')] });
    const { spec } = await client.create(Pod, pod('webhook-to-be-mutated'));
    expect(spec?.initContainers).toEqual([expect.objectContaining({ name: 'webhook-added-init-container', image: 'webhook-added-image', terminationMessagePolicy: 'File' })]);
  });

  it('AdmissionWebhook [Privileged:ClusterAdmin] should not be able to mutate or prevent deletion of webhook configuration objects', async () => {
    const { client, namespace } = cluster;
    const group = 'admissionregistration.k8s.io';
    const ours = unique('dummy');
    const objectSelector = { matchLabels: { [ours]: 'yes' } };
    const rules = (operation: string) => ['validatingwebhookconfigurations', 'mutatingwebhookconfigurations'].map((resource) => rule([operation], resource, group));
    await configure(client, ValidatingWebhookConfiguration, namespace, { clientConfig: hooks.clientConfig('/deny'), rules: rules('DELETE'), objectSelector, namespaceSelector: {} });
    await configure(client, MutatingWebhookConfiguration, namespace, { clientConfig: hooks.clientConfig('/label'), rules: rules('CREATE'), objectSelector, namespaceSelector: {} });
    for (const kind of [ValidatingWebhookConfiguration, MutatingWebhookConfiguration]) {
      const dummy = configuration(namespace, [{ clientConfig: hooks.clientConfig('/none'), rules: [rule(['CREATE'], 'invalid')] }], { name: ours, labels: { [ours]: 'yes' } });
      const { metadata } = await client.create<MutatingWebhookConfiguration & ValidatingWebhookConfiguration>(kind, dummy);
      expect(metadata?.labels).toEqual({ [ours]: 'yes' });
      await client.delete(kind, { name: ours });
      await expect(client.get(kind, { name: ours })).rejects.toMatchObject({ code: 404 });
    }
  });

  it('AdmissionWebhook [Privileged:ClusterAdmin] should honor timeout', async () => {
    const { client, namespace } = cluster;
    // Each case has objects of its own: they are waited for together.
    const attempt = async (name: string, more: object) => {
      await configure(client, ValidatingWebhookConfiguration, namespace, { name: `${name}.example.com`, clientConfig: hooks.clientConfig('/slow'), rules: [rule(['CREATE'], 'configmaps')], objectSelector: { matchLabels: { timeout: name } }, ...more });
      return client.create(ConfigMap, map({}, { labels: { timeout: name } })).then(() => 'created', String);
    };
    const { timeoutSeconds: _none, ...unsaid } = { timeoutSeconds: undefined };
    const [short, ignored, long, byDefault] = await Promise.all([
      attempt('short', { timeoutSeconds: 1, failurePolicy: 'Fail' }), attempt('ignored', { timeoutSeconds: 1, failurePolicy: 'Ignore' }),
      attempt('long', { timeoutSeconds: 10, failurePolicy: 'Fail' }), attempt('default', unsaid),
    ]);
    expect(short).toMatch(/failed calling webhook "short.example.com".*(deadline|timeout)/i);
    expect([ignored, long, byDefault]).toEqual(['created', 'created', 'created']);
  });
});
