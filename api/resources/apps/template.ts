import { Path, forbidden, invalid, notSupported, required, type FieldError } from '../../../machinery/field-path.ts';
import type { PodTemplateSpec } from '../../../machinery/kinds/core.ts';
import { validateLabelSelector } from '../../../machinery/labels.ts';
import { matches, selectorOf, type LabelSelector } from '../../../machinery/selectors.ts';
import { validateTemplate } from '../core/pod/template.ts';

/** What the kinds of this group have in common: a template of pods that run on, and a selector that finds them. */

interface Templated {
  readonly selector?: LabelSelector;
  readonly template?: PodTemplateSpec;
}

const specPath = new Path('spec');

/** How messages call what the pods belong to. */
interface Words {
  readonly selector: string;
  readonly template: string;
}

export function validateSelectorAndTemplate(set: Templated, words: Words = { selector: 'deployment', template: 'ReplicaSet' }): FieldError[] {
  const { template = {} } = set;
  const at = specPath.child('template');
  return [...validateSelector(set, words.selector), ...validateTemplate(template, at), ...validateRunsOn(template, words.template)];
}

export function validateSelector({ selector, template = {} }: Templated, kind: string): FieldError[] {
  const path = specPath.child('selector');
  const faulty = validateLabelSelector(selector, path);
  const errors = selector === undefined ? [required(path)] : [...faulty];
  const empty = selector !== undefined && Object.keys(selector.matchLabels ?? {}).length + (selector.matchExpressions ?? []).length === 0;
  if (empty) errors.push(invalid(path, selector, `empty selector is invalid for ${kind}`));
  const at = specPath.child('template');
  const labels = template.metadata?.labels;
  // What a faulty selector would choose can't be told.
  if (faulty.length === 0 && !matches(selectorOf(selector), labels)) {
    errors.push(invalid(at.child('metadata', 'labels'), labels, '`selector` does not match template `labels`'));
  }
  return errors;
}

/** Pods of a set are there to stay. */
export function validateRunsOn({ spec }: PodTemplateSpec, kind: string): FieldError[] {
  const path = specPath.child('template');
  const errors: FieldError[] = [];
  const { restartPolicy = 'Always', activeDeadlineSeconds } = spec ?? {};
  if (restartPolicy !== 'Always') errors.push(notSupported(path.child('spec', 'restartPolicy'), restartPolicy, ['Always']));
  if (activeDeadlineSeconds !== undefined) errors.push(forbidden(path.child('spec', 'activeDeadlineSeconds'), `activeDeadlineSeconds in ${kind} is not Supported`));
  return errors;
}
