import { isLive } from '../../volumes/volumes.ts';
import type { PodHandle } from '../handle.ts';
import { isEnding } from '../plan.ts';
import type { ContainerRecord } from '../state.ts';
import { messageOf } from '../../../machinery/thrown.ts';

/** Brings the files that show objects up to date. A running pod keeps what it has when that fails, as in Kubernetes. */
export async function refreshVolumes(handle: PodHandle): Promise<void> {
  const pod = handle.pod();
  if (handle.state().volumes !== 'ready' || isEnding(pod, handle.state()) || !(pod.spec?.volumes ?? []).some(isLive)) return;
  try {
    await handle.volumes.prepare(pod, handle.facts());
  } catch (error) {
    if (handle.working.aborted) return;
    handle.event('Warning', 'FailedMount', messageOf(error));
  }
}

/** What the pod is made from has changed, objects that it names or its own labels and annotations: what waited for it goes on, files follow. */
export async function sourcesChanged(handle: PodHandle): Promise<void> {
  handle.change(({ volumesRetryAt: _retryAt, ...before }) => ({
    ...before, containers: new Map([...before.containers].map(([name, record]) => [name, withoutConfigRetry(record)])),
  }));
  await refreshVolumes(handle);
}

function withoutConfigRetry(record: ContainerRecord): ContainerRecord {
  if (record.waiting?.reason !== 'CreateContainerConfigError') return record;
  const { retryAt: _retryAt, ...rest } = record;
  return rest;
}
