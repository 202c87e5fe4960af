export type IntOrPercent = number | string | undefined;

/** A percentage of `total`, or the number itself. What is neither counts as 0: validation has refused it. */
export function resolve(value: IntOrPercent, total: number, round: (value: number) => number): number {
  if (typeof value === 'number') return value;
  const percent = /^(\d+)%$/.exec(value ?? '')?.[1];
  // Exact for whole percents: 100 divides last.
  return percent === undefined ? 0 : round((Number(percent) * total) / 100);
}
