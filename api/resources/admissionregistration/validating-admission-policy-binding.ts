import { duplicate, invalid, Path, required, type FieldError } from '../../../machinery/field-path.ts';
import { ValidatingAdmissionPolicyBinding } from '../../../machinery/kinds/admission-registration.ts';
import { dns1123Subdomain } from '../../../machinery/names.ts';
import { named, oneOf } from '../checks.ts';
import { text } from '../columns.ts';
import { age, defineResource, name } from '../define.ts';
import { defaultMatch, validateMatch, validateParamRef } from './match.ts';
import { paramRefText } from './policies.ts';

const actions = ['Audit', 'Deny', 'Warn'] as const;

/** Source: "Validating admission policy". */
export const validatingAdmissionPolicyBinding = defineResource(ValidatingAdmissionPolicyBinding, {
  updatesNameVersion: true,
  categories: ['api-extensions'],
  generation: true,
  columns: [
    name(),
    text('PolicyName', 'Which policy it binds.', (object) => object.spec?.policyName ?? ''),
    text('ParamRef', "Where the policy's parameters are.", paramRefText),
    age(),
  ],
  defaults(draft) {
    if (draft.spec?.matchResources !== undefined) defaultMatch(draft.spec.matchResources);
  },
  validate({ spec }) {
    const path = new Path('spec');
    return [
      ...named(path.child('policyName'), spec?.policyName, dns1123Subdomain),
      ...validateParamRef(spec?.paramRef, path.child('paramRef')),
      // Misspelled in Kubernetes' own messages.
      ...validateMatch(spec?.matchResources, path.child('matchResouces')),
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
