import { describe, expect, it } from 'vitest';
import { fieldErrorTexts, Path } from '../../../../machinery/field-path.ts';
import type { Container, Pod, PodSpec } from '../../../../machinery/kinds/core.ts';
import type { Draft } from '../../../../machinery/kinds/wire.ts';
import { defaultPod } from './defaults.ts';
import { validateDeletionCost, validatePodSpec } from './spec.ts';

const label = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";

/** A spec after defaulting, as validation sees it. */
function defaulted(spec: PodSpec): PodSpec {
  const pod = { spec: structuredClone(spec) } as Draft<Pod>;
  defaultPod(pod);
  return (pod as Pod).spec ?? spec;
}

const wrong = (spec: PodSpec, isPod = true): string[] => fieldErrorTexts(validatePodSpec(defaulted(spec), new Path('spec'), isPod));
const one = (container: Partial<Container>): PodSpec => ({ containers: [{ name: 'c', image: 'busybox', ...container }] });
const rule = (fields: Partial<NonNullable<Container['restartPolicyRules']>[number]> = {}) => ({ action: 'Restart', exitCodes: { operator: 'In', values: [42] }, ...fields });

const rich: PodSpec = {
  initContainers: [{ name: 'init', image: 'i' }, { name: 'side', image: 'i', restartPolicy: 'Always', readinessProbe: { exec: { command: ['true'] } } }],
  containers: [{
    name: 'web', image: 'nginx:1.27',
    ports: [{ name: 'http', containerPort: 80 }],
    env: [
      { name: 'A', value: 'x' }, { name: 'IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
      { name: 'L', valueFrom: { fieldRef: { fieldPath: "metadata.labels['app']" } } }, { name: 'C', valueFrom: { resourceFieldRef: { resource: 'limits.cpu', divisor: '1m' } } },
      { name: 'S', valueFrom: { secretKeyRef: { name: 's', key: 'k' } } }, { name: 'F', valueFrom: { fileKeyRef: { volumeName: 'data', path: 'own.env', key: 'F' } } },
    ],
    envFrom: [{ configMapRef: { name: 'cm' }, prefix: 'P_' }],
    resources: { requests: { cpu: '100m', memory: '64Mi' }, limits: { cpu: '1', memory: '64Mi', 'example.com/gpu': '1' } },
    livenessProbe: { httpGet: { port: 'http' } }, readinessProbe: { tcpSocket: { port: 80 } }, startupProbe: { grpc: { port: 80 } },
    lifecycle: { preStop: { sleep: { seconds: 5 } } },
    volumeMounts: [{ name: 'data', mountPath: '/data', subPath: 'a/b' }, { name: 'all', mountPath: '/all', readOnly: true }],
    securityContext: { runAsUser: 1000, capabilities: { drop: ['ALL'] }, seccompProfile: { type: 'RuntimeDefault' }, allowPrivilegeEscalation: false },
  }],
  volumes: [
    { name: 'data' }, { name: 'tools', image: { reference: 'tools:1' } }, { name: 'host', hostPath: { path: '/var/log' } }, { name: 'cm', configMap: { name: 'cm', items: [{ key: 'a', path: 'b/c' }] } },
    { name: 'all', projected: { sources: [{ serviceAccountToken: { path: 'token' } }, { downwardAPI: { items: [{ path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } }] } }] } },
  ],
  serviceAccountName: 'default',
  nodeSelector: { disk: 'ssd' },
  affinity: {
    nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchExpressions: [{ key: 'zone', operator: 'In', values: ['a'] }] }] } },
    podAntiAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 100, podAffinityTerm: { topologyKey: 'kubernetes.io/hostname', labelSelector: {} } }] },
  },
  tolerations: [{ operator: 'Exists' }, { key: 'k', value: 'v', effect: 'NoExecute', tolerationSeconds: 5 }],
  topologySpreadConstraints: [{ maxSkew: 1, topologyKey: 'zone', whenUnsatisfiable: 'DoNotSchedule', labelSelector: {} }],
  hostAliases: [{ ip: '127.0.0.1', hostnames: ['foo.local'] }],
  dnsConfig: { nameservers: ['10.0.0.1'], searches: ['_svc.cluster.local', '.'] },
};

