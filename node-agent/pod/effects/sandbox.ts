import { rm } from 'node:fs/promises';
import type { Pod } from '../../../machinery/kinds/core.ts';
import { qosClass } from '../../../machinery/pod/qos.ts';
import { kernelNameOf } from '../../pod-files.ts';
import { foreignHandler } from '../../runtime/oci/handlers.ts';
import type { Sandbox, SandboxSpec } from '../../runtime/runtime.ts';
import { VolumeError } from '../../volumes/volumes.ts';
import { answered, initAgain, sandboxLost, withMessages } from '../adopt.ts';
import { writeHostsFile, writePodFiles } from '../files.ts';
import type { NodeContext, PodHandle } from '../handle.ts';
import { givenToPod } from '../resources.ts';
import { shortcomingsOf } from '../shortcomings.ts';
import { dottedName } from '../sysctls.ts';
import { lastWords } from './container-exited.ts';
import { messageOf } from '../../../machinery/thrown.ts';

/** The pod as a whole: its volumes and its sandbox, made and taken away. */

const retryMs = 2000;

export async function prepareVolumes(handle: PodHandle): Promise<void> {
  handle.change((state) => ({ ...state, volumes: 'working' }));
  try {
    await handle.volumes.prepare(handle.pod(), handle.facts());
    handle.change(({ volumesRetryAt: _retryAt, ...state }) => ({ ...state, volumes: 'ready' }));
  } catch (error) {
    handle.event('Warning', 'FailedMount', error instanceof VolumeError ? error.message : `Unable to attach or mount volumes: ${messageOf(error)}`);
    handle.change((state) => ({ ...state, volumes: 'absent', volumesRetryAt: handle.node.clock.now() + retryMs }));
  }
}

export async function createSandbox(handle: PodHandle): Promise<void> {
  sayShortcomings(handle);
  handle.change((state) => ({ ...state, sandbox: 'working' }));
  try {
    const pod = handle.pod();
    if (pod.spec?.hostNetwork !== true) await handle.node.networkReady(handle.starting);
    const handler = foreignHandler(await handle.node.runtimeClasses.handlerOf(pod));
    const files = writePodFiles(handle).then(() => undefined, (error: unknown) => ({ error }));
    const sandbox = await handle.node.runtime.createSandbox({ ...sandboxSpec(pod, handle.uid, handle.node), ...(handler === undefined ? {} : { handler }) });
    handle.setSandbox(sandbox);
    const failed = await files;
    if (failed !== undefined) throw failed.error;
    await writeHostsFile(handle, sandbox.address);
    if (handle.sandbox() !== sandbox) throw new Error('the pod sandbox ended while it was made');
    handle.change(({ sandboxRetryAt: _retryAt, ...state }) => ({ ...state, sandbox: 'ready', ...(sandbox.address === undefined ? {} : { address: sandbox.address }) }));
  } catch (error) {
    if (!handle.starting.aborted) handle.event('Warning', 'FailedCreatePodSandBox', `Failed to create pod sandbox: ${messageOf(error)}`);
    // Half a sandbox is none: what was made is taken away before the next attempt.
    const sandbox = await takenAway(handle);
    handle.change((state) => ({ ...state, sandbox, sandboxRetryAt: handle.node.clock.now() + retryMs }));
  }
}

/** Once a pod: its first sandbox is being made. */
function sayShortcomings(handle: PodHandle): void {
  const { containers, sandboxRetryAt } = handle.state();
  if (containers.size > 0 || sandboxRetryAt !== undefined) return;
  for (const { reason, message } of shortcomingsOf(handle.pod(), handle.node)) handle.event('Warning', reason, message);
}

/** Takes away a sandbox that is no use any more; what can't be is taken away by a later step. */
async function takenAway(handle: PodHandle): Promise<'absent' | 'broken'> {
  try {
    await handle.sandbox()?.destroy();
    handle.setSandbox(undefined);
    return 'absent';
  } catch (error) {
    handle.node.log.error({ err: error, uid: handle.uid }, 'what a pod sandbox left was not cleared: it is tried again');
    return 'broken';
  }
}

