import { expect, it } from 'vitest';
import type { Pod } from '../../machinery/kinds/core.ts';
import { refusal } from './admission.ts';
import { isNodeCritical } from '../pod/priority.ts';

const bestEffort: Pod = { spec: { containers: [{ name: 'c' }] } };
const burstable: Pod = { spec: { containers: [{ name: 'c', resources: { requests: { memory: '1Mi' } } }] } };
const tolerant: Pod = { spec: { containers: [{ name: 'c' }], tolerations: [{ key: 'node.kubernetes.io/memory-pressure', operator: 'Exists', effect: 'NoSchedule' }] } };
const critical: Pod = { spec: { containers: [{ name: 'c' }], priority: 2_000_000_000 } };
const ofFile: Pod = { ...bestEffort, metadata: { uid: '0123456789abcdef'.repeat(2) } };
const memory = 'The node had condition: [MemoryPressure]. ';

it.each([
  ['anything without pressure', bestEffort, [], undefined],
  ['nothing that asks for no memory where that is short', bestEffort, ['MemoryPressure'], memory],
  ['what asks for memory where that alone is short', burstable, ['MemoryPressure'], undefined],
  ['what tolerates that memory is short', tolerant, ['MemoryPressure'], undefined],
  ['nothing where the disk is full', burstable, ['DiskPressure'], 'The node had condition: [DiskPressure]. '],
  ['nothing where memory is not all that is short', tolerant, ['MemoryPressure', 'PIDPressure'], 'The node had condition: [MemoryPressure PIDPressure]. '],
  ['what keeps the cluster going, always', critical, ['MemoryPressure', 'DiskPressure', 'PIDPressure'], undefined],
  ['what its own files ask for, always', ofFile, ['MemoryPressure', 'DiskPressure', 'PIDPressure'], undefined],
  ['nothing that only says that it comes of a file', { ...bestEffort, metadata: { uid: 'e2c8f4d0-0000-4000-8000-000000000000', annotations: { 'kubernetes.io/config.source': 'file' } } }, ['DiskPressure'], 'The node had condition: [DiskPressure]. '],
] as const)('a node lets in %s', (_name, pod, pressures, message) => {
  expect(refusal(pod, pressures)).toEqual(message === undefined ? undefined : { reason: 'Evicted', message });
});

it.each<[string, Pod, boolean]>([
  ['of a file that says so', { ...ofFile, spec: { containers: [], priorityClassName: 'system-node-critical' } }, true],
  ['of a file that says nothing', ofFile, false],
  ['of the class', { spec: { containers: [], priorityClassName: 'system-node-critical', priority: 2_000_001_000 } }, true],
  ['of the class\' name alone', { spec: { containers: [], priorityClassName: 'system-node-critical' } }, false],
  ['that is critical to the cluster', { spec: { containers: [], priorityClassName: 'system-cluster-critical', priority: 2_000_000_000 } }, false],
])('a pod %s is the last to be killed, or not', (_name, pod, expected) => {
  expect(isNodeCritical(pod)).toBe(expected);
});
