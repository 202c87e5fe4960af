import { duplicate, invalid, invalidWhole, notSupported, required, tooLong, tooMany, type FieldError, type Path } from '../../../../machinery/field-path.ts';
import type { JobSpec } from '../../../../machinery/kinds/batch.ts';
import { qualifiedName } from '../../../../machinery/names.ts';
import { faults, notNegative } from '../../checks.ts';
import { countIndexes } from './indexes.ts';

/** When a Job has failed and when it has succeeded, beyond counting. Source: "Jobs: pod failure policy", "Jobs: success policy"; wording: Kubernetes' validation. */

type FailurePolicy = NonNullable<JobSpec['podFailurePolicy']>;
type FailureRule = FailurePolicy['rules'][number];
type SuccessRule = NonNullable<JobSpec['successPolicy']>['rules'][number];

const maxRules = 20;
const maxPatterns = 20;
const maxExitCodes = 255;
const maxIndexesLength = 64 * 1024;
const actions = ['Count', 'FailIndex', 'FailJob', 'Ignore'] as const;
const operators = ['In', 'NotIn'] as const;
const statuses = ['False', 'True', 'Unknown'] as const;

export function validateFailurePolicy(spec: JobSpec, policy: FailurePolicy, path: Path): FieldError[] {
  const { rules = [] } = policy;
  const at = path.child('rules');
  const { containers = [], initContainers = [] } = spec.template?.spec ?? {};
  const names = new Set([...containers, ...initContainers].map((container) => container.name));
  return [
    ...(rules.length > maxRules ? [tooMany(at, rules.length, maxRules)] : []),
    ...rules.flatMap((rule, index) => validateFailureRule(spec, rule, names, at.index(index))),
  ];
}

function validateFailureRule(spec: JobSpec, rule: FailureRule, names: ReadonlySet<string>, path: Path): FieldError[] {
  const { action = '', onExitCodes, onPodConditions = [] } = rule;
  const errors = choice(path.child('action'), action, actions);
  if (action === 'FailIndex' && spec.backoffLimitPerIndex === undefined) errors.push(invalid(path.child('action'), action, 'requires the backoffLimitPerIndex to be set'));
  if (onExitCodes !== undefined) errors.push(...validateExitCodes(onExitCodes, names, path.child('onExitCodes')));
  errors.push(...validatePatterns(onPodConditions, path.child('onPodConditions')));
  if (onExitCodes !== undefined && onPodConditions.length > 0) errors.push(invalidWhole(path, 'specifying both OnExitCodes and OnPodConditions is not supported'));
  if (onExitCodes === undefined && onPodConditions.length === 0) errors.push(invalidWhole(path, 'specifying one of OnExitCodes and OnPodConditions is required'));
  return errors;
}

function choice(path: Path, value: string, choices: readonly string[]): FieldError[] {
  if (value === '') return [required(path, `valid values: [${choices.map((one) => JSON.stringify(one)).join(' ')}]`)];
  return choices.includes(value) ? [] : [notSupported(path, value, choices)];
}

function validatePatterns(patterns: NonNullable<FailureRule['onPodConditions']>, path: Path): FieldError[] {
  return [
    ...(patterns.length > maxPatterns ? [tooMany(path, patterns.length, maxPatterns)] : []),
    ...patterns.flatMap(({ type = '', status = '' }, index) => {
      const at = path.index(index);
      return [...faults(at.child('type'), type, qualifiedName(type)), ...choice(at.child('status'), status, statuses)];
    }),
  ];
}

function validateExitCodes({ operator = '', containerName, values = [] }: NonNullable<FailureRule['onExitCodes']>, names: ReadonlySet<string>, path: Path): FieldError[] {
  const at = path.child('values');
  const errors = choice(path.child('operator'), operator, operators);
  if (containerName !== undefined && !names.has(containerName)) {
    errors.push(invalid(path.child('containerName'), containerName, 'must be one of the container or initContainer names in the pod template'));
  }
  if (values.length === 0) errors.push(invalid(at, values, 'at least one value is required'));
  if (values.length > maxExitCodes) errors.push(tooMany(at, values.length, maxExitCodes));
  for (const [index, code] of values.entries()) {
    if (operator === 'In' && code === 0) errors.push(invalid(at.index(index), code, 'must not be 0 for the In operator'));
    if (values.indexOf(code) < index) errors.push(duplicate(at.index(index), code));
  }
  if (values.some((code, index) => code < (values[index - 1] ?? code))) errors.push(invalid(at, values, 'must be ordered'));
  return errors;
}

export function validateSuccessPolicy(spec: JobSpec, path: Path): FieldError[] {
  const { rules = [] } = spec.successPolicy ?? {};
  const at = path.child('rules');
  return [
    ...(rules.length === 0 ? [required(at, 'at least one rules must be specified when the successPolicy is specified')] : []),
    ...(rules.length > maxRules ? [tooMany(at, rules.length, maxRules)] : []),
    ...rules.flatMap((rule, index) => validateSuccessRule(rule, spec.completions ?? 0, at.index(index))),
  ];
}

function validateSuccessRule({ succeededCount, succeededIndexes }: SuccessRule, completions: number, path: Path): FieldError[] {
  if (succeededCount === undefined && succeededIndexes === undefined) return [required(path, 'at least one of succeededCount or succeededIndexes must be specified')];
  const errors: FieldError[] = [];
  const at = path.child('succeededIndexes');
  if (succeededIndexes !== undefined && succeededIndexes.length > maxIndexesLength) errors.push(tooLong(at, maxIndexesLength));
  const counted = succeededIndexes === undefined ? undefined : countIndexes(succeededIndexes, completions);
  if (typeof counted === 'string') errors.push(invalid(at, succeededIndexes, `error parsing succeededIndexes: ${counted}`));
  if (succeededCount === undefined) return errors;
  const count = path.child('succeededCount');
  errors.push(...notNegative(count, succeededCount));
  if (succeededCount > completions) errors.push(invalid(count, succeededCount, `must be less than or equal to ${completions} (the number of specified completions)`));
  const named = typeof counted === 'number' ? counted : 0;
  if (succeededIndexes !== undefined && succeededCount > named) {
    errors.push(invalid(count, succeededCount, `must be less than or equal to ${named} (the number of indexes in the specified succeededIndexes field)`));
  }
  return errors;
}
