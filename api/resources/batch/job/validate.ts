import { Path, invalid, notSupported, required, tooLong, type FieldError } from '../../../../machinery/field-path.ts';
import type { Job, JobSpec } from '../../../../machinery/kinds/batch.ts';
import type { PodTemplateSpec } from '../../../../machinery/kinds/core.ts';
import { validateLabelSelector } from '../../../../machinery/labels.ts';
import { dns1123Label } from '../../../../machinery/names.ts';
import { matches, selectorOf } from '../../../../machinery/selectors.ts';
import { domainPrefixedPath, notNegative, oneOf } from '../../checks.ts';
import { validateTemplate } from '../../core/pod/template.ts';
import { immutable, same } from '../../immutable.ts';
import { controllerUidLabel, jobNameLabel, legacyControllerUidLabel, legacyJobNameLabel } from './defaults.ts';
import { validateFailurePolicy, validateSuccessPolicy } from './policies.ts';
import { hasCondition } from './status.ts';

/** Source: "JobSpec", batch/v1; wording: Kubernetes' validation. */

const specPath = new Path('spec');
const maxIndexedParallelism = 100_000;
const maxFailedIndexes = 100_000;
const manyCompletions = 100_000;
const limitForMany = 10_000;
const maxManagedByLength = 63;

export function validateJob({ metadata, spec }: Job): FieldError[] {
  if (spec === undefined) return [required(specPath)];
  const { name = '' } = metadata ?? {};
  const path = specPath.child('selector');
  const faulty = validateLabelSelector(spec.selector, path);
  const labels = spec.template?.metadata?.labels;
  const errors = [
    ...validateGenerated(metadata, spec),
    ...validateJobSpec(spec, specPath),
    ...(spec.selector === undefined ? [required(path)] : faulty),
  ];
  if (faulty.length === 0 && !matches(selectorOf(spec.selector), labels)) {
    errors.push(invalid(specPath.child('template', 'metadata', 'labels'), labels ?? {}, '`selector` does not match template `labels`'));
  }
  const { completionMode, completions = 0 } = spec;
  if (completionMode === 'Indexed' && completions > 0) {
    const hostname = `${name}-${completions - 1}`;
    if (dns1123Label(hostname).length > 0) errors.push(invalid(new Path('metadata.name'), name, `will not able to create pod with invalid DNS label: ${hostname}`));
  }
  return errors;
}

/** A generated selector chooses the Job's own pods and no others. */
function validateGenerated({ name = '', uid = '' }: NonNullable<Job['metadata']> = {}, spec: JobSpec): FieldError[] {
  if (spec.manualSelector === true || spec.selector === undefined) return [];
  const labels = spec.template?.metadata?.labels ?? {};
  const expected = { [legacyControllerUidLabel]: uid, [legacyJobNameLabel]: name, [controllerUidLabel]: uid, [jobNameLabel]: name };
  const path = specPath.child('template', 'metadata', 'labels');
  const errors = Object.entries(expected).flatMap(([key, value]) => {
    if (!Object.hasOwn(labels, key)) return [required(path.key(key), `must be '${value}'`)];
    return labels[key] === value ? [] : [invalid(path.key(key), labels, `must be '${value}'`)];
  });
  return matches(selectorOf(spec.selector), expected) ? errors : [...errors, invalid(specPath.child('selector'), spec.selector, '`selector` not auto-generated')];
}

/** Of a Job and of what a CronJob makes them of. */
export function validateJobSpec(spec: JobSpec, path: Path): FieldError[] {
  return [
    ...(['parallelism', 'completions', 'activeDeadlineSeconds', 'backoffLimit', 'ttlSecondsAfterFinished', 'backoffLimitPerIndex', 'maxFailedIndexes'] as const)
      .flatMap((field) => notNegative(path.child(field), spec[field])),
    ...(spec.maxFailedIndexes !== undefined && spec.backoffLimitPerIndex === undefined ? [required(path.child('backoffLimitPerIndex'), 'when maxFailedIndexes is specified')] : []),
    ...validateManagedBy(spec.managedBy, path.child('managedBy')),
    ...oneOf(path.child('completionMode'), spec.completionMode, ['NonIndexed', 'Indexed']),
    ...(spec.completionMode === 'Indexed' ? validateIndexed(spec, path) : validateNotIndexed(spec, path)),
    ...(spec.podFailurePolicy === undefined ? [] : validateFailurePolicy(spec, spec.podFailurePolicy, path.child('podFailurePolicy'))),
    ...validateSuccess(spec, path.child('successPolicy')),
    ...oneOf(path.child('podReplacementPolicy'), spec.podReplacementPolicy, spec.podFailurePolicy === undefined ? ['Failed', 'TerminatingOrFailed'] : ['Failed']),
    ...validateTemplate(spec.template ?? {}, path.child('template')),
    ...validateRestart(spec, path.child('template', 'spec', 'restartPolicy')),
  ];
}

function validateManagedBy(managedBy: string | undefined, path: Path): FieldError[] {
  if (managedBy === undefined) return [];
  return [...domainPrefixedPath(path, managedBy), ...(managedBy.length > maxManagedByLength ? [tooLong(path, maxManagedByLength)] : [])];
}

