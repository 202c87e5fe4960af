import { describe, expect, it } from 'vitest';
import { fieldErrorTexts } from '../../../machinery/field-path.ts';
import type { ControllerRevision, DaemonSet, StatefulSet } from '../../../machinery/kinds/apps.ts';
import type { Draft } from '../../../machinery/kinds/wire.ts';
import { controllerRevision } from './controller-revision.ts';
import { daemonSet } from './daemon-set.ts';
import { statefulSet } from './stateful-set.ts';

const set = { selector: { matchLabels: { app: 'db' } }, template: { metadata: { labels: { app: 'db' } }, spec: { containers: [{ name: 'c', image: 'x:1' }] } } };

describe('a StatefulSet', () => {
  type Spec = NonNullable<StatefulSet['spec']>;

  function make(change: Partial<Spec> = {}): StatefulSet {
    const draft = { metadata: { name: 'db' }, spec: structuredClone({ ...set, ...change }) } as Draft<StatefulSet>;
    statefulSet.defaults?.(draft);
    return draft as StatefulSet;
  }

  it('goes pod by pod and keeps claims unless told otherwise', () => {
    expect(make({ volumeClaimTemplates: [{ metadata: { name: 'data' }, spec: {} }] }).spec).toMatchObject({
      replicas: 1, revisionHistoryLimit: 10, podManagementPolicy: 'OrderedReady', updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 0 } },
      persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Retain', whenScaled: 'Retain' },
      volumeClaimTemplates: [{ apiVersion: 'v1', kind: 'PersistentVolumeClaim', spec: { volumeMode: 'Filesystem' }, status: { phase: 'Pending' } }],
    });
    expect(fieldErrorTexts(statefulSet.validate?.(make()))).toEqual([]);
  });

  it('mounts its claims', () => {
    const mounting = { ...set.template, spec: { containers: [{ name: 'c', image: 'x', volumeMounts: [{ name: 'data', mountPath: '/data' }] }] } };
    expect(fieldErrorTexts(statefulSet.validate?.(make({ template: mounting })))).toEqual(['spec.template.spec.containers[0].volumeMounts[0].name: Not found: "data"']);
    expect(fieldErrorTexts(statefulSet.validate?.(make({ template: mounting, volumeClaimTemplates: [{ metadata: { name: 'data' }, spec: {} }] })))).toEqual([]);
  });

  it.each<[string, Partial<Spec>, string[]]>([
    ['an order that is none', { podManagementPolicy: 'Any' }, ["spec.podManagementPolicy: Invalid value: \"Any\": must be 'OrderedReady' or 'Parallel'"]],
    ['a roll on delete', { updateStrategy: { type: 'OnDelete', rollingUpdate: { partition: 1 } } }, ["spec.updateStrategy.rollingUpdate: Invalid value: {\"partition\":1}: only allowed for updateStrategy 'RollingUpdate'"]],
    ['a roll that cannot move', { updateStrategy: { rollingUpdate: { maxUnavailable: 0 } } }, ['spec.updateStrategy.rollingUpdate.maxUnavailable: Invalid value: 0: cannot be 0']],
    ['a fate for claims that is none', { persistentVolumeClaimRetentionPolicy: { whenScaled: 'Burn' } }, ['spec.persistentVolumeClaimRetentionPolicy.whenScaled: Unsupported value: "Burn": supported values: "Retain", "Delete"']],
    ['ordinals below none', { ordinals: { start: -1 } }, ['spec.ordinals.start: Invalid value: -1: must be greater than or equal to 0']],
    ['an empty selector', { selector: {} }, ['spec.selector: Invalid value: {}: empty selector is invalid for statefulset']],
    ['pods that end', { template: { ...set.template, spec: { ...set.template.spec, restartPolicy: 'Never', activeDeadlineSeconds: 5 } } }, [
      'spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"', 'spec.template.spec.activeDeadlineSeconds: Forbidden: activeDeadlineSeconds in StatefulSet is not Supported',
    ]],
  ])('refuses %s', (_name, change, messages) => {
    expect(fieldErrorTexts(statefulSet.validate?.(make(change)))).toEqual(messages);
  });

  it('keeps all but what may roll', () => {
    const keepsAll = make({ revisionHistoryLimit: -1 });
    expect(fieldErrorTexts(statefulSet.validate?.(keepsAll))).toEqual([]);
    expect(statefulSet.warnings?.(keepsAll)).toEqual(['spec.revisionHistoryLimit: a negative value retains all historical revisions; a value >= 0 is recommended']);
    expect(fieldErrorTexts(statefulSet.validateUpdate?.(make({ replicas: 3, minReadySeconds: 1, ordinals: { start: 1 }, revisionHistoryLimit: 1 }), make()))).toEqual([]);
    expect(fieldErrorTexts(statefulSet.validateUpdate?.(make({ serviceName: 'other' }), make()))).toEqual([
      "spec: Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden",
    ]);
  });

  it('has a name that fits its pods’ hostnames, and shows how many are ready', () => {
    expect(statefulSet.validateName?.('a.b')).toEqual(['must not contain dots']);
    const object = { ...make({ replicas: 3 }), status: { replicas: 2, readyReplicas: 2 } };
    expect(statefulSet.columns.map((column) => [column.name, column.cell(object, 0)])).toEqual([['Name', 'db'], ['Ready', '2/3'], ['Age', '<unknown>'], ['Containers', 'c'], ['Images', 'x:1']]);
    expect(fieldErrorTexts(statefulSet.validateStatusUpdate?.({ status: { replicas: 1, readyReplicas: 2, availableReplicas: 1 } }, {}))).toEqual(['status.readyReplicas: Invalid value: 2: cannot be greater than status.replicas']);
  });
});

