import { describe, expect, it } from 'vitest';
import { fieldErrorTexts } from '../../../machinery/field-path.ts';
import type { KubernetesObject } from '../../../machinery/kinds/kind.ts';
import type { StorageClass } from '../../../machinery/kinds/storage.ts';
import type { Draft } from '../../../machinery/kinds/wire.ts';
import type { Resource } from '../define.ts';
import { csiDriver } from './csi-driver.ts';
import { csiNode } from './csi-node.ts';
import { csiStorageCapacity } from './csi-storage-capacity.ts';
import { storageClass } from './storage-class.ts';
import { volumeAttachment } from './volume-attachment.ts';
import { volumeAttributesClass } from './volume-attributes-class.ts';

function filled<T extends KubernetesObject>(resource: Resource<T>, object: object): T {
  const draft = structuredClone({ metadata: { name: 'x' }, ...object }) as unknown as Draft<T>;
  resource.defaults?.(draft);
  return draft as T;
}
const judged = <T extends KubernetesObject>(resource: Resource<T>, object: object): string[] => fieldErrorTexts(resource.validate?.(filled(resource, object)));
const changed = <T extends KubernetesObject>(resource: Resource<T>, object: object, old: object): string[] => fieldErrorTexts(resource.validateUpdate?.(filled(resource, object), filled(resource, old)));
const cells = <T extends KubernetesObject>(resource: Resource<T>, object: object): unknown[] => resource.columns.map((column) => column.cell(filled(resource, object), 0));

describe('a storage class', () => {
  const term = { matchLabelExpressions: [{ key: 'zone', values: ['a', 'b'] }] };

  it.each<[string, object, readonly string[]]>([
    ['a good one', { provisioner: 'Example.com/disk', allowedTopologies: [term] }, []],
    ['no provisioner', {}, ['provisioner: Required value']],
    ['unknown policies', { provisioner: 'a', reclaimPolicy: 'Recycle', volumeBindingMode: 'Later' }, [
      'reclaimPolicy: Unsupported value: "Recycle": supported values: "Delete", "Retain"', 'volumeBindingMode: Unsupported value: "Later": supported values: "Immediate", "WaitForFirstConsumer"',
    ]],
    ['parameters without a name', { provisioner: 'a', parameters: { '': 'x' } }, ['parameters: Invalid value: "": field can not be empty.']],
    ['parameters without an end', { provisioner: 'a', parameters: { a: 'x'.repeat(262_144) } }, ['parameters: Too long: may not be more than 262144 bytes']],
    ['topologies twice', { provisioner: 'a', allowedTopologies: [term, { matchLabelExpressions: [{ key: 'zone', values: ['b', 'a'] }] }] }, ['allowedTopologies[1].matchLabelExpressions: Duplicate value: ""']],
    ['a term that repeats itself', { provisioner: 'a', allowedTopologies: [{ matchLabelExpressions: [{ key: 'z', values: ['a', 'a'] }, { key: 'z', values: [] }] }] }, [
      'allowedTopologies[0].matchLabelExpressions[0].values[1]: Duplicate value: "a"', 'allowedTopologies[0].matchLabelExpressions[1].values: Required value',
      'allowedTopologies[0].matchLabelExpressions[1].key: Duplicate value: "z"',
    ]],
  ])('is judged: %s', (_name, object, messages) => {
    expect(judged(storageClass, object)).toEqual(messages);
  });

  it('stays what it is', () => {
    expect(changed(storageClass, { provisioner: 'b', parameters: { a: '2' }, reclaimPolicy: 'Retain', volumeBindingMode: 'WaitForFirstConsumer' }, { provisioner: 'a', parameters: { a: '1' } })).toEqual([
      'parameters: Forbidden: updates to parameters are forbidden.', 'provisioner: Forbidden: updates to provisioner are forbidden.', 'reclaimPolicy: Forbidden: updates to reclaimPolicy are forbidden.',
      'volumeBindingMode: Invalid value: "WaitForFirstConsumer": field is immutable',
    ]);
    expect(changed(storageClass, { provisioner: 'a', allowVolumeExpansion: true, mountOptions: ['ro'] }, { provisioner: 'a' })).toEqual([]);
  });

  it('shows whether it is the default', () => {
    expect(cells(storageClass, { provisioner: 'p' })).toEqual(['x', 'p', 'Delete', 'Immediate', false, '<unknown>']);
    expect(cells(storageClass, { metadata: { name: 'd', annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } }, allowVolumeExpansion: true }).slice(0, 1)).toEqual(['d (default)']);
  });

  it('warns of labels that have another name', () => {
    const object: StorageClass = { provisioner: 'a', allowedTopologies: [{ matchLabelExpressions: [{ key: 'failure-domain.beta.kubernetes.io/zone', values: ['a'] }] }] };
    expect(storageClass.warnings?.(object)).toEqual(['allowedTopologies[0].matchLabelExpressions[0].key: deprecated since v1.17; use "topology.kubernetes.io/zone" instead']);
  });
});

