import type { V1Eviction, V1PodDisruptionBudget } from '@kubernetes/client-node';
import { defineKind } from './kind.ts';
import type { Wire } from './wire.ts';

/** The body of POST `pods/eviction`, policy/v1. */
export type Eviction = Wire<V1Eviction>;

export type PodDisruptionBudget = Wire<V1PodDisruptionBudget>;
export const PodDisruptionBudget = defineKind<PodDisruptionBudget>('policy', 'v1', 'PodDisruptionBudget', 'poddisruptionbudgets');
