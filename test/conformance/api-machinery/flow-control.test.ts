import { describe, expect, it } from 'vitest';
import { FlowSchema, PriorityLevelConfiguration } from '../../../machinery/kinds/flow-control.ts';
import type { ObjectMeta } from '../../../machinery/kinds/kind.ts';
import { useCluster } from '../cluster.ts';
import { expectConditions, expectDiscovered, expectOperations } from '../operations.ts';

const cluster = useCluster('flow-control');

const flowSchema = (metadata: ObjectMeta): FlowSchema => ({
  metadata,
  spec: {
    matchingPrecedence: 10_000, priorityLevelConfiguration: { name: 'global-default' }, distinguisherMethod: { type: 'ByUser' },
    rules: [{ subjects: [{ kind: 'User', user: { name: 'nobody-conformance' } }], nonResourceRules: [{ verbs: ['*'], nonResourceURLs: ['*'] }] }],
  },
});

const priorityLevel = (metadata: ObjectMeta): PriorityLevelConfiguration => ({
  metadata, spec: { type: 'Limited', limited: { nominalConcurrencyShares: 2, limitResponse: { type: 'Reject' } } },
});

describe('[sig-api-machinery]', () => {
  it('API priority and fairness should support FlowSchema API operations', async () => {
    const { client } = cluster;
    await expectDiscovered(FlowSchema, 'flowschemas', 'flowschemas/status');
    await expectOperations(cluster, FlowSchema, flowSchema);

    const at = { name: (await client.create(FlowSchema, flowSchema({ generateName: 'conformance-' }))).metadata?.name ?? '' };
    const { spec } = await client.patch(FlowSchema, at, 'application/merge-patch+json', { spec: { matchingPrecedence: 9999 } });
    expect(spec?.matchingPrecedence).toBe(9999);
    await expectConditions(cluster, FlowSchema, at);
    await client.delete(FlowSchema, at);
  });

  it('API priority and fairness should support PriorityLevelConfiguration API operations', async () => {
    const { client } = cluster;
    await expectDiscovered(PriorityLevelConfiguration, 'prioritylevelconfigurations', 'prioritylevelconfigurations/status');
    await expectOperations(cluster, PriorityLevelConfiguration, priorityLevel);

    const at = { name: (await client.create(PriorityLevelConfiguration, priorityLevel({ generateName: 'conformance-' }))).metadata?.name ?? '' };
    const { spec } = await client.patch(PriorityLevelConfiguration, at, 'application/merge-patch+json', { spec: { limited: { nominalConcurrencyShares: 4 } } });
    expect(spec?.limited?.nominalConcurrencyShares).toBe(4);
    await expectConditions(cluster, PriorityLevelConfiguration, at);
    await client.delete(PriorityLevelConfiguration, at);
  });
});
