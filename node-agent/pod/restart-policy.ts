import type { Pod } from '../../machinery/kinds/core.ts';
import { ruleAction } from '../../machinery/pod/restart-rules.ts';
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
  const action = ruleAction(container.spec, exitCode);
  if (action === 'Restart' || action === 'RestartAllContainers') return true;
  const policy = policyOf(pod, container);
  return policy === 'Always' || (policy === 'OnFailure' && exitCode !== 0);
}

/** Whether the end of a run has the whole pod's containers begin anew ("Restart All Containers"). */
export function restartsAll(container: PodContainer, run: Run | undefined): boolean {
  return container.role !== 'ephemeral' && run?.exit !== undefined && ruleAction(container.spec, run.exit.exitCode) === 'RestartAllContainers';
}
