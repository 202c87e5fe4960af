import type { PodClass } from '../classes/pod-class.ts';
import type { Waiting } from './waiting.ts';

/** The pods that no node takes, by class, since what helps one of a class helps all. */
export interface Parked {
  add(waiting: Waiting, wakeOn: number): void;
  remove(waiting: Waiting): void;
  /**
   * The pods that an event on a node wakes; they stay until they are removed. Of the classes that wait for such an event, `refused` is
   * asked: undefined, the node would take them now; else the events that would change its mind, for which they wait from now on, too.
   */
  woken(events: number, refused: (podClass: PodClass) => number | undefined): readonly Waiting[];
}

interface Peers {
  readonly pods: Set<Waiting>;
  /** The events that may help any of them. */
  wakeOn: number;
}

export function createParked(): Parked {
  const classes = new Map<PodClass, Peers>();
  return {
    add(waiting, wakeOn) {
      const peers = classes.get(waiting.podClass) ?? { pods: new Set(), wakeOn: 0 };
      peers.pods.add(waiting);
      peers.wakeOn |= wakeOn;
      classes.set(waiting.podClass, peers);
    },
    remove(waiting) {
      const peers = classes.get(waiting.podClass);
      peers?.pods.delete(waiting);
      if (peers?.pods.size === 0) classes.delete(waiting.podClass);
    },
    woken(events, refused) {
      const woken: Waiting[] = [];
      for (const [podClass, peers] of classes) {
        if ((peers.wakeOn & events) === 0) continue;
        const wakeOn = refused(podClass);
        peers.wakeOn |= wakeOn ?? 0;
        if (wakeOn === undefined) for (const waiting of peers.pods) woken.push(waiting);
      }
      return woken;
    },
  };
}