function validateIndexed(spec: JobSpec, path: Path): FieldError[] {
  const { completions, parallelism = 0, maxFailedIndexes: failed } = spec;
  const errors: FieldError[] = [];
  const atMost = (field: 'parallelism' | 'maxFailedIndexes', most: number, when = '') => {
    if ((spec[field] ?? 0) > most) errors.push(invalid(path.child(field), spec[field], `must be less than or equal to ${most}${when}`));
  };
  if (completions === undefined) errors.push(required(path.child('completions'), 'when completion mode is Indexed'));
  if (parallelism > maxIndexedParallelism) atMost('parallelism', maxIndexedParallelism, ' when completion mode is Indexed');
  if (completions !== undefined && failed !== undefined && failed > completions) errors.push(invalid(path.child('maxFailedIndexes'), failed, 'must be less than or equal to completions'));
  atMost('maxFailedIndexes', maxFailedIndexes);
  if ((completions ?? 0) > manyCompletions && spec.backoffLimitPerIndex !== undefined) {
    const when = ` when completions are above ${manyCompletions} and used with backoff limit per index`;
    if (failed === undefined) errors.push(required(path.child('maxFailedIndexes'), `must be specified when completions is above ${manyCompletions}`));
    atMost('parallelism', limitForMany, when);
    atMost('maxFailedIndexes', limitForMany, when);
  }
  return errors;
}

function validateNotIndexed(spec: JobSpec, path: Path): FieldError[] {
  return (['backoffLimitPerIndex', 'maxFailedIndexes'] as const).filter((field) => spec[field] !== undefined)
    .map((field) => invalid(path.child(field), spec[field], 'requires indexed completion mode'));
}

function validateSuccess(spec: JobSpec, path: Path): FieldError[] {
  if (spec.successPolicy === undefined) return [];
  return spec.completionMode === 'Indexed' ? validateSuccessPolicy(spec, path) : [invalid(path, spec.successPolicy, 'requires indexed completion mode')];
}

/** A Job's pods end. */
function validateRestart(spec: JobSpec, path: Path): FieldError[] {
  const { restartPolicy = '' } = spec.template?.spec ?? {};
  if (restartPolicy === 'Always' || restartPolicy === '') return [required(path, 'valid values: "OnFailure", "Never"')];
  if (restartPolicy !== 'OnFailure' && restartPolicy !== 'Never') return [notSupported(path, restartPolicy, ['OnFailure', 'Never'])];
  return spec.podFailurePolicy !== undefined && restartPolicy !== 'Never' ? [invalid(path, restartPolicy, 'only "Never" is supported when podFailurePolicy is specified')] : [];
}

export function validateJobUpdate(object: Job, old: Job): FieldError[] {
  const [spec, before] = [object.spec, old.spec];
  if (spec === undefined || before === undefined) return [];
  return [
    ...validateCompletions(spec, before),
    ...immutable(spec.selector, before.selector, specPath.child('selector')),
    ...validateTemplateUpdate(spec.template, before.template, old),
    ...(['completionMode', 'podFailurePolicy', 'backoffLimitPerIndex', 'managedBy', 'successPolicy'] as const)
      .flatMap((field) => immutable(spec[field], before[field], specPath.child(field))),
  ];
}

/** An Indexed Job grows and shrinks with its parallelism. Source: "Jobs: elastic Indexed Jobs". */
function validateCompletions(spec: JobSpec, before: JobSpec): FieldError[] {
  const path = specPath.child('completions');
  if (spec.completionMode !== 'Indexed') return immutable(spec.completions, before.completions, path);
  if (spec.completions === before.completions || spec.completions === undefined || spec.completions === spec.parallelism) return [];
  return [invalid(path, spec.completions, 'can only be modified in tandem with spec.parallelism')];
}

/** Before its pods start, a suspended Job's template may change where they go and what they ask. Source: "Jobs: mutable scheduling directives". */
function validateTemplateUpdate(template: PodTemplateSpec | undefined, before: PodTemplateSpec | undefined, old: Job): FieldError[] {
  const suspended = old.spec?.suspend === true && (old.status?.startTime === undefined || (hasCondition(old, 'Suspended') && (old.status.active ?? 0) === 0));
  if (same(suspended ? fixed(template) : template, suspended ? fixed(before) : before)) return [];
  return immutable(template, before, specPath.child('template'));
}

function fixed(template: PodTemplateSpec | undefined): unknown {
  const { labels: _labels, annotations: _annotations, ...metadata } = template?.metadata ?? {};
  const { nodeSelector: _nodes, tolerations: _tolerations, schedulingGates: _gates, affinity, containers = [], initContainers = [], ...spec } = template?.spec ?? {};
  const { nodeAffinity: _affinity, ...affinities } = affinity ?? {};
  const bare = (list: typeof containers) => list.map(({ resources: _resources, ...container }) => container);
  return { metadata, spec: { ...spec, affinities, containers: bare(containers), initContainers: bare(initContainers) } };
}

/** For faults of the spec that a template of Jobs adds. */
export function validateTemplateSelector(spec: JobSpec, path: Path): FieldError[] {
  return [
    ...(spec.selector === undefined ? [] : [invalid(path.child('selector'), spec.selector, '`selector` will be auto-generated')]),
    ...(spec.manualSelector === true ? [notSupported(path.child('manualSelector'), true, ['nil', 'false'])] : []),
  ];
}
