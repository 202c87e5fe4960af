import { describe, expect, it } from 'vitest';
import { fieldErrorTexts } from '../../../machinery/field-path.ts';
import type { LimitRange, PersistentVolume, PersistentVolumeClaim, ResourceQuota } from '../../../machinery/kinds/core.ts';
import type { Draft } from '../../../machinery/kinds/wire.ts';
import { limitRange } from './limit-range.ts';
import { persistentVolumeClaim } from './persistent-volume-claim.ts';
import { persistentVolume } from './persistent-volume.ts';
import { resourceQuota } from './resource-quota.ts';

const sized = (storage: string) => ({ resources: { requests: { storage } } });

describe('a PersistentVolumeClaim', () => {
  type Spec = NonNullable<PersistentVolumeClaim['spec']>;

  function make(change: Partial<Spec> = {}, status?: PersistentVolumeClaim['status']): PersistentVolumeClaim {
    const draft = { metadata: { name: 'data' }, spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } }, ...structuredClone(change) } } as Draft<PersistentVolumeClaim>;
    persistentVolumeClaim.defaults?.(draft);
    persistentVolumeClaim.prepareForCreate?.(draft);
    return { ...(draft as PersistentVolumeClaim), ...(status === undefined ? {} : { status }) };
  }

  it('asks for a file system and is Pending', () => {
    expect(make()).toMatchObject({ spec: { volumeMode: 'Filesystem' }, status: { phase: 'Pending' } });
    expect(make({ dataSource: { kind: 'PersistentVolumeClaim', name: 'old' } }).spec?.dataSourceRef).toEqual({ kind: 'PersistentVolumeClaim', name: 'old' });
    expect(make({ dataSourceRef: { kind: 'PersistentVolumeClaim', name: 'old' } }).spec?.dataSource).toEqual({ kind: 'PersistentVolumeClaim', name: 'old' });
    expect(fieldErrorTexts(persistentVolumeClaim.validate?.(make()))).toEqual([]);
  });

  it.each<[string, Partial<Spec>, string[]]>([
    ['no access', { accessModes: [] }, ['spec.accessModes: Required value: at least 1 access mode is required']],
    ['an access that is none', { accessModes: ['Any'] }, ['spec.accessModes: Unsupported value: "Any": supported values: "ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"']],
    ['one pod and many', { accessModes: ['ReadWriteOncePod', 'ReadWriteMany'] }, ['spec.accessModes: Forbidden: may not use ReadWriteOncePod with other access modes']],
    ['no size', { resources: {} }, ['spec.resources[storage]: Required value']],
    ['a size of nothing', { resources: { requests: { storage: '0' } } }, ['spec.resources[storage]: Invalid value: "0": must be greater than zero']],
    ['a mode that is none', { volumeMode: 'Tape' }, ['spec.volumeMode: Unsupported value: "Tape": supported values: "Block", "Filesystem"']],
    ['a source without a name', { dataSource: { kind: 'PersistentVolumeClaim', name: '' } }, ['spec.dataSource.name: Required value', 'spec.dataSourceRef.name: Required value']],
  ])('refuses %s', (_name, change, messages) => {
    expect(fieldErrorTexts(persistentVolumeClaim.validate?.(make(change)))).toEqual(messages);
  });

  const fixed = 'spec: Forbidden: spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims';
  it.each<[string, PersistentVolumeClaim, PersistentVolumeClaim, string[]]>([
    ['may be bound', make({ volumeName: 'v' }), make(), []],
    ['may get the default class later', make({ storageClassName: 'fast' }), make(), []],
    ['keeps its class', make({ storageClassName: 'fast' }), make({ storageClassName: 'slow' }), [fixed]],
    ['keeps its size until it is bound', make(sized('2Gi')), make(), [fixed]],
    ['grows once bound', make(sized('2Gi')), make({}, { phase: 'Bound', capacity: { storage: '1Gi' } }), []],
    ['may take back what it was not given', make(sized('2Gi')), make(sized('5Gi'), { phase: 'Bound', capacity: { storage: '1Gi' } }), []],
    ['does not shrink', make(sized('1Gi')), make(sized('5Gi'), { phase: 'Bound', capacity: { storage: '5Gi' } }), ['spec.resources.requests.storage: Forbidden: field can not be less than status.capacity']],
    ['keeps its mode', make({ volumeMode: 'Block' }), make(), ['spec.volumeMode: Invalid value: "Block": field is immutable']],
  ])('%s', (_name, object, old, messages) => {
    expect(fieldErrorTexts(persistentVolumeClaim.validateUpdate?.(object, old))).toEqual(messages);
  });

  it('shows what it got', () => {
    const object = make({ volumeName: 'v', storageClassName: 'fast' }, { phase: 'Bound', capacity: { storage: '1Gi' }, accessModes: ['ReadWriteMany', 'ReadWriteOnce'] });
    expect(persistentVolumeClaim.columns.map((column) => column.cell(object, 0))).toEqual(['data', 'Bound', 'v', '1Gi', 'RWO,RWX', 'fast', '<unset>', '<unknown>', 'Filesystem']);
    expect(persistentVolumeClaim.columns.slice(1, 5).map((column) => column.cell(make(), 0))).toEqual(['Pending', '', '', '']);
  });
});

