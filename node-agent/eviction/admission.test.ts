import { expect, it } from 'vitest';
import type { Pod } from '../../machinery/kinds/core.ts';
import { refusal } from './admission.ts';

const bestEffort: Pod = { spec: { containers: [{ name: 'c' }] } };
const burstable: Pod = { spec: { containers: [{ name: 'c', resources: { requests: { memory: '1Mi' } } }] } };
const tolerant: Pod = { spec: { containers: [{ name: 'c' }], tolerations: [{ key: 'node.kubernetes.io/memory-pressure', operator: 'Exists', effect: 'NoSchedule' }] } };
const critical: Pod = { spec: { containers: [{ name: 'c' }], priority: 2_000_000_000 } };
const memory = 'The node had condition: [MemoryPressure]. ';

it.each([
  ['anything without pressure', bestEffort, [], undefined],
  ['nothing that asks for no memory where that is short', bestEffort, ['MemoryPressure'], memory],
  ['what asks for memory where that alone is short', burstable, ['MemoryPressure'], undefined],
  ['what tolerates that memory is short', tolerant, ['MemoryPressure'], undefined],
  ['nothing where the disk is full', burstable, ['DiskPressure'], 'The node had condition: [DiskPressure]. '],
  ['nothing where memory is not all that is short', tolerant, ['MemoryPressure', 'PIDPressure'], 'The node had condition: [MemoryPressure PIDPressure]. '],
  ['what keeps the cluster going, always', critical, ['MemoryPressure', 'DiskPressure', 'PIDPressure'], undefined],
] as const)('a node lets in %s', (_name, pod, pressures, message) => {
  expect(refusal(pod, pressures)).toEqual(message === undefined ? undefined : { reason: 'Evicted', message });
});
