/**
 * The room that frees a node that runs short: it compares what is left with thresholds, and ends pods until enough is. What is
 * decided is pure (`pressure.ts`, `ranking.ts`, `limits.ts`, `messages.ts`, `admission.ts`); `manager.ts` looks and acts.
 */
import { formatQuantity, parseQuantity, toUnits } from '../../machinery/quantity.ts';
import { parsePeriod } from '../period.ts';

/** What may run short. Source: "Node-pressure Eviction", eviction signals. */
export const signals = ['memory.available', 'nodefs.available', 'nodefs.inodesFree', 'imagefs.available', 'imagefs.inodesFree', 'pid.available'] as const;
export type Signal = (typeof signals)[number];

/** A whole number (bytes, inodes, processes), or a share of what there is in all. */
export type Amount = { readonly count: number } | { readonly share: number };

/** Less than `value` of the signal for `graceMs` is too little. */
export interface Threshold {
  readonly signal: Signal;
  readonly value: Amount;
  /** 0: at once, a hard threshold. */
  readonly graceMs: number;
  /** So much more than `value` must be left before it is well again. */
  readonly minReclaim?: Amount;
}

export type SignalAmounts = ReadonlyMap<Signal, Amount>;

export interface EvictionSettings {
  readonly thresholds: readonly Threshold[];
  /** How long a pressure is told of after it was seen last. */
  readonly transitionMs: number;
  /** What a soft threshold leaves a pod at most to end in; its own period may be shorter. */
  readonly maxPodGraceSeconds: number;
}

/** As the user wrote them, checked one by one; absent: Kubernetes' defaults. */
export interface EvictionOptions {
  readonly hard?: SignalAmounts;
  readonly soft?: SignalAmounts;
  readonly softGraceMs?: ReadonlyMap<Signal, number>;
  readonly minReclaim?: SignalAmounts;
  readonly transitionMs?: number;
  readonly maxPodGraceSeconds?: number;
}

/** The kubelet's. Source: "Node-pressure Eviction", hard eviction thresholds. */
export const defaultHard: SignalAmounts = new Map<Signal, Amount>([
  ['memory.available', { count: 100 * 1024 ** 2 }], ['nodefs.available', { share: 0.1 }], ['nodefs.inodesFree', { share: 0.05 }],
  ['imagefs.available', { share: 0.15 }], ['imagefs.inodesFree', { share: 0.05 }],
]);
const defaultTransitionMs = 5 * 60_000;

/** Throws an Error that says what is missing. */
export function evictionSettings({ hard = defaultHard, soft, softGraceMs, minReclaim, transitionMs = defaultTransitionMs, maxPodGraceSeconds = 0 }: EvictionOptions): EvictionSettings {
  const threshold = (signal: Signal, value: Amount, graceMs: number): Threshold => {
    const more = minReclaim?.get(signal);
    return { signal, value, graceMs, ...(more === undefined ? {} : { minReclaim: more }) };
  };
  const softly = [...soft ?? []].map(([signal, value]) => {
    const graceMs = softGraceMs?.get(signal);
    if (graceMs === undefined) throw new Error(`grace period must be specified for the soft eviction threshold ${signal}`);
    return threshold(signal, value, graceMs);
  });
  return { thresholds: [...[...hard].map(([signal, value]) => threshold(signal, value, 0)), ...softly], transitionMs, maxPodGraceSeconds };
}

/** `memory.available<1Gi,nodefs.available<10%`; '' is none, and so are 0% and 100%. Throws an Error that says what is wrong. */
export function parseThresholds(text: string): SignalAmounts {
  return parsed(text, '<', (signal, value) => {
    if (value === '0%' || value === '100%') return undefined;
    const amount = parseAmount(signal, value);
    if ('share' in amount ? amount.share > 1 : amount.count <= 0) throw new Error(`the eviction threshold of ${signal} must be ${'share' in amount ? 'no more than 100%' : 'positive'}: ${value}`);
    return amount;
  });
}

/** `imagefs.available=2Gi`. */
export function parseMinimumReclaim(text: string): SignalAmounts {
  return parsed(text, '=', parseAmount);
}

/** `memory.available=1m30s`, in milliseconds. */
export function parseGracePeriods(text: string): ReadonlyMap<Signal, number> {
  return parsed(text, '=', (_signal, value) => parsePeriod(value));
}

function parsed<T>(text: string, operator: '<' | '=', read: (signal: Signal, value: string) => T | undefined): ReadonlyMap<Signal, T> {
  const found = new Map<Signal, T>();
  for (const statement of text.split(',').map((each) => each.trim()).filter((each) => each !== '')) {
    const [name = '', value = '', ...more] = statement.split(operator);
    const signal = signals.find((each) => each === name);
    if (signal === undefined && value !== '') throw new Error(`${name} is no eviction signal: there are ${signals.join(', ')}`);
    if (signal === undefined || value === '' || more.length > 0) throw new Error(`it looks like memory.available${operator}…, separated by commas: ${statement}`);
    if (found.has(signal)) throw new Error(`${signal} is there twice`);
    const amount = read(signal, value);
    if (amount !== undefined) found.set(signal, amount);
  }
  return found;
}

function parseAmount(signal: Signal, text: string): Amount {
  if (text.endsWith('%')) {
    const percent = Number(text.slice(0, -1));
    if (!/^\d+(\.\d+)?%$/.test(text)) throw new Error(`${text} is no percentage of ${signal}`);
    return { share: percent / 100 };
  }
  const quantity = parseQuantity(text);
  if (quantity === undefined || quantity.nanos < 0n) throw new Error(`${text} is no quantity of ${signal}`);
  return { count: toUnits(quantity) };
}

/** How much that is, of `capacity` in all. */
export function countOf(amount: Amount, capacity: number): number {
  return 'share' in amount ? Math.trunc(capacity * amount.share) : amount.count;
}

/** What a hard threshold keeps free of `capacity`: pods can't have it. Source: "Reserve Compute Resources", eviction thresholds. */
export function keptFree({ thresholds }: EvictionSettings, signal: Signal, capacity: number): number {
  const hard = thresholds.find((threshold) => threshold.signal === signal && threshold.graceMs === 0);
  return hard === undefined ? 0 : Math.min(capacity, countOf(hard.value, capacity));
}

/** As Kubernetes writes bytes, or whatever else the signal counts. */
export function formatCount(signal: Signal, count: number): string {
  return formatQuantity({ nanos: BigInt(Math.trunc(count)) * 1_000_000_000n }, signal.endsWith('inodesFree') || signal === 'pid.available' ? 'DecimalSI' : 'BinarySI');
}
