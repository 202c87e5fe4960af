import type { V1NodeSelectorRequirement, V1NodeSelectorTerm, V1PreferredSchedulingTerm } from '@kubernetes/client-node';
import type { PodSpec } from '../kinds/core.ts';
import type { Wire } from '../kinds/wire.ts';
import { matches, nothing, selectorOf, selectorOfMap, type Selector } from '../selectors.ts';

/**
 * Which nodes a pod wants: `spec.nodeSelector` and node affinity. Source: "Assigning Pods to Nodes".
 */

type NodeSelectorTerm = Wire<V1NodeSelectorTerm>;
type NodeSelectorRequirement = Wire<V1NodeSelectorRequirement>;
type Labels = Readonly<Record<string, string>> | undefined;

/** One term of a node selector: its conditions on labels and on the node's name must all hold. */
export interface NodeTerm {
  readonly labels: Selector;
  readonly fields: Selector;
}

/** Any term will do; no term at all chooses no node. */
export interface RequiredNodes {
  readonly selector: Selector;
  /** Undefined: the pod names no required affinity. */
  readonly terms: readonly NodeTerm[] | undefined;
}

export interface PreferredNodes {
  readonly weight: number;
  readonly term: NodeTerm;
}

/** What `nodeSelector` and the required affinity demand together; undefined when they demand nothing. */
export function requiredNodes(spec: PodSpec): RequiredNodes | undefined {
  const required = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  const selector = selectorOfMap(spec.nodeSelector ?? {});
  if (required === undefined && selector.length === 0) return undefined;
  return { selector, terms: required?.nodeSelectorTerms.flatMap(termOf) };
}

/** The terms that add to a node's score. Terms without weight or condition add nothing. */
export function preferredNodes(spec: PodSpec): readonly PreferredNodes[] {
  const preferred: readonly Wire<V1PreferredSchedulingTerm>[] = spec.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
  return preferred.flatMap(({ weight, preference }) => (weight === 0 ? [] : termOf(preference).map((term) => ({ weight, term }))));
}

export function acceptsNode({ selector, terms }: RequiredNodes, labels: Labels, name: string): boolean {
  return matches(selector, labels) && (terms === undefined || terms.some((term) => termHolds(term, labels, name)));
}

/** The sum of the weights of what holds. */
export function preferenceFor(preferred: readonly PreferredNodes[], labels: Labels, name: string): number {
  let sum = 0;
  for (const { weight, term } of preferred) if (termHolds(term, labels, name)) sum += weight;
  return sum;
}

/** The only nodes that can be meant, when every term names its nodes; undefined when some term doesn't. */
export function namedNodes({ terms }: RequiredNodes): readonly string[] | undefined {
  if (terms === undefined || terms.length === 0) return undefined;
  const names = new Set<string>();
  for (const { fields } of terms) {
    const named = fields.filter(({ key, operator }) => key === nameField && operator === 'In');
    const [first] = named;
    if (first === undefined) return undefined;
    for (const name of first.values) if (named.every(({ values }) => values.includes(name))) names.add(name);
  }
  return [...names];
}

/** The keys of all labels that the terms look at. */
export function labelsRead(required: RequiredNodes | undefined, preferred: readonly PreferredNodes[]): readonly string[] {
  const terms = [...(required?.terms ?? []), ...preferred.map(({ term }) => term)];
  return [...(required?.selector ?? []), ...terms.flatMap(({ labels }) => labels)].map(({ key }) => key);
}

/** Does any term look at the node's name? */
export function readsName(required: RequiredNodes | undefined, preferred: readonly PreferredNodes[]): boolean {
  return [...(required?.terms ?? []), ...preferred.map(({ term }) => term)].some(({ fields }) => fields.length > 0);
}

const nameField = 'metadata.name';

/** A term without conditions chooses nothing. */
function termOf({ matchExpressions = [], matchFields = [] }: NodeSelectorTerm): readonly NodeTerm[] {
  if (matchExpressions.length === 0 && matchFields.length === 0) return [];
  return [{ labels: requirements(matchExpressions), fields: matchFields.every(({ key }) => key === nameField) ? requirements(matchFields) : nothing }];
}

function requirements(expressions: readonly NodeSelectorRequirement[]): Selector {
  const bounds = expressions.filter(({ operator }) => operator === 'Gt' || operator === 'Lt');
  const others = expressions.filter((expression) => !bounds.includes(expression));
  const compared: Selector = bounds.map(({ key, operator, values = [] }) => ({ key, operator: operator === 'Gt' ? 'Gt' : 'Lt', values }));
  return [...selectorOf({ matchExpressions: others }), ...compared];
}

function termHolds({ labels: wanted, fields }: NodeTerm, labels: Labels, name: string): boolean {
  return matches(wanted, labels) && (fields.length === 0 || matches(fields, { [nameField]: name }));
}
