import { referenceTo } from '../../client/events.ts';
import { keyOf } from '../../client/informer-store.ts';
import { DaemonSet } from '../../machinery/kinds/apps.ts';
import { Pod } from '../../machinery/kinds/core.ts';
import { ownerReference } from '../../machinery/owner-references.ts';
import { isReady } from '../../machinery/pod/readiness.ts';
import { podFromTemplate } from '../pod-template.ts';
import { at, event, requeueAfter, type CreateStep, type DeleteStep, type EventStep, type Step } from '../steps.ts';
import { hashLabel, isAvailableIn, isTerminating, isUpdated, type Berth, type Fleet } from './fleet.ts';
import { surges } from './limits.ts';
import { templateFor } from './placement.ts';

/** Sees to it that each node that should has one pod of the set, and that no other has any. Source: "DaemonSet". */

/** Pods made or removed in one pass. */
const burst = 250;

/** What to do on one node. */
interface Orders {
  readonly creates: boolean;
  readonly removes: readonly Pod[];
  /** Events, and when to look again. */
  readonly notes: readonly Step[];
}

/** Milliseconds until the failed pods of a node may be replaced: 0 is now. */
export type WaitOf = (node: string) => number;

export function manage(fleet: Fleet, waitOf: WaitOf): readonly Step[] {
  const orders = fleet.berths.map((berth) => ordersFor(fleet, berth, waitOf));
  const creates = fleet.berths.flatMap(({ node }, index) => (orders[index]?.creates === true ? [node] : []));
  // The pod collector removes pods of nodes that are gone, but only those that were bound.
  const stranded = fleet.lost.filter((pod) => (pod.spec?.nodeName ?? '') === '' && !isTerminating(pod));
  return [...orders.flatMap(({ notes }) => notes), ...changes(fleet, creates, [...orders.flatMap(({ removes }) => removes), ...stranded])];
}

/** Makes pods for nodes and removes pods, a burst at a time. */
export function changes(fleet: Fleet, nodes: readonly string[], pods: readonly Pod[]): readonly Step[] {
  const creates = nodes.slice(0, burst).map((node) => createPod(fleet, node));
  const removes = pods.slice(0, burst).map((pod) => deletePod(fleet.set, pod));
  return [
    ...(creates.length === 0 ? [] : [{ type: 'slowStart', steps: creates } as const]),
    ...(removes.length === 0 ? [] : [{ type: 'together', steps: removes } as const]),
  ];
}

function ordersFor(fleet: Fleet, berth: Berth, waitOf: WaitOf): Orders {
  const { placement, pods } = berth;
  const staying = pods.filter((pod) => !isTerminating(pod));
  if (!placement.mayStay) return { creates: false, removes: staying, notes: [] };
  // Without surge the next pod is made when the one before it is gone.
  if (pods.length === 0) return { creates: placement.shouldRun, removes: [], notes: [] };
  const ended = endedPods(fleet.set, berth, staying, waitOf);
  const running = staying.filter(({ status }) => status?.phase !== 'Failed' && status?.phase !== 'Succeeded');
  if (!surges(fleet.set)) return { creates: false, removes: [...ended.removes, ...running.slice(1)], notes: ended.notes };
  return { creates: running.length === 0 && placement.shouldRun, removes: [...ended.removes, ...surplusOf(fleet, running)], notes: ended.notes };
}

function endedPods(set: DaemonSet, { node }: Berth, staying: readonly Pod[], waitOf: WaitOf): Pick<Orders, 'removes' | 'notes'> {
  const about = referenceTo(DaemonSet, set);
  const succeeded = staying.filter(({ status }) => status?.phase === 'Succeeded');
  const told = succeeded.map((pod) => event(about, 'Normal', 'SucceededDaemonPod', `Found succeeded daemon pod ${keyOf(pod)} on node ${node}, will try to delete it`));
  const failed = staying.filter(({ status }) => status?.phase === 'Failed');
  if (failed.length === 0) return { removes: succeeded, notes: told };
  const wait = waitOf(node);
  if (wait > 0) return { removes: succeeded, notes: [...told, requeueAfter(wait)] };
  const complaints = failed.map((pod) => event(about, 'Warning', 'FailedDaemonPod', `Found failed daemon pod ${keyOf(pod)} on node ${node}, will try to kill it`));
  return { removes: [...succeeded, ...failed], notes: [...told, ...complaints] };
}

/** Two may be there while the old one serves and the new one doesn't yet: one of each, the oldest. */
function surplusOf(fleet: Fleet, running: readonly Pod[]): readonly Pod[] {
  if (running.length <= 1) return [];
  const newest = running.find((pod) => isUpdated(fleet, pod));
  const old = running.find((pod) => !isUpdated(fleet, pod));
  const others = running.filter((pod) => pod !== newest && pod !== old);
  const replaced = newest !== undefined && old !== undefined && (!isReady(old) || isAvailableIn(fleet, newest));
  return replaced ? [...others, old] : others;
}

function createPod({ set, hash }: Fleet, node: string): CreateStep {
  const about = referenceTo(DaemonSet, set);
  const pod = podFromTemplate(templateFor(set.spec?.template, node), set.metadata, ownerReference(set, DaemonSet));
  const generation = set.metadata?.annotations?.['deprecated.daemonset.template.generation'];
  const labels = { ...pod.metadata?.labels, [hashLabel]: hash, ...(generation === undefined ? {} : { 'pod-template-generation': generation }) };
  return {
    type: 'create', kind: Pod, object: { ...pod, metadata: { ...pod.metadata, labels } },
    done: (name) => event(about, 'Normal', 'SuccessfulCreate', `Created pod: ${name}`),
    failed: (error) => event(about, 'Warning', 'FailedCreate', `Error creating: ${error.message}`),
  };
}

function deletePod(set: DaemonSet, pod: Pod): DeleteStep {
  const about = referenceTo(DaemonSet, set);
  const tell = (type: 'Normal' | 'Warning', reason: string, message: string): EventStep => event(about, type, reason, message);
  return {
    type: 'delete', kind: Pod, at: at(pod), uid: pod.metadata?.uid ?? '',
    done: () => tell('Normal', 'SuccessfulDelete', `Deleted pod: ${pod.metadata?.name}`),
    failed: (error) => tell('Warning', 'FailedDelete', `Error deleting: ${error.message}`),
  };
}
