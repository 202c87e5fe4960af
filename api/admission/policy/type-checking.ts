import type { ValidatingAdmissionPolicy } from '../../../machinery/kinds/admission-registration.ts';
import type { Type } from '../../../machinery/cel/types.ts';
import { objectTypeOf } from '../../../machinery/cel/schema-types.ts';
import { mergeSchema } from '../../field-management/forms.ts';
import type { Resource } from '../../resources/define.ts';
import { compileVariables, expressionOf } from './expressions.ts';

/** What expressions of a policy would fail at, by the schemas of the kinds that it is about: told in its status, and nothing more. Source: "Type checking", Validating admission policy. */

export interface ExpressionWarning {
  readonly fieldRef: string;
  readonly warning: string;
}

const mostKinds = 10;

type Spec = NonNullable<ValidatingAdmissionPolicy['spec']>;

export function typeWarnings(spec: Spec, resources: readonly Resource[]): readonly ExpressionWarning[] {
  const kinds = kindsOf(spec, resources);
  const params = resources.find(({ group, version, kind }) => (group === '' ? version : `${group}/${version}`) === spec.paramKind?.apiVersion && kind === spec.paramKind.kind);
  const paramType = params === undefined ? undefined : typeOf(params);
  return (spec.validations ?? []).flatMap(({ expression, messageExpression = '' }, index) => [
    ...warned(`spec.validations[${index}].expression`, expression, { spec, kinds, paramType }),
    ...(messageExpression === '' ? [] : warned(`spec.validations[${index}].messageExpression`, messageExpression, { spec, kinds, paramType })),
  ]);
}

function typeOf(resource: Resource): Type {
  return objectTypeOf(mergeSchema(resource));
}

/** Those that rules name one by one: what has a star in it is not looked up. */
function kindsOf({ matchConstraints }: Spec, resources: readonly Resource[]): readonly Resource[] {
  const named = new Set<Resource>();
  for (const { apiGroups = [], apiVersions = [], resources: plurals = [] } of matchConstraints?.resourceRules ?? []) {
    if ([...apiGroups, ...apiVersions].some((one) => one.includes('*'))) continue;
    for (const resource of resources) {
      if (apiGroups.includes(resource.group) && apiVersions.includes(resource.version) && plurals.includes(resource.plural)) named.add(resource);
    }
  }
  return [...named].toSorted((a, b) => (kindText(a) < kindText(b) ? -1 : 1)).slice(0, mostKinds);
}

function kindText({ group, version, kind }: Resource): string {
  return `${group === '' ? `/${version}` : `${group}/${version}`}, Kind=${kind}`;
}

interface Known {
  readonly spec: Spec;
  readonly kinds: readonly Resource[];
  readonly paramType: Type | undefined;
}

function warned(fieldRef: string, expression: string, { spec, kinds, paramType }: Known): ExpressionWarning[] {
  const texts = kinds.flatMap((resource) => {
    const options = { object: typeOf(resource), params: spec.paramKind !== undefined, authorizer: true, ...(paramType === undefined ? {} : { paramType }) };
    const { problem } = expressionOf(expression, { ...options, variables: compileVariables(spec.variables, options).types });
    return problem === undefined ? [] : [`${kindText(resource)}: ${problem.replace(/^compilation failed: /, '')}\n`];
  });
  return texts.length === 0 ? [] : [{ fieldRef, warning: texts.join('\n') }];
}
