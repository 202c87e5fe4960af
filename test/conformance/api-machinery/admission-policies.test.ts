import { describe, expect, it, onTestFinished } from 'vitest';
import { MutatingAdmissionPolicy, MutatingAdmissionPolicyBinding, ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding } from '../../../machinery/kinds/admission-registration.ts';
import { Deployment } from '../../../machinery/kinds/apps.ts';
import type { ObjectMeta } from '../../../machinery/kinds/kind.ts';
import { eventually } from '../../e2e/eventually.ts';
import { useCluster } from '../cluster.ts';
import { unique } from '../definitions.ts';
import { expectConditions, expectDiscovered, expectOperations } from '../operations.ts';
import { settled } from '../webhooks.ts';

const cluster = useCluster('admission-policies');
const deployments = (...operations: readonly string[]) => ({ resourceRules: [{ operations: [...operations], apiGroups: ['apps'], apiVersions: ['v1'], resources: ['deployments'] }] });
const here = () => ({ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': cluster.namespace } } });

const deployment = (replicas: number): Deployment => ({
  metadata: { name: unique('replicated'), namespace: cluster.namespace },
  spec: { replicas, selector: { matchLabels: { app: 'test' } }, template: { metadata: { labels: { app: 'test' } }, spec: { containers: [{ name: 'nginx', image: 'registry.example/nginx' }] } } },
});

/** A merge of what the expression gives. */
const applying = (expression: string) => ({ patchType: 'ApplyConfiguration', applyConfiguration: { expression } });
const annotating = (annotations: Readonly<Record<string, string>>) => applying(`Object{ metadata: Object.metadata{ annotations: ${JSON.stringify(annotations)} } }`);

const validatingPolicy = (metadata: ObjectMeta): ValidatingAdmissionPolicy => ({ metadata, spec: { matchConstraints: deployments('CREATE'), validations: [{ expression: 'object.spec.replicas <= 100' }] } });
const mutatingPolicy = (metadata: ObjectMeta): MutatingAdmissionPolicy => ({ metadata, spec: { reinvocationPolicy: 'Never', matchConstraints: deployments('CREATE'), mutations: [annotating({ 'my-foo-annotation': 'myAnnotationValue' })] } });

/** A policy for this file's namespace, with its binding, until the test ends. Resolves when it counts. */
async function enforce(policy: Omit<ValidatingAdmissionPolicy, 'metadata'>): Promise<string> {
  const { client, namespace } = cluster;
  const name = `${unique('conformance')}.policy.example.com`;
  await client.create(ValidatingAdmissionPolicy, { ...policy, metadata: { name } });
  await client.create(ValidatingAdmissionPolicyBinding, { metadata: { name }, spec: { policyName: name, validationActions: ['Deny'], matchResources: here() } });
  onTestFinished(async () => {
    await client.delete(ValidatingAdmissionPolicyBinding, { name });
    await client.delete(ValidatingAdmissionPolicy, { name });
    await settled(client, namespace);
  });
  await settled(client, namespace);
  return name;
}

async function mutate(...mutations: readonly ReturnType<typeof applying>[]): Promise<void> {
  const { client, namespace } = cluster;
  const name = `${unique('conformance')}.policy.example.com`;
  await client.create(MutatingAdmissionPolicy, { metadata: { name }, spec: { reinvocationPolicy: 'Never', matchConstraints: { ...deployments('CREATE', 'UPDATE'), ...here() }, mutations } });
  await client.create(MutatingAdmissionPolicyBinding, { metadata: { name }, spec: { policyName: name, matchResources: here() } });
  onTestFinished(async () => {
    await client.delete(MutatingAdmissionPolicyBinding, { name });
    await client.delete(MutatingAdmissionPolicy, { name });
    await settled(client, namespace);
  });
  await settled(client, namespace);
}

describe('[sig-api-machinery]', () => {
  it('ValidatingAdmissionPolicy [Privileged:ClusterAdmin] should validate against a Deployment', async () => {
    const { client } = cluster;
    const name = await enforce({ spec: { matchConstraints: deployments('CREATE'), validations: [
      { expression: 'object.spec.replicas > 1', messageExpression: "'wants replicas > 1, got ' + string(object.spec.replicas)" },
      { expression: 'namespaceObject.metadata.name == object.metadata.namespace', message: 'Internal error! Other namespace should not be selected.' },
    ] } });
    await eventually(async () => {
      const { status, metadata } = await client.get(ValidatingAdmissionPolicy, { name });
      expect(status?.observedGeneration).toBe(metadata?.generation);
      expect(status?.typeChecking?.expressionWarnings ?? []).toEqual([]);
    });
    const { metadata } = await client.create(Deployment, deployment(2));
    expect(metadata?.uid).toBeDefined();
    await expect(client.create(Deployment, deployment(1))).rejects.toMatchObject({ code: 422, reason: 'Invalid', message: expect.stringContaining('wants replicas > 1, got 1') as unknown });
  });

  it('ValidatingAdmissionPolicy [Privileged:ClusterAdmin] should allow expressions to refer variables.', async () => {
    const { client } = cluster;
    await enforce({ spec: {
      matchConstraints: deployments('CREATE'),
      variables: [{ name: 'replicas', expression: 'object.spec.replicas' }, { name: 'oddReplicas', expression: 'variables.replicas % 2 == 1' }],
      validations: [
        { expression: 'variables.replicas > 1', messageExpression: "'wants replicas > 1, got ' + string(variables.replicas)" },
        { expression: 'variables.oddReplicas', messageExpression: "'wants odd replicas but got ' + string(variables.replicas)" },
      ],
    } });
    await client.create(Deployment, deployment(3));
    await expect(client.create(Deployment, deployment(1))).rejects.toThrow('wants replicas > 1, got 1');
    await expect(client.create(Deployment, deployment(4))).rejects.toThrow('wants odd replicas but got 4');
  });

  it('ValidatingAdmissionPolicy [Privileged:ClusterAdmin] should support ValidatingAdmissionPolicy API operations', async () => {
    const { client } = cluster;
    await expectDiscovered(ValidatingAdmissionPolicy, 'validatingadmissionpolicies', 'validatingadmissionpolicies/status');
    // Written by the server at any moment: its status, by what the expressions' types are.
    await expectOperations(cluster, ValidatingAdmissionPolicy, validatingPolicy);
    const at = { name: (await client.create(ValidatingAdmissionPolicy, validatingPolicy({ generateName: 'conformance-' }))).metadata?.name ?? '' };
    const patched = await client.patch(ValidatingAdmissionPolicy, at, 'application/merge-patch+json', { spec: { failurePolicy: 'Ignore' } });
    expect(patched.spec?.failurePolicy).toBe('Ignore');
    await expectConditions(cluster, ValidatingAdmissionPolicy, at);
    await client.delete(ValidatingAdmissionPolicy, at);
  });

  it('ValidatingAdmissionPolicy [Privileged:ClusterAdmin] should support ValidatingAdmissionPolicyBinding API operations', async () => {
    await expectDiscovered(ValidatingAdmissionPolicyBinding, 'validatingadmissionpolicybindings');
    await expectOperations(cluster, ValidatingAdmissionPolicyBinding, (metadata) => ({ metadata, spec: { policyName: 'replicalimit-policy.example.com', validationActions: ['Deny'] } }));
  });

  it('MutatingAdmissionPolicy [Privileged:ClusterAdmin] should mutate a Deployment', async () => {
    await mutate(applying('Object{ spec: Object.spec{ replicas: 1337 } }'));
    // Not kept: so many pods would be made.
    const { spec } = await cluster.client.create(Deployment, deployment(1), { dryRun: 'All' });
    expect(spec?.replicas).toBe(1337);
  });

  it('MutatingAdmissionPolicy [Privileged:ClusterAdmin] should mutate a Deployment with annotations', async () => {
    await mutate(annotating({ 'mutated-by': 'admission-policy' }), annotating({ second: 'two' }));
    const { metadata } = await cluster.client.create(Deployment, { ...deployment(2), metadata: { ...deployment(2).metadata, annotations: { own: 'stays' } } });
    expect(metadata?.annotations).toMatchObject({ own: 'stays', 'mutated-by': 'admission-policy', second: 'two' });
  });

  it('MutatingAdmissionPolicy [Privileged:ClusterAdmin] should support MutatingAdmissionPolicy API operations', async () => {
    const { client } = cluster;
    await expectDiscovered(MutatingAdmissionPolicy, 'mutatingadmissionpolicies');
    await expectOperations(cluster, MutatingAdmissionPolicy, mutatingPolicy);
    const at = { name: (await client.create(MutatingAdmissionPolicy, mutatingPolicy({ generateName: 'conformance-' }))).metadata?.name ?? '' };
    const patched = await client.patch(MutatingAdmissionPolicy, at, 'application/merge-patch+json', { spec: { reinvocationPolicy: 'IfNeeded' } });
    expect(patched.spec?.reinvocationPolicy).toBe('IfNeeded');
    const updated = await client.update(MutatingAdmissionPolicy, { ...patched, spec: { ...patched.spec, reinvocationPolicy: 'Never' } });
    expect(updated.spec?.reinvocationPolicy).toBe('Never');
    await client.delete(MutatingAdmissionPolicy, at);
  });

  it('MutatingAdmissionPolicy [Privileged:ClusterAdmin] should support MutatingAdmissionPolicyBinding API operations', async () => {
    await expectDiscovered(MutatingAdmissionPolicyBinding, 'mutatingadmissionpolicybindings');
    await expectOperations(cluster, MutatingAdmissionPolicyBinding, (metadata) => ({ metadata, spec: { policyName: 'annotating-policy.example.com' } }));
  });
});
