import type { Container, Pod } from '../../machinery/kinds/core.ts';
import { parseQuantity, toMillis, unitsOf } from '../../machinery/quantity.ts';
import { hugeLimits } from '../huge-pages.ts';
import { podResources } from '../pod-resources.ts';
import type { CgroupResources } from '../runtime/runtime.ts';
import type { NodeContext, PodHandle } from './handle.ts';
import { containerMemoryQos, podMemoryQos } from './memory-qos.ts';
import { containerSwap, podSwap } from './swap.ts';

/** What the pod's cgroup is given on this node. */
export function givenToPod(pod: Pod, { memoryQos, swap }: Pick<NodeContext, 'memoryQos' | 'swap'>): CgroupResources {
  const memorySwapBytes = podSwap(pod, swap);
  return { ...podResources(pod), ...podMemoryQos(pod, memoryQos), ...(memorySwapBytes === undefined ? {} : { memorySwapBytes }) };
}

/** What a container's cgroup is given on this node, but for where it runs. One with processors of its own needs no quota of them: it would only be held up. */
export function givenToContainer({ node, pod, state }: Pick<PodHandle, 'node' | 'pod' | 'state'>, container: Container): CgroupResources {
  const { cpuLimitMillis, ...resources } = containerResources(container);
  const hasOwnCpus = Object.hasOwn(state().cpus ?? {}, container.name);
  const hugeBytes = hugeLimits(container, node.hugePageSizes);
  return {
    ...resources, ...(cpuLimitMillis === undefined || hasOwnCpus ? {} : { cpuLimitMillis }),
    ...(hugeBytes.size === 0 ? {} : { hugeBytes }),
    ...containerMemoryQos(pod(), container, node.memoryQos, unitsOf(node.allocatable()['memory']) ?? node.memoryCapacityBytes),
    memorySwapBytes: containerSwap(pod(), container, node.swap),
  };
}

/** What it asks for itself. */
function containerResources(container: Container): CgroupResources {
  const { requests, limits } = container.resources ?? {};
  const cpuRequest = parseQuantity(requests?.['cpu'] ?? limits?.['cpu'] ?? '');
  const cpuLimit = parseQuantity(limits?.['cpu'] ?? '');
  const memoryLimitBytes = unitsOf(limits?.['memory']);
  return {
    ...(cpuRequest === undefined ? {} : { cpuRequestMillis: toMillis(cpuRequest) }),
    ...(cpuLimit === undefined ? {} : { cpuLimitMillis: toMillis(cpuLimit) }),
    ...(memoryLimitBytes === undefined ? {} : { memoryLimitBytes }),
  };
}
