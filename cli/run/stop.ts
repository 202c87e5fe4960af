import type { Orders } from '../control.ts';

/** How a running Coracle learns that it shall end: a signal to the process, or `coracle down`. */
export interface Stop extends Orders {
  /** Aborted once told to stop. */
  readonly asked: AbortSignal;
  /** Resolves once told to stop. */
  readonly told: Promise<void>;
  /** Shall the pods end too? */
  stopPods(): boolean;
}

export function untilToldToStop(signal: AbortSignal, stopPodsByDefault: boolean): Stop {
  const controller = new AbortController();
  let stopPods = stopPodsByDefault;
  const asked = AbortSignal.any([signal, controller.signal]);
  const told = new Promise<void>((resolve) => {
    if (asked.aborted) resolve();
    else asked.addEventListener('abort', () => resolve(), { once: true });
  });
  return {
    asked,
    told,
    stopPods: () => stopPods,
    stop(options) {
      stopPods ||= options.stopPods;
      controller.abort();
    },
  };
}
