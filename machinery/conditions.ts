/** Lists of conditions in a status. Source: "API conventions", typical status properties. */

export interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
  readonly lastTransitionTime?: string;
}

export function findCondition<C extends { readonly type: string }>(list: readonly C[] | undefined, type: string): C | undefined {
  return list?.find((condition) => condition.type === type);
}

/**
 * The list with `condition` in place of the one of its type, or at the end. `lastTransitionTime` stays while the status is
 * unchanged and is `now` (milliseconds) otherwise.
 */
export function setCondition<C extends Condition>(list: readonly C[] | undefined, condition: C, now: number): readonly C[] {
  const old = findCondition(list, condition.type);
  const kept = old?.status === condition.status ? old.lastTransitionTime : undefined;
  const stamped: C = { ...condition, lastTransitionTime: kept ?? timestamp(now) };
  if (old === undefined) return [...(list ?? []), stamped];
  return (list ?? []).map((present) => (present.type === condition.type ? stamped : present));
}

export function withoutCondition<C extends { readonly type: string }>(list: readonly C[] | undefined, type: string): readonly C[] {
  return (list ?? []).filter((condition) => condition.type !== type);
}

/** RFC 3339 with whole seconds, as `metav1.Time` is written. */
export function timestamp(now: number): string {
  return `${new Date(now).toISOString().slice(0, 19)}Z`;
}

/** RFC 3339 with microseconds, as `metav1.MicroTime` is written. */
export function microTimestamp(now: number): string {
  return `${new Date(now).toISOString().slice(0, 23)}000Z`;
}
