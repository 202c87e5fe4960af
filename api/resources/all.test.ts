import { describe, expect, it } from 'vitest';
import { fieldErrorTexts } from '../../machinery/field-path.ts';
import type { CertificateSigningRequest, ClusterRoleBinding, Lease, PriorityClass, Role } from '../../machinery/kinds/cluster.ts';
import type { ConfigMap, Event, Namespace, Node, Pod, Secret } from '../../machinery/kinds/core.ts';
import type { Draft } from '../../machinery/kinds/wire.ts';
import { resources } from './all.ts';
import { certificateSigningRequest } from './certificates/certificate-signing-request.ts';
import { lease } from './coordination/lease.ts';
import { configMap } from './core/config-map.ts';
import { event } from './core/event.ts';
import { namespace } from './core/namespace.ts';
import { node } from './core/node.ts';
import { pod } from './core/pod.ts';
import { podWarnings } from './core/pod/warnings.ts';
import { secret } from './core/secret.ts';
import { clusterRoleBinding } from './rbac/cluster-role-binding.ts';
import { role } from './rbac/role.ts';
import { priorityClass } from './scheduling/priority-class.ts';

const now = Date.parse('2026-01-01T01:00:00Z');
const base64 = (text: string): string => Buffer.from(text).toString('base64');

describe('the registry', () => {
  it('names each kind, plural and short name once', () => {
    const names = resources.filter(({ storedAs }) => storedAs === undefined).flatMap((one) => [`${one.group}/${one.plural}`, ...one.shortNames]);
    expect(new Set(names).size).toBe(names.length);
    expect(resources.map((one) => one.kind)).toContain('Pod');
  });

  it('stores no reviews, and nothing else that is only asked', () => {
    expect(resources.filter((one) => !one.stored).map((one) => one.kind).toSorted()).toEqual([
      'Binding', 'ComponentStatus', 'LocalSubjectAccessReview', 'SelfSubjectAccessReview', 'SelfSubjectReview', 'SelfSubjectRulesReview', 'SubjectAccessReview', 'TokenReview',
    ]);
  });

  it('has kinds whose replacements must name the version that they replace', () => {
    expect(resources.filter((one) => one.updatesNameVersion).map((one) => one.kind).toSorted()).toEqual([
      'APIService', 'CSIDriver', 'CSINode', 'CSIStorageCapacity', 'CustomResourceDefinition', 'Lease', 'MutatingAdmissionPolicy', 'MutatingAdmissionPolicyBinding', 'MutatingWebhookConfiguration', 'PodDisruptionBudget',
      'RuntimeClass', 'ValidatingAdmissionPolicy', 'ValidatingAdmissionPolicyBinding', 'ValidatingWebhookConfiguration', 'VolumeAttachment',
    ]);
    expect(resources.filter((one) => one.statusKeepsMetadata).map((one) => one.kind).toSorted()).toEqual([
      'APIService', 'FlowSchema', 'PriorityLevelConfiguration', 'ResourceClaim', 'ServiceCIDR', 'ValidatingAdmissionPolicy', 'VolumeAttachment',
    ]);
  });

  it('has cells for an object that has nothing but a name', () => {
    const bare = { metadata: { name: 'x' }, involvedObject: {}, roleRef: {}, spec: {} };
    for (const resource of resources) {
      for (const column of resource.columns) expect(column.cell(bare, now), `${resource.kind} ${column.name}`).not.toBeUndefined();
      for (const [field, value] of Object.entries(resource.fields)) expect(typeof value(bare), `${resource.kind} ${field}`).toBe('string');
    }
  });
});

