/** Hands watchers what piled up for them, once a turn of the event loop, and never so much in one turn that others starve. */

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

/** Most looked at in one turn, and for one recipient: some milliseconds of work. */
const turnBudget = 8192;
const recipientBudget = 1000;
/** What a recipient costs beside its changes: a write to its socket. */
const recipientCost = 16;

export function createDelivery(): Delivery {
  const marked = new Set<Recipient>();
  let idle: (() => void)[] = [];
  let isScheduled = false;

  function schedule(): void {
    if (isScheduled) return;
    isScheduled = true;
    setImmediate(turn);
  }

  function turn(): void {
    isScheduled = false;
    let left = turnBudget;
    for (const recipient of marked) {
      if (left <= 0) break;
      marked.delete(recipient);
      left -= recipientCost + recipient.deliver(recipientBudget);
      if (recipient.hasMore) marked.add(recipient);
    }
    if (marked.size > 0) return schedule();
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
