import { isDeepStrictEqual } from 'node:util';
import { ApiError, isReason } from '../machinery/status.ts';
import type { Kind, KubernetesObject } from '../machinery/kinds/kind.ts';
import type { Client } from '../client/client.ts';
import { isNamespaceTerminating, type Recorder } from '../client/events.ts';
import { addressKey, keyOf } from '../client/informer-store.ts';
import { at, type CreateStep, type DeleteCollectionStep, type DeleteStep, type PatchStep, type StatusStep, type Step, type UpdateStep } from './steps.ts';

/** Carries out what a plan asks for. */

/** What a cache must have seen before the key may be planned again. */
export type Hold =
  | { readonly type: 'revision'; readonly kind: Kind; readonly revision: string }
  | { readonly type: 'deleting'; readonly kind: Kind; readonly key: string; readonly uid: string };

export interface Outcome {
  readonly holds: readonly Hold[];
  /** Milliseconds until the key wants to be planned again. */
  readonly againAfterMs?: number;
  /** The first failure; steps after it were not carried out. */
  readonly failure?: unknown;
}

export interface Tools {
  readonly client: Client;
  readonly recorder: Recorder;
}

/** Calls under way for one key: enough to fill the store's commits, few enough to leave the event loop to others. */
const width = 32;

interface Progress {
  readonly tools: Tools;
  readonly holds: Hold[];
  againAfterMs: number | undefined;
}

/** In order, up to the first failure, which is part of the outcome: what was written before it must be waited for all the same. */
export async function carryOut(steps: readonly Step[], tools: Tools): Promise<Outcome> {
  const progress: Progress = { tools, holds: [], againAfterMs: undefined };
  const outcome = (): Pick<Outcome, 'holds' | 'againAfterMs'> => (
    { holds: progress.holds, ...(progress.againAfterMs === undefined ? {} : { againAfterMs: progress.againAfterMs }) }
  );
  try {
    for (const step of steps) await take(step, progress);
    return outcome();
  } catch (failure) {
    return { ...outcome(), failure };
  }
}

async function take(step: Step, progress: Progress): Promise<void> {
  switch (step.type) {
    case 'create': return create(step, progress);
    case 'update': return update(step, progress);
    case 'status': return writeStatus(step, progress);
    case 'patch': return patch(step, progress);
    case 'delete': return remove(step, progress);
    case 'deleteCollection': return removeAll(step, progress.tools.client);
    case 'event': {
      progress.tools.recorder.record(step.regarding, step.eventType, step.reason, step.message);
      return;
    }
    case 'requeueAfter': {
      progress.againAfterMs = Math.min(step.ms, progress.againAfterMs ?? Infinity);
      return;
    }
    case 'slowStart': return slowStart(step.steps, progress);
    case 'together': return together(step.steps, progress);
    case 'sequence': {
      for (const each of step.steps) await take(each, progress);
      return;
    }
  }
}

async function slowStart(steps: readonly Step[], progress: Progress): Promise<void> {
  for (let done = 0, size = 1; done < steps.length; done += size, size *= 2) await together(steps.slice(done, done + size), progress);
}

/** At most `width` at a time; all are tried, then the first failure is thrown. */
async function together(steps: readonly Step[], progress: Progress): Promise<void> {
  const failures: unknown[] = [];
  const left = steps.values();
  const work = async (): Promise<void> => {
    // One iterator shared by all workers: each takes the next.
    for (const step of left) await take(step, progress).catch((error: unknown) => failures.push(error));
  };
  await Promise.all(Array.from({ length: Math.min(width, steps.length) }, work));
  if (failures.length > 0) throw failures[0];
}

function hold(progress: Progress, kind: Kind, written: KubernetesObject): void {
  const revision = written.metadata?.resourceVersion;
  if (revision !== undefined && revision !== '') progress.holds.push({ type: 'revision', kind, revision });
}

