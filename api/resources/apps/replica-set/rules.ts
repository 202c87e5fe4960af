import { Path, required, type FieldError } from '../../../../machinery/field-path.ts';
import type { ReplicaSet } from '../../../../machinery/kinds/apps.ts';
import type { Draft } from '../../../../machinery/kinds/wire.ts';
import { notNegative } from '../../checks.ts';
import { defaultTemplate } from '../../core/pod/template.ts';
import { immutable } from '../../immutable.ts';
import { validateSelectorAndTemplate } from '../template.ts';

/** Source: "ReplicaSetSpec", apps/v1; wording: Kubernetes' validation. */

const specPath = new Path('spec');

export function defaultReplicaSet(draft: Draft<ReplicaSet>): void {
  const spec = (draft.spec ??= { selector: {} });
  spec.replicas ??= 1;
  defaultTemplate(spec);
}

export function validateReplicaSet({ spec }: ReplicaSet): FieldError[] {
  if (spec === undefined) return [required(specPath)];
  return [
    ...notNegative(specPath.child('replicas'), spec.replicas),
    ...notNegative(specPath.child('minReadySeconds'), spec.minReadySeconds),
    ...validateSelectorAndTemplate(spec),
  ];
}

export function validateReplicaSetUpdate(object: ReplicaSet, old: ReplicaSet): FieldError[] {
  return immutable(object.spec?.selector, old.spec?.selector, specPath.child('selector'));
}
