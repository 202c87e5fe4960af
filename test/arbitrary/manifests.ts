import fc from 'fast-check';

/** Manifests as people write them: of many kinds, with quantities and ports in every spelling, and much left out. */

export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly [field: string]: unknown };
  readonly [field: string]: unknown;
}

const word = fc.constantFrom('web', 'api', 'db', 'cache', 'blue');
const optional = <T extends object>(shapes: { [K in keyof T]: fc.Arbitrary<T[K]> }, requiredKeys: (keyof T)[] = []) => fc.record(shapes, { requiredKeys });
const labels = fc.dictionary(fc.constantFrom('tier', 'team', 'app.kubernetes.io/part-of'), word, { minKeys: 1, maxKeys: 3 });
const cpu = fc.constantFrom('100m', '0.1', '1', '1000m', '1.5', 2, '0.25');
const memory = fc.constantFrom('64Mi', '65536Ki', '1Gi', '1024Mi', '100M', '1e8', 134217728);
const amounts = optional({ cpu, memory });
const port = fc.integer({ min: 1, max: 65_535 });
const named = <T>(items: fc.Arbitrary<T>, key: (item: T) => unknown) => fc.uniqueArray(items, { selector: key, minLength: 1, maxLength: 3 });

const probe = fc.oneof(
  fc.record({ httpGet: fc.record({ path: fc.constantFrom('/', '/healthz'), port: fc.oneof(port, fc.constant('http')) }) }),
  fc.record({ tcpSocket: fc.record({ port }), periodSeconds: fc.integer({ min: 1, max: 60 }) }),
  fc.record({ exec: fc.record({ command: fc.constant(['true']) }), initialDelaySeconds: fc.nat(9) }),
);
const variable = fc.oneof(
  fc.record({ name: fc.constantFrom('A', 'B', 'C'), value: word }),
  fc.record({ name: fc.constantFrom('D', 'E'), valueFrom: fc.record({ fieldRef: fc.constant({ fieldPath: 'metadata.name' }) }) }),
  fc.record({ name: fc.constantFrom('F', 'G'), valueFrom: fc.record({ configMapKeyRef: fc.record({ name: word, key: word, optional: fc.boolean() }) }) }),
);
const containerFields = {
  image: fc.constantFrom('registry.example/web', 'registry.example/web:1.2', 'registry.example/web@sha256:0123456789012345678901234567890123456789012345678901234567890123'),
  ports: named(optional({ containerPort: port, protocol: fc.constantFrom('TCP', 'UDP'), name: fc.constant('http') }, ['containerPort']), ({ name, containerPort }) => name ?? containerPort),
  env: named(variable, ({ name }) => name), args: fc.array(word, { maxLength: 2 }), resources: optional({ requests: amounts }), livenessProbe: probe, readinessProbe: probe,
  securityContext: optional({ runAsUser: fc.nat(9), readOnlyRootFilesystem: fc.boolean(), capabilities: fc.constant({ drop: ['ALL'] }) }), terminationMessagePolicy: fc.constantFrom('File', 'FallbackToLogsOnError'),
};
const container = optional({ name: fc.constantFrom('one', 'two', 'three'), ...containerFields }, ['name', 'image']);
const podSpec = (restartPolicy: string | undefined) => optional({
  containers: named(container, ({ name }) => name), nodeSelector: labels, serviceAccountName: fc.constant('default'), terminationGracePeriodSeconds: fc.nat(60), hostAliases: fc.constant([{ ip: '192.0.2.1', hostnames: ['a', 'b'] }]),
  tolerations: fc.constant([{ key: 'dedicated', operator: 'Exists' }]), imagePullSecrets: fc.constant([{ name: 'registry' }]), priorityClassName: fc.constant('system-node-critical'), securityContext: optional({ fsGroup: fc.nat(9) }),
  volumes: fc.constantFrom([{ name: 'cache', emptyDir: {} }], [{ name: 'settings', configMap: { name: 'settings', defaultMode: 420 } }, { name: 'tmp', emptyDir: { medium: 'Memory', sizeLimit: '0.5Gi' } }]),
  ...(restartPolicy === undefined ? {} : { restartPolicy: fc.constant(restartPolicy) }),
}, ['containers', ...(restartPolicy === undefined ? [] : ['restartPolicy' as const])]);

function templated(more: Readonly<Record<string, fc.Arbitrary<unknown>>> = {}) {
  return fc.tuple(word, podSpec(undefined), optional({ replicas: fc.nat(3), minReadySeconds: fc.nat(9), ...more })).map(([app, spec, rest]) =>
    ({ ...rest, selector: { matchLabels: { app } }, template: { metadata: { labels: { app } }, spec } }));
}

