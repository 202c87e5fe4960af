import { Path, forbidden, invalid, notSupported, required, type FieldError } from '../../../machinery/field-path.ts';
import type { PodTemplateSpec } from '../../../machinery/kinds/core.ts';
import type { Draft } from '../../../machinery/kinds/wire.ts';
import { validateAnnotations, validateLabelSelector, validateLabels } from '../../../machinery/labels.ts';
import { matches, selectorOf, type LabelSelector } from '../../../machinery/selectors.ts';
import { defaultPodSpec } from '../core/pod/defaults.ts';
import { validateDeletionCost, validatePodSpec } from '../core/pod/spec.ts';

/** What Deployments and ReplicaSets have in common: a template of pods that run on, and a selector that finds them. */

interface Templated {
  readonly selector?: LabelSelector;
  readonly template?: PodTemplateSpec;
}

const specPath = new Path('spec');

export function defaultTemplate(spec: { template?: Draft<PodTemplateSpec> }): void {
  const template = (spec.template ??= {});
  template.spec ??= { containers: [] };
  defaultPodSpec(template.spec);
}

export function validateSelectorAndTemplate({ selector, template = {} }: Templated): FieldError[] {
  const path = specPath.child('selector');
  const faulty = validateLabelSelector(selector, path);
  const errors = selector === undefined ? [required(path)] : faulty;
  const empty = selector !== undefined && Object.keys(selector.matchLabels ?? {}).length + (selector.matchExpressions ?? []).length === 0;
  if (empty) errors.push(invalid(path, selector, 'empty selector is invalid for deployment'));
  const at = specPath.child('template');
  const labels = template.metadata?.labels;
  // What a faulty selector would choose can't be told.
  if (faulty.length === 0 && !matches(selectorOf(selector), labels)) {
    errors.push(invalid(at.child('metadata', 'labels'), labels, '`selector` does not match template `labels`'));
  }
  return [...errors, ...validateTemplate(template, at), ...validateRunsOn(template, at)];
}

function validateTemplate(template: PodTemplateSpec, path: Path): FieldError[] {
  const { labels, annotations } = template.metadata ?? {};
  return [
    ...validateLabels(labels, path.child('labels')),
    ...validateAnnotations(annotations, path.child('annotations')),
    ...validateDeletionCost(annotations, path.child('annotations')),
    ...validatePodSpec(template.spec, path.child('spec'), false),
  ];
}

/** Pods of a set are there to stay. */
function validateRunsOn({ spec }: PodTemplateSpec, path: Path): FieldError[] {
  const errors: FieldError[] = [];
  const { restartPolicy = 'Always', activeDeadlineSeconds } = spec ?? {};
  if (restartPolicy !== 'Always') errors.push(notSupported(path.child('spec', 'restartPolicy'), restartPolicy, ['Always']));
  if (activeDeadlineSeconds !== undefined) errors.push(forbidden(path.child('spec', 'activeDeadlineSeconds'), 'activeDeadlineSeconds in ReplicaSet is not Supported'));
  return errors;
}