describe('a PersistentVolume', () => {
  type Spec = NonNullable<PersistentVolume['spec']>;

  function make(change: Partial<Spec> = {}): PersistentVolume {
    const draft = { metadata: { name: 'v' }, spec: { accessModes: ['ReadWriteOnce'], capacity: { storage: '1Gi' }, hostPath: { path: '/srv' }, ...structuredClone(change) } } as Draft<PersistentVolume>;
    persistentVolume.defaults?.(draft);
    return draft as PersistentVolume;
  }

  it('says since when it is in its phase', () => {
    const then = '2026-01-01T00:00:00Z';
    const now = Date.UTC(2026, 0, 2);
    const since = (status: PersistentVolume['status']) => {
      const draft = { status } as Draft<PersistentVolume>;
      persistentVolume.prepareForStatusUpdate?.(draft, { status: { phase: 'Pending', lastPhaseTransitionTime: then } }, now);
      return draft.status?.lastPhaseTransitionTime;
    };
    expect(since({ phase: 'Available', lastPhaseTransitionTime: then })).toBe('2026-01-02T00:00:00Z');
    expect(since({ phase: 'Available' })).toBe('2026-01-02T00:00:00Z');
    expect(since({ phase: 'Pending', lastPhaseTransitionTime: then })).toBe(then);
    expect(since({ phase: 'Available', lastPhaseTransitionTime: '2026-01-01T12:00:00Z' })).toBe('2026-01-01T12:00:00Z');
  });

  it('is kept when its claim is gone', () => {
    expect(make()).toMatchObject({ spec: { persistentVolumeReclaimPolicy: 'Retain', volumeMode: 'Filesystem', hostPath: { type: '' } }, status: { phase: 'Pending' } });
    expect(fieldErrorTexts(persistentVolume.validate?.(make()))).toEqual([]);
    const draft = { metadata: { creationTimestamp: '2026-01-01T00:00:00Z' }, status: { phase: 'Bound' } } as Draft<PersistentVolume>;
    persistentVolume.prepareForCreate?.(draft);
    expect(draft.status).toEqual({ phase: 'Pending', lastPhaseTransitionTime: '2026-01-01T00:00:00Z' });
  });

  it.each<[string, PersistentVolume, string[]]>([
    ['nothing', { spec: {} }, ['spec.accessModes: Required value', 'spec.capacity: Required value', 'spec: Required value: must specify a volume type']],
    ['two sources', make({ nfs: { server: 's', path: '/' } }), ['spec.nfs: Forbidden: may not specify more than 1 volume type']],
    ['more than storage', make({ capacity: { storage: '1Gi', cpu: '1' } }), ['spec.capacity: Unsupported value: {"storage":"1Gi","cpu":"1"}: supported values: "storage"']],
    ['a local disk of no node', { spec: { ...make().spec, hostPath: undefined, local: { path: '/a' } } as unknown as Spec }, ['spec.nodeAffinity: Required value: Local volume requires node affinity']],
    ['a way back up', make({ hostPath: { path: '/a/../b' } }), ["spec.hostPath.path: Invalid value: \"/a/../b\": must not contain '..'"]],
    ['the whole machine to be wiped', make({ hostPath: { path: '/' }, persistentVolumeReclaimPolicy: 'Recycle' }), ["spec.persistentVolumeReclaimPolicy: Forbidden: may not be 'recycle' for a hostPath mount of '/'"]],
    ['attributes without a driver', make({ volumeAttributesClassName: 'gold' }), ['spec.csi: Required value: has to be specified when using volumeAttributesClassName']],
  ])('refuses %s', (_name, object, messages) => {
    expect(fieldErrorTexts(persistentVolume.validate?.(object))).toEqual(messages);
  });

  it('keeps its source', () => {
    expect(fieldErrorTexts(persistentVolume.validateUpdate?.(make({ hostPath: { path: '/other' } }), make()))).toEqual(['spec.persistentvolumesource: Forbidden: spec.persistentvolumesource is immutable after creation']);
    expect(fieldErrorTexts(persistentVolume.validateUpdate?.(make({ persistentVolumeReclaimPolicy: 'Delete', storageClassName: 'a' }), make()))).toEqual([]);
  });

  it('shows whose it is', () => {
    const object: PersistentVolume = { ...make({ claimRef: { namespace: 'n', name: 'data' }, storageClassName: 'fast' }), status: { phase: 'Bound' } };
    expect(persistentVolume.columns.map((column) => column.cell(object, 0))).toEqual(['v', '1Gi', 'RWO', 'Retain', 'Bound', 'n/data', 'fast', '<unset>', '', '<unknown>', 'Filesystem']);
  });
});

