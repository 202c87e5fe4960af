/**
 * Hands watchers what piled up for them: soon, never for so long at a time that others starve, and the more there are of them the
 * less often, since what leaves together costs little more than one change does.
 */

/** Somebody with something to be handed out. */
export interface Recipient {
  /** Hands out at most `budget`; returns how much it was. */
  deliver(budget: number): number;
  readonly hasMore: boolean;
}

export interface Delivery {
  /** `recipient` is handed what it has soon; marking it twice is harmless. */
  mark(recipient: Recipient): void;
  /** `run` is called once when nothing is left to hand out. */
  whenIdle(run: () => void): void;
}

/** Time as a delivery sees it, so that tests can drive it. Milliseconds. */
export interface Pace {
  now(): number;
  /** Runs on a later turn of the event loop. */
  soon(run: () => void): void;
  after(ms: number, run: () => void): void;
}

const systemPace: Pace = {
  now: () => performance.now(),
  soon: (run) => void setImmediate(run),
  after: (ms, run) => void setTimeout(run, ms).unref(),
};

/** How long recipients are served in one turn. */
const turnMs = 4;
/** Most for one recipient in one turn. */
const recipientBudget = 1000;
/** After a round it rests as long as the round took: half of the time is for those who write. */
const longestRestMs = 10;
/** What takes less needs no rest; timers are no finer. */
const shortestRestMs = 1;

export function createDelivery(pace: Pace = systemPace): Delivery {
  const marked = new Set<Recipient>();
  let idle: (() => void)[] = [];
  let isScheduled = false;
  let spent = 0;
  let restsUntil = 0;

  function schedule(): void {
    if (isScheduled) return;
    isScheduled = true;
    const rest = restsUntil === 0 ? 0 : restsUntil - pace.now();
    if (rest >= shortestRestMs) pace.after(rest, turn);
    else pace.soon(turn);
  }

  function turn(): void {
    isScheduled = false;
    const began = pace.now();
    for (const recipient of marked) {
      marked.delete(recipient);
      recipient.deliver(recipientBudget);
      if (recipient.hasMore) marked.add(recipient);
      if (pace.now() - began >= turnMs) break;
    }
    const now = pace.now();
    spent += now - began;
    restsUntil = 0;
    if (marked.size > 0) return schedule();
    if (spent >= shortestRestMs) restsUntil = now + Math.min(spent, longestRestMs);
    spent = 0;
    const due = idle;
    idle = [];
    for (const run of due) run();
  }

  return {
    mark(recipient) {
      marked.add(recipient);
      schedule();
    },
    whenIdle(run) {
      idle.push(run);
      schedule();
    },
  };
}
