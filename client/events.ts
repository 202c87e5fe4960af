import { timestamp } from '../machinery/conditions.ts';
import { systemRandom, type Clock, type Random } from '../machinery/clock.ts';
import { Event } from '../machinery/kinds/core.ts';
import { apiVersionOf, type Kind, type KubernetesObject } from '../machinery/kinds/kind.ts';
import { isReason } from '../machinery/status.ts';
import type { Client } from './client.ts';
import { createCorrelator, type Correlator, type Occurrence } from './event-correlator.ts';
import { silentLog, type Log } from './log.ts';

/** The object that an event is about. `fieldPath` names a part: `spec.containers{web}`. */
export interface Regarding {
  readonly apiVersion?: string;
  readonly kind: string;
  readonly namespace?: string;
  readonly name: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly fieldPath?: string;
}

export type EventType = 'Normal' | 'Warning';

export interface Recorder {
  /** Returns at once; what repeats is counted on one Event, and what floods is dropped. */
  record(regarding: Regarding, type: EventType, reason: string, message: string): void;
  /** Resolves when everything recorded so far is written or given up. */
  drain(): Promise<void>;
}

export interface RecorderOptions {
  /** `deployment-controller`, `kubelet`: who says so. */
  readonly component: string;
  /** The node it runs on. */
  readonly host?: string;
  readonly clock: Clock;
  readonly log?: Log;
  readonly random?: Random;
  /** What is recorded waits so long: it must not be in the way of what it tells of. Absent: it is written at once. */
  readonly lingerMs?: number;
}

/** Events in flight; beyond it new ones are dropped. */
const mostQueued = 1000;

/** Objects from lists carry no kind: it comes of the kind's value. */
export function referenceTo(kind: Pick<Kind, 'group' | 'version' | 'kind'>, object: KubernetesObject, fieldPath?: string): Regarding {
  const { namespace, name = '', uid, resourceVersion } = object.metadata ?? {};
  return {
    apiVersion: apiVersionOf(kind), kind: kind.kind, name,
    ...(namespace === undefined ? {} : { namespace }),
    ...(uid === undefined ? {} : { uid }),
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
    ...(fieldPath === undefined ? {} : { fieldPath }),
  };
}

/** Writes Events one after the other; a failure is logged, never thrown: an event must not stop what it tells of. */
export function createRecorder(client: Client, options: RecorderOptions): Recorder {
  const correlator = createCorrelator(options.component);
  const log = options.log ?? silentLog;
  let queued = 0;
  let last: Promise<void> = Promise.resolve();
  const lingering: Occurrence[] = [];
  let cancelLinger: (() => void) | undefined;
  const write = async (occurrence: Occurrence): Promise<void> => {
    try {
      await send(client, correlator, occurrence, options);
    } catch (error) {
      // An object's last events may come when its namespace is going or gone: there is no place for them any longer.
      if (!isNamespaceTerminating(error) && !isReason(error, 'NotFound')) log.warn({ err: error, reason: occurrence.reason, namespace: occurrence.regarding.namespace, name: occurrence.regarding.name }, 'an event was not written');
    } finally {
      queued -= 1;
    }
  };
  const flush = (): void => {
    cancelLinger?.();
    cancelLinger = undefined;
    for (const occurrence of lingering.splice(0)) last = last.then(() => write(occurrence));
  };
  return {
    record(regarding, type, reason, message) {
      if (queued >= mostQueued) {
        log.warn({ reason, name: regarding.name }, 'too many events are waiting: one is dropped');
        return;
      }
      const occurrence = correlator.take({ regarding, type, reason, message }, options.clock.now());
      if (occurrence === undefined) return;
      queued += 1;
      lingering.push(occurrence);
      if (options.lingerMs === undefined) flush();
      else cancelLinger ??= options.clock.setTimer(options.lingerMs, flush);
    },
    drain() {
      flush();
      return last;
    },
  };
}

/** Was something refused because its namespace is being deleted? */
export function isNamespaceTerminating(error: unknown): boolean {
  return isReason(error, 'Forbidden') && (error.status.details?.causes ?? []).some(({ reason }) => reason === 'NamespaceTerminating');
}

async function send(client: Client, correlator: Correlator, occurrence: Occurrence, options: RecorderOptions): Promise<void> {
  const written = correlator.written(occurrence);
  if (written !== undefined) {
    const body = { count: occurrence.count, message: occurrence.message, lastTimestamp: timestamp(occurrence.at) };
    try {
      await client.patch(Event, written, 'application/merge-patch+json', body);
      return;
    } catch (error) {
      // It has expired meanwhile: a new one takes its place.
      if (!isReason(error, 'NotFound')) throw error;
    }
  }
  const event = eventOf(occurrence, options);
  await client.create(Event, event);
  correlator.remember(occurrence, { namespace: event.metadata.namespace ?? '', name: event.metadata.name ?? '' });
}

function eventOf(occurrence: Occurrence, options: RecorderOptions): Event {
  const { regarding, at } = occurrence;
  const namespace = regarding.namespace ?? 'default';
  const nanoseconds = BigInt(at) * 1_000_000n + BigInt(Math.floor((options.random ?? systemRandom)() * 1_000_000));
  const firstTimestamp = timestamp(occurrence.firstAt);
  return {
    metadata: { name: `${regarding.name}.${nanoseconds.toString(16)}`, namespace },
    involvedObject: regarding,
    type: occurrence.type,
    reason: occurrence.reason,
    message: occurrence.message,
    source: { component: options.component, ...(options.host === undefined ? {} : { host: options.host }) },
    reportingComponent: options.component,
    reportingInstance: options.host ?? '',
    firstTimestamp,
    lastTimestamp: timestamp(at),
    count: occurrence.count,
  };
}

