import { timestamp } from '../machinery/conditions.ts';
import { Node, Pod, type Taint } from '../machinery/kinds/core.ts';
import { staysFor } from '../machinery/pod/tolerations.ts';
import { isTerminal } from '../machinery/pod/readiness.ts';
import { keyOf } from '../client/informer-store.ts';
import { referenceTo } from '../client/events.ts';
import type { Caches } from './caches.ts';
import { defineController, watching, type Controller } from './define.ts';
import { at, event, requeueAfter, type Step } from './steps.ts';

/** Drives pods off nodes with `NoExecute` taints that they don't tolerate, or no longer. Source: "Taints and Tolerations". */

export interface Observed {
  readonly taints: readonly Taint[];
  /** Since when the pod has stood under these taints, in milliseconds. */
  readonly since: number;
}

export function taintEvictionController(): Controller {
  /** By node: since when it has had such taints at all. Those that users add carry no time of their own. */
  const tainted = new Map<string, number>();
  return defineController<Pod, Observed>({
    name: 'taint-eviction',
    component: 'taint-eviction-controller',
    primary: Pod,
    selects: (pod) => (pod.spec?.nodeName ?? '') !== '',
    watches: [watching(Node, podsOn, taintsChanged)],
    observe(pod, { caches, now }) {
      const name = pod.spec?.nodeName ?? '';
      const taints = noExecute(caches.of(Node).get(undefined, name));
      if (taints.length === 0) tainted.delete(name);
      else if (!tainted.has(name)) tainted.set(name, Math.min(now, firstAdded(taints) ?? now));
      const { startTime } = pod.status ?? {};
      const arrived = Date.parse(startTime ?? pod.metadata?.creationTimestamp ?? '') || now;
      return { taints, since: Math.max(arrived, tainted.get(name) ?? now) };
    },
    plan,
  });
}

function noExecute(node: Node | undefined): readonly Taint[] {
  return (node?.spec?.taints ?? []).filter(({ effect }) => effect === 'NoExecute');
}

function firstAdded(taints: readonly Taint[]): number | undefined {
  const times = taints.flatMap(({ timeAdded }) => (timeAdded === undefined ? [] : [Date.parse(timeAdded)]));
  return times.length === 0 ? undefined : Math.min(...times);
}

function podsOn(node: Node, caches: Caches): readonly string[] {
  return caches.of(Pod).onNode(node.metadata?.name ?? '').map(keyOf);
}

function taintsChanged(before: Node | undefined, after: Node | undefined): boolean {
  return JSON.stringify(noExecute(before)) !== JSON.stringify(noExecute(after));
}

export function plan(pod: Pod, { taints, since }: Observed, now: number): readonly Step[] {
  if (taints.length === 0 || pod.metadata?.deletionTimestamp !== undefined || isTerminal(pod)) return [];
  const seconds = staysFor(pod.spec?.tolerations, taints);
  if (seconds === Infinity) return [];
  const leaveAt = since + seconds * 1000;
  return leaveAt > now ? [requeueAfter(leaveAt - now)] : evict(pod, now);
}

function evict(pod: Pod, now: number): readonly Step[] {
  const { namespace = '', name = '', uid = '' } = pod.metadata ?? {};
  const told = event(referenceTo(Pod, pod), 'Normal', 'TaintManagerEviction', `Marking for deletion Pod ${namespace}/${name}`);
  const condition = {
    type: 'DisruptionTarget', status: 'True', reason: 'DeletionByTaintManager', message: 'Taint manager: deleting due to NoExecute taint', lastTransitionTime: timestamp(now),
  };
  return [
    told,
    { type: 'patch', kind: Pod, at: at(pod), patchType: 'application/strategic-merge-patch+json', subresource: 'status', goneIsFine: true, body: { status: { conditions: [condition] } } },
    { type: 'delete', kind: Pod, at: at(pod), uid },
  ];
}
