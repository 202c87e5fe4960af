import type { Node, Pod } from '../../machinery/kinds/core.ts';
import { isStatic } from '../../machinery/pod/static.ts';
import type { Informer } from '../../client/informer.ts';
import type { NodeContext } from '../pod/handle.ts';
import type { PodWorkers } from '../pod/workers.ts';
import { createMirrorKeeper } from './mirrors.ts';
import { followStaticPods, type PodReader } from './source.ts';

/** Manifests of pods that this node runs by itself. */
export interface PodManifests {
  readonly directory: string;
  readonly reader: PodReader;
}

export interface StaticPods {
  /** A static pod has begun, or is no more. */
  changed(): void;
  run(signal: AbortSignal): Promise<void>;
}

export interface StaticPodParts {
  readonly context: NodeContext;
  readonly workers: () => PodWorkers;
  readonly nodes: Informer<Node>;
  readonly pods: Informer<Pod>;
  /** Undefined: none, and what an earlier agent ran is ended. */
  readonly manifests: PodManifests | undefined;
}

/** Runs what the manifests say, and shows it in the API. */
export function createStaticPods({ context, workers, nodes, pods, manifests }: StaticPodParts): StaticPods {
  const { statuses } = context;
  let isRead = false;
  const mirrors = createMirrorKeeper({
    ...context, nodes, pods,
    shown: () => (isRead ? workers().list().filter((worker) => isStatic(worker.pod())).map((worker) => ({ pod: worker.pod(), isEnding: worker.state().removed })) : undefined),
    shows: (uid, mirror) => statuses.show(uid, mirror),
  });
  const desire = (wanted: readonly Pod[], isComplete: boolean): void => {
    workers().keepStatic(wanted, isComplete);
    isRead = true;
    mirrors.changed();
  };
  return {
    changed: () => mirrors.changed(),
    async run(signal) {
      const following = manifests === undefined ? desire([], true) : followStaticPods({ ...context, ...manifests, desire }, signal);
      await Promise.all([following, mirrors.run(signal)]);
    },
  };
}
