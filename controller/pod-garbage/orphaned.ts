import { timestamp } from '../../machinery/conditions.ts';
import { Node, Pod, type PodCondition } from '../../machinery/kinds/core.ts';
import { isTerminal } from '../../machinery/pod/readiness.ts';
import { isReason } from '../../machinery/status.ts';
import { keyOf } from '../../client/informer-store.ts';
import type { Client } from '../../client/client.ts';
import { defineController, watching, type Controller } from '../define.ts';
import { at, requeueAfter, type Step } from '../steps.ts';

/** Removes pods that no node will ever end: those of a node that is gone, and those deleted before they had one. Source: "Pod garbage collection". */

export interface Observed {
  /** Since when the pod's node has been missing; undefined while it is there. */
  readonly goneSince: number | undefined;
  /** The API itself says that there is no such node. */
  readonly confirmed: boolean;
}

/** A node that is being registered anew has this long to come back. */
const quarantineMs = 40_000;

export function orphanedPodController(): Controller {
  const gone = new Map<string, number>();
  return defineController<Pod, Observed>({
    name: 'pod-garbage',
    component: 'pod-garbage-collector',
    primary: Pod,
    watches: [watching(Node, (node, caches) => caches.of(Pod).onNode(node.metadata?.name ?? '').map(keyOf), (before, after) => before === undefined || after === undefined)],
    async observe(pod, { caches, client, signal, now }) {
      const name = pod.spec?.nodeName ?? '';
      if (name === '' || caches.of(Node).get(undefined, name) !== undefined) {
        gone.delete(name);
        return { goneSince: undefined, confirmed: false };
      }
      const goneSince = gone.get(name) ?? now;
      gone.set(name, goneSince);
      const due = now - goneSince >= quarantineMs;
      return { goneSince, confirmed: due && !(await exists(client, name, signal)) };
    },
    plan,
  });
}

async function exists(client: Client, name: string, signal: AbortSignal): Promise<boolean> {
  try {
    await client.get(Node, { name }, signal);
    return true;
  } catch (error) {
    if (isReason(error, 'NotFound')) return false;
    throw error;
  }
}

export function plan(pod: Pod, { goneSince, confirmed }: Observed, now: number): readonly Step[] {
  if ((pod.spec?.nodeName ?? '') === '') return pod.metadata?.deletionTimestamp === undefined ? [] : ended(pod);
  if (goneSince === undefined) return [];
  if (!confirmed) return [requeueAfter(Math.max(1000, goneSince + quarantineMs - now))];
  const condition = { type: 'DisruptionTarget', status: 'True', reason: 'DeletionByPodGC', message: 'PodGC: node no longer exists', lastTransitionTime: timestamp(now) };
  return ended(pod, condition);
}

/** Its end is known to whoever counts it before it disappears. */
function ended(pod: Pod, ...conditions: readonly PodCondition[]): readonly Step[] {
  return [...(isTerminal(pod) ? [] : [fail(pod, conditions)]), removal(pod)];
}

function removal(pod: Pod): Step {
  return { type: 'delete', kind: Pod, at: at(pod), uid: pod.metadata?.uid ?? '', gracePeriodSeconds: 0 };
}

function fail(pod: Pod, conditions: readonly PodCondition[]): Step {
  return {
    type: 'patch', kind: Pod, at: at(pod), patchType: 'application/strategic-merge-patch+json', subresource: 'status', goneIsFine: true,
    body: { status: { phase: 'Failed', ...(conditions.length === 0 ? {} : { conditions }) } },
  };
}
