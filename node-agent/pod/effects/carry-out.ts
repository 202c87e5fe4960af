import type { PodHandle } from '../handle.ts';
import { podTitle, type Step } from '../plan.ts';
import { withoutActivity, type Waiting } from '../state.ts';
import { deleteObject } from './delete-object.ts';
import { grant, resizeContainers } from './resize.ts';
import { beginAnew, restartAll } from './restart-all.ts';
import { createSandbox, destroySandbox, prepareVolumes, removeVolumes } from './sandbox.ts';
import { startContainer } from './start-container.ts';
import { killContainer, stopContainer } from './stop-container.ts';

const retryMs = 5000;

/**
 * Carries out one step of a plan. What it changes at once is changed when this returns; the rest when the promise resolves. It
 * never rejects: a step that fails in a way that nobody foresaw leaves the pod where the plan takes it up again.
 */
export async function carryOut(handle: PodHandle, step: Step): Promise<void> {
  try {
    await act(handle, step);
  } catch (error) {
    if (handle.working.aborted) return;
    const { namespace, name } = handle.pod().metadata ?? {};
    handle.node.log.error({ err: error, step: step.do, uid: handle.uid, namespace, name }, 'a step of a pod failed in an unforeseen way: it is tried again');
    backToPlan(handle, step);
  }
}

function act(handle: PodHandle, step: Step): Promise<void> {
  switch (step.do) {
    case 'prepareVolumes': return prepareVolumes(handle);
    case 'createSandbox': return createSandbox(handle);
    case 'destroySandbox': return destroySandbox(handle);
    case 'removeVolumes': return removeVolumes(handle);
    case 'grant':
      grant(handle);
      return Promise.resolve();
    case 'resize': return resizeContainers(handle);
    case 'start': return startContainer(handle, step.container);
    case 'stop': return stopContainer(handle, step.container, step.graceMs, step.message);
    case 'kill': return killContainer(handle, step.container);
    case 'restartAll':
      restartAll(handle);
      return Promise.resolve();
    case 'beginAnew': return beginAnew(handle);
    case 'delete': return deleteObject(handle);
    case 'forget': return handle.forget();
    case 'backOff':
      showBackOff(handle, step.container, step.waiting);
      return Promise.resolve();
    case 'fail':
      handle.change((before) => ({ ...before, outcome: step.outcome }));
      return Promise.resolve();
    case 'reject':
      handle.event('Warning', step.reason, step.message);
      handle.change((before) => ({ ...before, outcome: { phase: 'Failed', reason: step.reason, message: `Pod was rejected: ${step.message}`, isRejection: true } }));
      return Promise.resolve();
  }
}

/** Takes back what says that the step is under way. */
function backToPlan(handle: PodHandle, step: Step): void {
  const retryAt = handle.node.clock.now() + retryMs;
  switch (step.do) {
    case 'prepareVolumes': return handle.change((state) => ({ ...state, volumes: 'absent', volumesRetryAt: retryAt }));
    case 'removeVolumes': return handle.change((state) => ({ ...state, volumes: 'ready', volumesRetryAt: retryAt }));
    case 'createSandbox':
    case 'destroySandbox':
      return handle.change((state) => ({ ...state, sandbox: handle.sandbox() === undefined ? 'absent' : 'broken', sandboxRetryAt: retryAt }));
    case 'resize': return handle.change((state) => ({ ...state, resizing: { isActive: false, retryAt } }));
    case 'start': return handle.changeContainer(step.container, (record) => ({ ...withoutActivity(record), retryAt }));
    case 'delete': return handle.change((state) => ({ ...state, deleting: false }));
    default: return;
  }
}

function showBackOff(handle: PodHandle, container: string, waiting: Waiting): void {
  if (waiting.reason === 'CrashLoopBackOff') {
    handle.event('Warning', 'BackOff', `Back-off restarting failed container ${container} in pod ${podTitle(handle.pod())}`, container);
  } else {
    handle.event('Normal', 'BackOff', waiting.message ?? '', container);
    handle.event('Warning', 'Failed', 'Error: ImagePullBackOff', container);
  }
  handle.changeContainer(container, (record) => ({ ...record, waiting }));
}
