import type { ReplicaSet } from '../../../../machinery/kinds/apps.ts';
import type { Draft } from '../../../../machinery/kinds/wire.ts';
import { defaultPodSpec } from '../../core/pod/defaults.ts';
import type { Errors } from '../../define.ts';

/** Source: "ReplicaSet v1 apps", defaults. */
export function defaultReplicaSet(draft: Draft<ReplicaSet>): void {
  const { spec } = draft;
  if (spec === undefined) return;
  spec.replicas ??= 1;
  if (spec.template?.spec !== undefined) defaultPodSpec(spec.template.spec);
}
export function validateReplicaSet(_object: ReplicaSet): Errors {
  return [];
}
export function validateReplicaSetUpdate(_object: ReplicaSet, _old: ReplicaSet): Errors {
  return [];
}
