import { pause, type Clock } from '../../machinery/clock.ts';
import type { Log } from '../../client/log.ts';
import type { DestroyRequest } from '../../native/host.ts';

/** Takes away what nobody owns any more. */
export interface Clearing {
  /**
   * Resolves after the first try. What it could not remove is tried again until it is gone; what is left when this agent ends,
   * the next one finds. `cleared` is called when nothing is left.
   */
  clear(request: DestroyRequest, cleared?: () => void): Promise<void>;
  close(): void;
}

const firstPauseMs = 1000;
const longestPauseMs = 60_000;

export function createClearing(destroy: (request: DestroyRequest) => Promise<void>, clock: Clock, log: Log): Clearing {
  const stop = new AbortController();
  const attempt = async (request: DestroyRequest): Promise<boolean> => {
    try {
      await destroy(request);
      return true;
    } catch (error) {
      if (!stop.signal.aborted) log.error({ err: error, ...request }, 'what a failed start left was not removed: it is tried again');
      return false;
    }
  };
  const goOn = async (request: DestroyRequest, cleared: () => void): Promise<void> => {
    for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(2 * pauseMs, longestPauseMs)) {
      await pause(clock, pauseMs, stop.signal);
      if (await attempt(request)) return cleared();
    }
  };
  return {
    async clear(request, cleared = () => undefined) {
      if (await attempt(request)) return cleared();
      goOn(request, cleared).catch(() => undefined); // the agent ends
    },
    close: () => stop.abort(new Error('the runtime is closed')),
  };
}
