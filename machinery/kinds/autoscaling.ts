import type { V1HorizontalPodAutoscaler, V2HorizontalPodAutoscaler, V2MetricSpec, V2MetricStatus } from '@kubernetes/client-node';
import { defineKind } from './kind.ts';
import type { Wire } from './wire.ts';

/** As it is stored and as controllers see it: autoscaling/v2. */
export type HorizontalPodAutoscaler = Wire<V2HorizontalPodAutoscaler>;
export const HorizontalPodAutoscaler = defineKind<HorizontalPodAutoscaler>('autoscaling', 'v2', 'HorizontalPodAutoscaler', 'horizontalpodautoscalers');
/** The older form, which knows processor utilization only. */
export type HorizontalPodAutoscalerV1 = Wire<V1HorizontalPodAutoscaler>;
export const HorizontalPodAutoscalerV1 = defineKind<HorizontalPodAutoscalerV1>('autoscaling', 'v1', 'HorizontalPodAutoscaler', 'horizontalpodautoscalers');

export type MetricSpec = Wire<V2MetricSpec>;
export type MetricStatus = Wire<V2MetricStatus>;
