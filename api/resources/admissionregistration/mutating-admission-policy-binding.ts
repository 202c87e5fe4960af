import { Path } from '../../../machinery/field-path.ts';
import { MutatingAdmissionPolicyBinding } from '../../../machinery/kinds/admission-registration.ts';
import { defineResource } from '../define.ts';
import { defaultMatch } from './match.ts';
import { bindingColumns, validateBinding } from './policies.ts';

/** Source: "Mutating admission policy". */
export const mutatingAdmissionPolicyBinding = defineResource(MutatingAdmissionPolicyBinding, {
  updatesNameVersion: true,
  categories: ['api-extensions'],
  generation: true,
  columns: bindingColumns(),
  defaults(draft) {
    if (draft.spec?.matchResources !== undefined) defaultMatch(draft.spec.matchResources);
  },
  validate: ({ spec }) => validateBinding(spec, new Path('spec')),
});
