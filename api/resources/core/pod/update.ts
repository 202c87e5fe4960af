import { forbidden, invalid, type FieldError, Path } from '../../../../machinery/field-path.ts';
import type { ContainerStatus, Pod, PodSpec } from '../../../../machinery/kinds/core.ts';
import { inRange } from '../../../../machinery/names.ts';
import { ruleAction } from '../../../../machinery/pod/restart-rules.ts';
import { mirrorAnnotation } from '../../../../machinery/pod/static.ts';
import { faults } from '../../checks.ts';
import { immutable, same } from '../../immutable.ts';

/** What an update of a pod may change. Source: "Pods: pod update and replacement". */

const maxSeconds = 2 ** 31 - 1;
const specPath = new Path('spec');
const mayChange = [
  '`spec.containers[*].image`', '`spec.initContainers[*].image`', '`spec.activeDeadlineSeconds`', '`spec.tolerations` (only additions to existing tolerations)',
  '`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)',
].join(',');

/** What a node knows its static pods by is written once. */
function validateMirrorUpdate(object: Pod, old: Pod): FieldError[] {
  const [now, before] = [object, old].map(({ metadata }) => metadata?.annotations?.[mirrorAnnotation]);
  if (now === before) return [];
  return [forbidden(new Path('metadata.annotations').key(mirrorAnnotation), before === undefined ? 'may not add mirror pod annotation' : 'may not remove or update mirror pod annotation')];
}

export function validatePodUpdate(object: Pod, old: Pod): FieldError[] {
  return [...validateMirrorUpdate(object, old), ...validateSpecUpdate(object, old)];
}

function validateSpecUpdate(object: Pod, old: Pod): FieldError[] {
  const [spec, before] = [object.spec, old.spec];
  if (spec === undefined || before === undefined) return spec === before ? [] : [forbidden(specPath, `pod updates may not change fields other than ${mayChange}`)];
  for (const list of ['containers', 'initContainers'] as const) {
    if ((spec[list] ?? []).length !== (before[list] ?? []).length) return [forbidden(specPath.child(list), 'pod updates may not add or remove containers')];
  }
  const deadline = validateDeadline(spec.activeDeadlineSeconds, before.activeDeadlineSeconds, specPath.child('activeDeadlineSeconds'));
  return [...deadline, ...validateTolerations(spec, before), ...validateGates(spec, before), ...validateRest(spec, before)];
}

function validateDeadline(seconds: number | undefined, before: number | undefined, path: Path): FieldError[] {
  if (seconds === undefined) return before === undefined ? [] : [invalid(path, null, 'must not update from a positive integer to nil value')];
  if (seconds < 0 || seconds > maxSeconds) return faults(path, seconds, inRange(seconds, 0, maxSeconds));
  return before !== undefined && before < seconds ? [invalid(path, seconds, 'must be less than or equal to previous value')] : [];
}

const identityOf = ({ key = '', operator = '', value = '', effect = '' }: NonNullable<PodSpec['tolerations']>[number]) => JSON.stringify([key, operator, value, effect]);

function validateTolerations(spec: PodSpec, before: PodSpec): FieldError[] {
  const present = new Set((spec.tolerations ?? []).map(identityOf));
  const kept = (before.tolerations ?? []).every((old) => present.has(identityOf(old)));
  return kept ? [] : [forbidden(specPath.child('tolerations'), 'existing toleration can not be modified except its tolerationSeconds')];
}

function validateGates(spec: PodSpec, before: PodSpec): FieldError[] {
  const known = new Set((before.schedulingGates ?? []).map((gate) => gate.name ?? ''));
  return (spec.schedulingGates ?? []).flatMap(({ name = '' }, index) =>
    (known.has(name) ? [] : [forbidden(specPath.child('schedulingGates').index(index).child('name'), `only deletion is allowed, but found new scheduling gate '${name}'`)]));
}

/** Everything else is as it was; a pod that is still gated may narrow where it goes. */
function validateRest(spec: PodSpec, before: PodSpec): FieldError[] {
  const gated = (before.schedulingGates ?? []).length > 0;
  if (gated && !narrows(spec.nodeSelector, before.nodeSelector)) {
    return [invalid(specPath.child('nodeSelector'), spec.nodeSelector, 'only additions to spec.nodeSelector are allowed (no mutations or deletions)')];
  }
  if (same(fixed(spec, before, gated), fixed(before, before, gated))) return [];
  return [forbidden(specPath, `pod updates may not change fields other than ${mayChange}`)];
}

function narrows(selector: PodSpec['nodeSelector'], before: PodSpec['nodeSelector']): boolean {
  return Object.entries(before ?? {}).every(([key, value]) => selector?.[key] === value);
}

function withoutImages(containers: PodSpec['containers'] | undefined) {
  return (containers ?? []).map(({ image: _image, ...rest }) => rest);
}

/** The part of a spec that may not change. */
function fixed(spec: PodSpec, before: PodSpec, gated: boolean): unknown {
  const { activeDeadlineSeconds: _deadline, tolerations: _tolerations, schedulingGates: _gates, nodeSelector, affinity, ...rest } = spec;
  const grace = (before.terminationGracePeriodSeconds ?? 0) < 0 && spec.terminationGracePeriodSeconds === 1 ? before.terminationGracePeriodSeconds : spec.terminationGracePeriodSeconds;
  const { nodeAffinity, ...podAffinities } = affinity ?? {};
  return {
    ...rest, containers: withoutImages(spec.containers), initContainers: withoutImages(spec.initContainers), terminationGracePeriodSeconds: grace,
    podAffinities, ...(gated ? {} : { nodeSelector, nodeAffinity }),
  };
}

/** Writes of a node to a pod's status. */
export function validatePodStatusUpdate(object: Pod, old: Pod): FieldError[] {
  const path = new Path('status');
  return [
    ...validateMirrorUpdate(object, old),
    ...immutable(object.status?.qosClass, old.status?.qosClass, path.child('qosClass')),
    ...validateTransitions(object.status?.containerStatuses ?? [], old.status?.containerStatuses ?? [], old.spec, path.child('containerStatuses')),
  ];
}

/** A container that has ended for good stays ended. */
function validateTransitions(now: readonly ContainerStatus[], before: readonly ContainerStatus[], spec: PodSpec | undefined, path: Path): FieldError[] {
  if (spec?.restartPolicy === 'Always') return [];
  return before.flatMap(({ name, state }, index) => {
    if (state?.terminated === undefined || mayRestart(spec, name, state.terminated.exitCode)) return [];
    const revived = now.some((status) => status.name === name && status.state?.terminated === undefined);
    return revived ? [forbidden(path.index(index).child('state'), 'may not be transitioned to non-terminated state')] : [];
  });
}

/** By the container's own rules and policy, then the pod's; any container's end may have all of them begin anew. */
function mayRestart(spec: PodSpec | undefined, name: string, exitCode: number): boolean {
  const all = [...spec?.containers ?? [], ...spec?.initContainers ?? []];
  if (all.some(({ restartPolicyRules }) => restartPolicyRules?.some(({ action }) => action === 'RestartAllContainers'))) return true;
  const container = spec?.containers.find((each) => each.name === name);
  if (container !== undefined && ruleAction(container, exitCode) === 'Restart') return true;
  const policy = container?.restartPolicy ?? spec?.restartPolicy;
  return policy === 'Always' || (policy === 'OnFailure' && exitCode !== 0);
}
