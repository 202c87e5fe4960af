import { Path } from '../../../machinery/field-path.ts';
import { MutatingAdmissionPolicyBinding } from '../../../machinery/kinds/admission-registration.ts';
import { dns1123Subdomain } from '../../../machinery/names.ts';
import { named } from '../checks.ts';
import { text } from '../columns.ts';
import { age, defineResource, name } from '../define.ts';
import { defaultMatch, validateMatch, validateParamRef } from './match.ts';
import { paramRefText } from './policies.ts';

/** Source: "Mutating admission policy". */
export const mutatingAdmissionPolicyBinding = defineResource(MutatingAdmissionPolicyBinding, {
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
      ...validateMatch(spec?.matchResources, path.child('matchResouces')),
    ];
  },
});
