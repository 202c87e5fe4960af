import type { Pod } from '../../machinery/kinds/core.ts';
import type { PodClass } from '../classes/pod-class.ts';

/**
 * Where a pod waits: `active`, to be tried next; `woken`, to be tried when its back-off is over or nothing else is active;
 * `failed`, until its back-off is over; `parked`, until something happens that may help; `gated`, until it is changed; `out`, nowhere.
 */
export type Place = 'active' | 'woken' | 'failed' | 'parked' | 'gated' | 'out';

/** A pod without a node. */
export interface Waiting {
  readonly key: string;
  pod: Pod;
  podClass: PodClass;
  priority: number;
  /** The order of arrival: among equals the first is served first. */
  readonly ticket: number;
  attempts: number;
  place: Place;
  /** Milliseconds: until when it backs off. */
  notBefore: number;
  /** What was said last of why it waits, and when (milliseconds). */
  told?: { readonly message: string; readonly at: number };
  /** Rises with each move: tells a heap's entry of now from one of the past. */
  moves: number;
}
