import { Path, forbidden, invalid, required, type FieldError } from '../../../../machinery/field-path.ts';
import type { StatefulSet } from '../../../../machinery/kinds/apps.ts';
import type { PodTemplateSpec, Volume } from '../../../../machinery/kinds/core.ts';
import { dns1123Label } from '../../../../machinery/names.ts';
import { chosen, countOrPercent, isZero, notMoreThanAll, notNegative, optional } from '../../checks.ts';
import { validateTemplate } from '../../core/pod/template.ts';
import { same } from '../../immutable.ts';
import { validateRunsOn, validateSelector } from '../template.ts';

/** Source: "StatefulSetSpec", apps/v1; wording: Kubernetes' validation. */

type Spec = NonNullable<StatefulSet['spec']>;
type Strategy = NonNullable<Spec['updateStrategy']>;

const path = new Path('spec');
const mutable = ['replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy', 'minReadySeconds'] as const;

export function validateStatefulSet({ spec }: StatefulSet): FieldError[] {
  if (spec === undefined) return [required(path)];
  const retention = path.child('persistentVolumeClaimRetentionPolicy');
  const { whenDeleted, whenScaled } = spec.persistentVolumeClaimRetentionPolicy ?? {};
  return [
    ...validateManagement(spec.podManagementPolicy ?? ''),
    ...validateStrategy(spec.updateStrategy ?? {}, path.child('updateStrategy')),
    ...chosen(retention.child('whenDeleted'), whenDeleted, ['Retain', 'Delete']),
    ...chosen(retention.child('whenScaled'), whenScaled, ['Retain', 'Delete']),
    ...notNegative(path.child('replicas'), spec.replicas),
    ...notNegative(path.child('minReadySeconds'), spec.minReadySeconds),
    ...notNegative(path.child('ordinals.start'), spec.ordinals?.start),
    ...optional(path.child('serviceName'), spec.serviceName, dns1123Label),
    ...validateSelector(spec, 'statefulset'),
    ...validateTemplate(withClaims(spec), path.child('template')),
    ...validateRunsOn(spec.template ?? {}, 'StatefulSet'),
  ];
}

/** Containers mount a set's claims as if they were volumes of the template. */
function withClaims({ template = {}, volumeClaimTemplates = [] }: Spec): PodTemplateSpec {
  const { volumes = [], ...rest } = template.spec ?? { containers: [] };
  const claims = volumeClaimTemplates.map(({ metadata }): Volume => ({ name: metadata?.name ?? '', persistentVolumeClaim: { claimName: metadata?.name ?? '' } }));
  const names = new Set(claims.map(({ name }) => name));
  return claims.length === 0 ? template : { ...template, spec: { ...rest, volumes: [...volumes.filter(({ name }) => !names.has(name)), ...claims] } };
}

function validateManagement(policy: string): FieldError[] {
  const at = path.child('podManagementPolicy');
  if (policy === '') return [required(at)];
  return policy === 'OrderedReady' || policy === 'Parallel' ? [] : [invalid(at, policy, "must be 'OrderedReady' or 'Parallel'")];
}

function validateStrategy(strategy: Strategy, at: Path): FieldError[] {
  const { type = '', rollingUpdate } = strategy;
  switch (type) {
    case '': return [required(at)];
    case 'OnDelete': return rollingUpdate === undefined ? [] : [invalid(at.child('rollingUpdate'), rollingUpdate, "only allowed for updateStrategy 'RollingUpdate'")];
    case 'RollingUpdate': return validateRolling(rollingUpdate ?? {}, at.child('rollingUpdate'));
    default: return [invalid(at, strategy, "must be 'RollingUpdate' or 'OnDelete'")];
  }
}

function validateRolling({ partition, maxUnavailable }: NonNullable<Strategy['rollingUpdate']>, at: Path): FieldError[] {
  const most = at.child('maxUnavailable');
  const errors = notNegative(at.child('partition'), partition);
  if (maxUnavailable === undefined) return errors;
  const zero = isZero(maxUnavailable) ? [invalid(most, maxUnavailable, 'cannot be 0')] : [];
  return [...errors, ...countOrPercent(most, maxUnavailable), ...zero, ...notMoreThanAll(most, maxUnavailable)];
}

export function validateStatefulSetUpdate(object: StatefulSet, old: StatefulSet): FieldError[] {
  if (same(fixed(object.spec), fixed(old.spec))) return [];
  return [forbidden(path, `updates to statefulset spec for fields other than ${mutable.slice(0, -1).map((field) => `'${field}'`).join(', ')} and '${mutable.at(-1)}' are forbidden`)];
}

/** The part of a spec that may not change. */
function fixed(spec: StatefulSet['spec']): unknown {
  return Object.fromEntries(Object.entries(spec ?? {}).filter(([field]) => !(mutable as readonly string[]).includes(field)));
}
