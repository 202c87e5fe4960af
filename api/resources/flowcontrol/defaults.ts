import type { FlowSchema, PriorityLevelConfiguration } from '../../../machinery/kinds/flow-control.ts';

/**
 * The flow schemas and priority levels that every cluster starts with. Source: "API priority and fairness", defaults, and what
 * a cluster of 1.36 has.
 */

export interface DefaultObject<Spec> {
  readonly name: string;
  readonly spec: Spec;
}

type SchemaSpec = NonNullable<FlowSchema['spec']>;
type LevelSpec = NonNullable<PriorityLevelConfiguration['spec']>;
type Rules = NonNullable<SchemaSpec['rules']>[number];
type Subject = Rules['subjects'][number];
type ResourceRule = NonNullable<Rules['resourceRules']>[number];

/** Nobody may change the specs of these: without them there is no order at all. */
export const mandatory: readonly string[] = ['exempt', 'catch-all'];

function limited(nominalConcurrencyShares: number, lendablePercent: number, queues: number, handSize: number): LevelSpec {
  const queuing = { queues, handSize, queueLengthLimit: 50 };
  return { type: 'Limited', limited: { nominalConcurrencyShares, limitResponse: { type: 'Queue', queuing }, lendablePercent } };
}

export const priorityLevels: readonly DefaultObject<LevelSpec>[] = [
  { name: 'exempt', spec: { type: 'Exempt', exempt: { nominalConcurrencyShares: 0, lendablePercent: 0 } } },
  { name: 'catch-all', spec: { type: 'Limited', limited: { nominalConcurrencyShares: 5, limitResponse: { type: 'Reject' }, lendablePercent: 0 } } },
  { name: 'system', spec: limited(30, 33, 64, 6) },
  { name: 'node-high', spec: limited(40, 25, 64, 6) },
  { name: 'leader-election', spec: limited(10, 0, 16, 4) },
  { name: 'workload-high', spec: limited(40, 50, 128, 6) },
  { name: 'workload-low', spec: limited(100, 90, 128, 6) },
  { name: 'global-default', spec: limited(20, 50, 128, 6) },
];

const groups = (...names: readonly string[]): Subject[] => names.map((name) => ({ kind: 'Group', group: { name } }));
const users = (...names: readonly string[]): Subject[] => names.map((name) => ({ kind: 'User', user: { name } }));
const systemAccounts = (...names: readonly string[]): Subject[] => names.map((name) => ({ kind: 'ServiceAccount', serviceAccount: { name, namespace: 'kube-system' } }));
const resources = (verbs: readonly string[], group: string, names: readonly string[], clusterScope: boolean): ResourceRule => ({
  verbs, apiGroups: [group], resources: names, ...(clusterScope ? { clusterScope } : {}), namespaces: ['*'],
});
const everything = (subjects: readonly Subject[]): Rules => ({
  subjects, resourceRules: [resources(['*'], '*', ['*'], true)], nonResourceRules: [{ verbs: ['*'], nonResourceURLs: ['*'] }],
});
const only = (subjects: readonly Subject[], ...resourceRules: readonly ResourceRule[]): Rules => ({ subjects, resourceRules });

function schema(name: string, level: string, matchingPrecedence: number, distinguisher: 'ByUser' | 'ByNamespace' | undefined, rules: Rules): DefaultObject<SchemaSpec> {
  return {
    name,
    spec: {
      priorityLevelConfiguration: { name: level }, matchingPrecedence, ...(distinguisher === undefined ? {} : { distinguisherMethod: { type: distinguisher } }), rules: [rules],
    },
  };
}

const [controllerManager, scheduler] = ['system:kube-controller-manager', 'system:kube-scheduler'];
const everybody = groups('system:unauthenticated', 'system:authenticated');
const leases = resources(['get', 'create', 'update'], 'coordination.k8s.io', ['leases'], false);

export const flowSchemas: readonly DefaultObject<SchemaSpec>[] = [
  schema('exempt', 'exempt', 1, undefined, everything(groups('system:masters'))),
  schema('catch-all', 'catch-all', 10_000, 'ByUser', everything(everybody)),
  schema('probes', 'exempt', 2, undefined, { subjects: everybody, nonResourceRules: [{ verbs: ['get'], nonResourceURLs: ['/healthz', '/readyz', '/livez'] }] }),
  schema('system-leader-election', 'leader-election', 100, 'ByUser', only([...users(controllerManager, scheduler), ...systemAccounts('*')], leases)),
  schema('endpoint-controller', 'workload-high', 150, 'ByUser', only(
    [...users(controllerManager), ...systemAccounts('endpoint-controller', 'endpointslicemirroring-controller')], resources(['get', 'create', 'update'], '', ['endpoints'], false),
  )),
  schema('workload-leader-election', 'leader-election', 200, 'ByUser', only(systemAccounts('*'), leases)),
  schema('system-node-high', 'node-high', 400, 'ByUser', only(
    groups('system:nodes'), resources(['*'], '', ['nodes', 'nodes/status'], true), resources(['*'], 'coordination.k8s.io', ['leases'], false),
  )),
  schema('system-nodes', 'system', 500, 'ByUser', everything(groups('system:nodes'))),
  schema('kube-controller-manager', 'workload-high', 800, 'ByNamespace', everything(users(controllerManager))),
  schema('kube-scheduler', 'workload-high', 800, 'ByNamespace', everything(users(scheduler))),
  schema('kube-system-service-accounts', 'workload-high', 900, 'ByNamespace', everything(systemAccounts('*'))),
  schema('service-accounts', 'workload-low', 9000, 'ByUser', everything(groups('system:serviceaccounts'))),
  schema('global-default', 'global-default', 9900, 'ByUser', everything(everybody)),
];
