import { defineKind, type KubernetesObject } from './kind.ts';

/** Quantities by resource name: `cpu`, `memory`. */
export type Usage = Readonly<Record<string, string>>;

/** What both kinds say of when they were measured. Source: metrics.k8s.io/v1beta1. */
interface Measured extends KubernetesObject {
  readonly timestamp: string;
  /** The time up to then that cpu is the mean of: `10s`. */
  readonly window: string;
}

export interface NodeMetrics extends Measured {
  readonly usage: Usage;
}

export interface ContainerMetrics {
  readonly name: string;
  readonly usage: Usage;
}

export interface PodMetrics extends Measured {
  readonly containers: readonly ContainerMetrics[];
}

export const NodeMetrics = defineKind<NodeMetrics>('metrics.k8s.io', 'v1beta1', 'NodeMetrics', 'nodes', 'Cluster');
export const PodMetrics = defineKind<PodMetrics>('metrics.k8s.io', 'v1beta1', 'PodMetrics', 'pods');
