import type { MatchResources, NamedRuleWithOperations } from '../../../machinery/kinds/admission-registration.ts';
import type { KubernetesObject } from '../../../machinery/kinds/kind.ts';
import type { Resource } from '../../resources/define.ts';
import type { Admitted } from '../admission.ts';
import { namedRuleMatches } from './rules.ts';
import { selected, selectorsOf } from './selectors.ts';
import type { VersionsOf } from './versions.ts';

/** Says as which resource a write is seen: its own, or another version that a rule names. Undefined: not at all. */
export type Matcher = (write: Admitted, object: KubernetesObject | undefined) => Resource | undefined;

/** What `matchConstraints` of a policy, or `matchResources` of its binding, choose. Without rules a binding chooses all. */
export function matcherOf(match: MatchResources | undefined, versionsOf: VersionsOf): Matcher {
  if (match === undefined) return ({ resource }) => resource;
  const { resourceRules = [], excludeResourceRules = [], matchPolicy = 'Equivalent' } = match;
  const selectors = selectorsOf(match);
  const find = (rules: readonly NamedRuleWithOperations[], write: Admitted): Resource | undefined => {
    const own = rules.some((rule) => namedRuleMatches(rule, write, write.resource));
    if (own || matchPolicy === 'Exact') return own ? write.resource : undefined;
    return versionsOf(write.resource).find((version) => rules.some((rule) => namedRuleMatches(rule, write, version)));
  };
  return (write, object) => {
    const as = resourceRules.length === 0 ? write.resource : find(resourceRules, write);
    if (as === undefined || find(excludeResourceRules, write) !== undefined) return undefined;
    return selected(selectors, write, object) ? as : undefined;
  };
}
