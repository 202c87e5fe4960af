import type { Exchange } from './exchange.ts';

/**
 * Requests that are being worked on: each has a deadline, and a stopping server waits for them. The signal is made only for
 * those who ask for it, and one sweep looks after all deadlines: most requests are over within a millisecond.
 */
export interface InFlight {
  /** `late` is called once when the deadline passes; `withinMs` may only shorten it. */
  begin(exchange: Pick<Exchange, 'onEnd'>, late?: () => void, withinMs?: number): Flight;
  readonly count: number;
  /** Aborts what is past its deadline. Called about once a second. */
  sweep(): void;
  /** Resolves when nothing is in flight. */
  idle(): Promise<void>;
}

export interface Flight {
  /** Aborts when the caller has gone or the deadline has passed. */
  readonly signal: AbortSignal;
  end(): void;
}

export function createInFlight(now: () => number, deadlineMs: number): InFlight {
  const flights = new Set<{ readonly deadline: number; abort(reason: unknown): void; late: (() => void) | undefined }>();
  let waiting: (() => void)[] = [];
  return {
    get count() {
      return flights.size;
    },
    begin(exchange, late, withinMs = deadlineMs) {
      let controller: AbortController | undefined;
      let reason: unknown;
      const own = {
        deadline: now() + Math.min(withinMs, deadlineMs), late,
        abort(why: unknown) {
          reason ??= why;
          controller?.abort(why);
        },
      };
      flights.add(own);
      return {
        get signal() {
          if (controller === undefined) {
            controller = new AbortController();
            if (reason !== undefined) controller.abort(reason);
            exchange.onEnd(() => { if (flights.has(own)) own.abort(new DOMException('the caller has gone', 'AbortError')); });
          }
          return controller.signal;
        },
        end() {
          flights.delete(own);
          if (flights.size > 0) return;
          for (const resolve of waiting) resolve();
          waiting = [];
        },
      };
    },
    sweep() {
      const time = now();
      for (const flight of flights) {
        if (flight.deadline >= time) continue;
        const { late } = flight;
        flight.late = undefined;
        flight.abort(new DOMException('the request took too long', 'TimeoutError'));
        late?.();
      }
    },
    idle: () => (flights.size === 0 ? Promise.resolve() : new Promise((resolve) => { waiting.push(resolve); })),
  };
}