describe('a ResourceQuota', () => {
  it.each<[string, NonNullable<ResourceQuota['spec']>, string[]]>([
    ['everything that is counted', { hard: { pods: '1', 'requests.cpu': '1', 'limits.memory': '1Gi', 'count/jobs.batch': '1', 'requests.example.com/gpu': '1', 'requests.hugepages-2Mi': '2Mi', 'fast.storageclass.storage.k8s.io/requests.storage': '1Gi' } }, []],
    ['an unknown resource', { hard: { beds: '1' } }, ['spec.hard[beds]: Invalid value: "beds": must be a standard resource type or fully qualified', 'spec.hard[beds]: Invalid value: "beds": must be a standard resource for quota']],
    ['storage as such', { hard: { storage: '1' } }, ['spec.hard[storage]: Invalid value: "storage": must be a standard resource for quota']],
    ['less than none and half a pod', { hard: { 'requests.cpu': '-1', pods: '500m' } }, ['spec.hard[requests.cpu]: Invalid value: "-1": must be greater than or equal to 0', 'spec.hard[pods]: Invalid value: "500m": must be an integer']],
    ['an unknown scope', { scopes: ['Red'] }, ['spec.scopes: Invalid value: ["Red"]: unsupported scope']],
    ['scopes that exclude each other', { hard: { pods: '1' }, scopes: ['BestEffort', 'NotBestEffort'] }, ['spec.scopes: Invalid value: ["BestEffort","NotBestEffort"]: conflicting scopes']],
    ['processors of who asks for none', { hard: { cpu: '1' }, scopes: ['BestEffort'] }, ['spec.scopes: Invalid value: ["BestEffort"]: unsupported scope applied to resource']],
    ['a class of priority', { hard: { pods: '1' }, scopeSelector: { matchExpressions: [{ scopeName: 'PriorityClass', operator: 'In', values: ['high'] }] } }, []],
    ['no values', { hard: { pods: '1' }, scopeSelector: { matchExpressions: [{ scopeName: 'PriorityClass', operator: 'In' }] } }, [
      "spec.scopeSelector.matchExpressions.values: Required value: must be at least one value when `operator` is 'In' or 'NotIn' for scope selector",
    ]],
  ])('judges %s', (_name, spec, messages) => {
    expect(fieldErrorTexts(resourceQuota.validate?.({ spec }))).toEqual(messages);
  });

  it('keeps its scopes and shows how much is left', () => {
    expect(fieldErrorTexts(resourceQuota.validateUpdate?.({ spec: { scopes: [] } }, { spec: { scopes: ['Terminating'] } }))).toEqual(['spec.scopes: Invalid value: []: field is immutable']);
    const object: ResourceQuota = { metadata: { name: 'q' }, status: { hard: { pods: '10', 'limits.cpu': '2', 'requests.cpu': '1' }, used: { pods: '3', 'limits.cpu': '500m' } } };
    expect(resourceQuota.columns.map((column) => column.cell(object, 0))).toEqual(['q', 'pods: 3/10, requests.cpu: 0/1', 'limits.cpu: 500m/2', '<unknown>']);
  });
});

