import { forbidden, invalid, required, type FieldError, type Path } from '../../../../machinery/field-path.ts';
import type { PodSpec } from '../../../../machinery/kinds/core.ts';
import { dns1123Subdomain, inRange, qualifiedName } from '../../../../machinery/names.ts';
import { chosen, faults, oneOf, optional } from '../../checks.ts';
import { validateContainers, validateInitContainers } from './containers.ts';
import { validateNetwork } from './network.ts';
import { validateAmount, validatePodResources } from './resources.ts';
import { validateScheduling } from './scheduling.ts';
import { validatePodSecurity } from './security.ts';
import { validateVolumes } from './volumes.ts';

/** Longest `activeDeadlineSeconds`. */
const maxSeconds = 2 ** 31 - 1;

/** All that is wrong with a pod's or a template's spec. Source: "PodSpec", Pod v1 core; wording: Kubernetes' validation. */
export function validatePodSpec(given: PodSpec | undefined, path: Path, isPod: boolean): FieldError[] {
  const spec: PodSpec = given ?? { containers: [] };
  const volumes = new Map((spec.volumes ?? []).map((volume) => [volume.name, volume]));
  const claims = new Set((spec.resourceClaims ?? []).map((claim) => claim.name));
  const around = { spec, volumes, claims, isPod };
  return [
    ...validateVolumes(spec.volumes ?? [], isPod, path.child('volumes')),
    ...validateContainers(around, path.child('containers')),
    ...validateInitContainers(around, path.child('initContainers')),
    ...validatePodResources(spec, path.child('resources')),
    ...chosen(path.child('restartPolicy'), spec.restartPolicy, ['Always', 'OnFailure', 'Never']),
    ...validateNetwork(spec, isPod, path),
    ...validatePodSecurity(spec, path),
    ...(spec.readinessGates ?? []).flatMap(({ conditionType = '' }, index) =>
      faults(path.child('readinessGates').index(index).child('conditionType'), conditionType, qualifiedName(conditionType))),
    ...validateScheduling(spec, path),
    ...validateNames(spec, path),
    ...validateLifetime(spec, path),
    ...Object.entries(spec.overhead ?? {}).flatMap(([name, text]) => validateAmount(name, text, path.child('overhead', 'limits').key(name))),
    ...((spec.ephemeralContainers ?? []).length === 0 || isPod ? [] : [forbidden(path.child('ephemeralContainers'), 'ephemeral containers not allowed in pod template')]),
    ...(isPod ? validatePodOnly(spec, path) : []),
  ];
}

function validateNames(spec: PodSpec, path: Path): FieldError[] {
  return [
    ...optional(path.child('serviceAccountName'), spec.serviceAccountName, dns1123Subdomain),
    ...optional(path.child('nodeName'), spec.nodeName, dns1123Subdomain),
    ...optional(path.child('priorityClassName'), spec.priorityClassName, dns1123Subdomain),
    ...optional(path.child('runtimeClassName'), spec.runtimeClassName, dns1123Subdomain),
    ...oneOf(path.child('preemptionPolicy'), spec.preemptionPolicy, ['PreemptLowerPriority', 'Never']),
    ...(spec.os === undefined ? [] : chosen(path.child('os', 'name'), spec.os.name, ['linux', 'windows'])),
  ];
}

function validateLifetime({ terminationGracePeriodSeconds, activeDeadlineSeconds }: PodSpec, path: Path): FieldError[] {
  return [
    ...(terminationGracePeriodSeconds === undefined ? [required(path.child('terminationGracePeriodSeconds'))] : []),
    ...(activeDeadlineSeconds === undefined ? [] : faults(path.child('activeDeadlineSeconds'), activeDeadlineSeconds, inRange(activeDeadlineSeconds, 1, maxSeconds))),
  ];
}

/** What a template may still leave open. */
function validatePodOnly(spec: PodSpec, path: Path): FieldError[] {
  const errors: FieldError[] = [];
  if ((spec.nodeName ?? '') !== '' && (spec.schedulingGates ?? []).length > 0) {
    errors.push(forbidden(path.child('nodeName'), 'cannot be set until all schedulingGates have been cleared'));
  }
  if ((spec.serviceAccountName ?? '') !== '') return errors;
  for (const [index, { projected }] of (spec.volumes ?? []).entries()) {
    for (const [position, source] of (projected?.sources ?? []).entries()) {
      if (source.serviceAccountToken === undefined) continue;
      const at = path.child('volumes').index(index).child('projected', 'sources').index(position).child('serviceAccountToken');
      errors.push(forbidden(at, 'must not be specified when serviceAccountName is not set'));
    }
  }
  return errors;
}

/** `pod-deletion-cost` is a whole number of 32 bits. Source: "ReplicaSet: pod deletion cost". */
export function validateDeletionCost(annotations: Readonly<Record<string, string>> | undefined, path: Path): FieldError[] {
  const key = 'controller.kubernetes.io/pod-deletion-cost';
  const text = annotations?.[key];
  if (text === undefined) return [];
  const number = /^(0|-?[1-9]\d{0,9})$/.test(text) ? Number(text) : Number.NaN;
  return number >= -(2 ** 31) && number <= maxSeconds ? [] : [invalid(path.key(key), text, 'must be a 32bit integer')];
}