const job = fc.tuple(podSpec('Never'), optional({ backoffLimit: fc.nat(3), completions: fc.integer({ min: 1, max: 3 }) })).map(([spec, rest]) => ({ ...rest, template: { spec } }));
const peers = fc.constantFrom([{ podSelector: {} }], [{ ipBlock: { cidr: '192.0.2.0/24' } }, { namespaceSelector: { matchLabels: { a: 'b' } } }]);
const servicePort = optional({ port, targetPort: fc.oneof(port, fc.constant('http')), name: fc.constantFrom('a', 'b', 'c'), protocol: fc.constantFrom('TCP', 'UDP') }, ['port', 'name']);
const policyRule = fc.record({ apiGroups: fc.constant(['']), resources: fc.constantFrom(['pods'], ['configmaps', 'secrets']), verbs: fc.constantFrom(['get'], ['get', 'list', 'watch']) });

/** By kind: its apiVersion, and all of its fields but metadata. */
const bodies: Readonly<Record<string, readonly [string, fc.Arbitrary<object>]>> = {
  Deployment: ['apps/v1', fc.record({ spec: templated({ strategy: fc.constantFrom({ type: 'Recreate' }, { rollingUpdate: { maxSurge: 1, maxUnavailable: '0%' } }), paused: fc.boolean() }) })],
  ReplicaSet: ['apps/v1', fc.record({ spec: templated() })],
  StatefulSet: ['apps/v1', fc.record({ spec: templated({ serviceName: word, podManagementPolicy: fc.constant('Parallel') }) })],
  DaemonSet: ['apps/v1', fc.record({ spec: templated().map(({ replicas: _replicas, ...rest }) => rest) })],
  Job: ['batch/v1', fc.record({ spec: job })],
  CronJob: ['batch/v1', fc.record({ spec: fc.tuple(job, fc.constantFrom('*/5 * * * *', '@daily')).map(([spec, schedule]) => ({ schedule, jobTemplate: { spec } })) })],
  Pod: ['v1', fc.record({ spec: podSpec(undefined) })],
  Service: ['v1', fc.record({ spec: optional({ selector: labels, ports: named(servicePort, ({ name }) => name), type: fc.constantFrom('ClusterIP', 'NodePort'), sessionAffinity: fc.constantFrom('None', 'ClientIP') }, ['ports']) })],
  ConfigMap: ['v1', optional({ data: fc.dictionary(word, fc.string(), { maxKeys: 3 }), binaryData: fc.constant({ bytes: 'AAEC' }), immutable: fc.constant(false) })],
  Secret: ['v1', optional({ data: fc.constant({ a: 'c2VjcmV0' }), stringData: fc.dictionary(fc.constantFrom('b', 'c'), fc.string()), type: fc.constant('Opaque') })],
  ServiceAccount: ['v1', optional({ automountServiceAccountToken: fc.boolean(), imagePullSecrets: fc.constant([{ name: 'registry' }]) })],
  ResourceQuota: ['v1', fc.record({ spec: fc.record({ hard: fc.dictionary(fc.constantFrom('count/secrets', 'count/services'), fc.constantFrom('1k', 2000, '3e3')) }) })],
  LimitRange: ['v1', fc.record({ spec: fc.constant({ limits: [{ type: 'PersistentVolumeClaim', max: { storage: '1000Gi' } }] }) })],
  PersistentVolumeClaim: ['v1', fc.record({ spec: fc.record({ accessModes: fc.constant(['ReadWriteOnce']), resources: fc.record({ requests: fc.record({ storage: memory }) }) }) })],
  Role: ['rbac.authorization.k8s.io/v1', fc.record({ rules: fc.array(policyRule, { minLength: 1, maxLength: 2 }) })],
  RoleBinding: ['rbac.authorization.k8s.io/v1', fc.record({ roleRef: fc.constant({ apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'a' }), subjects: fc.constant([{ kind: 'ServiceAccount', name: 'a', namespace: 'default' }]) })],
  PodDisruptionBudget: ['policy/v1', fc.record({ spec: fc.record({ minAvailable: fc.oneof(fc.nat(3), fc.constant('50%')), selector: fc.record({ matchLabels: labels }) }) })],
  NetworkPolicy: ['networking.k8s.io/v1', fc.record({ spec: fc.record({ podSelector: fc.constant({}), ingress: fc.tuple(peers, port).map(([from, at]) => [{ from, ports: [{ port: at }] }]) }) })],
  Ingress: ['networking.k8s.io/v1', fc.record({ spec: word.map((name) => ({ rules: [{ host: 'example.org', http: { paths: [{ path: '/', pathType: 'Prefix', backend: { service: { name, port: { number: 80 } } } }] } }] })) })],
  HorizontalPodAutoscaler: ['autoscaling/v2', fc.record({ spec: fc.tuple(word, fc.integer({ min: 2, max: 9 })).map(([name, maxReplicas]) => ({ maxReplicas, scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name }, metrics: [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 60 } } }] })) })],
  ReplicationController: ['v1', fc.record({ spec: templated().map(({ selector, ...rest }) => ({ ...rest, selector: selector.matchLabels })) })],
  PodTemplate: ['v1', podSpec(undefined).map((spec) => ({ template: { spec } }))],
  PersistentVolume: ['v1', fc.record({ spec: fc.record({ capacity: fc.record({ storage: memory }), accessModes: fc.constant(['ReadWriteOnce']), hostPath: fc.constant({ path: '/data' }) }) })],
  Namespace: ['v1', fc.constant({})],
  Node: ['v1', fc.record({ spec: fc.constantFrom({}, { unschedulable: true }) })],
  ControllerRevision: ['apps/v1', fc.record({ revision: fc.nat(9), data: fc.constant({ spec: { any: [1, 'x'] } }) })],
  ClusterRole: ['rbac.authorization.k8s.io/v1', fc.constantFrom({ rules: [{ nonResourceURLs: ['/metrics'], verbs: ['get'] }] }, { aggregationRule: { clusterRoleSelectors: [{ matchLabels: { a: 'nothing' } }] }, rules: [] })],
  ClusterRoleBinding: ['rbac.authorization.k8s.io/v1', fc.constant({ roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'view' }, subjects: [{ kind: 'User', name: 'a' }] })],
  StorageClass: ['storage.k8s.io/v1', fc.record({ provisioner: fc.constant('example.org/disk'), parameters: labels, allowVolumeExpansion: fc.boolean() })],
  IngressClass: ['networking.k8s.io/v1', fc.constant({ spec: { controller: 'example.org/controller', parameters: { kind: 'A', name: 'b', apiGroup: 'c.d' } } })],
  RuntimeClass: ['node.k8s.io/v1', fc.constant({ handler: 'crun', overhead: { podFixed: { cpu: '0.01', memory: '1024Ki' } }, scheduling: { nodeSelector: { a: 'b' } } })],
  PriorityClass: ['scheduling.k8s.io/v1', fc.record({ value: fc.nat(1000), description: word })],
  Lease: ['coordination.k8s.io/v1', fc.constant({ spec: { holderIdentity: 'a', leaseDurationSeconds: 15, renewTime: '2026-01-01T00:00:00.5Z' } })],
  EndpointSlice: ['discovery.k8s.io/v1', fc.constant({ addressType: 'IPv4', endpoints: [{ addresses: ['192.0.2.1'], conditions: { ready: true } }], ports: [{ port: 80 }] })],
  FlowSchema: ['flowcontrol.apiserver.k8s.io/v1', fc.constant({ spec: { priorityLevelConfiguration: { name: 'global-default' }, rules: [{ subjects: [{ kind: 'Group', group: { name: 'g' } }], resourceRules: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'], namespaces: ['*'] }] }] } })],
  ValidatingWebhookConfiguration: ['admissionregistration.k8s.io/v1', fc.constant({
    webhooks: [{ name: 'a.b.c', clientConfig: { url: 'https://192.0.2.1/x' }, rules: [{ operations: ['CREATE'], apiGroups: ['none.example'], apiVersions: ['v1'], resources: ['nothings'] }], admissionReviewVersions: ['v1'], sideEffects: 'None' }],
  })],
  CustomResourceDefinition: ['apiextensions.k8s.io/v1', fc.constant({})],
};

export const kinds: readonly string[] = Object.keys(bodies);

/** `count` manifests of each kind, the same for the same seed, each with a name of its own. */
export function manifestsOf(kind: string, count: number, seed: number): readonly Manifest[] {
  const [apiVersion, body] = bodies[kind] ?? ['v1', fc.constant({})];
  const metadata = optional({ labels, annotations: fc.dictionary(word, fc.string(), { minKeys: 1 }) });
  return fc.sample(fc.tuple(body, metadata), { numRuns: count, seed }).map(([fields, more], index): Manifest => {
    const name = kind === 'CustomResourceDefinition' ? `made-${index}s.example.org` : `made-${index}`;
    const plain: object = JSON.parse(JSON.stringify({ metadata: { name, ...more }, ...fields, ...(kind === 'CustomResourceDefinition' ? definition(`made-${index}`) : {}) }));
    return { apiVersion, kind, ...plain } as Manifest;
  });
}

function definition(singular: string): object {
  const schema = { openAPIV3Schema: { type: 'object', properties: { spec: { type: 'object', properties: { size: { type: 'integer', default: 1 } } } } } };
  return { spec: { group: 'example.org', scope: 'Namespaced', names: { plural: `${singular}s`, kind: `Kind${singular.replace('-', '')}` }, versions: [{ name: 'v1', served: true, storage: true, schema }] } };
}
