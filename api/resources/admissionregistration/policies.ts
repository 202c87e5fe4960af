import { invalid, required, type FieldError, type Path } from '../../../machinery/field-path.ts';
import type {
  MatchCondition, MatchResources, MutatingAdmissionPolicyBinding, ParamKind, ParamRef, ValidatingAdmissionPolicyBinding,
} from '../../../machinery/kinds/admission-registration.ts';
import { dns1123Subdomain } from '../../../machinery/names.ts';
import { formatSelector, selectorOf } from '../../../machinery/selectors.ts';
import { chosen, named } from '../checks.ts';
import { text } from '../columns.ts';
import { age, name as nameColumn, type Column } from '../define.ts';
import { validateMatch, validateMatchConditions, validateParamKind, validateParamRef } from './match.ts';
import { failurePolicies } from './webhooks.ts';

/** What validating and mutating policies share. Source: "Validating admission policy", "Mutating admission policy". */

interface PolicySpec {
  readonly failurePolicy?: string;
  readonly paramKind?: ParamKind;
  readonly matchConstraints?: MatchResources;
  readonly matchConditions?: readonly MatchCondition[];
  readonly variables?: readonly Variable[];
}

interface Variable {
  readonly name?: string;
  readonly expression?: string;
}

export function validatePolicy(spec: PolicySpec, path: Path): FieldError[] {
  const constraints = path.child('matchConstraints');
  return [
    ...chosen(path.child('failurePolicy'), spec.failurePolicy, failurePolicies),
    ...validateParamKind(spec.paramKind, path.child('paramKind')),
    ...(spec.matchConstraints === undefined ? [required(constraints)] : validateMatch(spec.matchConstraints, constraints)),
    ...(spec.matchConstraints !== undefined && (spec.matchConstraints.resourceRules ?? []).length === 0 ? [required(constraints.child('resourceRules'))] : []),
    ...validateMatchConditions(spec.matchConditions, path.child('matchConditions')),
    ...(spec.variables ?? []).flatMap((variable, index) => validateVariable(variable, path.child('variables').index(index))),
  ];
}

/** Words of CEL that can't be names. Source: the Common Expression Language's specification. */
const reserved: ReadonlySet<string> = new Set([
  'true', 'false', 'null', 'in', 'as', 'break', 'const', 'continue', 'else', 'for', 'function', 'if', 'import', 'let', 'loop', 'package', 'namespace', 'return', 'var', 'void', 'while',
]);

function validateVariable({ name = '', expression = '' }: Variable, path: Path): FieldError[] {
  const isIdentifier = /^[_a-zA-Z]\w*$/.test(name) && !reserved.has(name);
  return [
    ...(name.trim() === '' ? [required(path.child('name'), 'name is not specified')] : isIdentifier ? [] : [invalid(path.child('name'), name, 'name is not a valid CEL identifier')]),
    ...(expression.trim() === '' ? [required(path.child('expression'), 'expression is not specified')] : []),
  ];
}

/** `apps/v1/Deployment`, as the ParamKind column shows it. */
export function paramKindText(kind: ParamKind | undefined): string {
  return kind === undefined ? '<unset>' : `${kind.apiVersion ?? ''}/${kind.kind ?? ''}`;
}

type Binding = ValidatingAdmissionPolicyBinding | MutatingAdmissionPolicyBinding;

export function bindingColumns<T extends Binding>(): readonly Column<T>[] {
  return [
    nameColumn(),
    text('PolicyName', 'Which policy it binds.', (object) => object.spec?.policyName ?? ''),
    text('ParamRef', "Where the policy's parameters are.", paramRefText),
    age(),
  ];
}

export function validateBinding(spec: Binding['spec'], path: Path): FieldError[] {
  return [
    ...named(path.child('policyName'), spec?.policyName, dns1123Subdomain),
    ...validateParamRef(spec?.paramRef, path.child('paramRef')),
    // Misspelled in Kubernetes' own messages.
    ...validateMatch(spec?.matchResources, path.child('matchResouces')),
  ];
}

/** `namespace/name`, or a selector, as the ParamRef column shows it. */
function paramRefText({ spec }: Binding): string {
  const ref: ParamRef | undefined = spec?.paramRef;
  const { name = '', namespace = '', selector } = ref ?? {};
  if (name !== '') return `${namespace === '' ? '*' : namespace}/${name}`;
  return selector === undefined ? '<unset>' : formatSelector(selectorOf(selector));
}
