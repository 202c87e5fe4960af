import { duplicate, invalid, Path, required, type FieldError } from '../../../machinery/field-path.ts';
import { ValidatingAdmissionPolicy } from '../../../machinery/kinds/admission-registration.ts';
import { qualifiedName } from '../../../machinery/names.ts';
import { validatingProblems } from '../../admission/policy/problems.ts';
import { faults, oneOf } from '../checks.ts';
import { count, text } from '../columns.ts';
import { age, defineResource, name } from '../define.ts';
import { validateConditions } from '../conditions.ts';
import { defaultMatch } from './match.ts';
import { paramKindText, validatePolicy } from './policies.ts';

type Spec = NonNullable<ValidatingAdmissionPolicy['spec']>;
type Validation = NonNullable<Spec['validations']>[number];
type Annotation = NonNullable<Spec['auditAnnotations']>[number];

const maxAnnotations = 20;
/** Of an audit annotation's expression: what it says may grow. */
const maxExpressionBytes = 5 * 1024;
const reasons = ['Forbidden', 'Invalid', 'RequestEntityTooLarge'] as const;

/** Source: "Validating admission policy". */
export const validatingAdmissionPolicy = defineResource(ValidatingAdmissionPolicy, {
  statusKeepsMetadata: true,
  updatesNameVersion: true,
  categories: ['api-extensions'],
  generation: true,
  status: true,
  columns: [
    name(),
    count('Validations', 'How many validations it has.', (object) => object.spec?.validations?.length ?? 0),
    text('ParamKind', 'Which kind its parameters are of.', (object) => paramKindText(object.spec?.paramKind)),
    age(),
  ],
  defaults(draft) {
    draft.spec ??= {};
    draft.spec.failurePolicy ??= 'Fail';
    if (draft.spec.matchConstraints !== undefined) defaultMatch(draft.spec.matchConstraints);
  },
  prepareForCreate(draft) {
    draft.status = {};
  },
  validate: ({ metadata, spec }) => [...validateSpec(metadata?.name ?? '', spec ?? {}, new Path('spec')), ...validatingProblems(spec ?? {}, new Path('spec'))],
  validateStatusUpdate: ({ status }) => validateStatus(status ?? {}, new Path('status')),
});

function validateSpec(own: string, spec: Spec, path: Path): FieldError[] {
  const { validations = [], auditAnnotations = [] } = spec;
  const errors = validatePolicy(spec, path);
  if (validations.length === 0 && auditAnnotations.length === 0) {
    return [...errors, ...['validations', 'auditAnnotations'].map((field) => required(path.child(field), 'validations or auditAnnotations must contain at least one item'))];
  }
  const at = path.child('auditAnnotations');
  const keys = auditAnnotations.map(({ key = '' }) => key);
  return [
    ...errors,
    ...validations.flatMap((validation, index) => validateValidation(validation, path.child('validations').index(index))),
    ...(keys.length > maxAnnotations ? [invalid(at, auditAnnotations, `must not have more than ${maxAnnotations} auditAnnotations`)] : []),
    ...auditAnnotations.flatMap((annotation, index) => [
      ...validateAnnotation(own, annotation, at.index(index)),
      ...(keys.indexOf(keys[index] ?? '') < index ? [duplicate(at.index(index).child('key'), keys[index])] : []),
    ]),
  ];
}

function validateValidation({ expression = '', messageExpression = '', message = '', reason }: Validation, path: Path): FieldError[] {
  return [
    ...(expression.trim() === '' ? [required(path.child('expression'), 'expression is not specified')] : []),
    ...(messageExpression !== '' && messageExpression.trim() === '' ? [invalid(path.child('messageExpression'), messageExpression, 'must be non-empty if specified')] : []),
    ...(message !== '' && message.trim() === '' ? [invalid(path.child('message'), message, 'message must be non-empty if specified')] : []),
    ...(/[\n\r]/.test(message.trim()) ? [invalid(path.child('message'), message, 'message must not contain line breaks')] : []),
    ...oneOf(path.child('reason'), reason, reasons),
  ];
}

function validateAnnotation(own: string, { key = '', valueExpression = '' }: Annotation, path: Path): FieldError[] {
  const full = `${own}/${key}`;
  const expression = valueExpression.trim();
  return [
    ...(own === '' ? [invalid(path.child('key'), key, 'requires metadata.name be non-empty')] : faults(path.child('key'), full, qualifiedName(full))),
    ...(expression === '' ? [required(path.child('valueExpression'), 'valueExpression is not specified')] : []),
    ...(Buffer.byteLength(expression) > maxExpressionBytes ? [required(path.child('valueExpression'), `must not exceed ${maxExpressionBytes} bytes in length`)] : []),
  ];
}

function validateStatus({ typeChecking, conditions }: NonNullable<ValidatingAdmissionPolicy['status']>, path: Path): FieldError[] {
  const at = path.child('typeChecking', 'expressionWarnings');
  return [
    ...(typeChecking?.expressionWarnings ?? []).flatMap(({ warning = '', fieldRef = '' }, index) => [
      ...(warning === '' ? [required(at.index(index).child('warning'))] : []),
      ...(fieldRef.trim() === '' ? [required(at.index(index).child('fieldRef'))] : []),
    ]),
    ...validateConditions(conditions, path.child('conditions')),
  ];
}