describe('a class of volume attributes', () => {
  it('has a driver and parameters, and keeps them', () => {
    expect(judged(volumeAttributesClass, {})).toEqual(['driverName: Required value', 'parameters: Required value: must contain at least one key/value pair']);
    expect(changed(volumeAttributesClass, { driverName: 'b', parameters: { a: '2' } }, { driverName: 'a', parameters: { a: '1' } })).toEqual([
      'driverName: Forbidden: updates to driverName are forbidden.', 'parameters: Forbidden: updates to parameters are forbidden.',
    ]);
  });
});

describe('a volume attachment', () => {
  const spec = { attacher: 'csi.example.com', nodeName: 'n1', source: { persistentVolumeName: 'pv1' } };

  it.each<[string, object, readonly string[]]>([
    ['a good one', { spec }, []],
    ['neither source', { spec: { ...spec, source: {} } }, ['spec.source: Required value: must specify exactly one of inlineVolumeSpec and persistentVolumeName']],
    ['both sources', { spec: { ...spec, source: { persistentVolumeName: 'a', inlineVolumeSpec: {} } } }, ['spec.source: Forbidden: must specify exactly one of inlineVolumeSpec and persistentVolumeName']],
    ['a volume without a name', { spec: { ...spec, source: { persistentVolumeName: '' } } }, ['spec.source.persistentVolumeName: Required value: must specify non empty persistentVolumeName']],
    ['a volume described in place', { spec: { ...spec, source: { inlineVolumeSpec: { accessModes: ['ReadWriteOnce'], csi: { driver: 'a', volumeHandle: 'b' }, persistentVolumeReclaimPolicy: 'Retain', volumeMode: 'Filesystem' } } } }, []],
    ['a volume described in place that is none', { spec: { ...spec, source: { inlineVolumeSpec: {} } } }, [
      'spec.source.inlineVolumeSpec.csi: Required value: has to be specified in the context of inline volumes', 'spec.source.inlineVolumeSpec.accessModes: Required value',
      'spec.source.inlineVolumeSpec: Required value: must specify a volume type',
    ]],
    ['a volume described in place by what only an object has', { spec: { ...spec, source: { inlineVolumeSpec: {
      accessModes: ['ReadWriteOnce'], csi: { driver: 'a', volumeHandle: 'b' }, capacity: { storage: '1Gi' }, claimRef: {}, persistentVolumeReclaimPolicy: 'Delete', nodeAffinity: {}, storageClassName: 'a', volumeMode: 'Block',
    } } } }, [
      'spec.source.inlineVolumeSpec.claimRef: Forbidden: may not be specified in the context of inline volumes', 'spec.source.inlineVolumeSpec.capacity: Forbidden: may not be specified in the context of inline volumes',
      'spec.source.inlineVolumeSpec.persistentVolumeReclaimPolicy: Forbidden: may only be Retain in the context of inline volumes', 'spec.source.inlineVolumeSpec.nodeAffinity: Forbidden: may not be specified in the context of inline volumes',
      'spec.source.inlineVolumeSpec.storageClassName: Forbidden: may not be specified in the context of inline volumes',
      'spec.source.inlineVolumeSpec.volumeMode: Forbidden: may not specify volumeMode other than Filesystem in the context of inline volumes',
    ]],
    ['an error that tells too much', { spec, status: { attached: false, attachError: { message: 'x'.repeat(1025), errorCode: -1 } } }, [
      'status.attachError.message: Too long: may not be more than 262144 bytes', 'status.attachError.errorCode: Invalid value: -1: must be between 0 and 2147483647, inclusive',
    ]],
  ])('is judged: %s', (_name, object, messages) => {
    expect(judged(volumeAttachment, object)).toEqual(messages);
  });

  it('keeps its spec, and starts detached', () => {
    expect(changed(volumeAttachment, { spec: { ...spec, nodeName: 'n2' } }, { spec })).toEqual([
      'spec: Invalid value: {"attacher":"csi.example.com","nodeName":"n2","source":{"persistentVolumeName":"pv1"}}: field is immutable',
    ]);
    const draft = { spec, status: { attached: true } } as Parameters<NonNullable<typeof volumeAttachment.prepareForCreate>>[0];
    volumeAttachment.prepareForCreate?.(draft);
    expect(draft.status).toEqual({ attached: false });
    expect(cells(volumeAttachment, { spec, status: { attached: true } })).toEqual(['x', 'csi.example.com', 'pv1', 'n1', true, '<unknown>']);
  });
});

