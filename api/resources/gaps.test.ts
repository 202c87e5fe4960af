import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { KubernetesObject } from '../../machinery/kinds/kind.ts';
import type { Draft } from '../../machinery/kinds/wire.ts';
import { resources } from './all.ts';

/** One object of each kind that has much to lose. */
const podSpec = {
  initContainers: [{ name: 'i', image: 'x', restartPolicy: 'Always', env: [{ name: 'A', valueFrom: { secretKeyRef: { name: 's', key: 'k' } } }] }],
  containers: [{
    name: 'c', image: 'x', ports: [{ name: 'p', containerPort: 1, hostPort: 1, protocol: 'TCP' }],
    env: [{ name: 'A', valueFrom: { fieldRef: { fieldPath: 'metadata.name' }, resourceFieldRef: { resource: 'limits.cpu' }, configMapKeyRef: { name: 'a', key: 'b' } } }],
    envFrom: [{ configMapRef: { name: 'a' }, secretRef: { name: 'b' } }],
    resources: { requests: { cpu: '1' }, limits: { cpu: '2' } },
    livenessProbe: { httpGet: { port: 1, httpHeaders: [{ name: 'a', value: 'b' }] }, exec: { command: ['a'] } }, startupProbe: { grpc: { port: 1 } }, readinessProbe: { tcpSocket: { port: 'p' } },
    lifecycle: { preStop: { sleep: { seconds: 1 } }, postStart: { exec: { command: ['a'] } } },
    volumeMounts: [{ name: 'v', mountPath: '/a', subPath: 'b', mountPropagation: 'None' }],
    securityContext: { runAsUser: 1, seccompProfile: { type: 'Localhost', localhostProfile: 'a' }, appArmorProfile: { type: 'Localhost', localhostProfile: 'a' }, capabilities: { add: ['A'] } },
  }],
  volumes: [
    { name: 'v', configMap: { name: 'c', items: [{ key: 'a', path: 'b' }] } }, { name: 's', secret: { secretName: 's', items: [{ key: 'a', path: 'b' }] } }, { name: 'h', hostPath: { path: '/', type: '' } },
    { name: 'd', downwardAPI: { items: [{ path: 'a', fieldRef: { fieldPath: 'metadata.labels' } }] } }, { name: 'e', emptyDir: { sizeLimit: '1' } }, { name: 'q', persistentVolumeClaim: { claimName: 'a' } },
    { name: 'p', projected: { sources: [{ serviceAccountToken: { path: 'a' } }, { secret: { name: 'a', items: [{ key: 'a', path: 'b' }] } }] } },
  ],
  securityContext: { sysctls: [{ name: 'a', value: 'b' }], seccompProfile: { type: 'Unconfined' } },
  affinity: {
    nodeAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchExpressions: [{ key: 'a', operator: 'In', values: ['b'] }], matchFields: [{ key: 'metadata.name', operator: 'In', values: ['b'] }] }] },
      preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 1, preference: { matchExpressions: [{ key: 'a', operator: 'Exists' }] } }],
    },
    podAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: 'a', labelSelector: { matchExpressions: [{ key: 'a', operator: 'In', values: ['b'] }] } }],
      preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 1, podAffinityTerm: { topologyKey: 'a' } }],
    },
  },
  tolerations: [{ key: 'a', operator: 'Exists' }], topologySpreadConstraints: [{ maxSkew: 1, topologyKey: 'a', whenUnsatisfiable: 'DoNotSchedule' }],
  dnsConfig: { nameservers: ['1.1.1.1'], options: [{ name: 'a' }] }, hostAliases: [{ ip: '1.1.1.1', hostnames: ['a'] }], readinessGates: [{ conditionType: 'a' }], schedulingGates: [{ name: 'a' }],
  imagePullSecrets: [{ name: 'a' }], resources: { requests: { cpu: '1' }, limits: { cpu: '1' } }, overhead: { cpu: '1' }, resourceClaims: [{ name: 'a' }], os: { name: 'linux' }, hostNetwork: true,
};
const terminated = { name: 'c', state: { terminated: { exitCode: 1 } }, lastState: { terminated: { exitCode: 1, finishedAt: '2026-01-01T00:00:00Z' } }, restartCount: 1, ready: true };
const set = { selector: { matchLabels: { a: 'b' }, matchExpressions: [{ key: 'a', operator: 'In', values: ['b'] }] }, template: { metadata: { labels: { a: 'b' } }, spec: podSpec } };
const rule = { operations: ['*'], apiGroups: ['a'], apiVersions: ['v1'], resources: ['b/c'], scope: '*' };
const matchConditions = [{ name: 'a', expression: 'b' }];
const webhook = { name: 'a.b.c', clientConfig: { url: 'https://a', service: { name: 'a', namespace: 'b', path: '/c', port: 1 } }, rules: [rule], admissionReviewVersions: ['v1'], sideEffects: 'None', matchConditions };
const policy = { paramKind: { apiVersion: 'a/v1', kind: 'B' }, matchConstraints: { resourceRules: [{ ...rule, resourceNames: ['a'] }], namespaceSelector: {} }, matchConditions, variables: [{ name: 'a', expression: 'b' }] };
const nodeSelector = { nodeSelectorTerms: [{ matchExpressions: [{ key: 'a', operator: 'In', values: ['b'] }] }] };
const wish = { deviceClassName: 'a', selectors: [{ cel: { expression: 'a' } }], allocationMode: 'ExactCount', count: 1, tolerations: [{ key: 'a', operator: 'Equal', value: 'b' }] };
const claimed = { devices: { requests: [{ name: 'a', exactly: wish }, { name: 'b', firstAvailable: [{ name: 'c', ...wish }] }], constraints: [{ requests: ['a'], matchAttribute: 'a.b/c' }], config: [{ requests: ['b/c'], opaque: { driver: 'a', parameters: {} } }] } };
const allocated = { request: 'a', driver: 'b', pool: 'c', device: 'd', bindingConditions: ['e'], bindingFailureConditions: ['f'] };
const claim = { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1' } }, dataSource: { kind: 'PersistentVolumeClaim', name: 'a' }, dataSourceRef: { kind: 'PersistentVolumeClaim', name: 'a' }, volumeName: 'v' };
const rich: Readonly<Record<string, object>> = {
  Pod: { spec: podSpec, status: { phase: 'Running', containerStatuses: [terminated], initContainerStatuses: [{ ...terminated, name: 'i' }], conditions: [{ type: 'Ready', status: 'True' }], podIPs: [{ ip: '1.1.1.1' }] } },
  Deployment: { spec: { ...set, strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1 } } }, status: { replicas: 1 } },
  ReplicaSet: { spec: set, status: { replicas: 1 } },
  Service: { spec: { type: 'NodePort', clusterIP: '10.43.0.1', clusterIPs: ['10.43.0.1'], ports: [{ name: 'a', port: 1, nodePort: 30_000, targetPort: 'a' }], sessionAffinity: 'ClientIP', sessionAffinityConfig: { clientIP: { timeoutSeconds: 1 } } }, status: { loadBalancer: { ingress: [{ ip: '1.1.1.1' }] } } },
  Node: { spec: { taints: [{ key: 'a', effect: 'NoSchedule' }], podCIDRs: ['10.42.0.0/24'] }, status: { conditions: [{ type: 'Ready', status: 'True' }], addresses: [{ type: 'InternalIP', address: '1.1.1.1' }], capacity: { cpu: '1' } } },
  Namespace: { spec: { finalizers: ['kubernetes'] }, status: { phase: 'Active' } },
  ConfigMap: { data: { a: 'b' }, binaryData: { c: 'AA==' } },
  Secret: { data: { a: 'AA==' }, stringData: { b: 'c' }, type: 'kubernetes.io/tls' },
  Event: { involvedObject: { kind: 'Pod', name: 'a' }, source: { component: 'a' }, series: { count: 1, lastObservedTime: '2026-01-01T00:00:00Z' } },
  Role: { rules: [{ verbs: ['get'], apiGroups: [''], resources: ['pods'] }] },
  ClusterRole: { rules: [{ verbs: ['get'], nonResourceURLs: ['/a'] }], aggregationRule: { clusterRoleSelectors: [{ matchLabels: { a: 'b' } }] } },
  RoleBinding: { roleRef: { kind: 'Role', name: 'a' }, subjects: [{ kind: 'User', name: 'a' }] },
  ClusterRoleBinding: { roleRef: { kind: 'ClusterRole', name: 'a' }, subjects: [{ kind: 'ServiceAccount', name: 'a', namespace: 'b' }] },
  CertificateSigningRequest: { spec: { request: 'AA==', signerName: 'a.b/c', usages: ['client auth'] }, status: { conditions: [{ type: 'Approved', status: 'True' }] } },
  Lease: { spec: { leaseDurationSeconds: 1 } },
  PriorityClass: { value: 1 },
  ValidatingWebhookConfiguration: { webhooks: [webhook] },
  MutatingWebhookConfiguration: { webhooks: [{ ...webhook, reinvocationPolicy: 'Never' }] },
  ValidatingAdmissionPolicy: { spec: { ...policy, validations: [{ expression: 'a', message: 'b', messageExpression: 'c' }], auditAnnotations: [{ key: 'a', valueExpression: 'b' }] } },
  ValidatingAdmissionPolicyBinding: { spec: { policyName: 'a', paramRef: { name: 'a', selector: { matchLabels: { a: 'b' } } }, matchResources: policy.matchConstraints, validationActions: ['Deny'] } },
  MutatingAdmissionPolicy: { spec: { ...policy, reinvocationPolicy: 'Never', mutations: [{ patchType: 'JSONPatch', jsonPatch: { expression: 'a' } }] } },
  MutatingAdmissionPolicyBinding: { spec: { policyName: 'a', paramRef: { name: 'a' }, matchResources: policy.matchConstraints } },
  FlowSchema: { spec: { priorityLevelConfiguration: { name: 'a' }, distinguisherMethod: { type: 'ByUser' }, rules: [{ subjects: [{ kind: 'ServiceAccount', serviceAccount: { name: 'a', namespace: 'b' } }], resourceRules: [{ ...rule, namespaces: ['*'] }], nonResourceRules: [{ verbs: ['get'], nonResourceURLs: ['/a'] }] }] } },
  PriorityLevelConfiguration: { spec: { type: 'Limited', limited: { limitResponse: { type: 'Queue', queuing: { queues: 2, handSize: 1 } } }, exempt: { lendablePercent: 1 } } },
  APIService: { spec: { group: 'a', version: 'v1', groupPriorityMinimum: 1, versionPriority: 1, service: { name: 'a', namespace: 'b' }, caBundle: 'AA==' }, status: { conditions: [{ type: 'Available', status: 'True' }] } },
  RuntimeClass: { handler: 'a', overhead: { podFixed: { cpu: '1' } }, scheduling: { nodeSelector: { a: 'b' }, tolerations: [{ key: 'a', operator: 'Exists' }] } },
  DeviceClass: { spec: { selectors: [{ cel: { expression: 'a' } }], config: [{ opaque: { driver: 'a', parameters: { a: 1 } } }], extendedResourceName: 'a.b/c' } },
  ResourceClaim: { spec: claimed, status: { allocation: { devices: { results: [allocated], config: [{ source: 'FromClass', requests: ['a'], opaque: { driver: 'a', parameters: {} } }] }, nodeSelector }, reservedFor: [{ resource: 'pods', name: 'a', uid: 'b' }], devices: [{ ...allocated, networkData: { ips: ['1.1.1.1/8'] } }] } },
  ResourceClaimTemplate: { spec: { metadata: { labels: { a: 'b' } }, spec: claimed } },
  ResourceSlice: { spec: { driver: 'a', pool: { name: 'b', resourceSliceCount: 1 }, nodeSelector, sharedCounters: [{ name: 'a', counters: { b: { value: '1' } } }], devices: [{
    name: 'a', attributes: { b: { string: 'c' } }, capacity: { d: { value: '1', requestPolicy: { default: '1', validRange: { min: '1', max: '2', step: '1' } } } }, allowMultipleAllocations: true,
    consumesCounters: [{ counterSet: 'a', counters: { b: { value: '1' } } }], taints: [{ key: 'a', effect: 'None' }], bindingConditions: ['a'], bindingFailureConditions: ['b'], nodeSelector,
  }] } },
  CSIDriver: { spec: { tokenRequests: [{ audience: 'a', expirationSeconds: 600 }], volumeLifecycleModes: ['Persistent'] } },
  CSINode: { spec: { drivers: [{ name: 'a', nodeID: 'b', topologyKeys: ['c'], allocatable: { count: 1 } }] } },
  CSIStorageCapacity: { nodeTopology: { matchLabels: { a: 'b' }, matchExpressions: [{ key: 'a', operator: 'Exists' }] }, storageClassName: 'a', capacity: '1' },
  StorageClass: { provisioner: 'a', parameters: { a: 'b' }, allowedTopologies: [{ matchLabelExpressions: [{ key: 'a', values: ['b'] }] }] },
  VolumeAttachment: { spec: { attacher: 'a', nodeName: 'b', source: { persistentVolumeName: 'c' } }, status: { attached: true, attachError: { message: 'a', errorCode: 1 }, attachmentMetadata: { a: 'b' } } },
  VolumeAttributesClass: { driverName: 'a', parameters: { b: 'c' } },
  ServiceAccount: { secrets: [{ name: 'a' }] },
  StatefulSet: { spec: { ...set, updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 1, maxUnavailable: 1 } }, volumeClaimTemplates: [{ metadata: { name: 'v' }, spec: claim }], ordinals: { start: 1 }, persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Retain' } }, status: { replicas: 1 } },
  DaemonSet: { metadata: { annotations: {} }, spec: { ...set, updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } } }, status: { numberReady: 1 } },
  ControllerRevision: { revision: 1, data: { a: 1 } },
  Job: {
    spec: {
      ...set, completions: 2, parallelism: 1, completionMode: 'Indexed', backoffLimitPerIndex: 1, maxFailedIndexes: 1, managedBy: 'a.b/c',
      podFailurePolicy: { rules: [{ action: 'FailIndex', onExitCodes: { operator: 'In', values: [1], containerName: 'c' } }, { action: 'Ignore', onPodConditions: [{ type: 'a', status: 'True' }] }] },
      successPolicy: { rules: [{ succeededIndexes: '0-1', succeededCount: 1 }] },
    },
    status: { conditions: [{ type: 'Complete', status: 'True' }], startTime: '2026-01-01T00:00:00Z', completionTime: '2026-01-01T00:00:00Z', completedIndexes: '0', failedIndexes: '1', uncountedTerminatedPods: { succeeded: ['a'], failed: ['b'] } },
  },
  CronJob: { spec: { schedule: '* * * * *', timeZone: 'UTC', jobTemplate: { spec: { ...set, manualSelector: true } } }, status: { active: [{ name: 'a' }] } },
  PersistentVolumeClaim: { spec: claim, status: { phase: 'Bound', capacity: { storage: '1' } } },
  PersistentVolume: {
    spec: {
      accessModes: ['ReadWriteOnce'], capacity: { storage: '1' }, hostPath: { path: '/' }, local: { path: '/' }, nfs: { server: 'a', path: '/' }, csi: { driver: 'a', volumeHandle: 'b' }, claimRef: { name: 'a' },
      nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [{ key: 'a', operator: 'In', values: ['b'] }] }] } }, volumeAttributesClassName: 'a', rbd: { image: 'a', monitors: ['b'] }, azureDisk: { diskName: 'a', diskURI: 'b' },
    },
    status: { phase: 'Bound' },
  },
  ResourceQuota: { spec: { hard: { pods: '1' }, scopes: ['Terminating'], scopeSelector: { matchExpressions: [{ scopeName: 'PriorityClass', operator: 'In', values: ['a'] }] } }, status: { hard: { pods: '1' }, used: { pods: '1' } } },
  LimitRange: { spec: { limits: [{ type: 'Container', max: { cpu: '1' }, min: { cpu: '1' }, default: { cpu: '1' }, defaultRequest: { cpu: '1' }, maxLimitRequestRatio: { cpu: '2' } }, { type: 'PersistentVolumeClaim', min: { storage: '1' } }] } },
  ReplicationController: { spec: { selector: { a: 'b' }, template: set.template }, status: { replicas: 1 } },
  Endpoints: { subsets: [{ addresses: [{ ip: '10.0.0.1', hostname: 'a', nodeName: 'b' }], notReadyAddresses: [{ ip: '10.0.0.2' }], ports: [{ name: 'a', port: 1 }] }] },
  PodTemplate: { template: set.template },
  ComponentStatus: { conditions: [{ type: 'Healthy', status: 'True' }] },
  PodDisruptionBudget: { spec: { minAvailable: 1, selector: { matchLabels: { a: 'b' } } }, status: { disruptionsAllowed: 1 } },
  Ingress: {
    spec: { defaultBackend: { service: { name: 'a', port: { number: 1 } } }, tls: [{ hosts: ['a'], secretName: 'b' }], rules: [{ host: 'a', http: { paths: [{ path: '/', pathType: 'Exact', backend: { resource: { kind: 'K', name: 'n' } } }] } }] },
    status: { loadBalancer: { ingress: [{ ip: '1.1.1.1', hostname: 'a', ports: [{ port: 1 }] }] } },
  },
  IngressClass: { spec: { controller: 'a.b/c', parameters: { kind: 'K', name: 'n', scope: 'Namespace', namespace: 'a' } } },
  NetworkPolicy: { spec: { podSelector: { matchLabels: { a: 'b' } }, ingress: [{ from: [{ ipBlock: { cidr: '10.0.0.0/8', except: ['10.1.0.0/16'] } }, { podSelector: {} }], ports: [{ port: 1, endPort: 2 }] }], egress: [{ to: [{ namespaceSelector: {} }] }] } },
  IPAddress: { spec: { parentRef: { resource: 'a', name: 'b', namespace: 'c' } } },
  ServiceCIDR: { spec: { cidrs: ['10.0.0.0/8'] } },
  CustomResourceDefinition: {
    spec: {
      group: 'a.b', scope: 'Namespaced', names: { kind: 'K', plural: 'ks', singular: 'k', shortNames: ['x'], categories: ['all'] },
      conversion: { strategy: 'Webhook', webhook: { conversionReviewVersions: ['v1'], clientConfig: { service: { name: 'a', namespace: 'b', path: '/c' } } } },
      versions: [{
        name: 'v1', served: true, storage: true, subresources: { status: {}, scale: { specReplicasPath: '.spec.n', statusReplicasPath: '.status.n', labelSelectorPath: '.status.s' } },
        additionalPrinterColumns: [{ name: 'N', type: 'integer', jsonPath: '.spec.n', priority: 1 }], selectableFields: [{ jsonPath: '.spec.s' }],
        schema: { openAPIV3Schema: { type: 'object', properties: { spec: { type: 'object', properties: { n: { type: 'integer', default: 1, enum: [1, 2] }, l: { type: 'array', items: { type: 'object', properties: { k: { type: 'string' } }, required: ['k'] }, 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['k'] } }, 'x-kubernetes-validations': [{ rule: 'self.n < 2', message: 'm', reason: 'FieldValueInvalid', fieldPath: '.n' }] } } } },
      }],
    },
    status: { conditions: [{ type: 'Established', status: 'True' }], acceptedNames: { kind: 'K', plural: 'ks' }, storedVersions: ['v1'] },
  },
  EndpointSlice: { addressType: 'IPv4', endpoints: [{ addresses: ['10.0.0.1'], hints: { forZones: [{ name: 'a' }] }, nodeName: 'a' }], ports: [{ name: 'a', port: 1 }] },
};

