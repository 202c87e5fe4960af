import type { PolicyRule } from '../../machinery/kinds/cluster.ts';
import { nodeRules } from './node-rules.ts';

/** The roles of a new cluster: a table. Source: "Using RBAC authorization", default roles and role bindings. */

export interface DefaultRole {
  readonly name: string;
  readonly rules: readonly PolicyRule[];
  /** Beyond the label that all defaults have. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Its rules are those of the roles with this label. */
  readonly aggregates?: string;
}

export const read = ['get', 'list', 'watch'] as const;
const write = ['create', 'delete', 'deletecollection', 'patch', 'update'] as const;
const everyWrite = [...read, ...write] as const;

/** `resources` of one group, separated by spaces. */
export function rule(verbs: readonly string[], group: string, resources: string, resourceNames?: readonly string[]): PolicyRule {
  return { verbs: [...verbs], apiGroups: [group], resources: resources.split(' '), ...(resourceNames === undefined ? {} : { resourceNames: [...resourceNames] }) };
}

function paths(...nonResourceURLs: readonly string[]): PolicyRule {
  return { verbs: ['get'], nonResourceURLs };
}

const aggregateTo = (name: string): string => `rbac.authorization.k8s.io/aggregate-to-${name}`;
const health = ['/healthz', '/livez', '/readyz', '/version', '/version/'] as const;
const workloads = 'daemonsets deployments deployments/rollback deployments/scale replicasets replicasets/scale statefulsets statefulsets/scale';
const workloadStatus = 'controllerrevisions daemonsets daemonsets/status deployments deployments/scale deployments/status replicasets replicasets/scale replicasets/status statefulsets statefulsets/scale statefulsets/status';

/** What users of a namespace do. */
const userRoles: readonly DefaultRole[] = [
  {
    name: 'cluster-admin',
    rules: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }, { verbs: ['*'], nonResourceURLs: ['*'] }],
  },
  { name: 'admin', rules: [], aggregates: aggregateTo('admin') },
  { name: 'edit', rules: [], aggregates: aggregateTo('edit'), labels: { [aggregateTo('admin')]: 'true' } },
  { name: 'view', rules: [], aggregates: aggregateTo('view'), labels: { [aggregateTo('edit')]: 'true' } },
  {
    name: 'system:aggregate-to-admin', labels: { [aggregateTo('admin')]: 'true' },
    rules: [
      rule(['create'], 'authorization.k8s.io', 'localsubjectaccessreviews'),
      rule(everyWrite, 'rbac.authorization.k8s.io', 'roles rolebindings'),
    ],
  },
  {
    name: 'system:aggregate-to-edit', labels: { [aggregateTo('edit')]: 'true' },
    rules: [
      rule(read, '', 'pods/attach pods/exec pods/portforward pods/proxy secrets services/proxy'),
      rule(['impersonate'], '', 'serviceaccounts'),
      rule(write, '', 'pods pods/attach pods/exec pods/portforward pods/proxy'),
      rule(['create'], '', 'pods/eviction'),
      rule(write, '', 'configmaps events persistentvolumeclaims replicationcontrollers replicationcontrollers/scale secrets serviceaccounts services services/proxy'),
      rule(['create'], '', 'serviceaccounts/token'),
      rule(write, 'apps', workloads),
      rule(write, 'autoscaling', 'horizontalpodautoscalers'),
      rule(write, 'batch', 'cronjobs jobs'),
      rule(write, 'networking.k8s.io', 'ingresses networkpolicies'),
      rule(write, 'policy', 'poddisruptionbudgets'),
      rule(everyWrite, 'coordination.k8s.io', 'leases'),
      rule(write, 'resource.k8s.io', 'resourceclaims resourceclaimtemplates'),
    ],
  },
  {
    name: 'system:aggregate-to-view', labels: { [aggregateTo('view')]: 'true' },
    rules: [
      rule(read, '', 'configmaps endpoints persistentvolumeclaims persistentvolumeclaims/status pods replicationcontrollers replicationcontrollers/scale serviceaccounts services services/status'),
      rule(read, '', 'bindings events limitranges namespaces/status pods/log pods/status replicationcontrollers/status resourcequotas resourcequotas/status'),
      rule(read, '', 'namespaces'),
      rule(read, 'discovery.k8s.io', 'endpointslices'),
      rule(read, 'apps', workloadStatus),
      rule(read, 'autoscaling', 'horizontalpodautoscalers horizontalpodautoscalers/status'),
      rule(read, 'batch', 'cronjobs cronjobs/status jobs jobs/status'),
      rule(read, 'policy', 'poddisruptionbudgets poddisruptionbudgets/status'),
      rule(read, 'networking.k8s.io', 'ingresses ingresses/status networkpolicies'),
      rule(read, 'resource.k8s.io', 'resourceclaims resourceclaims/status resourceclaimtemplates'),
    ],
  },
  // Under a name of its own: metrics-server brings a role of the same rules.
  { name: 'coracle:aggregate-metrics-to-view', labels: { [aggregateTo('view')]: 'true' }, rules: [rule(['get', 'list'], 'metrics.k8s.io', 'nodes pods')] },
];