describe('a DaemonSet', () => {
  type Spec = NonNullable<DaemonSet['spec']>;

  function make(change: Partial<Spec> = {}): DaemonSet {
    const draft = { metadata: { name: 'log' }, spec: structuredClone({ ...set, ...change }) } as Draft<DaemonSet>;
    daemonSet.defaults?.(draft);
    return draft as DaemonSet;
  }

  it('rolls node by node', () => {
    expect(make().spec).toMatchObject({ revisionHistoryLimit: 10, updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 1, maxSurge: 0 } } });
    expect(fieldErrorTexts(daemonSet.validate?.(make()))).toEqual([]);
  });

  it.each<[string, Partial<Spec>, string[]]>([
    ['surplus and shortage at once', { updateStrategy: { rollingUpdate: { maxSurge: 1, maxUnavailable: 1 } } }, ['spec.updateStrategy.rollingUpdate.maxSurge: Invalid value: 1: may not be set when maxUnavailable is non-zero']],
    ['neither', { updateStrategy: { rollingUpdate: { maxSurge: 0, maxUnavailable: 0 } } }, ['spec.updateStrategy.rollingUpdate.maxUnavailable: Required value: cannot be 0 when maxSurge is 0']],
    ['more than all', { updateStrategy: { rollingUpdate: { maxUnavailable: '200%' } } }, ['spec.updateStrategy.rollingUpdate.maxUnavailable: Invalid value: "200%": must not be greater than 100%']],
    ['a strategy that is none', { updateStrategy: { type: 'Now' } }, ['spec.updateStrategy: Unsupported value: {"type":"Now"}: supported values: "RollingUpdate", "OnDelete"']],
    ['an empty selector', { selector: {} }, ['spec.selector: Invalid value: {}: empty selector is invalid for daemonset']],
  ])('refuses %s', (_name, change, messages) => {
    expect(fieldErrorTexts(daemonSet.validate?.(make(change)))).toEqual(messages);
  });

  it('counts the changes of its template', () => {
    const annotation = 'deprecated.daemonset.template.generation';
    const old = make() as Draft<DaemonSet>;
    daemonSet.prepareForCreate?.(old);
    expect(old.metadata?.annotations?.[annotation]).toBe('1');
    const same = make({ minReadySeconds: 5 }) as Draft<DaemonSet>;
    daemonSet.prepareForUpdate?.(same, old as DaemonSet);
    expect(same.metadata?.annotations?.[annotation]).toBe('1');
    const changed = make({ template: { ...set.template, spec: { containers: [{ name: 'c', image: 'x:2' }] } } }) as Draft<DaemonSet>;
    daemonSet.prepareForUpdate?.(changed, old as DaemonSet);
    expect(changed.metadata?.annotations?.[annotation]).toBe('2');
  });

  it('shows its counts', () => {
    const object: DaemonSet = { ...make(), status: { desiredNumberScheduled: 3, currentNumberScheduled: 2, numberReady: 1, numberMisscheduled: 0, updatedNumberScheduled: 2, numberAvailable: 1 } };
    expect(daemonSet.columns.map((column) => column.cell(object, 0))).toEqual(['log', 3, 2, 1, 2, 1, '<none>', '<unknown>', 'c', 'x:1', 'app=db']);
    expect(fieldErrorTexts(daemonSet.validateStatusUpdate?.({ status: { ...object.status, numberReady: -1 } as NonNullable<DaemonSet['status']> }, {}))).toEqual(['status.numberReady: Invalid value: -1: must be greater than or equal to 0']);
  });
});

describe('a ControllerRevision', () => {
  const object: ControllerRevision = { metadata: { name: 'r', ownerReferences: [{ apiVersion: 'apps/v1', kind: 'StatefulSet', name: 'db', uid: 'u', controller: true }] }, revision: 3, data: { a: 1 } };

  it('has data that stays', () => {
    expect(fieldErrorTexts(controllerRevision.validate?.(object))).toEqual([]);
    expect(fieldErrorTexts(controllerRevision.validate?.({ revision: -1 }))).toEqual(['data: Required value: data is mandatory', 'revision: Invalid value: -1: must be greater than or equal to 0']);
    expect(fieldErrorTexts(controllerRevision.validateUpdate?.({ ...object, data: { a: 2 } }, object))).toEqual(['data: Invalid value: {"a":2}: field is immutable']);
    expect(controllerRevision.columns.map((column) => column.cell(object, 0))).toEqual(['r', 'statefulset.apps/db', 3, '<unknown>']);
  });
});
