import type { Log } from '../../client/log.ts';
import { CommandFailure } from '../failure.ts';

/** What runs until it is told to stop. */
export interface Component {
  run(signal: AbortSignal): Promise<void>;
}

export interface Components {
  /** Rejects when a component ends by itself. */
  readonly failed: Promise<never>;
  /** Resolves when all have ended. */
  stop(): Promise<void>;
}

/** Runs components side by side. */
export function runComponents(log: Log, components: Readonly<Record<string, Component>>): Components {
  const stopping = new AbortController();
  const { promise: failed, reject: fail } = Promise.withResolvers<never>();
  // Whoever waits for it hears of it; nobody waiting is no unhandled rejection.
  failed.catch(() => undefined);
  const ended = Object.entries(components).map(async ([name, component]) => {
    try {
      await component.run(stopping.signal);
      if (!stopping.signal.aborted) throw new Error('it ended by itself');
    } catch (error) {
      if (stopping.signal.aborted) return;
      log.error({ err: error, component: name }, 'component failed');
      fail(new CommandFailure(`the ${name} failed; its log has the details`, { cause: error }));
    }
  });
  return {
    failed,
    async stop() {
      stopping.abort();
      await Promise.all(ended);
    },
  };
}
