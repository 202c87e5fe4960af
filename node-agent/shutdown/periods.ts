/**
 * The room that ends pods in good order when the machine goes down: who ends when and with how much time is decided here, purely;
 * `logind.ts` knows the machine's login manager, which announces the end and waits for whoever asked it to; `manager.ts` brings
 * both together. That the agent itself is stopped is no shutdown: pods go on.
 */
import { parsePeriod } from '../period.ts';
import { criticalPriority, priorityOf } from '../pod/priority.ts';
import type { Pod } from '../../machinery/kinds/core.ts';

/** Pods from this priority on, up to that of the next period, end together and have so long for it. */
export interface ShutdownPeriod {
  readonly priority: number;
  readonly periodMs: number;
}

/** As the user wrote them, checked one by one. */
export interface ShutdownOptions {
  /** In all, and how much of that is for critical pods. */
  readonly graceMs?: number;
  readonly criticalMs?: number;
  readonly byPriority?: readonly ShutdownPeriod[];
}

/**
 * Lowest priority first; none: a shutdown isn't delayed. Throws an Error that says what does not go together. Source: "Node
 * Shutdowns", graceful node shutdown.
 */
export function shutdownPeriods({ graceMs = 0, criticalMs = 0, byPriority = [] }: ShutdownOptions): readonly ShutdownPeriod[] {
  if (byPriority.length > 0) {
    if (graceMs > 0 || criticalMs > 0) throw new Error('--shutdown-grace-period-by-pod-priority replaces --shutdown-grace-period and --shutdown-grace-period-critical-pods: leave these out');
    return byPriority.toSorted((a, b) => a.priority - b.priority);
  }
  if (criticalMs > graceMs) throw new Error('--shutdown-grace-period-critical-pods is a part of --shutdown-grace-period, and can\'t be longer');
  return graceMs === 0 ? [] : [{ priority: 0, periodMs: graceMs - criticalMs }, { priority: criticalPriority, periodMs: criticalMs }];
}

/** `0=20s,1000=1m,2000000000=10s`. Throws an Error that says what is wrong. */
export function parseShutdownPeriods(text: string): readonly ShutdownPeriod[] {
  const periods = text.split(',').map((each): ShutdownPeriod => {
    const [, priority, period = ''] = /^\s*(-?\d{1,10})=(\S+)\s*$/.exec(each) ?? [];
    if (priority === undefined) throw new Error(`it looks like 0=20s,2000000000=10s (a priority, and the time for pods from it on): ${each}`);
    return { priority: Number(priority), periodMs: parseShutdownPeriod(period) };
  });
  const [twice] = periods.filter(({ priority }, index) => periods.findIndex((each) => each.priority === priority) < index);
  if (twice !== undefined) throw new Error(`the priority ${twice.priority} is there twice`);
  return periods;
}

/** `1m30s`, in milliseconds; 0, or a second and more. Throws an Error that says what is wrong. */
export function parseShutdownPeriod(text: string): number {
  const ms = parsePeriod(text);
  if (ms > 0 && ms < 1000) throw new Error(`it is 0s, or a second at least: ${text}`);
  return ms;
}

export function totalMs(periods: readonly ShutdownPeriod[]): number {
  return periods.reduce((sum, { periodMs }) => sum + periodMs, 0);
}

/** The same periods in no more than `limitMs` together: who matters most keeps its time. */
export function within(periods: readonly ShutdownPeriod[], limitMs: number): readonly ShutdownPeriod[] {
  let left = Math.max(limitMs, 0);
  return periods.toReversed().map((period) => {
    const periodMs = Math.min(period.periodMs, left);
    left -= periodMs;
    return { ...period, periodMs };
  }).toReversed();
}

/** Pods that end together, before those of the next group. */
export interface ShutdownGroup<T> {
  readonly periodMs: number;
  readonly members: readonly T[];
}

/** Who ends with whom, in order; nobody waits for a group without pods. Below the lowest priority, the lowest period holds. */
export function shutdownGroups<T>(periods: readonly ShutdownPeriod[], members: readonly T[], podOf: (member: T) => Pod): readonly ShutdownGroup<T>[] {
  const periodOf = (member: T): ShutdownPeriod | undefined => periods.findLast(({ priority }) => priority <= priorityOf(podOf(member))) ?? periods[0];
  return periods.map((period) => ({ periodMs: period.periodMs, members: members.filter((each) => periodOf(each) === period) })).filter((group) => group.members.length > 0);
}
