import { containersOf, isRunning, recordOf, type ContainerRecord, type Run } from '../pod/state.ts';
import type { PodWorker } from '../pod/worker.ts';
import type { Sandbox } from '../runtime/runtime.ts';
import { StreamError } from './stream-error.ts';

/** Which pod and container a path names. Errors are worded as the kubelet's. */

export function findPod(find: (namespace: string, name: string) => PodWorker | undefined, namespace: string, name: string): PodWorker {
  const worker = find(namespace, name);
  if (worker === undefined) throw new StreamError(404, `pod "${namespace}/${name}" not found`);
  return worker;
}

function findContainer(worker: PodWorker, container: string): ContainerRecord {
  const known = containersOf(worker.pod()).some((each) => each.spec.name === container);
  if (!known) throw new StreamError(404, `container ${container} not found in pod ${worker.pod().metadata?.name ?? ''}`);
  return recordOf(worker.state(), container);
}

export interface Target {
  readonly sandbox: Sandbox;
  readonly containerId: string;
}

/** A container that runs, for exec and attach. */
export function runningTarget(worker: PodWorker, container: string): Target {
  const record = findContainer(worker, container);
  const sandbox = worker.sandbox();
  // Whether it runs is not known then: the sandbox itself says why it can't be reached.
  if (sandbox?.answers === false) return { sandbox, containerId: (record.pending ?? record.current)?.id ?? '' };
  if (sandbox === undefined || record.current === undefined || !isRunning(record)) throw new StreamError(404, `container not found ("${container}")`);
  return { sandbox, containerId: record.current.id };
}

/** The run whose log is asked for: the newest that has begun, or the one before it. */
export function loggedRun(worker: PodWorker, container: string, previous: boolean): Run {
  const record = findContainer(worker, container);
  const pod = worker.pod().metadata?.name ?? '';
  // While it waits to be started again, the last run is the previous one too, as its status says.
  const waits = record.current?.exit !== undefined && record.waiting !== undefined;
  const run = previous && !waits ? record.previous : record.current ?? record.previous;
  if (run !== undefined) return run;
  if (previous) throw new StreamError(400, `previous terminated container "${container}" in pod "${pod}" not found`);
  const reason = record.waiting?.reason ?? 'ContainerCreating';
  const isImage = reason === 'ErrImagePull' || reason === 'ImagePullBackOff';
  throw new StreamError(400, `container "${container}" in pod "${pod}" is waiting to start: ${isImage ? 'trying and failing to pull image' : reason}`);
}

/** Aborts when the run has ended (or the pod is gone). Call `release` when it is not needed any more. */
export function endOf(worker: PodWorker, container: string, runId: string): { readonly signal: AbortSignal; release(): void } {
  const ended = new AbortController();
  const look = (): void => {
    const { current } = recordOf(worker.state(), container);
    if (current?.id !== runId || current.exit !== undefined || worker.state().removed) ended.abort();
  };
  const release = worker.onChange(look);
  look();
  return { signal: ended.signal, release };
}
