import { findCondition, setCondition, type Condition } from '../../../machinery/conditions.ts';
import type { CustomResourceDefinition, DefinitionNames } from '../../../machinery/kinds/apiextensions.ts';
import { caBundleProblem } from '../../webhooks/ca-bundle.ts';

/**
 * Which of a definition's names are free in its group, and with that whether its kind is served. Who came first keeps a name: what
 * the others have accepted counts, not what they ask for. Source: CustomResourceDefinition, conditions NamesAccepted and Established.
 */
export function acceptNames(definition: CustomResourceDefinition, all: Iterable<CustomResourceDefinition>, now: number): NonNullable<CustomResourceDefinition['status']> {
  const others = [...all].filter((one) => one.metadata?.name !== definition.metadata?.name && one.spec.group === definition.spec.group).map(({ status }) => status?.acceptedNames);
  const taken = {
    resources: new Set(others.flatMap((names) => [names?.plural, names?.singular, ...names?.shortNames ?? []])),
    kinds: new Set(others.flatMap((names) => [names?.kind, names?.listKind])),
  };
  const { names: wanted } = definition.spec;
  const before: DefinitionNames = definition.status?.acceptedNames ?? { plural: '', kind: '' };
  const conflicts = conflictsOf(wanted, taken);
  const keep = <K extends keyof DefinitionNames>(key: K): Pick<DefinitionNames, K> => {
    const from = conflicts.has(key) ? before : wanted;
    return (from[key] === undefined ? {} : { [key]: from[key] }) as Pick<DefinitionNames, K>;
  };
  const acceptedNames: DefinitionNames = { ...keep('plural'), ...keep('singular'), ...keep('shortNames'), ...keep('kind'), ...keep('listKind'), ...keep('categories') };
  return { ...definition.status, acceptedNames, conditions: [...conditionsOf(definition, [...conflicts.values()], now)] };
}

function conflictsOf(wanted: DefinitionNames, { resources, kinds }: { readonly resources: ReadonlySet<string | undefined>; readonly kinds: ReadonlySet<string | undefined> }): Map<keyof DefinitionNames, Conflict> {
  const found = new Map<keyof DefinitionNames, Conflict>();
  const look = (key: keyof DefinitionNames, reason: string, names: readonly (string | undefined)[], taken: ReadonlySet<string | undefined>): void => {
    const clashes = names.filter((one) => one !== undefined && one !== '' && taken.has(one));
    if (clashes.length > 0) found.set(key, { reason, message: clashes.map((one) => `${JSON.stringify(one)} is already in use`).join(', ') });
  };
  look('plural', 'PluralConflict', [wanted.plural], resources);
  look('singular', 'SingularConflict', [wanted.singular], resources);
  look('shortNames', 'ShortNamesConflict', wanted.shortNames ?? [], resources);
  look('kind', 'KindConflict', [wanted.kind], kinds);
  look('listKind', 'ListKindConflict', [wanted.listKind], kinds);
  return found;
}

interface Conflict {
  readonly reason: string;
  readonly message: string;
}

function conditionsOf({ status, metadata, spec }: CustomResourceDefinition, conflicts: readonly Conflict[], now: number): readonly Condition[] {
  const last = conflicts.at(-1);
  const names: Condition = last === undefined
    ? { type: 'NamesAccepted', status: 'True', reason: 'NoConflicts', message: 'no conflicts found' }
    : { type: 'NamesAccepted', status: 'False', ...last };
  let conditions = setCondition<Condition>(status?.conditions, names, now);
  // A kind that is served once stays served, with the names that it had.
  if (findCondition(status?.conditions, 'Established')?.status !== 'True') {
    conditions = setCondition(conditions, last !== undefined
      ? { type: 'Established', status: 'False', reason: 'NotAccepted', message: 'not all names are accepted' }
      : caBundleProblem(spec.conversion?.webhook?.clientConfig?.caBundle) !== undefined
        ? { type: 'Established', status: 'False', reason: 'InvalidCABundle', message: 'The conversion webhook CABundle is invalid' }
        : { type: 'Established', status: 'True', reason: 'InitialNamesAccepted', message: 'the initial names have been accepted' }, now);
  }
  const approved = metadata?.annotations?.['api-approved.kubernetes.io'];
  if (!/(^|\.)(k8s\.io|kubernetes\.io)$/.test(spec.group) || approved === undefined) return conditions;
  return setCondition(conditions, approved.startsWith('unapproved')
    ? { type: 'KubernetesAPIApprovalPolicyConformant', status: 'False', reason: 'UnapprovedAnnotation', message: `not approved: ${JSON.stringify(approved)}` }
    : { type: 'KubernetesAPIApprovalPolicyConformant', status: 'True', reason: 'ApprovedAnnotation', message: `approved in ${approved}` }, now);
}