describe('a Pod', () => {
  it('starts Pending, whatever status its creator sent', () => {
    const draft = { spec: { containers: [{ name: 'c' }] }, status: { phase: 'Running' } } as Draft<Pod>;
    pod.prepareForCreate?.(draft);
    expect(draft.status).toEqual({ phase: 'Pending', qosClass: 'BestEffort' });
  });

  it.each<[string, Pod, number | undefined, number]>([
    ['unscheduled', { spec: { containers: [], terminationGracePeriodSeconds: 30 } }, undefined, 0],
    ['running', { spec: { containers: [], nodeName: 'n', terminationGracePeriodSeconds: 30 } }, undefined, 30],
    ['running, asked for 5', { spec: { containers: [], nodeName: 'n', terminationGracePeriodSeconds: 30 } }, 5, 5],
    ['running, asked for less than none', { spec: { containers: [], nodeName: 'n' } }, -1, 1],
    ['ended', { spec: { containers: [], nodeName: 'n', terminationGracePeriodSeconds: 30 }, status: { phase: 'Failed' } }, undefined, 0],
  ])('%s has its time to end', (_name, object, asked, seconds) => {
    expect(pod.deletion.graceSeconds?.(object, asked)).toBe(seconds);
  });

  it('warns of what is seldom meant', () => {
    expect(podWarnings({ spec: {
      terminationGracePeriodSeconds: -1, nodeSelector: { 'beta.kubernetes.io/os': 'linux' },
      containers: [{ name: 'c', env: [{ name: 'A' }, { name: 'A' }], resources: { requests: { memory: '100m' } } }],
    } })).toEqual([
      'spec.nodeSelector[beta.kubernetes.io/os]: deprecated since v1.14; use "kubernetes.io/os" instead',
      'spec.containers[0].resources.requests[memory]: fractional byte value "100m" is invalid, must be an integer',
      'spec.containers[0].env[1]: hides previous definition of "A", which may be dropped when using apply',
      'spec.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1',
    ]);
  });
});

