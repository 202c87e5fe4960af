import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MutatingWebhookConfiguration, ValidatingWebhookConfiguration } from '../../../machinery/kinds/admission-registration.ts';
import { CustomResourceDefinition } from '../../../machinery/kinds/apiextensions.ts';
import { useCluster } from '../cluster.ts';
import { define, definition, takesEverything, unique, type CustomObject } from '../definitions.ts';
import { configure, denying, patching, rule, startHooks, type Hooks } from '../webhooks.ts';

const cluster = useCluster('webhooks-custom');
let hooks: Hooks;

beforeAll(async () => {
  hooks = await startHooks({
    '/custom-resource': ({ object, oldObject }) => {
      const { data } = Object(object ?? oldObject) as { readonly data?: Readonly<Record<string, string>> };
      return data?.['webhook-e2e-test'] === 'webhook-disallow' ? denying('the custom resource contains unwanted data') : { allowed: true };
    },
    '/mutate': ({ object }) => {
      const { data } = Object(object) as { readonly data?: Readonly<Record<string, string>> };
      if (data?.['mutation-stage-1'] === 'yes') return patching({ op: 'add', path: '/data/mutation-stage-2', value: 'yes' });
      return data?.['mutation-start'] === 'yes' ? patching({ op: 'add', path: '/data/mutation-stage-1', value: 'yes' }) : { allowed: true };
    },
    '/crd': () => denying('the crd contains unwanted label'),
  });
});

afterAll(() => hooks[Symbol.asyncDispose]());

const object = (name: string, data: Readonly<Record<string, string>>): CustomObject => ({ metadata: { name, namespace: cluster.namespace }, data });
const merge = 'application/merge-patch+json';
/** What a schema knows of `data`. */
const knowing = (...keys: readonly string[]) => ({ openAPIV3Schema: { type: 'object', properties: { data: { type: 'object', properties: Object.fromEntries(keys.map((key) => [key, { type: 'string' }])) } } } });
const stage = (index: number, operations: readonly string[], group: string, versions: readonly string[] = ['v1']) => ({
  name: `mutate-custom-resource-data-stage-${index}.example.com`, clientConfig: hooks.clientConfig('/mutate'), rules: [rule(operations, 'things', group, versions)],
});

describe('[sig-api-machinery]', () => {
  it('AdmissionWebhook [Privileged:ClusterAdmin] should be able to deny custom resource creation, update and deletion', async () => {
    const { client, namespace } = cluster;
    await using defined = await define(client);
    const kind = defined.as();
    await configure(client, ValidatingWebhookConfiguration, namespace, { name: 'deny-unwanted-custom-resource-data.example.com', clientConfig: hooks.clientConfig('/custom-resource'), rules: [rule(['CREATE', 'UPDATE', 'DELETE'], 'things', defined.group)] });
    const denied = 'denied the request: the custom resource contains unwanted data';
    await expect(client.create(kind, object('not-compliant', { 'webhook-e2e-test': 'webhook-disallow' }))).rejects.toThrow(denied);
    await client.create(kind, object('compliant', { key: 'value' }));
    await expect(client.patch(kind, { namespace, name: 'compliant' }, merge, { data: { 'webhook-e2e-test': 'webhook-disallow' } })).rejects.toThrow(denied);

    // One that is there before its webhook is: it may not go, until it complies.
    await using others = await define(client, { kind: 'Other' });
    const unhooked = others.as();
    await client.create(unhooked, object('deniable', { 'webhook-e2e-test': 'webhook-disallow' }));
    await configure(client, ValidatingWebhookConfiguration, namespace, { name: 'deny-deletion.example.com', clientConfig: hooks.clientConfig('/custom-resource'), rules: [rule(['DELETE'], unhooked.plural, others.group)] });
    await expect(client.delete(unhooked, { namespace, name: 'deniable' })).rejects.toThrow(denied);
    await client.patch(unhooked, { namespace, name: 'deniable' }, merge, { data: { 'webhook-e2e-test': 'webhook-allow' } });
    await client.delete(unhooked, { namespace, name: 'deniable' });
  });

  it('AdmissionWebhook [Privileged:ClusterAdmin] should mutate custom resource', async () => {
    const { client, namespace } = cluster;
    await using defined = await define(client);
    await configure(client, MutatingWebhookConfiguration, namespace, stage(1, ['CREATE'], defined.group), stage(2, ['CREATE'], defined.group));
    const created = await client.create(defined.as(), object('mutated', { 'mutation-start': 'yes' }));
    expect(created['data']).toEqual({ 'mutation-start': 'yes', 'mutation-stage-1': 'yes', 'mutation-stage-2': 'yes' });
  });

  it('AdmissionWebhook [Privileged:ClusterAdmin] should mutate custom resource with different stored version', async () => {
    const { client, namespace } = cluster;
    await using defined = await define(client, { versions: [{ name: 'v1' }, { name: 'v2', storage: false }] });
    await configure(client, MutatingWebhookConfiguration, namespace, stage(1, ['CREATE', 'UPDATE'], defined.group, ['*']), stage(2, ['CREATE', 'UPDATE'], defined.group, ['*']));
    await client.create(defined.as('v1'), object('mutated', {}));
    const versions = [{ name: 'v1', served: true, storage: false, schema: { openAPIV3Schema: takesEverything } }, { name: 'v2', served: true, storage: true, schema: { openAPIV3Schema: takesEverything } }];
    const changed = await client.patch(CustomResourceDefinition, { name: defined.name }, merge, { spec: { versions } });
    expect(changed.status?.storedVersions).toEqual(['v1', 'v2']);
    const patched = await client.patch(defined.as('v1'), { namespace, name: 'mutated' }, merge, { data: { 'mutation-start': 'yes' } });
    const data = { 'mutation-start': 'yes', 'mutation-stage-1': 'yes', 'mutation-stage-2': 'yes' };
    expect(patched['data']).toEqual(data);
    expect((await client.get(defined.as('v2'), { namespace, name: 'mutated' }))['data']).toEqual(data);
  });

  it('AdmissionWebhook [Privileged:ClusterAdmin] should mutate custom resource with pruning', async () => {
    const { client, namespace } = cluster;
    await using defined = await define(client, { versions: [{ name: 'v1', schema: knowing('mutation-start', 'mutation-stage-1') }] });
    await configure(client, MutatingWebhookConfiguration, namespace, stage(1, ['CREATE'], defined.group), stage(2, ['CREATE'], defined.group));
    const created = await client.create(defined.as(), object('pruned', { 'mutation-start': 'yes' }));
    expect(created['data']).toEqual({ 'mutation-start': 'yes', 'mutation-stage-1': 'yes' });
  });

  it('AdmissionWebhook [Privileged:ClusterAdmin] should deny crd creation', async () => {
    const { client, namespace } = cluster;
    const labels = { [unique('unwanted')]: 'yes' };
    await configure(client, ValidatingWebhookConfiguration, namespace, {
      name: 'deny-crd-with-unwanted-label.example.com', clientConfig: hooks.clientConfig('/crd'), rules: [rule(['CREATE'], 'customresourcedefinitions', 'apiextensions.k8s.io', ['*'])], namespaceSelector: {}, objectSelector: { matchLabels: labels },
    });
    const unwanted = definition({ labels });
    await expect(client.create(CustomResourceDefinition, unwanted)).rejects.toThrow('denied the request: the crd contains unwanted label');
    await expect(client.get(CustomResourceDefinition, { name: unwanted.metadata?.name ?? '' })).rejects.toMatchObject({ code: 404 });
  });
});
