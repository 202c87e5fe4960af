import type { GarbagePolicy } from '../../node-agent/images/garbage.ts';
import { CommandFailure } from '../failure.ts';

export interface NodeSettings {
  readonly imageGcHighThreshold: number;
  readonly imageGcLowThreshold: number;
  /** Milliseconds. */
  readonly minimumImageTtlDuration: number;
}

export function garbagePolicy({ imageGcHighThreshold, imageGcLowThreshold, minimumImageTtlDuration }: NodeSettings): GarbagePolicy {
  if (imageGcLowThreshold >= imageGcHighThreshold) throw new CommandFailure(`--image-gc-low-threshold (${imageGcLowThreshold}) must be below --image-gc-high-threshold (${imageGcHighThreshold})`);
  return { highThresholdPercent: imageGcHighThreshold === 100 ? Infinity : imageGcHighThreshold, lowThresholdPercent: imageGcLowThreshold, minimumAgeMs: minimumImageTtlDuration };
}
