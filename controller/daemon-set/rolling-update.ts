import type { Pod } from '../../machinery/kinds/core.ts';
import type { Step } from '../steps.ts';
import { desired, isAvailableIn, isTerminating, isUpdated, type Berth, type Fleet } from './fleet.ts';
import { limitsOf } from './limits.ts';
import { changes } from './manage.ts';

/**
 * Replaces a DaemonSet's old pods, within what its rolling update allows. Runs once every node has what it should have.
 * Source: "Perform a Rolling Update on a DaemonSet".
 */
export function roll(fleet: Fleet): readonly Step[] {
  if (fleet.set.spec?.updateStrategy?.type === 'OnDelete') return [];
  const { maxSurge, maxUnavailable } = limitsOf(fleet.set, desired(fleet));
  const stops = fleet.berths.filter(({ placement, pods }) => placement.shouldRun || pods.length > 0).map((berth) => stopAt(fleet, berth));
  return maxSurge === 0 ? replace(fleet, stops, maxUnavailable) : surge(fleet, stops, maxSurge);
}

/** A node as a rolling update sees it: at most one old pod and one new one; `crowded` when there are more. */
interface Stop {
  readonly berth: Berth;
  readonly old: Pod | undefined;
  readonly fresh: Pod | undefined;
  readonly crowded: boolean;
}

function stopAt(fleet: Fleet, berth: Berth): Stop {
  const staying = berth.pods.filter((pod) => !isTerminating(pod));
  const fresh = staying.filter((pod) => isUpdated(fleet, pod));
  const old = staying.filter((pod) => !isUpdated(fleet, pod));
  return { berth, old: old[0], fresh: fresh[0], crowded: old.length > 1 || fresh.length > 1 };
}

/** Removes old pods: those that serve nobody at once, the others as long as few enough are unavailable. Their nodes get new ones when they are gone. */
function replace(fleet: Fleet, stops: readonly Stop[], maxUnavailable: number): readonly Step[] {
  const replaceable = stops.filter(({ crowded, old, fresh }) => !crowded && old !== undefined && fresh === undefined);
  const oldPods = replaceable.flatMap(({ old }) => old ?? []);
  const broken = oldPods.filter((pod) => !isAvailableIn(fleet, pod));
  const serving = oldPods.filter((pod) => isAvailableIn(fleet, pod));
  const upToDate = stops.filter(({ crowded, old, fresh }) => !crowded && old === undefined && fresh !== undefined && isAvailableIn(fleet, fresh)).length;
  const unavailable = stops.length - upToDate - serving.length;
  return changes(fleet, [], [...broken, ...serving.slice(0, Math.max(0, maxUnavailable - unavailable))]);
}

/** Makes new pods beside old ones, and removes an old one when its successor is available. */
function surge(fleet: Fleet, stops: readonly Stop[], maxSurge: number): readonly Step[] {
  const orderly = stops.filter(({ crowded }) => !crowded);
  const serves = (pod: Pod | undefined): boolean => pod !== undefined && isAvailableIn(fleet, pod);
  const paired = orderly.filter(({ old, fresh }) => old !== undefined && fresh !== undefined);
  const replaced = paired.filter(({ fresh }) => serves(fresh));
  const surging = stops.length - orderly.length + paired.length - replaced.length;
  const alone = orderly.filter(({ old, fresh }) => old !== undefined && fresh === undefined);
  const staying = alone.filter(({ berth }) => berth.placement.shouldRun);
  const leaving = alone.filter(({ berth }) => !berth.placement.shouldRun);
  const urgent = staying.filter(({ old }) => !serves(old));
  const candidates = staying.filter(({ old }) => serves(old)).slice(0, Math.max(0, maxSurge - surging));
  // With surge the set is never to serve less: a pod of a node that is no longer meant goes when enough others serve.
  const available = orderly.filter(({ old, fresh }) => serves(old ?? fresh)).length;
  const dispensable = leaving.filter(({ old }) => serves(old)).slice(0, Math.max(0, available - desired(fleet)));
  const removed = [...replaced, ...leaving.filter(({ old }) => !serves(old)), ...dispensable];
  return changes(fleet, [...urgent, ...candidates].map(({ berth }) => berth.node), removed.flatMap(({ old }) => old ?? []));
}