export async function destroySandbox(handle: PodHandle): Promise<void> {
  const before = handle.state().sandbox;
  handle.change((state) => ({ ...state, sandbox: 'working' }));
  try {
    // With it goes what the runtime remembers of exits.
    if (!handle.state().removed) await handle.persist();
    await handle.sandbox()?.destroy();
    handle.setSandbox(undefined);
    handle.change(({ sandboxRetryAt: _retryAt, ...state }) => sandboxLost(state, handle.node.clock.now()));
  } catch (error) {
    handle.event('Warning', 'FailedKillPod', `error killing pod: failed to "KillPodSandbox" for "${handle.uid}": ${messageOf(error)}`);
    handle.change((state) => ({ ...state, sandbox: before, sandboxRetryAt: handle.node.clock.now() + retryMs }));
  }
}

/** The supervisor died, and every process of the pod with it: what is left is cleared, and a new sandbox may follow. */
export async function sandboxWasLost(handle: PodHandle): Promise<void> {
  handle.change((state) => ({ ...sandboxLost(state, handle.node.clock.now()), sandbox: 'working' }));
  handle.event('Normal', 'SandboxChanged', 'Pod sandbox changed, it will be killed and re-created.');
  const sandbox = await takenAway(handle);
  handle.change((state) => ({ ...initAgain(handle.pod(), state), sandbox, ...(sandbox === 'absent' ? {} : { sandboxRetryAt: handle.node.clock.now() + retryMs }) }));
}

/** The supervisor answers that was silent since this agent began: what runs in its sandbox, and what has ended, is known again. */
export async function sandboxAnswered(handle: PodHandle, sandbox: Sandbox): Promise<void> {
  handle.setSandbox(sandbox);
  sayRefusal(handle);
  const words = await lastWords(handle, sandbox);
  handle.change((state) => withMessages(answered(handle.pod(), state, sandbox, handle.node.clock.now()), words));
}

/** Tells why nothing can be done for a pod that another version of Coracle has started. */
export function sayRefusal(handle: PodHandle): void {
  const refusal = handle.sandbox()?.refusal;
  if (refusal !== undefined) handle.event('Warning', 'FailedSync', `error syncing pod: ${refusal}`);
}

export async function removeVolumes(handle: PodHandle): Promise<void> {
  handle.change((state) => ({ ...state, volumes: 'working' }));
  try {
    await handle.volumes.remove();
    await rm(`${handle.directory}/files`, { recursive: true, force: true });
    handle.change(({ volumesRetryAt: _retryAt, ...state }) => ({ ...state, volumes: 'absent' }));
  } catch (error) {
    handle.node.log.error({ err: error, uid: handle.uid }, 'volumes of a pod were not removed: it is tried again');
    handle.change((state) => ({ ...state, volumes: 'ready', volumesRetryAt: handle.node.clock.now() + retryMs }));
  }
}

export function sandboxSpec(pod: Pod, uid: string, node: Pick<NodeContext, 'memoryQos' | 'swap'>): SandboxSpec {
  const spec = pod.spec ?? { containers: [] };
  const sysctls = spec.securityContext?.sysctls ?? [];
  return {
    uid, namespace: pod.metadata?.namespace ?? '', name: pod.metadata?.name ?? '', hostname: kernelNameOf(pod), qos: qosClass(spec), resources: givenToPod(pod, node),
    hostNetwork: spec.hostNetwork === true, hostPid: spec.hostPID === true, hostIpc: spec.hostIPC === true, hostUsers: spec.hostUsers !== false, shareProcessNamespace: spec.shareProcessNamespace === true,
    sysctls: Object.fromEntries(sysctls.map(({ name, value }) => [dottedName(name), value])),
  };
}
