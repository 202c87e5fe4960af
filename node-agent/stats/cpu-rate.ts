/** A counter of processor time as it was seen last, and how fast it grew up to then. */
export interface CpuSample {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly nanos: number;
  /** Nanoseconds of processor time a second; absent: seen once only. */
  readonly nanoCores?: number;
  /** The time that `nanoCores` is the mean of. */
  readonly windowMs?: number;
}

/** Within so short a time the next look says too little. */
export const shortestWindowMs = 2000;

/** The sample that follows `before`: the same one when too little time has passed. Pure. */
export function nextSample(before: CpuSample | undefined, nanos: number, at: number): CpuSample {
  // A counter that went back is another one.
  if (before === undefined || nanos < before.nanos || at < before.at) return { at, nanos };
  const windowMs = at - before.at;
  if (windowMs < shortestWindowMs) return before;
  return { at, nanos, nanoCores: Math.round(((nanos - before.nanos) / windowMs) * 1000), windowMs };
}

/** The rates of many counters, by any key. */
export interface CpuRates {
  sample(key: string, nanos: number, at: number): CpuSample;
  /** Forgets the counters that nobody has any more. */
  keepOnly(keys: ReadonlySet<string>): void;
}

export function createCpuRates(): CpuRates {
  const samples = new Map<string, CpuSample>();
  return {
    sample(key, nanos, at) {
      const next = nextSample(samples.get(key), nanos, at);
      samples.set(key, next);
      return next;
    },
    keepOnly(keys) {
      for (const key of samples.keys()) if (!keys.has(key)) samples.delete(key);
    },
  };
}