describe('a Namespace', () => {
  it('is held by its finalizer until the controller has emptied it', () => {
    const draft = { metadata: { name: 'n' } } as Draft<Namespace>;
    namespace.defaults?.(draft);
    namespace.prepareForCreate?.(draft);
    expect(draft).toEqual({ metadata: { name: 'n', labels: { 'kubernetes.io/metadata.name': 'n' } }, status: { phase: 'Active' }, spec: { finalizers: ['kubernetes'] } });
    expect(namespace.deletion.blocked?.(draft as Namespace)).toBe(true);
    namespace.deletion.begin?.(draft);
    expect(draft.status?.phase).toBe('Terminating');
    expect(namespace.deletion.blocked?.({ spec: { finalizers: [] } })).toBe(false);
  });

  it('is Terminating exactly while it is deleted', () => {
    expect(fieldErrorTexts(namespace.validateStatusUpdate?.({ status: { phase: 'Terminating' } }, {}))).toEqual([
      "status.Phase: Invalid value: \"Terminating\": may only be 'Active' if `deletionTimestamp` is empty",
    ]);
    expect(namespace.validateStatusUpdate?.({ metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' }, status: { phase: 'Terminating' } }, {})).toEqual([]);
  });

  it('keeps its finalizers in updates', () => {
    const draft = { spec: {} } as Draft<Namespace>;
    namespace.prepareForUpdate?.(draft, { spec: { finalizers: ['kubernetes'] } });
    expect(draft.spec?.finalizers).toEqual(['kubernetes']);
  });
});

describe('a Secret', () => {
  it('takes stringData as data', () => {
    const draft = { data: { a: base64('old'), b: base64('b') }, stringData: { a: 'new', ['__proto__']: 'x' } } as Draft<Secret>;
    secret.defaults?.(draft);
    expect(draft.data?.['a']).toBe(base64('new'));
    expect(draft).not.toHaveProperty('stringData');
    expect(draft.type).toBe('Opaque');
  });

  it.each<[string, Secret, string[]]>([
    ['a key', { data: { 'a b': '' } }, [`data[a b]: Invalid value: "a b": a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')`]],
    ['credentials that are no JSON, without showing them', { type: 'kubernetes.io/dockerconfigjson', data: { '.dockerconfigjson': base64('hunter2') } }, [
      'data[.dockerconfigjson]: Invalid value: "<secret contents redacted>": must be a JSON object',
    ]],
    ['a certificate without its key', { type: 'kubernetes.io/tls', data: { 'tls.crt': '' } }, ['data[tls.key]: Required value']],
    ['a token of nobody', { type: 'kubernetes.io/service-account-token' }, ['metadata.annotations[kubernetes.io/service-account.name]: Required value']],
    ['too much', { data: { a: 'A'.repeat(1_500_000) } }, ['data: Too long: may not be more than 1048576 bytes']],
  ])('refuses %s', (_name, object, messages) => {
    expect(fieldErrorTexts(secret.validate?.(object))).toEqual(messages);
  });

  it('keeps its type, and all of it once immutable', () => {
    expect(fieldErrorTexts(secret.validateUpdate?.({ type: 'b' }, { type: 'a' }))).toEqual(['type: Invalid value: "b": field is immutable']);
    expect(fieldErrorTexts(secret.validateUpdate?.({ type: 'a', data: {} }, { type: 'a', immutable: true, data: { a: '' } }))).toEqual([
      'immutable: Forbidden: field is immutable when `immutable` is set', 'data: Forbidden: field is immutable when `immutable` is set',
    ]);
  });
});

describe('a ConfigMap', () => {
  it('counts its keys and refuses one in both maps', () => {
    const object: ConfigMap = { data: { a: 'x' }, binaryData: { a: '' } };
    expect(configMap.columns[1]?.cell(object, now)).toBe(2);
    expect(fieldErrorTexts(configMap.validate?.(object))).toEqual(['data[a]: Invalid value: "a": duplicate of key present in binaryData']);
  });
});

describe('a Node', () => {
  const object: Node = {
    metadata: { name: 'n1', labels: { 'node-role.kubernetes.io/worker': '', 'node-role.kubernetes.io/control-plane': '' } },
    spec: { unschedulable: true },
    status: { conditions: [{ type: 'Ready', status: 'True' }], addresses: [{ type: 'InternalIP', address: '10.0.0.1' }] },
  };

  it('shows its state and roles', () => {
    expect(node.columns.map((column) => column.cell(object, now))).toEqual([
      'n1', 'Ready,SchedulingDisabled', 'control-plane,worker', '<unknown>', '', '10.0.0.1', '<none>', '<unknown>', '<unknown>', '<unknown>',
    ]);
    expect(node.columns[1]?.cell({}, now)).toBe('Unknown');
    expect(node.fields['spec.unschedulable']?.({})).toBe('false');
  });

  it('refuses a taint without an effect and one twice', () => {
    expect(fieldErrorTexts(node.validate?.({ spec: { taints: [{ key: 'a', effect: '' }, { key: 'b', effect: 'NoSchedule' }, { key: 'b', effect: 'NoSchedule' }] } }))).toEqual([
      'spec.taints[0].effect: Required value', 'spec.taints[2]: Duplicate value: {"key":"b","effect":"NoSchedule"}: taints must be unique by key and effect pair',
    ]);
  });
});

describe('an Event', () => {
  const object: Event = {
    metadata: { name: 'e', namespace: 'default' }, involvedObject: { kind: 'Pod', name: 'p', namespace: 'default' }, type: 'Warning', reason: 'BackOff',
    message: ' again \n', firstTimestamp: '2026-01-01T00:00:00Z', lastTimestamp: '2026-01-01T00:59:00Z', count: 3, source: { component: 'agent', host: 'n1' },
  };

  it('shows when, what and about whom', () => {
    expect(event.columns.map((column) => column.cell(object, now))).toEqual(['60s', 'Warning', 'BackOff', 'pod/p', '', 'agent, n1', 'again', '60m', 3, 'e']);
  });

  it('stands in the namespace of what it is about', () => {
    expect(event.validate?.(object)).toEqual([]);
    expect(fieldErrorTexts(event.validate?.({ ...object, metadata: { namespace: 'other' } }))).toEqual(['involvedObject.namespace: Invalid value: "default": does not match event.namespace']);
    expect(event.validate?.({ metadata: { namespace: 'default' }, involvedObject: { kind: 'Node', name: 'n' } })).toEqual([]);
  });
});

describe('roles and bindings', () => {
  it('refuse rules that say nothing', () => {
    const object: Role = { rules: [{ verbs: [], nonResourceURLs: ['/x'] }, { verbs: ['get'] }] };
    expect(fieldErrorTexts(role.validate?.(object))).toEqual([
      'rules[0].verbs: Required value: verbs must contain at least one value',
      'rules[0].nonResourceURLs: Invalid value: ["/x"]: namespaced rules cannot apply to non-resource URLs',
      'rules[1].apiGroups: Required value: resource rules must supply at least one api group',
      'rules[1].resources: Required value: resource rules must supply at least one resource',
    ]);
  });

  it('fill in the group, check subjects, keep the role', () => {
    const draft = { roleRef: { kind: 'ClusterRole', name: 'admin' }, subjects: [{ kind: 'User', name: 'u' }, { kind: 'ServiceAccount', name: 's' }] } as Draft<ClusterRoleBinding>;
    clusterRoleBinding.defaults?.(draft);
    const object = draft as ClusterRoleBinding;
    expect(object.roleRef.apiGroup).toBe('rbac.authorization.k8s.io');
    expect(fieldErrorTexts(clusterRoleBinding.validate?.(object))).toEqual(['subjects[1].namespace: Required value']);
    expect(fieldErrorTexts(clusterRoleBinding.validateUpdate?.(object, { ...object, roleRef: { ...object.roleRef, name: 'view' } }))).toEqual([
      'roleRef: Invalid value: {"kind":"ClusterRole","name":"admin","apiGroup":"rbac.authorization.k8s.io"}: cannot change roleRef',
    ]);
    expect(clusterRoleBinding.columns.map((column) => column.cell(object, now))).toEqual(['', 'ClusterRole/admin', '<unknown>', 'u', '', '/s']);
  });
});

describe('other kinds', () => {
  it('a PriorityClass stays below the cluster’s own', () => {
    const high: PriorityClass = { metadata: { name: 'high' }, value: 2_000_000_000 };
    expect(fieldErrorTexts(priorityClass.validate?.(high))).toEqual(['value: Forbidden: maximum allowed value of a user defined priority is 1000000000']);
    expect(priorityClass.validate?.({ metadata: { name: 'system-node-critical' }, value: 2_000_001_000 })).toEqual([]);
    expect(fieldErrorTexts(priorityClass.validateUpdate?.({ value: 1 }, { value: 2 }))).toEqual(['value: Forbidden: may not be changed in an update.']);
  });

  it('a Lease lasts', () => {
    const object: Lease = { spec: { leaseDurationSeconds: 0 } };
    expect(fieldErrorTexts(lease.validate?.(object))).toEqual(['spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0']);
  });

  it('a request for a certificate says what, for whom and for what', () => {
    const request = base64('-----BEGIN CERTIFICATE REQUEST-----\nAA==\n-----END CERTIFICATE REQUEST-----\n');
    const object: CertificateSigningRequest = { spec: { request, signerName: 'kubernetes.io/kubelet-serving', usages: ['server auth'] } };
    expect(certificateSigningRequest.validate?.(object)).toEqual([]);
    expect(fieldErrorTexts(certificateSigningRequest.validate?.({ spec: { request: base64('x'), signerName: '', usages: ['flying'], expirationSeconds: 5 } })).map((line) => line.split(': ').slice(0, 2).join(': '))).toEqual([
      'spec.request: Invalid value', 'spec.usages[0]: Unsupported value', 'spec.signerName: Required value', 'spec.expirationSeconds: Invalid value',
    ]);
    const issued: CertificateSigningRequest = { ...object, status: { conditions: [{ type: 'Approved', status: 'True' }], certificate: 'AA==' } };
    expect(certificateSigningRequest.columns.at(-1)?.cell(issued, now)).toBe('Approved,Issued');
    expect(certificateSigningRequest.validateStatusUpdate?.({ ...issued, status: { conditions: [{ type: 'Approved', status: 'True' }] } }, object, 'approval')).toEqual([]);
    expect(fieldErrorTexts(certificateSigningRequest.validateStatusUpdate?.({ ...object, status: { conditions: [{ type: 'Denied', status: 'True' }] } }, issued, 'approval'))).toEqual([
      'status.conditions: Forbidden: updates may not remove a condition of type "Approved"', 'status.certificate: Forbidden: updates may not modify existing certificate content',
    ]);
  });
});
