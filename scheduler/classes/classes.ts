import type { Pod } from '../../machinery/kinds/core.ts';
import type { Nodes } from '../nodes/nodes.ts';
import type { Plugin } from '../plugin.ts';
import { createPodClass, type PodClass } from './pod-class.ts';

/** The classes of pods that were seen of late, by what the plug-ins read of a pod. */
export interface Classes {
  of(pod: Pod): PodClass;
  /** The row that the class would take, or -1. Its verdicts are kept, at the cost of those of a class that was not asked for long. */
  pick(podClass: PodClass): number;
}

/** Verdicts that are kept, one per class and node, at about 20 bytes each; and of how many classes at least. */
const mostVerdicts = 5_200_000;
const leastWithVerdicts = 64;
const mostRemembered = 4096;

export function createClasses(plugins: readonly Plugin[], nodes: Nodes): Classes {
  // In the order of use, the latest last. A class that is forgotten lives on with the pods that hold it.
  const known = new Map<string, PodClass>();
  const withVerdicts = new Set<PodClass>();
  let latest: PodClass | undefined;
  return {
    of(pod) {
      const text = plugins.map((plugin) => plugin.reads(pod)).join('\n');
      const podClass = known.get(text) ?? createPodClass(text, pod, plugins, nodes);
      known.delete(text);
      known.set(text, podClass);
      if (known.size > mostRemembered) known.delete(first(known.keys()) ?? text);
      return podClass;
    },
    pick(podClass) {
      if (podClass !== latest && podClass.narrow === undefined) {
        withVerdicts.delete(podClass);
        withVerdicts.add(podClass);
        latest = podClass;
        const oldest = withVerdicts.size > Math.max(leastWithVerdicts, mostVerdicts / Math.max(1, nodes.rows)) ? first(withVerdicts) : undefined;
        oldest?.forget();
        if (oldest !== undefined) withVerdicts.delete(oldest);
      }
      return podClass.pick();
    },
  };
}

function first<T>(values: Iterable<T>): T | undefined {
  for (const value of values) return value;
  return undefined;
}
