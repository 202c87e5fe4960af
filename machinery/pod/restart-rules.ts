import type { Container } from '../kinds/core.ts';

/** What the first of a container's `restartPolicyRules` that fits an exit code asks for. Source: "Individual container restart policy and rules". */
export function ruleAction({ restartPolicyRules: rules }: Container, exitCode: number): string | undefined {
  return rules?.find(({ exitCodes }) => {
    const listed = exitCodes?.values?.includes(exitCode) ?? false;
    return exitCodes?.operator === 'In' ? listed : exitCodes?.operator === 'NotIn' && !listed;
  })?.action;
}
