import type { EventType, Regarding } from './events.ts';
import type { ObjectAddress } from './client.ts';

/**
 * Keeps a cluster from drowning in events, as client-go's correlator does: the same event again is a count on the first, many
 * events that differ in their message only become one, and one source may say only so much about one object.
 */

export interface Said {
  readonly regarding: Regarding;
  readonly type: EventType;
  readonly reason: string;
  readonly message: string;
}

/** One thing to write. */
export interface Occurrence extends Said {
  readonly count: number;
  /** Milliseconds: of the first and of this occurrence. */
  readonly firstAt: number;
  readonly at: number;
  readonly key: string;
}

export interface Correlator {
  /** What to write, or undefined when the source has said too much about the object. */
  take(said: Said, now: number): Occurrence | undefined;
  /** The Event on which earlier occurrences are counted. */
  written(occurrence: Occurrence): ObjectAddress | undefined;
  remember(occurrence: Occurrence, at: ObjectAddress): void;
}

const mostRemembered = 4096;
/** Different messages of one reason within the interval, from which on they are combined. */
const combineFrom = 10;
const combineWithinMs = 600_000;
/** What a source may say about an object: a burst, then one in five minutes. */
const burst = 25;
const refillMs = 300_000;

interface Budget {
  tokens: number;
  at: number;
}

interface Similar {
  readonly messages: Set<string>;
  at: number;
}

interface Series {
  count: number;
  firstAt: number;
  event?: ObjectAddress;
}

export function createCorrelator(component: string): Correlator {
  const budgets = boundedMap<Budget>();
  const similar = boundedMap<Similar>();
  const series = boundedMap<Series>();

  const spend = (key: string, now: number): boolean => {
    const budget = budgets.get(key) ?? { tokens: burst, at: now };
    budget.tokens = Math.min(burst, budget.tokens + (now - budget.at) / refillMs);
    budget.at = now;
    budgets.set(key, budget);
    if (budget.tokens < 1) return false;
    budget.tokens -= 1;
    return true;
  };
  /** Is this one too many of a kind? */
  const combined = (key: string, message: string, now: number): boolean => {
    const known = similar.get(key);
    const group = known === undefined || now - known.at > combineWithinMs ? { messages: new Set<string>(), at: now } : known;
    group.at = now;
    similar.set(key, group);
    if (group.messages.has(message) && group.messages.size < combineFrom) return false;
    if (group.messages.size < combineFrom) group.messages.add(message);
    return group.messages.size >= combineFrom;
  };
  return {
    take(said, now) {
      const { regarding, type, reason } = said;
      const object = [component, regarding.apiVersion, regarding.kind, regarding.namespace, regarding.name, regarding.uid].join('\0');
      if (!spend(object, now)) return undefined;
      const group = [object, regarding.fieldPath, type, reason].join('\0');
      const one = combined(group, said.message, now);
      const key = one ? group : [group, said.message].join('\0');
      const message = one ? `(combined from similar events): ${said.message}` : said.message;
      const known = series.get(key) ?? { count: 0, firstAt: now };
      known.count += 1;
      series.set(key, known);
      return { ...said, message, count: known.count, firstAt: known.firstAt, at: now, key };
    },
    written: (occurrence) => series.get(occurrence.key)?.event,
    remember(occurrence, at) {
      const known = series.get(occurrence.key);
      if (known !== undefined) known.event = at;
    },
  };
}

interface BoundedMap<V> {
  get(key: string): V | undefined;
  set(key: string, value: V): void;
}

/** Forgets what was set longest ago. */
function boundedMap<V>(): BoundedMap<V> {
  const entries = new Map<string, V>();
  return {
    get: (key) => entries.get(key),
    set(key, value) {
      entries.delete(key);
      entries.set(key, value);
      if (entries.size <= mostRemembered) return;
      for (const oldest of entries.keys()) {
        entries.delete(oldest);
        return;
      }
    },
  };
}
