import type { Pace } from './delivery.ts';

/** Time as tests want it: everything is handed out by the next turn of the event loop, however busy the machine is. */
export const restless: Pace = {
  now: () => 0,
  soon: (run) => void setImmediate(run),
  after() {
    throw new Error('where no time passes, nothing rests');
  },
};
