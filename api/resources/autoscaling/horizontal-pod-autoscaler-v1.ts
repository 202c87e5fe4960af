import { HorizontalPodAutoscalerV1, type HorizontalPodAutoscaler } from '../../../machinery/kinds/autoscaling.ts';
import { serveAlso } from '../define.ts';
import { fromStored, toStored } from './horizontal-pod-autoscaler-v1/convert.ts';
import { horizontalPodAutoscaler } from './horizontal-pod-autoscaler.ts';

/** Source: "HorizontalPodAutoscaler", autoscaling/v1: processors only; what else there is stands in annotations. */
export const horizontalPodAutoscalerV1 = serveAlso<HorizontalPodAutoscalerV1, HorizontalPodAutoscaler>(horizontalPodAutoscaler, HorizontalPodAutoscalerV1, { toStored, fromStored });
