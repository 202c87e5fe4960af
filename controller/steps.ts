/**
 * What a plan may ask for. A planner makes these values and never carries them out: `carry-out.ts` does. This room holds the
 * controllers; it knows the API through `client/` only, and no other component.
 */
import type { ApiError } from '../machinery/status.ts';
import type { Kind, KubernetesObject } from '../machinery/kinds/kind.ts';
import type { PatchType } from '../client/transport.ts';
import type { EventType, Regarding } from '../client/events.ts';
import type { ObjectAddress } from '../client/client.ts';

export interface CreateStep {
  readonly type: 'create';
  readonly kind: Kind;
  readonly object: KubernetesObject;
  /** An object of that name is there already: that is as good. */
  readonly existingIsFine?: boolean;
  /** What to tell users, given the name that the object got. */
  readonly done?: (name: string) => EventStep;
  readonly failed?: (error: ApiError) => EventStep;
}

/** Replaces the object, unless somebody wrote it since (its `resourceVersion`). */
export interface UpdateStep {
  readonly type: 'update';
  readonly kind: Kind;
  readonly object: KubernetesObject;
  /** `finalize`: the subresource that is written instead. */
  readonly subresource?: string;
  readonly done?: () => EventStep;
}

/** Writes the status, if it differs. */
export interface StatusStep {
  readonly type: 'status';
  readonly kind: Kind;
  readonly object: KubernetesObject & { readonly status?: unknown };
  readonly status: object;
}

export interface PatchStep {
  readonly type: 'patch';
  readonly kind: Kind;
  readonly at: ObjectAddress;
  readonly patchType: PatchType;
  readonly body: unknown;
  readonly subresource?: string;
  /** Only if this object still exists, asked of the API itself, and is not being deleted (adoption). */
  readonly ifAlive?: { readonly kind: Kind; readonly at: ObjectAddress; readonly uid: string };
  /** The object may be gone or changed meanwhile: then there is nothing to do. */
  readonly goneIsFine?: boolean;
}

export interface DeleteStep {
  readonly type: 'delete';
  readonly kind: Kind;
  readonly at: ObjectAddress;
  /** Only the object with this uid. */
  readonly uid: string;
  readonly resourceVersion?: string;
  readonly propagationPolicy?: 'Background' | 'Foreground' | 'Orphan';
  readonly gracePeriodSeconds?: number;
  readonly done?: () => EventStep;
  readonly failed?: (error: ApiError) => EventStep;
}

export interface DeleteCollectionStep {
  readonly type: 'deleteCollection';
  readonly kind: Kind;
  readonly namespace: string;
  /** One by one, where the kind can't be deleted all at once. */
  readonly names?: readonly string[];
}

export interface EventStep {
  readonly type: 'event';
  readonly regarding: Regarding;
  readonly eventType: EventType;
  readonly reason: string;
  readonly message: string;
}

/** Plan this key again then, if nothing else happens before. */
export interface RequeueStep {
  readonly type: 'requeueAfter';
  readonly ms: number;
}

/** The steps in batches of 1, 2, 4, …; the first batch with a failure is the last: what can't succeed isn't tried a thousand times. */
export interface SlowStartStep {
  readonly type: 'slowStart';
  readonly steps: readonly Step[];
}

/** All at the same time; all are tried, then the first failure counts. */
export interface TogetherStep {
  readonly type: 'together';
  readonly steps: readonly Step[];
}

/** One after the other, up to the first failure. */
export interface SequenceStep {
  readonly type: 'sequence';
  readonly steps: readonly Step[];
}

export type Step = CreateStep | UpdateStep | StatusStep | PatchStep | DeleteStep | DeleteCollectionStep | EventStep | RequeueStep | SlowStartStep | TogetherStep | SequenceStep;

export function event(regarding: Regarding, eventType: EventType, reason: string, message: string): EventStep {
  return { type: 'event', regarding, eventType, reason, message };
}

export function requeueAfter(ms: number): RequeueStep {
  return { type: 'requeueAfter', ms };
}

export function status<T extends KubernetesObject & { readonly status?: unknown }>(kind: Kind<T>, object: T, wanted: NonNullable<T['status']> & object): StatusStep {
  return { type: 'status', kind, object, status: wanted };
}

/** An update of a whole object of its kind. */
export function update<T extends KubernetesObject>(kind: Kind<T>, object: T, more: Pick<UpdateStep, 'subresource' | 'done'> = {}): UpdateStep {
  return { type: 'update', kind, object, ...more };
}

/** Where an object is. */
export function at(object: KubernetesObject): ObjectAddress {
  const { namespace, name = '' } = object.metadata ?? {};
  return namespace === undefined ? { name } : { namespace, name };
}
