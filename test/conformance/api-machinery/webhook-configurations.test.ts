import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MutatingWebhookConfiguration, ValidatingWebhookConfiguration } from '../../../machinery/kinds/admission-registration.ts';
import { ConfigMap } from '../../../machinery/kinds/core.ts';
import { useCluster } from '../cluster.ts';
import { unique } from '../definitions.ts';
import { configuration, configure, denying, patching, rule, settled, startHooks, type Hooks } from '../webhooks.ts';

const cluster = useCluster('webhook-configurations');
let hooks: Hooks;

beforeAll(async () => {
  hooks = await startHooks({ '/deny': () => denying('not wanted here'), '/mutate': () => patching({ op: 'add', path: '/data/mutated', value: 'yes' }) });
});

afterAll(() => hooks[Symbol.asyncDispose]());

const create = (name = unique('map')) => cluster.client.create(ConfigMap, { metadata: { name, namespace: cluster.namespace }, data: { start: 'yes' } });
const hook = (path: string, more: object = {}) => ({ clientConfig: hooks.clientConfig(path), rules: [rule(['CREATE'], 'configmaps')], ...more });
const mutated = { start: 'yes', mutated: 'yes' };
const plain = { start: 'yes' };

/** Each of the two kinds alike: what follows is `counts` while the configuration applies to the create, and is not while it doesn't. */
const kinds = {
  mutating: { kind: MutatingWebhookConfiguration, path: '/mutate', counts: async (yes: boolean) => { expect((await create()).data).toEqual(yes ? mutated : plain); } },
  validating: { kind: ValidatingWebhookConfiguration, path: '/deny', counts: async (yes: boolean) => { await (yes ? expect(create()).rejects.toThrow('denied the request: not wanted here') : create()); } },
} as const;

async function listing({ kind, path, counts }: (typeof kinds)[keyof typeof kinds]): Promise<void> {
  const { client, namespace } = cluster;
  const label = unique('list');
  const ours = { labelSelector: `${label}=yes` };
  for (let count = 0; count < 10; count++) {
    await client.create<MutatingWebhookConfiguration & ValidatingWebhookConfiguration>(kind, configuration(namespace, [hook(path)], { name: unique(label), labels: { [label]: 'yes' } }));
  }
  expect((await client.list<MutatingWebhookConfiguration & ValidatingWebhookConfiguration>(kind, ours)).items).toHaveLength(10);
  await settled(client, namespace);
  await counts(true);
  await client.deleteCollection(kind, ours);
  expect((await client.list<MutatingWebhookConfiguration & ValidatingWebhookConfiguration>(kind, ours)).items).toEqual([]);
  await settled(client, namespace);
  await counts(false);
}

async function changing({ kind, path, counts }: (typeof kinds)[keyof typeof kinds]): Promise<void> {
  const { client, namespace } = cluster;
  const name = await configure(client, kind, namespace, hook(path));
  await counts(true);
  const found = await client.get<MutatingWebhookConfiguration & ValidatingWebhookConfiguration>(kind, { name });
  const webhooks = found.webhooks?.map((one) => ({ ...one, rules: [{ operations: ['UPDATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['configmaps'] }] })) ?? [];
  await client.update<MutatingWebhookConfiguration & ValidatingWebhookConfiguration>(kind, { ...found, webhooks });
  await settled(client, namespace);
  await counts(false);
  await client.patch(kind, { name }, 'application/json-patch+json', [{ op: 'replace', path: '/webhooks/0/rules/0/operations', value: ['CREATE'] }]);
  await settled(client, namespace);
  await counts(true);
}

async function conditions({ kind, path }: (typeof kinds)[keyof typeof kinds]): Promise<void> {
  const { client, namespace } = cluster;
  const first = [{ name: 'expression-1', expression: "object.metadata.namespace == 'production'" }, { name: 'expression-2', expression: "object.metadata.name.startsWith('a')" }];
  const name = await configure(client, kind, namespace, hook(path, { matchConditions: first }));
  const found = await client.get<MutatingWebhookConfiguration & ValidatingWebhookConfiguration>(kind, { name });
  expect(found.webhooks?.[0]?.matchConditions).toEqual(first);
  const second = [{ name: 'expression-1', expression: "object.metadata.namespace == 'staging'" }, ...first.slice(1)];
  await client.update<MutatingWebhookConfiguration & ValidatingWebhookConfiguration>(kind, { ...found, webhooks: found.webhooks?.map((one) => ({ ...one, matchConditions: second })) ?? [] });
  const updated = await client.get<MutatingWebhookConfiguration & ValidatingWebhookConfiguration>(kind, { name });
  expect(updated.webhooks?.[0]?.matchConditions).toEqual(second);
}

async function invalid({ kind, path }: (typeof kinds)[keyof typeof kinds]): Promise<void> {
  const { client, namespace } = cluster;
  const matchConditions = [{ name: 'invalid-expression-1', expression: "... [] bad expression" }];
  const refused = client.create<MutatingWebhookConfiguration & ValidatingWebhookConfiguration>(kind, configuration(namespace, [hook(path, { matchConditions })]));
  await expect(refused).rejects.toMatchObject({ code: 422, message: expect.stringContaining('compilation failed') as unknown });
}

describe('[sig-api-machinery]', () => {
  it('AdmissionWebhook [Privileged:ClusterAdmin] listing validating webhooks should work', () => listing(kinds.validating));
  it('AdmissionWebhook [Privileged:ClusterAdmin] listing mutating webhooks should work', () => listing(kinds.mutating));
  it('AdmissionWebhook [Privileged:ClusterAdmin] patching/updating a validating webhook should work', () => changing(kinds.validating));
  it('AdmissionWebhook [Privileged:ClusterAdmin] patching/updating a mutating webhook should work', () => changing(kinds.mutating));
  it('AdmissionWebhook [Privileged:ClusterAdmin] should be able to create and update validating webhook configurations with match conditions', () => conditions(kinds.validating));
  it('AdmissionWebhook [Privileged:ClusterAdmin] should be able to create and update mutating webhook configurations with match conditions', () => conditions(kinds.mutating));
  it('AdmissionWebhook [Privileged:ClusterAdmin] should reject validating webhook configurations with invalid match conditions', () => invalid(kinds.validating));
  it('AdmissionWebhook [Privileged:ClusterAdmin] should reject mutating webhook configurations with invalid match conditions', () => invalid(kinds.mutating));

  it('AdmissionWebhook [Privileged:ClusterAdmin] should mutate everything except \'skip-me\' configmaps', async () => {
    const { client, namespace } = cluster;
    await configure(client, MutatingWebhookConfiguration, namespace, hook('/mutate', { matchConditions: [{ name: 'skip-me', expression: "object.metadata.name != 'skip-me'" }] }));
    expect((await create('skip-me')).data).toEqual(plain);
    expect((await create('mutate-me')).data).toEqual(mutated);
  });
});
