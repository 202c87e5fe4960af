import type { Pod } from '../../machinery/kinds/core.ts';
import type { DiskUsage } from '../stats/disk-usage.ts';
import type { PodStorage } from '../stats/storage.ts';

/** A pod that runs here, with what is known of its use; what could not be read is absent. */
export interface Candidate {
  readonly pod: Pod;
  readonly memoryBytes?: number;
  readonly processes?: number;
  readonly storage?: PodStorage;
  readonly containers: readonly ContainerUse[];
}

export interface ContainerUse {
  readonly name: string;
  readonly memoryBytes: number;
  /** Its writable layer and logs. */
  readonly disk?: DiskUsage;
}