/** What everybody may do, and what asks about health. */
const everybodyRoles: readonly DefaultRole[] = [
  { name: 'system:discovery', rules: [paths('/api', '/api/*', '/apis', '/apis/*', '/openapi', '/openapi/*', ...health)] },
  { name: 'system:public-info-viewer', rules: [paths(...health)] },
  {
    name: 'system:basic-user',
    rules: [
      rule(['create'], 'authorization.k8s.io', 'selfsubjectaccessreviews selfsubjectrulesreviews'),
      rule(['create'], 'authentication.k8s.io', 'selfsubjectreviews'),
    ],
  },
  {
    name: 'system:monitoring',
    rules: [
      paths('/healthz', '/healthz/*', '/livez', '/livez/*', '/metrics', '/metrics/slis', '/readyz', '/readyz/*'),
      rule(['get'], '', 'nodes/metrics nodes/stats nodes/healthz nodes/configz nodes/log'),
    ],
  },
  { name: 'system:service-account-issuer-discovery', rules: [paths('/.well-known/openid-configuration', '/.well-known/openid-configuration/', '/openid/v1/jwks', '/openid/v1/jwks/')] },
  {
    name: 'system:auth-delegator',
    rules: [rule(['create'], 'authentication.k8s.io', 'tokenreviews'), rule(['create'], 'authorization.k8s.io', 'subjectaccessreviews')],
  },
];

/** How nodes join, and what runs on them. */
const nodeRoles: readonly DefaultRole[] = [
  {
    name: 'system:node',
    rules: [
      rule(['get', 'create', 'update', 'patch', 'delete'], 'storage.k8s.io', 'csinodes'),
      ...nodeRules,
      rule(['create', ...read], '', 'nodes'),
      rule(['patch', 'update'], '', 'nodes nodes/status'),
      rule(read, '', 'pods'),
      rule(read, '', 'configmaps secrets'),
      rule(['create'], '', 'serviceaccounts/token'),
      rule(['create', 'delete', 'get', 'patch', 'update'], 'coordination.k8s.io', 'leases'),
    ],
  },
  { name: 'system:node-bootstrapper', rules: [rule(['create', ...read], 'certificates.k8s.io', 'certificatesigningrequests')] },
  { name: 'system:certificates.k8s.io:certificatesigningrequests:nodeclient', rules: [rule(['create'], 'certificates.k8s.io', 'certificatesigningrequests/nodeclient')] },
  { name: 'system:certificates.k8s.io:certificatesigningrequests:selfnodeclient', rules: [rule(['create'], 'certificates.k8s.io', 'certificatesigningrequests/selfnodeclient')] },
  ...['kube-apiserver-client', 'kube-apiserver-client-kubelet', 'kubelet-serving', 'legacy-unknown'].map((signer) => ({
    name: `system:certificates.k8s.io:${signer}-approver`,
    rules: [rule(['approve'], 'certificates.k8s.io', 'signers', [`kubernetes.io/${signer}`])],
  })),
  {
    name: 'system:kubelet-api-admin',
    rules: [rule([...read, 'proxy'], '', 'nodes'), rule(['*'], '', 'nodes/configz nodes/healthz nodes/log nodes/metrics nodes/pods nodes/proxy nodes/stats')],
  },
  {
    name: 'system:node-proxier',
    rules: [
      rule(['list', 'watch'], '', 'endpoints services'), rule(read, '', 'nodes'), rule(['list', 'watch'], 'discovery.k8s.io', 'endpointslices'),
      rule(['create', 'patch', 'update'], '', 'events'), rule(['create', 'patch', 'update'], 'events.k8s.io', 'events'),
    ],
  },
  { name: 'system:node-problem-detector', rules: [rule(['get'], '', 'nodes'), rule(['patch'], '', 'nodes/status'), rule(['create', 'patch', 'update'], '', 'events')] },
];

