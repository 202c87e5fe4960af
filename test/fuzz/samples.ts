/** Good objects for the fuzzer to spoil. */
const template = {
  metadata: { labels: { app: 'a' } },
  spec: {
    containers: [{
      name: 'c', image: 'example.com/i:1', command: ['sh'], env: [{ name: 'A', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }],
      resources: { requests: { cpu: '100m', memory: '1Gi' }, limits: { cpu: '1' } }, ports: [{ containerPort: 80, name: 'http' }],
      livenessProbe: { httpGet: { path: '/', port: 'http' } }, volumeMounts: [{ name: 'v', mountPath: '/v' }], securityContext: { runAsUser: 1 },
    }],
    volumes: [{ name: 'v', emptyDir: { sizeLimit: '1Mi' } }], tolerations: [{ operator: 'Exists' }],
    affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchExpressions: [{ key: 'k', operator: 'In', values: ['v'] }] }] } } },
  },
};

function object(apiVersion: string, kind: string, more: object): object {
  return { apiVersion, kind, metadata: { name: 'a', labels: { app: 'a' }, annotations: { note: 'x' } }, ...more };
}

export const samples: readonly object[] = [
  object('v1', 'Pod', { ...template, metadata: { name: 'a', labels: { app: 'a' } } }),
  object('v1', 'ConfigMap', { data: { a: 'b' }, binaryData: { c: 'AAEC' } }),
  object('v1', 'Secret', { type: 'Opaque', data: { a: 'eA==' }, stringData: { b: 'y' } }),
  object('v1', 'Service', { spec: { selector: { app: 'a' }, ports: [{ port: 80, targetPort: 'http', nodePort: 30080 }], type: 'NodePort' } }),
  object('v1', 'Namespace', {}),
  object('v1', 'Node', { spec: { taints: [{ key: 'k', effect: 'NoSchedule' }] } }),
  object('v1', 'ServiceAccount', {}),
  object('v1', 'ResourceQuota', { spec: { hard: { pods: '1000', 'requests.cpu': '1000' } } }),
  object('v1', 'LimitRange', { spec: { limits: [{ type: 'Container', default: { cpu: '1' }, defaultRequest: { cpu: '100m' } }] } }),
  object('v1', 'PersistentVolumeClaim', { spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } } }),
  object('apps/v1', 'Deployment', { spec: { replicas: 0, selector: { matchLabels: { app: 'a' } }, template, strategy: { rollingUpdate: { maxSurge: '25%' } } } }),
  object('apps/v1', 'StatefulSet', { spec: { replicas: 0, serviceName: 's', selector: { matchLabels: { app: 'a' } }, template } }),
  object('batch/v1', 'Job', { spec: { suspend: true, template: { ...template, spec: { ...template.spec, restartPolicy: 'Never' } } } }),
  object('batch/v1', 'CronJob', { spec: { suspend: true, schedule: '*/5 * * * *', jobTemplate: { spec: { template: { ...template, spec: { ...template.spec, restartPolicy: 'Never' } } } } } }),
  object('autoscaling/v2', 'HorizontalPodAutoscaler', { spec: { scaleTargetRef: { kind: 'Deployment', name: 'a', apiVersion: 'apps/v1' }, maxReplicas: 3, metrics: [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 50 } } }] } }),
  object('policy/v1', 'PodDisruptionBudget', { spec: { minAvailable: '50%', selector: { matchLabels: { app: 'a' } } } }),
  object('networking.k8s.io/v1', 'Ingress', { spec: { rules: [{ host: 'a.example', http: { paths: [{ path: '/', pathType: 'Prefix', backend: { service: { name: 's', port: { number: 80 } } } }] } }] } }),
  object('networking.k8s.io/v1', 'NetworkPolicy', { spec: { podSelector: {}, ingress: [{ from: [{ ipBlock: { cidr: '10.0.0.0/8', except: ['10.1.0.0/16'] } }], ports: [{ port: 80, endPort: 90 }] }] } }),
  object('rbac.authorization.k8s.io/v1', 'Role', { rules: [{ apiGroups: [''], resources: ['pods'], verbs: ['get'] }] }),
  object('rbac.authorization.k8s.io/v1', 'ClusterRole', { aggregationRule: { clusterRoleSelectors: [{ matchLabels: { a: 'b' } }] }, rules: [] }),
  object('coordination.k8s.io/v1', 'Lease', { spec: { holderIdentity: 'x', leaseDurationSeconds: 15, renewTime: '2026-01-01T00:00:00.000000Z' } }),
  object('apiextensions.k8s.io/v1', 'CustomResourceDefinition', {
    metadata: { name: 'boats.fuzz.example' },
    spec: {
      group: 'fuzz.example', scope: 'Namespaced', names: { kind: 'Boat', plural: 'boats' },
      versions: [{
        name: 'v1', served: true, storage: true, subresources: { status: {} }, additionalPrinterColumns: [{ name: 'N', type: 'integer', jsonPath: '.spec.n' }],
        schema: { openAPIV3Schema: { type: 'object', properties: { spec: { type: 'object', properties: { n: { type: 'integer', minimum: 0, default: 1 }, s: { type: 'string', pattern: '^[a-z]+$' } }, 'x-kubernetes-validations': [{ rule: 'self.n < 10', message: 'too many' }] } } } },
      }],
    },
  }),
  object('fuzz.example/v1', 'Boat', { spec: { n: 1, s: 'x' } }),
  object('admissionregistration.k8s.io/v1', 'ValidatingAdmissionPolicy', { spec: { matchConstraints: { resourceRules: [{ apiGroups: ['none.example'], apiVersions: ['v1'], operations: ['CREATE'], resources: ['nones'] }] }, validations: [{ expression: 'object.metadata.name.size() < 10' }] } }),
  object('authentication.k8s.io/v1', 'TokenReview', { spec: { token: 'x' } }),
  object('authorization.k8s.io/v1', 'SubjectAccessReview', { spec: { user: 'u', resourceAttributes: { verb: 'get', resource: 'pods' } } }),
  { apiVersion: 'v1', kind: 'DeleteOptions', gracePeriodSeconds: 0, propagationPolicy: 'Background', preconditions: { uid: 'x' } },
  { apiVersion: 'autoscaling/v1', kind: 'Scale', metadata: { name: 'a' }, spec: { replicas: 0 } },
  { apiVersion: 'v1', kind: 'Binding', metadata: { name: 'a' }, target: { kind: 'Node', name: 'n' } },
  { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: 'a' } },
];