function limits(...items: NonNullable<LimitRange['spec']>['limits']): LimitRange {
  const draft = { spec: { limits: structuredClone(items) } } as Draft<LimitRange>;
  limitRange.defaults?.(draft);
  return draft as LimitRange;
}

describe('a LimitRange', () => {
  it('gives containers the most as limit and the least as request', () => {
    expect(limits({ type: 'Container', max: { cpu: '2' }, min: { memory: '1Mi' } }).spec?.limits[0]).toMatchObject({ default: { cpu: '2' }, defaultRequest: { cpu: '2', memory: '1Mi' } });
    expect(limits({ type: 'Pod', max: { cpu: '2' } }).spec?.limits[0]).toEqual({ type: 'Pod', max: { cpu: '2' } });
  });

  it.each<[string, LimitRange, string[]]>([
    ['an order upside down', limits({ type: 'Container', min: { cpu: '2' }, max: { cpu: '1' }, default: { cpu: '1' }, defaultRequest: { cpu: '1' } }), [
      'spec.limits[0].min[cpu]: Invalid value: "2": min value 2 is greater than max value 1', 'spec.limits[0].defaultRequest[cpu]: Invalid value: "1": min value 2 is greater than default request value 1',
      'spec.limits[0].default[cpu]: Invalid value: "2": min value 2 is greater than default value 1',
    ]],
    ['the same type twice', limits({ type: 'Pod' }, { type: 'Pod' }), ['spec.limits[1].type: Duplicate value: "Pod"']],
    ['defaults of pods', limits({ type: 'Pod', default: { cpu: '1' } }), ["spec.limits[0].default: Forbidden: may not be specified when `type` is 'Pod'"]],
    ['claims without bounds', limits({ type: 'PersistentVolumeClaim' }), ['spec.limits[0].limits: Required value: either minimum or maximum storage value is required, but neither was provided']],
    ['an unknown type', limits({ type: 'Node' }), ['spec.limits[0].type: Invalid value: "Node": must be a standard limit type or fully qualified']],
    ['a ratio beyond reach', limits({ type: 'Pod', min: { cpu: '1' }, max: { cpu: '2' }, maxLimitRequestRatio: { cpu: '3' } }), ['spec.limits[0].maxLimitRequestRatio[cpu]: Invalid value: "3": ratio 3 is greater than max/min = 2.000000']],
  ])('refuses %s', (_name, object, messages) => {
    expect(fieldErrorTexts(limitRange.validate?.(object))).toEqual(messages);
  });
});