/** What the components do. */
const componentRoles: readonly DefaultRole[] = [
  {
    // The controllers run as one user: between them they read, collect and write every kind there is.
    name: 'system:kube-controller-manager',
    rules: [{ verbs: [...everyWrite], apiGroups: ['*'], resources: ['*'] }, paths('/api', '/api/*', '/apis', '/apis/*')],
  },
  {
    name: 'system:kube-scheduler',
    rules: [
      rule(['create', 'patch', 'update'], '', 'events'),
      rule(['create', 'patch', 'update'], 'events.k8s.io', 'events'),
      rule(['create', ...read, 'update', 'patch'], 'coordination.k8s.io', 'leases'),
      rule(read, '', 'nodes namespaces services replicationcontrollers persistentvolumes persistentvolumeclaims'),
      rule(['delete', ...read], '', 'pods'),
      rule(['create'], '', 'bindings pods/binding'),
      rule(['patch', 'update'], '', 'pods/status'),
      rule(read, 'apps', 'replicasets statefulsets'),
      rule(read, 'policy', 'poddisruptionbudgets'),
      rule(read, 'scheduling.k8s.io', 'priorityclasses'),
      rule(read, 'storage.k8s.io', 'csidrivers csinodes csistoragecapacities storageclasses volumeattachments'),
      rule(read, 'resource.k8s.io', 'deviceclasses resourceslices'),
      rule([...read, 'patch', 'update'], 'resource.k8s.io', 'resourceclaims resourceclaims/status'),
      rule(['patch', 'update'], 'resource.k8s.io', 'resourceclaims/binding'),
      rule(['create'], 'authentication.k8s.io', 'tokenreviews'),
      rule(['create'], 'authorization.k8s.io', 'subjectaccessreviews'),
    ],
  },
  {
    name: 'system:volume-scheduler',
    rules: [rule([...read, 'patch', 'update'], '', 'persistentvolumes persistentvolumeclaims'), rule(read, 'storage.k8s.io', 'storageclasses')],
  },
  { name: 'system:kube-dns', rules: [rule(['list', 'watch'], '', 'endpoints services')] },
];

export const defaultRoles: readonly DefaultRole[] = [...userRoles, ...everybodyRoles, ...nodeRoles, ...componentRoles];

export interface DefaultBinding {
  readonly name: string;
  readonly role: string;
  /** `Group system:masters`. */
  readonly subjects: readonly { readonly kind: 'User' | 'Group'; readonly name: string }[];
}

const group = (name: string) => ({ kind: 'Group', name } as const);
const user = (name: string) => ({ kind: 'User', name } as const);

export const defaultBindings: readonly DefaultBinding[] = [
  { name: 'cluster-admin', role: 'cluster-admin', subjects: [group('system:masters')] },
  { name: 'system:monitoring', role: 'system:monitoring', subjects: [group('system:monitoring')] },
  { name: 'system:discovery', role: 'system:discovery', subjects: [group('system:authenticated')] },
  { name: 'system:basic-user', role: 'system:basic-user', subjects: [group('system:authenticated')] },
  { name: 'system:public-info-viewer', role: 'system:public-info-viewer', subjects: [group('system:authenticated'), group('system:unauthenticated')] },
  { name: 'system:service-account-issuer-discovery', role: 'system:service-account-issuer-discovery', subjects: [group('system:serviceaccounts')] },
  { name: 'system:kube-controller-manager', role: 'system:kube-controller-manager', subjects: [user('system:kube-controller-manager')] },
  { name: 'system:kube-scheduler', role: 'system:kube-scheduler', subjects: [user('system:kube-scheduler')] },
  { name: 'system:volume-scheduler', role: 'system:volume-scheduler', subjects: [user('system:kube-scheduler')] },
  // A node's agent is its own proxy and network plug-in: it follows the other nodes' addresses and all Services.
  { name: 'system:node-proxier', role: 'system:node-proxier', subjects: [user('system:kube-proxy'), group('system:nodes')] },
  // Nodes are the node authorizer's: the role is there for who wants to bind it.
  { name: 'system:node', role: 'system:node', subjects: [] },
  { name: 'coracle:node-bootstrapper', role: 'system:node-bootstrapper', subjects: [group('system:bootstrappers')] },
  { name: 'coracle:approve-node-client', role: 'system:certificates.k8s.io:certificatesigningrequests:nodeclient', subjects: [group('system:bootstrappers')] },
  { name: 'coracle:approve-node-renewal', role: 'system:certificates.k8s.io:certificatesigningrequests:selfnodeclient', subjects: [group('system:nodes')] },
];
