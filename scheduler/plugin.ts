import type { Pod } from '../machinery/kinds/core.ts';
import { eventSet, type ClusterEvent } from './cluster-event.ts';
import type { Nodes } from './nodes/nodes.ts';

/** Why a node doesn't take a pod. A plug-in returns the same value again where it can: one is made per kind of refusal, not per node. */
export interface Refusal {
  /** In Kubernetes' words, as counted in `FailedScheduling`. */
  readonly reasons: readonly string[];
  /** Could it help to remove pods from the node? */
  readonly resolvable: boolean;
  /** What exactly, for explanations only: it may tell more of the cluster than a pod's status should. */
  readonly detail?: string;
}

/**
 * What an answer depends on: `flavour` on the referenced labels, taints and cordon, which many nodes share and which are judged
 * once for all of them; `row` on anything of one node.
 */
export type Scope = 'flavour' | 'row';

/** How raw scores become 0 to 100 over the nodes that take the pod: as they are; by the greatest; or the other way round. */
export type Normalisation = 'none' | 'greatest' | 'greatest-reversed';

/** A plug-in as it is written: a value without state. What it prepares for a pod reaches its own functions only. */
export interface PluginDefinition<P> {
  readonly name: string;
  /** What would change its mind. */
  readonly wakeOn: readonly [ClusterEvent, ...ClusterEvent[]];
  /** Everything of a pod that the answers depend on, as text: pods that read the same get the same answers. */
  reads(pod: Pod): string;
  /** Keeps a pod from being considered at all, and says why. */
  gate?(pod: Pod): string | undefined;
  /** Undefined: nothing to say about this pod. */
  prepare(pod: Pod, nodes: Nodes): P | undefined;
  readonly scope: Scope | ((prepared: P) => Scope);
  /** The labels of nodes that it looks at. */
  labels?(prepared: P): readonly string[];
  /** The names of the only nodes that can take the pod. */
  narrow?(prepared: P): readonly string[] | undefined;
  filter?(prepared: P, nodes: Nodes, row: number): Refusal | undefined;
  /** Whole numbers. Unless normalised, 0 to 100. */
  readonly score?: {
    readonly weight: number;
    readonly normalise: Normalisation;
    of(prepared: P, nodes: Nodes, row: number): number;
  };
}

export interface Filter {
  readonly plugin: Plugin;
  readonly scope: Scope;
  refuse(row: number): Refusal | undefined;
}

export interface Scorer {
  readonly scope: Scope;
  readonly weight: number;
  readonly normalise: Normalisation;
  of(row: number): number;
}

/** A plug-in's view of one class of pods. */
export interface Prepared {
  readonly labels: readonly string[];
  readonly narrow: readonly string[] | undefined;
  readonly filter: Filter | undefined;
  readonly scorer: Scorer | undefined;
}

export interface Plugin {
  readonly name: string;
  /** As a set of events. */
  readonly wakeOn: number;
  reads(pod: Pod): string;
  gate(pod: Pod): string | undefined;
  prepare(pod: Pod, nodes: Nodes): Prepared | undefined;
}

/** Closes over what a plug-in prepares, so that its type never leaves it. */
export function definePlugin<P>(definition: PluginDefinition<P>): Plugin {
  const { name, score, filter, scope: scopeOf } = definition;
  const plugin: Plugin = {
    name,
    wakeOn: eventSet(definition.wakeOn),
    reads: (pod) => definition.reads(pod),
    gate: (pod) => definition.gate?.(pod),
    prepare(pod, nodes) {
      const prepared = definition.prepare(pod, nodes);
      if (prepared === undefined) return undefined;
      const scope = typeof scopeOf === 'function' ? scopeOf(prepared) : scopeOf;
      return {
        labels: definition.labels?.(prepared) ?? [],
        narrow: definition.narrow?.(prepared),
        filter: filter && { plugin, scope, refuse: (row) => filter(prepared, nodes, row) },
        scorer: score && { scope, weight: score.weight, normalise: score.normalise, of: (row) => score.of(prepared, nodes, row) },
      };
    },
  };
  return plugin;
}
