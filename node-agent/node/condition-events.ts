import type { NodeCondition } from '../../machinery/kinds/core.ts';

/** Reasons of the kubelet's events, by condition: of one that has become true, and of one that has become false. */
const reasons: Readonly<Record<string, readonly [string, string]>> = {
  MemoryPressure: ['NodeHasInsufficientMemory', 'NodeHasSufficientMemory'], DiskPressure: ['NodeHasDiskPressure', 'NodeHasNoDiskPressure'],
  PIDPressure: ['NodeHasInsufficientPID', 'NodeHasSufficientPID'], Ready: ['NodeReady', 'NodeNotReady'],
};

/** What is told of a node whose conditions have changed. Pure. One that has only just come is not said to be no longer ready. */
export function conditionEvents(before: readonly NodeCondition[], now: readonly NodeCondition[]): readonly string[] {
  return now.flatMap(({ type, status }) => {
    const last = before.find((each) => each.type === type)?.status;
    if (last === status || (type === 'Ready' && last === undefined && status !== 'True')) return [];
    return reasons[type]?.[status === 'True' ? 0 : 1] ?? [];
  });
}
