import { duplicate, invalid, Path, required, type FieldError } from '../../../machinery/field-path.ts';
import { ValidatingAdmissionPolicyBinding } from '../../../machinery/kinds/admission-registration.ts';
import { oneOf } from '../checks.ts';
import { defineResource } from '../define.ts';
import { defaultMatch } from './match.ts';
import { bindingColumns, validateBinding } from './policies.ts';

const actions = ['Audit', 'Deny', 'Warn'] as const;

/** Source: "Validating admission policy". */
export const validatingAdmissionPolicyBinding = defineResource(ValidatingAdmissionPolicyBinding, {
  updatesNameVersion: true,
  categories: ['api-extensions'],
  generation: true,
  columns: bindingColumns(),
  defaults(draft) {
    if (draft.spec?.matchResources !== undefined) defaultMatch(draft.spec.matchResources);
  },
  validate({ spec }) {
    const path = new Path('spec');
    return [
      ...validateBinding(spec, path),
      ...validateActions(spec?.validationActions ?? [], path.child('validationActions')),
    ];
  },
});

function validateActions(asked: readonly string[], path: Path): FieldError[] {
  const errors = asked.flatMap((action, index) => [
    ...oneOf(path.index(index), action, actions),
    ...(asked.indexOf(action) < index ? [duplicate(path.index(index), action)] : []),
  ]);
  if (asked.includes('Deny') && asked.includes('Warn')) {
    errors.push(invalid(path, asked, 'must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)'));
  }
  return asked.length === 0 ? [required(path, 'at least one validation action is required')] : errors;
}