describe('validation of a pod', () => {
  it('finds nothing wrong with a rich pod', () => {
    expect(wrong(rich)).toEqual([]);
    expect(wrong(rich, false)).toEqual([]);
  });

  it('reports everything at once', () => {
    expect(wrong({ restartPolicy: 'Sometimes', containers: [{ name: 'Web', image: '' }, { name: 'a', image: 'x', ports: [{ containerPort: 0 }] }] })).toEqual([
      `spec.containers[0].name: Invalid value: "Web": ${label}`,
      'spec.containers[0].image: Required value',
      'spec.containers[1].ports[0].containerPort: Required value',
      'spec.restartPolicy: Unsupported value: "Sometimes": supported values: "Always", "OnFailure", "Never"',
    ]);
  });

  it.each<[string, PodSpec, string[]]>([
    ['no containers', { containers: [] }, ['spec.containers: Required value']],
    ['a repeated name', { containers: [{ name: 'a', image: 'x' }, { name: 'a', image: 'x' }] }, ['spec.containers[1].name: Duplicate value: "a"']],
    ['a name that an init container repeats', { initContainers: [{ name: 'a', image: 'x' }], containers: [{ name: 'a', image: 'x' }] }, ['spec.initContainers[0].name: Duplicate value: "a"']],
    ['an unknown pull policy', one({ imagePullPolicy: 'Maybe' }), ['spec.containers[0].imagePullPolicy: Unsupported value: "Maybe": supported values: "Always", "IfNotPresent", "Never"']],
    ['blanks around an image', one({ image: ' x' }), ['spec.containers[0].image: Invalid value: " x": must not have leading or trailing whitespace']],
    ['a port out of range', one({ ports: [{ containerPort: 70_000 }] }), ['spec.containers[0].ports[0].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive']],
    ['an unknown protocol', one({ ports: [{ containerPort: 1, protocol: 'ICMP' }] }), ['spec.containers[0].ports[0].protocol: Unsupported value: "ICMP": supported values: "SCTP", "TCP", "UDP"']],
    ['a host port taken twice', one({ ports: [{ containerPort: 1, hostPort: 5 }, { containerPort: 2, hostPort: 5 }] }), ['spec.containers[0].ports[1].hostPort: Duplicate value: "TCP//5"']],
    ['a variable with two values', one({ env: [{ name: 'A', value: 'x', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }] }), [
      'spec.containers[0].env[0].valueFrom: Invalid value: "": may not be specified when `value` is not empty',
    ]],
    ['a variable without a source', one({ env: [{ name: 'A', valueFrom: {} }] }), [
      'spec.containers[0].env[0].valueFrom: Invalid value: "": must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`',
    ]],
    ['a faulty reference to an env file', one({ env: [{ name: 'A', valueFrom: { fileKeyRef: { volumeName: 'v', path: '../x', key: 'a=b' } } }] }), [
      "spec.containers[0].env[0].valueFrom.fileKeyRef.key: Invalid value: \"a=b\": a valid environment variable name must consist only of printable ASCII characters other than '='",
      "spec.containers[0].env[0].valueFrom.fileKeyRef.path: Invalid value: \"../x\": must not contain '..'",
      'spec.containers[0].env[0].valueFrom.fileKeyRef.volumeName: Not found: "v"',
    ]],
    ['an env file outside of an empty directory', { ...one({ env: [{ name: 'A', valueFrom: { fileKeyRef: { volumeName: 'v', path: 'x', key: 'a' } } }] }), volumes: [{ name: 'v', hostPath: { path: '/x' } }] }, [
      'spec.containers[0].env[0].valueFrom.fileKeyRef.volumeName: Invalid value: "v": referenced volume must be of type emptyDir',
    ]],
    ['an unknown field', one({ env: [{ name: 'A', valueFrom: { fieldRef: { fieldPath: 'spec.foo' } } }] }), [
      'spec.containers[0].env[0].valueFrom.fieldRef.fieldPath: Invalid value: "spec.foo": error converting fieldPath: field label not supported: spec.foo',
    ]],
    ['a mount of no volume', one({ volumeMounts: [{ name: 'v', mountPath: '/a' }] }), ['spec.containers[0].volumeMounts[0].name: Not found: "v"']],
    ['a path mounted twice', { ...one({ volumeMounts: [{ name: 'v', mountPath: '/a' }, { name: 'v', mountPath: '/a' }] }), volumes: [{ name: 'v' }] }, [
      'spec.containers[0].volumeMounts[1].mountPath: Invalid value: "/a": must be unique',
    ]],
    ['a volume with two sources', { ...one({}), volumes: [{ name: 'v', emptyDir: {}, hostPath: { path: '/x' } }] }, ['spec.volumes[0].hostPath: Forbidden: may not specify more than 1 volume type']],
    ['an image volume without an image', { ...one({}), volumes: [{ name: 'v', image: { pullPolicy: 'Maybe' } }] }, [
      'spec.volumes[0].image.reference: Required value', 'spec.volumes[0].image.pullPolicy: Unsupported value: "Maybe": supported values: "Always", "IfNotPresent", "Never"',
    ]],
    ['a volume named twice', { ...one({}), volumes: [{ name: 'v' }, { name: 'v' }] }, ['spec.volumes[1].name: Duplicate value: "v"']],
    ['a way out of a volume', { ...one({}), volumes: [{ name: 'v', configMap: { name: 'c', items: [{ key: 'k', path: '../x' }] } }] }, [
      `spec.volumes[0].configMap.items[0].path: Invalid value: "../x": must not contain '..'`,
    ]],
    ['a file mode out of range', { ...one({}), volumes: [{ name: 'v', secret: { secretName: 's', defaultMode: 0o1000 } }] }, [
      'spec.volumes[0].secret.defaultMode: Invalid value: 512: must be a number between 0 and 0777 (octal), both inclusive',
    ]],
    ['a request above its limit', one({ resources: { requests: { cpu: '2' }, limits: { cpu: '1' } } }), ['spec.containers[0].resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1']],
    ['a negative request', one({ resources: { requests: { memory: '-1Mi' } } }), ['spec.containers[0].resources.requests[memory]: Invalid value: "-1Mi": must be greater than or equal to 0']],
    ['a quantity that is none', one({ resources: { requests: { memory: 'lots' } } }), [
      `spec.containers[0].resources.requests[memory]: Invalid value: "lots": quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'`,
    ]],
    ['an unknown resource', one({ resources: { requests: { ram: '1' } } }), [
      'spec.containers[0].resources.requests[ram]: Invalid value: "ram": must be a standard resource type or fully qualified',
      'spec.containers[0].resources.requests[ram]: Invalid value: "ram": must be a standard resource for containers',
    ]],
    ['a half device', one({ resources: { limits: { 'example.com/gpu': '500m' } } }), [
      'spec.containers[0].resources.limits[example.com/gpu]: Invalid value: "500m": must be an integer',
      'spec.containers[0].resources.requests[example.com/gpu]: Invalid value: "500m": must be an integer',
    ]],
    ['huge pages alone', one({ resources: { limits: { 'hugepages-2Mi': '2Mi' } } }), ['spec.containers[0].resources: Forbidden: HugePages require cpu or memory']],
    ['a claim of nothing', one({ resources: { claims: [{ name: 'gpu' }] } }), [
      'spec.containers[0].resources.claims[0]: Not found: "gpu": must be one of the names in pod.spec.resourceClaims which is empty',
    ]],
    ['a probe without a handler', one({ livenessProbe: {} }), ['spec.containers[0].livenessProbe: Required value: must specify a handler type']],
    ['a probe with two handlers', one({ readinessProbe: { exec: { command: ['a'] }, tcpSocket: { port: 1 } } }), ['spec.containers[0].readinessProbe.tcpSocket: Forbidden: may not specify more than 1 handler type']],
    ['a liveness that must succeed twice', one({ livenessProbe: { exec: { command: ['a'] }, successThreshold: 2 } }), ['spec.containers[0].livenessProbe.successThreshold: Invalid value: 2: must be 1']],
    ['a probe of an init container', { ...one({}), initContainers: [{ name: 'i', image: 'x', livenessProbe: { exec: { command: ['a'] } } }] }, [
      'spec.initContainers[0].livenessProbe: Forbidden: may not be set for init containers without restartPolicy=Always',
    ]],
    ['an unknown restart policy of a container', one({ restartPolicy: 'Sometimes' }), ['spec.containers[0].restartPolicy: Unsupported value: "Sometimes": supported values: "Always", "Never", "OnFailure"']],
    ['an unknown restart policy of an init container', { ...one({}), initContainers: [{ name: 'i', image: 'x', restartPolicy: '' }] }, [
      'spec.initContainers[0].restartPolicy: Unsupported value: "": supported values: "Always", "Never", "OnFailure"',
    ]],
    ['restart rules without a policy', one({ restartPolicyRules: [rule()] }), ['spec.containers[0].restartPolicy: Required value: must specify restartPolicy when restart rules are used']],
    ['restart rules of an init container without a policy', { ...one({}), initContainers: [{ name: 'i', image: 'x', restartPolicyRules: [rule()] }] }, [
      'spec.initContainers[0].restartPolicy: Required value: must specify restartPolicy when restart rules are used',
    ]],
    ['faulty restart rules', one({ restartPolicy: 'Never', restartPolicyRules: [rule({ action: 'Stop' }), { action: 'Restart' }, rule({ exitCodes: { operator: 'Equals', values: [3] } })] }), [
      'spec.containers[0].restartPolicyRules[0].action: Unsupported value: "Stop": supported values: "Restart", "RestartAllContainers"',
      'spec.containers[0].restartPolicyRules[1].exitCodes: Required value: must be specified',
      'spec.containers[0].restartPolicyRules[2].exitCodes.operator: Unsupported value: "Equals": supported values: "In", "NotIn"',
    ]],
    ['too many restart rules', one({ restartPolicy: 'Never', restartPolicyRules: Array.from({ length: 21 }, () => rule()) }), ['spec.containers[0].restartPolicyRules: Too many: 21: must have at most 20 items']],
    ['too many exit codes', one({ restartPolicy: 'Never', restartPolicyRules: [rule({ exitCodes: { operator: 'In', values: Array.from({ length: 256 }, (_, code) => code) } })] }), [
      'spec.containers[0].restartPolicyRules[0].exitCodes.values: Too many: 256: must have at most 255 items',
    ]],
    ['a user out of range', { ...one({}), securityContext: { runAsUser: -1 } }, ['spec.securityContext.runAsUser: Invalid value: -1: must be between 0 and 4294967295, inclusive']],
    ['the host\'s namespaces with users of its own', { ...one({}), hostUsers: false, hostNetwork: true, hostPID: true, hostIPC: true }, [
      'spec.hostNetwork: Forbidden: when `hostUsers` is false', 'spec.HostPID: Forbidden: when `hostUsers` is false', 'spec.HostIPC: Forbidden: when `hostUsers` is false',
    ]],
    ['devices with users of its own', { ...one({ volumeDevices: [{ name: 'disk', devicePath: '/dev/disk' }] }), hostUsers: false, volumes: [{ name: 'disk', persistentVolumeClaim: { claimName: 'disk' } }] }, ['spec.containers[0].volumeDevices: Forbidden: when `hostUsers` is false']],
    ['privileges that contradict', one({ securityContext: { privileged: true, allowPrivilegeEscalation: false } }), [
      'spec.containers[0].securityContext: Invalid value: {"privileged":true,"allowPrivilegeEscalation":false}: cannot set `allowPrivilegeEscalation` to false and `privileged` to true',
    ]],
    ['a host port that differs on the host’s network', { hostNetwork: true, ...one({ ports: [{ containerPort: 1, hostPort: 2 }] }) }, [
      'spec.containers[0].ports[0].hostPort: Invalid value: 2: must match `containerPort` when `hostNetwork` is true',
    ]],
    ['a toleration of everything but by equality', { ...one({}), tolerations: [{ operator: 'Equal' }] }, [
      'spec.tolerations[0].operator: Invalid value: "Equal": operator must be Exists when `key` is empty, which means "match all values and all keys"',
    ]],
    ['seconds for another effect', { ...one({}), tolerations: [{ key: 'k', operator: 'Exists', effect: 'NoSchedule', tolerationSeconds: 1 }] }, [
      `spec.tolerations[0].effect: Invalid value: "NoSchedule": effect must be 'NoExecute' when \`tolerationSeconds\` is set`,
    ]],
    ['no node selector terms', { ...one({}), affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [] } } } }, [
      'spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms: Required value: must have at least one node selector term',
    ]],
    ['no skew', { ...one({}), topologySpreadConstraints: [{ maxSkew: 0, topologyKey: 'z', whenUnsatisfiable: 'ScheduleAnyway' }] }, ['spec.topologySpreadConstraints[0].maxSkew: Invalid value: 0: must be greater than zero']],
    ['no deadline', { ...one({}), activeDeadlineSeconds: 0 }, ['spec.activeDeadlineSeconds: Invalid value: 0: must be between 1 and 2147483647, inclusive']],
    ['its own DNS without a server', { ...one({}), dnsPolicy: 'None' }, ['spec.dnsConfig: Required value: must provide `dnsConfig` when `dnsPolicy` is None']],
    ['a token without an account', { ...one({}), volumes: [{ name: 'v', projected: { sources: [{ serviceAccountToken: { path: 't' } }] } }] }, [
      'spec.volumes[0].projected.sources[0].serviceAccountToken: Forbidden: must not be specified when serviceAccountName is not set',
    ]],
    ['a node for a gated pod', { ...one({}), nodeName: 'n', schedulingGates: [{ name: 'g' }] }, ['spec.nodeName: Forbidden: cannot be set until all schedulingGates have been cleared']],
    ['pod resources below the sum', { ...one({ resources: { requests: { cpu: '2' } } }), resources: { requests: { cpu: '1' } } }, [
      'spec.resources.requests[cpu]: Invalid value: "1": must be greater than or equal to aggregate container requests of 2',
    ]],
  ])('names %s', (_name, spec, messages) => {
    expect(wrong(spec)).toEqual(messages);
  });

  it.each(['Always', 'OnFailure', 'Never'])('lets every kind of container be restarted %s, with rules of its own', (restartPolicy) => {
    const own = { image: 'x', restartPolicy, restartPolicyRules: [rule(), rule({ action: 'RestartAllContainers', exitCodes: { operator: 'NotIn' } })] };
    expect(wrong({ initContainers: [{ name: 'i', ...own }], containers: [{ name: 'a', ...own }] })).toEqual([]);
  });

  it('survives a spec that lacks everything', () => {
    expect(fieldErrorTexts(validatePodSpec(undefined, new Path('spec'), true))).toContain('spec.containers: Required value');
    expect(fieldErrorTexts(validatePodSpec({ containers: [{}] } as unknown as PodSpec, new Path('spec'), true))).toContain('spec.containers[0].name: Required value');
  });

  it.each([['-5', 0], ['2147483648', 1], ['05', 1], ['many', 1]])('reads a deletion cost of %s', (text, faults) => {
    expect(validateDeletionCost({ 'controller.kubernetes.io/pod-deletion-cost': text }, new Path('metadata.annotations'))).toHaveLength(faults);
  });
});
