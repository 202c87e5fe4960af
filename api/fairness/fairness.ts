import type { Clock } from '../../machinery/clock.ts';
import { FlowSchema, PriorityLevelConfiguration } from '../../machinery/kinds/flow-control.ts';
import { failure } from '../../machinery/status.ts';
import { follow } from '../access/follow.ts';
import type { RequestInfo, User } from '../request.ts';
import type { Caches, Entry } from '../store/cache.ts';
import { createClassifier, type Classifier, type Flow } from './classify.ts';
import { createSeats, type Level, type Usage } from './seats.ts';

/**
 * Priority and fairness at the server's door: flow schemas and priority levels as the watch cache has them, seats as `seats.ts`
 * gives them out. Source: "API priority and fairness".
 */
export interface Fairness {
  /**
   * Lets a request in, at once or after a wait; undefined: it needs no seat. Throws 429, and an `AbortError` when the caller leaves
   * meanwhile. `headers` get the schema and the level.
   */
  admit(request: Arriving): Seat | Promise<Seat> | undefined;
  readonly counts: ReadonlyMap<string, Counts>;
  usage(): readonly Usage[];
  close(): void;
}

export interface Arriving {
  readonly user: User;
  readonly info: RequestInfo;
  readonly query: Readonly<Record<string, string>>;
  readonly headers: Record<string, unknown>;
  /** Runs when the caller has gone. */
  readonly onEnd: (run: () => void) => void;
}

export interface Seat {
  leave(): void;
}

/** What happened to the requests of one schema at one level. */
export interface Counts {
  readonly schema: string;
  readonly level: string;
  dispatched: number;
  waitedSeconds: number;
  readonly rejected: Map<string, number>;
}

/** Seats of the whole server: Kubernetes' defaults for reading and writing requests together. */
const serverSeats = 600;
/** How long a request may wait: a quarter of what it may take. */
const longestWaitMs = 15_000;
/** How many objects of a list count as one seat, and the seats that a list may take at most. */
const objectsASeat = 100;
const widestList = 10;

const longVerbs: ReadonlySet<string> = new Set(['watch', 'proxy', 'connect']);
const longSubresources: ReadonlySet<string> = new Set(['attach', 'exec', 'log', 'portforward', 'proxy']);

/** Does it last as long as the caller wants? It needs no seat and has no deadline. */
export function isLongRunning({ verb, subresource }: Pick<RequestInfo, 'verb' | 'subresource'>): boolean {
  return longVerbs.has(verb) || longSubresources.has(subresource);
}

/** Follows the caches; `close()` ends it. `sizeOf`: how many objects there are of what a list asks for. */
export function createFairness(caches: Caches, clock: Clock, sizeOf: (info: RequestInfo) => number): Fairness {
  const schemas = new Map<string, FlowSchema>();
  const levels = new Map<string, PriorityLevelConfiguration>();
  const counts = new Map<string, Counts>();
  const seats = createSeats(serverSeats);
  let classify: Classifier | undefined;
  const changed = () => { classify = undefined; };
  const follows = [follow(caches, FlowSchema, keeping(schemas, changed)), follow(caches, PriorityLevelConfiguration, keeping(levels, changed))];

  function classified(user: User, info: RequestInfo): Flow | undefined {
    if (classify === undefined) {
      // A schema whose level isn't there chooses nothing.
      classify = createClassifier([...schemas.values()].filter(({ spec }) => levels.has(spec?.priorityLevelConfiguration.name ?? '')));
      seats.configure(new Map([...levels].map(([name, { spec }]) => [name, levelOf(spec)])));
    }
    return classify(user, info);
  }

  function countsOf({ schema, level }: Flow): Counts {
    const key = `${level}/${schema.name}`;
    let found = counts.get(key);
    if (found === undefined) {
      found = { schema: schema.name, level, dispatched: 0, waitedSeconds: 0, rejected: new Map() };
      counts.set(key, found);
    }
    return found;
  }

  function widthOf({ info, query }: Arriving): number {
    if (info.verb !== 'list') return 1;
    const limit = Number(query['limit'] ?? 0);
    const there = sizeOf(info);
    return Math.min(widestList, Math.max(1, Math.ceil((limit > 0 ? Math.min(limit, there) : there) / objectsASeat)));
  }

  return {
    counts,
    usage: () => seats.usage(),
    admit(request) {
      const { user, info, headers } = request;
      const flow = classified(user, info);
      if (flow === undefined) return undefined;
      headers['x-kubernetes-pf-flowschema-uid'] = flow.schema.uid;
      headers['x-kubernetes-pf-prioritylevel-uid'] = levels.get(flow.level)?.metadata?.uid ?? '';
      if (isLongRunning(info)) return undefined;
      const counted = countsOf(flow);
      let begin: (() => void) | undefined;
      const asked = seats.ask(flow.level, `${flow.schema.name}/${flow.distinguisher}`, widthOf(request), () => { begin?.(); });
      if (asked.outcome === 'rejected') throw rejected(counted, asked.reason);
      if (asked.outcome === 'running') {
        counted.dispatched += 1;
        return { leave: asked.done };
      }
      const arrived = clock.now();
      return new Promise((resolve, reject) => {
        const stop = (reason: Error) => {
          asked.done();
          reject(reason);
        };
        const cancelDeadline = clock.setTimer(longestWaitMs, () => { stop(rejected(counted, 'time-out')); });
        begin = () => {
          cancelDeadline();
          counted.dispatched += 1;
          counted.waitedSeconds += (clock.now() - arrived) / 1000;
          resolve({ leave: asked.done });
        };
        request.onEnd(() => {
          cancelDeadline();
          stop(new DOMException('the caller has gone', 'AbortError'));
        });
      });
    },
    close() {
      for (const one of follows) one.close();
    },
  };
}

function rejected(counted: Counts, reason: string) {
  counted.rejected.set(reason, (counted.rejected.get(reason) ?? 0) + 1);
  return failure('TooManyRequests', 'Too many requests, please try again later.', { retryAfterSeconds: 1 });
}

function keeping<T extends FlowSchema | PriorityLevelConfiguration>(objects: Map<string, T>, changed: () => void) {
  return {
    reset() {
      objects.clear();
      changed();
    },
    set(entry: Entry<T>) {
      objects.set(entry.name, entry.object);
      changed();
    },
    remove(entry: Entry<T>) {
      objects.delete(entry.name);
      changed();
    },
  };
}

function levelOf(spec: PriorityLevelConfiguration['spec']): Level {
  if (spec?.type === 'Exempt') return { type: 'Exempt' };
  const { nominalConcurrencyShares: shares = 30, lendablePercent = 0, borrowingLimitPercent, limitResponse } = spec?.limited ?? {};
  const { queues = 64, handSize = 8, queueLengthLimit = 50 } = limitResponse?.queuing ?? {};
  return {
    type: 'Limited', shares, lendablePercent, ...(borrowingLimitPercent === undefined ? {} : { borrowingLimitPercent }),
    ...(limitResponse?.type === 'Queue' ? { queuing: { queues, handSize, queueLengthLimit } } : {}),
  };
}
