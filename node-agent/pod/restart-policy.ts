import type { Pod } from '../../machinery/kinds/core.ts';
import type { PodContainer, Run } from './state.ts';

type Policy = 'Always' | 'OnFailure' | 'Never';

/** The policy in force: the container's own, a sidecar's `Always`, or the pod's; an init container never restarts after success. */
function policyOf(pod: Pod, container: PodContainer): Policy {
  if (container.role === 'sidecar') return 'Always';
  const policy = container.spec.restartPolicy ?? pod.spec?.restartPolicy ?? 'Always';
  const known: Policy = policy === 'Never' || policy === 'OnFailure' ? policy : 'Always';
  return container.role === 'init' && known === 'Always' ? 'OnFailure' : known;
}

/** Whether an ended run is followed by another ("Container restart policy"; "restartPolicyRules" look at the exit code first). */
export function restarts(pod: Pod, container: PodContainer, run: Run): boolean {
  if (container.role === 'ephemeral') return false;
  const exitCode = run.exit?.exitCode ?? 0;
  for (const rule of container.spec.restartPolicyRules ?? []) {
    const listed = rule.exitCodes?.values?.includes(exitCode) ?? false;
    if (rule.action === 'Restart' && (rule.exitCodes?.operator === 'In' ? listed : rule.exitCodes?.operator === 'NotIn' && !listed)) return true;
  }
  const policy = policyOf(pod, container);
  return policy === 'Always' || (policy === 'OnFailure' && exitCode !== 0);
}