function say(progress: Progress, step: Step | undefined): void {
  if (step?.type === 'event') progress.tools.recorder.record(step.regarding, step.eventType, step.reason, step.message);
}

async function create(step: CreateStep, progress: Progress): Promise<void> {
  try {
    const created = await progress.tools.client.create(step.kind, step.object);
    hold(progress, step.kind, created);
    say(progress, step.done?.(created.metadata?.name ?? ''));
  } catch (error) {
    if (step.existingIsFine === true && isReason(error, 'AlreadyExists')) return;
    // In a namespace that is going away nothing can be made, nor need be.
    if (isNamespaceTerminating(error)) return;
    if (error instanceof ApiError) say(progress, step.failed?.(error));
    throw error;
  }
}

async function update(step: UpdateStep, progress: Progress): Promise<void> {
  const { client } = progress.tools;
  const written = step.subresource === undefined
    ? client.update(step.kind, step.object)
    : client.updateSubresource(step.kind, at(step.object), step.subresource, step.object);
  if (await unlessGone(written, step, progress)) say(progress, step.done?.());
}

/** Waits for a write to a present object; false when it is gone meanwhile: that is nothing to report, the caches will tell. */
async function unlessGone(written: Promise<KubernetesObject>, { kind, object }: UpdateStep | StatusStep, progress: Progress): Promise<boolean> {
  try {
    hold(progress, kind, await written);
    return true;
  } catch (error) {
    if (!isReason(error, 'NotFound')) throw error;
    progress.holds.push({ type: 'deleting', kind, key: keyOf(object), uid: object.metadata?.uid ?? '' });
    return false;
  }
}

async function writeStatus(step: StatusStep, progress: Progress): Promise<void> {
  if (isDeepStrictEqual(plain(step.object.status ?? {}), plain(step.status))) return;
  const changed: StatusStep['object'] = { ...step.object, status: step.status };
  await unlessGone(progress.tools.client.updateStatus(step.kind, changed), step, progress);
}

/** Without undefined fields: as it would be written. */
function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}

async function patch(step: PatchStep, progress: Progress): Promise<void> {
  const { client } = progress.tools;
  if (step.ifAlive !== undefined) {
    const live = await client.get(step.ifAlive.kind, step.ifAlive.at);
    if (live.metadata?.uid !== step.ifAlive.uid || live.metadata.deletionTimestamp !== undefined) return;
  }
  try {
    const options = step.subresource === undefined ? {} : { subresource: step.subresource };
    hold(progress, step.kind, await client.patch(step.kind, step.at, step.patchType, step.body, options));
  } catch (error) {
    if (step.goneIsFine === true && isReason(error, 'NotFound', 'Conflict', 'Invalid')) return;
    throw error;
  }
}

async function removeAll({ kind, namespace, names }: DeleteCollectionStep, client: Client): Promise<void> {
  if (names === undefined) {
    await client.deleteCollection(kind, { namespace });
    return;
  }
  for (const name of names) {
    try {
      await client.delete(kind, { namespace, name });
    } catch (error) {
      if (!isReason(error, 'NotFound')) throw error;
    }
  }
}

async function remove(step: DeleteStep, progress: Progress): Promise<void> {
  const { kind, uid, propagationPolicy, gracePeriodSeconds, resourceVersion } = step;
  try {
    await progress.tools.client.delete(kind, step.at, {
      preconditions: { uid, ...(resourceVersion === undefined ? {} : { resourceVersion }) },
      ...(propagationPolicy === undefined ? {} : { propagationPolicy }),
      ...(gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds }),
    });
    say(progress, step.done?.());
  } catch (error) {
    // Gone, or another object of its name has come: the one that was meant is no more.
    if (!isReason(error, 'NotFound') && !(isReason(error, 'Conflict') && resourceVersion === undefined)) {
      if (error instanceof ApiError) say(progress, step.failed?.(error));
      throw error;
    }
  }
  progress.holds.push({ type: 'deleting', kind, key: addressKey(step.at.namespace, step.at.name), uid });
}
