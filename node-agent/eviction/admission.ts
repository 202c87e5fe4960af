import type { Pod } from '../../machinery/kinds/core.ts';
import { qosClass } from '../../machinery/pod/qos.ts';
import { tolerates } from '../../machinery/pod/tolerations.ts';
import type { Refusal } from '../pod/handle.ts';
import { isCritical } from '../pod/priority.ts';
import type { Pressure } from './pressure.ts';

/**
 * Why a node under pressure doesn't let a pod in; undefined: it does. Short of memory alone, it takes those that ask for some, or
 * tolerate its taint. Pure. Source: "Node-pressure Eviction", node conditions.
 */
export function refusal(pod: Pod, pressures: readonly Pressure[]): Refusal | undefined {
  if (pressures.length === 0 || isCritical(pod)) return undefined;
  const isMemoryAlone = pressures.length === 1 && pressures[0] === 'MemoryPressure';
  const { spec } = pod;
  if (isMemoryAlone && (qosClass(spec ?? { containers: [] }) !== 'BestEffort' || tolerates(spec?.tolerations, memoryTaint))) return undefined;
  return { reason: 'Evicted', message: `The node had condition: [${pressures.join(' ')}]. ` };
}

const memoryTaint = { key: 'node.kubernetes.io/memory-pressure', effect: 'NoSchedule' };
