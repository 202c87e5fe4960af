import type { PodHandle } from '../handle.ts';
import { podTitle, type Step } from '../plan.ts';
import type { Waiting } from '../state.ts';
import { deleteObject } from './delete-object.ts';
import { createSandbox, destroySandbox, prepareVolumes, removeVolumes } from './sandbox.ts';
import { startContainer } from './start-container.ts';
import { killContainer, stopContainer } from './stop-container.ts';

/** Carries out one step of a plan. What it changes at once is changed when this returns; the rest when the promise resolves. */
export function carryOut(handle: PodHandle, step: Step): Promise<void> {
  switch (step.do) {
    case 'prepareVolumes': return prepareVolumes(handle);
    case 'createSandbox': return createSandbox(handle);
    case 'destroySandbox': return destroySandbox(handle);
    case 'removeVolumes': return removeVolumes(handle);
    case 'start': return startContainer(handle, step.container);
    case 'stop': return stopContainer(handle, step.container, step.graceMs, step.message);
    case 'kill': return killContainer(handle, step.container);
    case 'delete': return deleteObject(handle);
    case 'forget': return handle.forget();
    case 'backOff':
      showBackOff(handle, step.container, step.waiting);
      return Promise.resolve();
    case 'fail':
      handle.change((before) => ({ ...before, outcome: step.outcome }));
      return Promise.resolve();
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
