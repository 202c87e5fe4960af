import { evictionSettings, type EvictionOptions, type EvictionSettings } from '../../node-agent/eviction/thresholds.ts';
import { messageOf } from '../../machinery/thrown.ts';
import { CommandFailure } from '../failure.ts';

/** As the user wrote them; see `withEvictionOptions`. */
export interface EvictionFlags {
  readonly evictionHard?: EvictionOptions['hard'];
  readonly evictionSoft?: EvictionOptions['soft'];
  readonly evictionSoftGracePeriod?: EvictionOptions['softGraceMs'];
  readonly evictionMinimumReclaim?: EvictionOptions['minReclaim'];
  readonly evictionPressureTransitionPeriod?: EvictionOptions['transitionMs'];
  readonly evictionMaxPodGracePeriod: number;
}

/** What they mean together. Throws `CommandFailure`. */
export function evictionOf(flags: EvictionFlags): EvictionSettings {
  const { evictionHard: hard, evictionSoft: soft, evictionSoftGracePeriod: softGraceMs, evictionMinimumReclaim: minReclaim, evictionPressureTransitionPeriod: transitionMs } = flags;
  try {
    return evictionSettings({
      maxPodGraceSeconds: flags.evictionMaxPodGracePeriod, ...(transitionMs === undefined ? {} : { transitionMs }),
      ...(hard === undefined ? {} : { hard }), ...(soft === undefined ? {} : { soft }), ...(softGraceMs === undefined ? {} : { softGraceMs }), ...(minReclaim === undefined ? {} : { minReclaim }),
    });
  } catch (error) {
    throw new CommandFailure(`--eviction-soft: ${messageOf(error)} (--eviction-soft-grace-period)`, { cause: error });
  }
}
