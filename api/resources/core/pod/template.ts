import type { FieldError, Path } from '../../../../machinery/field-path.ts';
import type { PodTemplateSpec } from '../../../../machinery/kinds/core.ts';
import type { Draft } from '../../../../machinery/kinds/wire.ts';
import { validateAnnotations, validateLabels } from '../../../../machinery/labels.ts';
import { defaultPodSpec } from './defaults.ts';
import { validateDeletionCost, validatePodSpec } from './spec.ts';

/** A template of pods, wherever one stands. Source: "PodTemplateSpec", core/v1. */

export function defaultTemplate(spec: { template?: Draft<PodTemplateSpec> }): void {
  const template = (spec.template ??= {});
  template.spec ??= { containers: [] };
  defaultPodSpec(template.spec);
}

/** Labels and annotations are named without `metadata`, as Kubernetes names them. */
export function validateTemplate(template: PodTemplateSpec, path: Path): FieldError[] {
  const { labels, annotations } = template.metadata ?? {};
  return [
    ...validateLabels(labels, path.child('labels')),
    ...validateAnnotations(annotations, path.child('annotations')),
    ...validateDeletionCost(annotations, path.child('annotations')),
    ...validatePodSpec(template.spec, path.child('spec'), false),
  ];
}
