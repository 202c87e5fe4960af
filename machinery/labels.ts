import { Path, forbidden, invalid, required, tooLong, type FieldError } from './field-path.ts';
import { labelValue, qualifiedName } from './names.ts';
import type { LabelSelector } from './selectors.ts';

/** Rules of labels, annotations and of selectors in objects. Source: "Labels and selectors", "Annotations". */

/** All annotations of an object together, in bytes. */
const maxAnnotationBytes = 256 * 1024;

type Texts = Readonly<Record<string, string>> | undefined;

export function validateLabels(labels: Texts, path: Path): FieldError[] {
  return Object.entries(labels ?? {}).flatMap(([key, value]) => [
    ...qualifiedName(key).map((message) => invalid(path, key, message)),
    ...labelValue(value).map((message) => invalid(path, value, message)),
  ]);
}

/** Keys of annotations may be written in capitals; values are free. */
export function validateAnnotations(annotations: Texts, path: Path): FieldError[] {
  let bytes = 0;
  const errors: FieldError[] = [];
  for (const [key, value] of Object.entries(annotations ?? {})) {
    errors.push(...qualifiedName(key.toLowerCase()).map((message) => invalid(path, key, message)));
    bytes += Buffer.byteLength(key) + Buffer.byteLength(value);
  }
  if (bytes > maxAnnotationBytes) errors.push(tooLong(path, maxAnnotationBytes));
  return errors;
}

/** Finalizers that need no domain. */
export const standardFinalizers: ReadonlySet<string> = new Set(['kubernetes', 'orphan', 'foregroundDeletion']);

/** `metadata.finalizers`: each a qualified name with a domain, or one of Kubernetes' own. */
export function validateFinalizers(finalizers: readonly string[] | undefined, path: Path): FieldError[] {
  const bare = (finalizers ?? []).flatMap((finalizer, index) => (finalizer.includes('/') || standardFinalizers.has(finalizer) ? []
    : [invalid(path.index(index), finalizer, 'name is neither a standard finalizer name nor is it fully qualified')]));
  return [...validateFinalizerNames(finalizers, path), ...bare];
}

/** Finalizers of custom resources: their names may do without a domain. */
export function validateFinalizerNames(finalizers: readonly string[] | undefined, path: Path): FieldError[] {
  const errors = (finalizers ?? []).flatMap((finalizer) => qualifiedName(finalizer).map((message) => invalid(path, finalizer, message)));
  const both = finalizers?.includes('orphan') === true && finalizers.includes('foregroundDeletion');
  return both ? [...errors, invalid(path, finalizers, 'finalizer orphan and foregroundDeletion cannot be both set')] : errors;
}

const withValues: ReadonlySet<string> = new Set(['In', 'NotIn']);
const withoutValues: ReadonlySet<string> = new Set(['Exists', 'DoesNotExist']);

/** A selector that stands in an object. */
export function validateLabelSelector(selector: LabelSelector | undefined, path: Path): FieldError[] {
  if (selector === undefined) return [];
  return [
    ...validateLabels(selector.matchLabels, path.child('matchLabels')),
    ...(selector.matchExpressions ?? []).flatMap((expression, index) => validateExpression(expression, path.child('matchExpressions').index(index))),
  ];
}

function validateExpression(expression: NonNullable<LabelSelector['matchExpressions']>[number], path: Path): FieldError[] {
  const { key = '', operator = '', values = [] } = expression;
  const errors: FieldError[] = [];
  if (withValues.has(operator)) {
    if (values.length === 0) errors.push(required(path.child('values'), "must be specified when `operator` is 'In' or 'NotIn'"));
  } else if (withoutValues.has(operator)) {
    if (values.length > 0) errors.push(forbidden(path.child('values'), "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"));
  } else {
    errors.push(invalid(path.child('operator'), operator, 'not a valid selector operator'));
  }
  errors.push(...qualifiedName(key).map((message) => invalid(path.child('key'), key, message)));
  return [...errors, ...values.flatMap((value, index) => labelValue(value).map((message) => invalid(path.child('values').index(index), value, message)))];
}
