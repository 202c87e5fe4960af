import type { Pod } from '../machinery/kinds/core.ts';
import { podLimits, podRequests } from '../machinery/pod/requests.ts';
import { parseQuantity, toMillis, toUnits } from '../machinery/quantity.ts';
import type { CgroupResources } from './runtime/runtime.ts';

/**
 * The pod's cgroup. Memory is bounded when every container's is, or the pod's itself (Kubernetes' pod cgroups). Processor time
 * only when the pod asks for it: the containers' own quotas add up to the same, and the supervisor beside them must not wait
 * for a share that a busy container has used up. It is what would stop that container.
 */
export function podResources(pod: Pod): CgroupResources {
  const spec = pod.spec ?? { containers: [] };
  const requests = podRequests(spec);
  const limits = podLimits(spec);
  const bounded = (name: string): boolean => spec.resources?.limits?.[name] !== undefined
    || [...spec.containers, ...(spec.initContainers ?? [])].every((container) => parseQuantity(container.resources?.limits?.[name] ?? '') !== undefined);
  const cpuRequest = requests.get('cpu');
  const cpuLimit = spec.resources?.limits?.['cpu'] === undefined ? undefined : limits.get('cpu');
  const memoryLimit = bounded('memory') ? limits.get('memory') : undefined;
  return {
    ...(cpuRequest === undefined ? {} : { cpuRequestMillis: toMillis(cpuRequest) }),
    ...(cpuLimit === undefined ? {} : { cpuLimitMillis: toMillis(cpuLimit) }),
    ...(memoryLimit === undefined ? {} : { memoryLimitBytes: toUnits(memoryLimit) }),
  };
}