/** A copy without some fields, wherever they were: `next` says which stay. List items stay: decoders refuse null ones. */
function thinned(value: unknown, next: () => boolean): unknown {
  if (Array.isArray(value)) return value.map((item) => thinned(item, next));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).filter(() => next()).map(([key, one]) => [key, thinned(one, next)]));
}

describe('an object with gaps', () => {
  it.each(Object.keys(rich))('of kind %s is judged, not tripped over', (kind) => {
    const resource = resources.find((one) => one.kind === kind);
    fc.assert(fc.property(fc.infiniteStream(fc.integer({ min: 0, max: 19 })), fc.integer({ min: 1, max: 10 }), (numbers, gaps) => {
      const next = (): boolean => numbers.next().value >= gaps;
      const make = () => ({ metadata: { name: 'a', namespace: 'default' }, ...(thinned(rich[kind], next) as object) }) as Draft<KubernetesObject>;
      const [draft, old] = [make(), make()];
      resource?.defaults?.(draft);
      resource?.defaults?.(old);
      for (const column of resource?.columns ?? []) column.cell(draft, 0);
      resource?.validateStatusUpdate?.(draft, old);
      resource?.prepareForUpdate?.(draft, old);
      resource?.prepareForCreate?.(draft);
      const errors = [...(resource?.validate?.(draft) ?? []), ...(resource?.validateCreate?.(draft) ?? []), ...(resource?.validateUpdate?.(draft, old) ?? [])];
      if (errors.length === 0) {
        resource?.createWarnings?.(draft);
        resource?.warnings?.(draft);
      }
      resource?.scale?.selector(draft);
      expect(errors.map((error) => `${error.path.toString()}: ${error.body}`).filter((line) => /undefined(?! field)/.test(line))).toEqual([]);
    }), { numRuns: 100 });
  });
});