describe('a CSI driver', () => {
  it('is filled in', () => {
    expect(filled(csiDriver, {}).spec).toEqual({
      attachRequired: true, podInfoOnMount: false, storageCapacity: false, fsGroupPolicy: 'ReadWriteOnceWithFSType', volumeLifecycleModes: ['Persistent'], requiresRepublish: false, seLinuxMount: false,
    });
    expect(cells(csiDriver, {})).toEqual(['x', true, false, false, '<unset>', false, 'Persistent', '<unknown>']);
  });

  it.each<[string, object, readonly string[]]>([
    ['unknown words', { fsGroupPolicy: 'Any', volumeLifecycleModes: ['Eternal'] }, [
      'spec.fsGroupPolicy: Unsupported value: "Any": supported values: "File", "None", "ReadWriteOnceWithFSType"', 'spec.volumeLifecycleModes: Unsupported value: "Eternal": supported values: "Persistent", "Ephemeral"',
    ]],
    ['tokens', { tokenRequests: [{ audience: 'a', expirationSeconds: 5 }, { audience: 'a' }, { audience: '', expirationSeconds: 5_000_000_000 }] }, [
      'spec.tokenRequests[0].expirationSeconds: Invalid value: 5: may not specify a duration less than 10 minutes', 'spec.tokenRequests[1].audience: Duplicate value: "a"',
      'spec.tokenRequests[2].expirationSeconds: Invalid value: 5000000000: may not specify a duration larger than 2^32 seconds',
    ]],
    ['tokens that nobody asks for', { serviceAccountTokenInSecrets: true, nodeAllocatableUpdatePeriodSeconds: 1 }, [
      'spec.nodeAllocatableUpdatePeriodSeconds: Invalid value: 1: must be greater than or equal to 10 seconds',
      'spec.serviceAccountTokenInSecrets: Invalid value: true: serviceAccountTokenInSecrets is set but no tokenRequests are specified',
    ]],
  ])('is judged: %s', (_name, spec, messages) => {
    expect(judged(csiDriver, { spec })).toEqual(messages);
  });

  it('keeps how it attaches', () => {
    expect(changed(csiDriver, { spec: { attachRequired: false, podInfoOnMount: true } }, { spec: {} })).toEqual(['spec.attachedRequired: Invalid value: false: field is immutable']);
  });
});

const of = (driver: object) => ({ spec: { drivers: [{ name: 'a', nodeID: 'x', ...driver }] } });

describe('a CSI node', () => {
  it.each<[string, readonly object[], readonly string[]]>([
    ['a good one', [{ name: 'Csi.example.com', nodeID: 'a', topologyKeys: ['zone'], allocatable: { count: 3 } }], []],
    ['a driver twice, without an id', [{ name: 'a', nodeID: 'x' }, { name: 'a', nodeID: '', allocatable: { count: -1 } }], [
      'spec.drivers[1].nodeID: Required value', 'spec.drivers[1].allocatable.count: Invalid value: -1: must be greater than or equal to 0', 'spec.drivers[1].name: Duplicate value: "a"',
    ]],
    ['keys twice', [{ name: 'a', nodeID: 'x', topologyKeys: ['z', 'z'] }], ['spec.drivers[0]: Duplicate value: "z"']],
    ['an id without an end', [{ name: 'a', nodeID: 'x'.repeat(257) }], [`spec.drivers[0].nodeID: Invalid value: "${'x'.repeat(257)}": must be 256 characters or less`]],
  ])('is judged: %s', (_name, drivers, messages) => {
    expect(judged(csiNode, { spec: { drivers } })).toEqual(messages);
  });

  it('may take more volumes, but is the same node', () => {
    expect(changed(csiNode, of({ allocatable: { count: 9 } }), of({ allocatable: { count: 1 } }))).toEqual([]);
    expect(changed(csiNode, of({ nodeID: 'y' }), of({}))).toEqual([expect.stringContaining('spec.drivers: Invalid value: ')]);
  });
});

describe('a storage capacity', () => {
  it('is of a class, not negative, and stays where it is', () => {
    expect(judged(csiStorageCapacity, { storageClassName: 'a', capacity: '10Gi' })).toEqual([]);
    expect(judged(csiStorageCapacity, { storageClassName: 'a', capacity: '-1' })).toEqual(['capacity: Invalid value: "-1": must be greater than or equal to 0']);
    expect(changed(csiStorageCapacity, { storageClassName: 'b', nodeTopology: {} }, { storageClassName: 'a', nodeTopology: { matchLabels: { a: 'b' } } })).toEqual([
      'nodeTopology: Invalid value: {}: field is immutable', 'storageClassName: Invalid value: "b": field is immutable',
    ]);
    expect(cells(csiStorageCapacity, { storageClassName: 'a' })).toEqual(['x', 'a', '<unset>']);
    expect(csiStorageCapacity.warnings?.({ storageClassName: 'a', nodeTopology: { matchLabels: { 'beta.kubernetes.io/os': 'linux' } } })).toEqual([
      'nodeTopology.matchLabels.beta.kubernetes.io/os: deprecated since v1.14; use "kubernetes.io/os" instead',
    ]);
  });
});
