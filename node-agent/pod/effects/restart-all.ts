import { afterAttempt } from '../back-off.ts';
import type { PodHandle } from '../handle.ts';
import { restartsAll } from '../restart-policy.ts';
import { containersOf, isRunning, recordOf, withAnew, type ContainerRecord, type PodContainer } from '../state.ts';
import { clearRun } from '../unowned.ts';

/** Says that every container is about to be killed. */
export function restartAll(handle: PodHandle): void {
  for (const { spec } of restarted(handle)) {
    if (isRunning(recordOf(handle.state(), spec.name))) handle.event('Normal', 'Killing', `Stopping container ${spec.name}`, spec.name);
  }
  handle.change((before) => ({ ...before, restartingAll: true }));
}

/** Puts every container back to before its first start; those that look into the pod stay as they are. */
export async function beginAnew(handle: PodHandle): Promise<void> {
  const now = handle.node.clock.now();
  const ended = restarted(handle).map(({ spec }) => recordOf(handle.state(), spec.name));
  handle.change(({ restartingAll: _restartingAll, ...before }) => {
    const containers = new Map(before.containers);
    for (const container of restarted(handle)) {
      const record = containers.get(container.spec.name);
      if (record !== undefined) containers.set(record.name, withAnew(withBackOff(container, record, now), now));
    }
    return { ...before, containers };
  });
  for (const { current, previous } of ended) {
    if (current !== undefined) await clearRun(handle, current, previous);
  }
}

function restarted(handle: PodHandle): readonly PodContainer[] {
  return containersOf(handle.pod()).filter(({ role }) => role !== 'ephemeral');
}

/** One that asks again and again waits longer each time. */
function withBackOff(container: PodContainer, record: ContainerRecord, now: number): ContainerRecord {
  const exit = record.current?.exit;
  return exit === undefined || !restartsAll(container, record.current) ? record : { ...record, restartBackOff: afterAttempt(record.restartBackOff, exit.finishedAt, now) };
}
