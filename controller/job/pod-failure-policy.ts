import type { JobSpec } from '../../machinery/kinds/batch.ts';
import type { Pod } from '../../machinery/kinds/core.ts';

/** What a failed pod means to its Job. Source: "Jobs: pod failure policy". */

type Rule = NonNullable<JobSpec['podFailurePolicy']>['rules'][number];
type ExitCodes = NonNullable<Rule['onExitCodes']>;

export interface Meaning {
  /** Of the first rule that fits. */
  readonly action?: string;
  /** Does it count towards the limits? */
  readonly counts: boolean;
  /** With `FailJob`: what to tell. */
  readonly failsJob?: string;
}

export function meaningOf(pod: Pod, policy: JobSpec['podFailurePolicy']): Meaning {
  for (const [index, rule] of (policy?.rules ?? []).entries()) {
    const why = match(pod, rule);
    if (why === undefined) continue;
    const { action } = rule;
    return { action, counts: action !== 'Ignore', ...(action === 'FailJob' ? { failsJob: `${why} matching ${action} rule at index ${index}` } : {}) };
  }
  return { counts: true };
}

/** What about the pod fits the rule, in Kubernetes' words. */
function match(pod: Pod, rule: Rule): string | undefined {
  const { namespace = '', name = '' } = pod.metadata ?? {};
  if (rule.onExitCodes !== undefined) {
    const container = exited(pod, rule.onExitCodes);
    return container === undefined ? undefined : `Container ${container.name} for pod ${namespace}/${name} failed with exit code ${container.exitCode}`;
  }
  const condition = pod.status?.conditions?.find(({ type, status }) => (rule.onPodConditions ?? []).some((pattern) => pattern.type === type && pattern.status === status));
  return condition === undefined ? undefined : `Pod ${namespace}/${name} has condition ${condition.type}`;
}

/** Success is no exit code to match, whatever the operator. */
function exited(pod: Pod, { containerName, operator, values }: ExitCodes): { readonly name: string; readonly exitCode: number } | undefined {
  for (const { name, state } of [...(pod.status?.containerStatuses ?? []), ...(pod.status?.initContainerStatuses ?? [])]) {
    const exitCode = state?.terminated?.exitCode;
    if (exitCode === undefined || exitCode === 0 || (containerName !== undefined && containerName !== name)) continue;
    if (values.includes(exitCode) === (operator === 'In')) return { name, exitCode };
  }
  return undefined;
}
