import { invalid, Path, required, type FieldError } from '../../../machinery/field-path.ts';
import { MutatingAdmissionPolicy } from '../../../machinery/kinds/admission-registration.ts';
import { mutatingProblems } from '../../admission/policy/problems.ts';
import { chosen } from '../checks.ts';
import { count, text } from '../columns.ts';
import { age, defineResource, name } from '../define.ts';
import { defaultMatch } from './match.ts';
import { paramKindText, validatePolicy } from './policies.ts';
import { reinvocationPolicies } from './webhooks.ts';

type Spec = NonNullable<MutatingAdmissionPolicy['spec']>;
type Mutation = NonNullable<Spec['mutations']>[number];

/** Source: "Mutating admission policy". */
export const mutatingAdmissionPolicy = defineResource(MutatingAdmissionPolicy, {
  updatesNameVersion: true,
  categories: ['api-extensions'],
  generation: true,
  columns: [
    name(),
    count('Mutations', 'How many mutations it has.', (object) => object.spec?.mutations?.length ?? 0),
    text('ParamKind', 'Which kind its parameters are of.', (object) => paramKindText(object.spec?.paramKind)),
    age(),
  ],
  defaults(draft) {
    draft.spec ??= {};
    draft.spec.failurePolicy ??= 'Fail';
    if (draft.spec.matchConstraints !== undefined) defaultMatch(draft.spec.matchConstraints);
  },
  validate: ({ spec }) => [...validateSpec(spec ?? {}, new Path('spec')), ...mutatingProblems(spec ?? {}, new Path('spec'))],
});

function validateSpec(spec: Spec, path: Path): FieldError[] {
  const mutations = spec.mutations ?? [];
  return [
    ...validatePolicy(spec, path),
    ...(mutations.length === 0 ? [required(path.child('mutations'), 'mutations must contain at least one item')] : []),
    ...mutations.flatMap((mutation, index) => validateMutation(mutation, path.child('mutations').index(index))),
    ...chosen(path.child('reinvocationPolicy'), spec.reinvocationPolicy, reinvocationPolicies),
  ];
}

const fieldOf = { ApplyConfiguration: 'applyConfiguration', JSONPatch: 'jsonPatch' } as const;

/** One patch, of the type that `patchType` says. */
function validateMutation(mutation: Mutation, path: Path): FieldError[] {
  const errors = chosen(path.child('patchType'), mutation.patchType, Object.keys(fieldOf));
  if (errors.length > 0) return errors;
  const { patchType } = mutation;
  return Object.entries(fieldOf).toSorted(([type]) => (type === patchType ? -1 : 1)).flatMap(([type, field]) => {
    const patch = mutation[field];
    const at = path.child(field);
    if (type !== patchType) return patch === undefined ? [] : [invalid(at, `{${field}}`, `must not be specified when patchType is ${patchType}`)];
    if (patch === undefined) return [required(at, `must be specified when patchType is ${type}`)];
    return (patch.expression ?? '').trim() === '' ? [required(at.child('expression'), 'expression is not specified')] : [];
  });
}
