import type { Client } from '../client/client.ts';
import { referenceTo, type Recorder } from '../client/events.ts';
import type { Log } from '../client/log.ts';
import type { Clock } from '../machinery/clock.ts';
import { timestamp } from '../machinery/conditions.ts';
import { Pod, type PodCondition } from '../machinery/kinds/core.ts';
import { podCondition } from '../machinery/pod/readiness.ts';
import { ApiError } from '../machinery/status.ts';
import { withDeadline } from './deadline.ts';
import type { Lane } from './lane.ts';

/** Tells users how it went: events, and the pod's condition PodScheduled. Source: "Pod Lifecycle", pod conditions. */
export interface PodReport {
  scheduled(pod: Pod, node: string): void;
  /** No node takes it (`Unschedulable`), or something went wrong (`SchedulerError`). */
  failed(pod: Pod, reason: 'Unschedulable' | 'SchedulerError', message: string): void;
}

export interface PodReportOptions {
  readonly client: Client;
  readonly recorder: Recorder;
  readonly clock: Clock;
  readonly log: Log;
  readonly lane: Lane;
  readonly signal: AbortSignal;
}

const deadlineMs = 10_000;
/** What an event's message may hold. Source: Event, events.k8s.io/v1, note. */
const longestMessage = 1024;

export function createPodReport({ client, recorder, clock, log, lane, signal }: PodReportOptions): PodReport {
  const patch = async (pod: Pod, condition: PodCondition): Promise<void> => {
    const { namespace, name, uid } = addressOf(pod);
    const body = { metadata: { uid }, status: { conditions: [condition] } };
    try {
      await withDeadline(clock, deadlineMs, signal, (late) => (
        client.patch(Pod, { namespace, name }, 'application/strategic-merge-patch+json', body, { subresource: 'status', signal: late })
      ));
    } catch (error) {
      // A pod that is gone, or another by now, needs no condition. One that stays without will get it at the next attempt.
      if (signal.aborted || (error instanceof ApiError && (error.code === 404 || error.code === 409))) return;
      log.warn({ err: error, kind: 'Pod', namespace, name, uid }, 'a pod was not told why it waits');
    }
  };
  return {
    scheduled(pod, node) {
      const { namespace, name } = addressOf(pod);
      recorder.record(referenceTo(Pod, pod), 'Normal', 'Scheduled', `Successfully assigned ${namespace}/${name} to ${node}`);
    },
    failed(pod, reason, text) {
      const message = text.length <= longestMessage ? text : `${text.slice(0, longestMessage - 4)} ...`;
      recorder.record(referenceTo(Pod, pod), 'Warning', 'FailedScheduling', message);
      const old = podCondition(pod, 'PodScheduled');
      if (old?.status === 'False' && old.reason === reason && old.message === text) return;
      const { generation } = pod.metadata ?? {};
      lane.send(() => patch(pod, {
        type: 'PodScheduled', status: 'False', reason, message: text,
        lastTransitionTime: old?.status === 'False' && old.lastTransitionTime !== undefined ? old.lastTransitionTime : timestamp(clock.now()),
        ...(generation === undefined ? {} : { observedGeneration: generation }),
      }));
    },
  };
}

function addressOf({ metadata }: Pod): { readonly namespace: string; readonly name: string; readonly uid: string } {
  return { namespace: metadata?.namespace ?? '', name: metadata?.name ?? '', uid: metadata?.uid ?? '' };
}
