import type { Pod } from '../../../machinery/kinds/core.ts';
import { messageOf } from '../../../machinery/thrown.ts';
import type { Sandbox } from '../../runtime/runtime.ts';
import type { PodHandle } from '../handle.ts';
import { asked, generationOf, granted, judge, judgeCpus, unequal } from '../resize.ts';
import { givenToContainer, givenToPod } from '../resources.ts';
import { recordOf } from '../state.ts';

const retryMs = 10_000;

/** Grants what the pod asks now, or says why not. */
export function grant(handle: PodHandle): void {
  const pod = handle.asked();
  const refusal = (handle.node.cpus === undefined ? undefined : judgeCpus(pod, handle.pod())) ?? judge(pod, handle.node.podsBeside(handle.uid), handle.node.allocatable());
  if (refusal !== undefined) {
    handle.event('Warning', `Resize${refusal.reason}`, `Pod resize ${refusal.reason}: ${refusal.message}`);
    return handle.change((state) => ({ ...state, resizeRefusal: { ...refusal, generation: generationOf(pod) } }));
  }
  handle.change(({ resizeRefusal: _refusal, ...state }) => ({ ...state, grants: asked(pod), resizing: { isActive: false } }));
  handle.event('Normal', 'ResizeStarted', `Pod resize started: ${JSON.stringify(asked(pod))}`);
}

/** Gives running containers what they are granted, but for those that have to be started anew for it. */
export async function resizeContainers(handle: PodHandle): Promise<void> {
  handle.change((state) => ({ ...state, resizing: { ...state.resizing, isActive: true } }));
  const pod = handle.pod();
  try {
    const sandbox = handle.sandbox();
    if (sandbox !== undefined) await give(handle, sandbox, pod);
    handle.change(({ resizing: _resizing, ...state }) => state);
  } catch (error) {
    const message = messageOf(error);
    if (handle.state().resizing?.error !== message) handle.event('Warning', 'ResizeError', `Pod resize error: ${message}`);
    return handle.change((state) => ({ ...state, resizing: { isActive: false, error: message, retryAt: handle.node.clock.now() + retryMs } }));
  }
  if (unequal(pod, handle.state()).length === 0) handle.event('Normal', 'ResizeCompleted', `Pod resize completed: ${JSON.stringify(asked(pod))}`);
}

/** What grows, grows from the pod inwards, and what shrinks from its containers outwards: a container never has more than its pod, nor its pod less than them. */
async function give(handle: PodHandle, sandbox: Sandbox, pod: Pod): Promise<void> {
  const whole = givenToPod(pod, handle.node);
  const grows = isMore(whole.memoryLimitBytes, givenToPod(granted(pod, given(handle)), handle.node).memoryLimitBytes);
  if (grows) await sandbox.resize(undefined, whole);
  for (const { container, restarts } of unequal(pod, handle.state())) {
    const id = recordOf(handle.state(), container.name).current?.id;
    if (restarts || id === undefined) continue;
    await sandbox.resize(id, givenToContainer(handle, container));
    handle.changeContainer(container.name, (record) => (record.current?.id === id ? { ...record, current: { ...record.current, resources: container.resources ?? {} } } : record));
  }
  if (!grows) await sandbox.resize(undefined, whole);
}

/** What containers have now. */
function given(handle: PodHandle): ReturnType<typeof asked> {
  const runs = [...handle.state().containers.values()].flatMap(({ name, current }) => (current?.resources === undefined ? [] : [[name, current.resources] as const]));
  return Object.fromEntries(runs);
}

/** No limit is more than any. */
function isMore(limit: number | undefined, than: number | undefined): boolean {
  return limit === undefined || (than !== undefined && limit > than);
}
