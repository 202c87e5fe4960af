import { HorizontalPodAutoscaler } from '../../../machinery/kinds/autoscaling.ts';
import { count, text } from '../columns.ts';
import { age, defineResource, name } from '../define.ts';
import { defaultAutoscaler } from './horizontal-pod-autoscaler/defaults.ts';
import { targetsText } from './horizontal-pod-autoscaler/targets.ts';
import { validateAutoscaler, validateAutoscalerStatus } from './horizontal-pod-autoscaler/validate.ts';

/** As it is stored: autoscaling/v2. Source: "Horizontal pod autoscaling". */
export const horizontalPodAutoscaler = defineResource<HorizontalPodAutoscaler>(HorizontalPodAutoscaler, {
  shortNames: ['hpa'],
  categories: ['all'],
  status: true,
  columns: [
    name(),
    text('Reference', 'What it scales.', ({ spec }) => `${spec?.scaleTargetRef?.kind ?? ''}/${spec?.scaleTargetRef?.name ?? ''}`),
    text('Targets', 'What is measured, and what it should be.', ({ spec, status }) => targetsText(spec?.metrics ?? [], status?.currentMetrics ?? [])),
    text('MinPods', 'Fewest replicas.', ({ spec }) => (spec?.minReplicas === undefined ? '<unset>' : String(spec.minReplicas))),
    count('MaxPods', 'Most replicas.', ({ spec }) => spec?.maxReplicas ?? 0),
    count('Replicas', 'How many there are.', ({ status }) => status?.currentReplicas ?? 0),
    age(),
  ],
  defaults: defaultAutoscaler,
  prepareForCreate(draft) {
    draft.status = { desiredReplicas: 0 };
  },
  validate: validateAutoscaler,
  validateStatusUpdate: validateAutoscalerStatus,
});
