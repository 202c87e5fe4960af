import type { HorizontalPodAutoscaler } from '../../../../machinery/kinds/autoscaling.ts';
import type { Draft } from '../../../../machinery/kinds/wire.ts';

/** Source: "HorizontalPodAutoscaler v2 autoscaling", defaults; "Horizontal pod autoscaling: default behavior". */

type Rules = NonNullable<NonNullable<NonNullable<Draft<HorizontalPodAutoscaler>['spec']>['behavior']>['scaleUp']>;

/** Four pods or as many again, every fifteen seconds, at once. */
const up = (): Rules => ({ stabilizationWindowSeconds: 0, selectPolicy: 'Max', policies: [{ type: 'Pods', value: 4, periodSeconds: 15 }, { type: 'Percent', value: 100, periodSeconds: 15 }] });
/** To the fewest at once; how long to wait first is the controller's to say. */
const down = (): Rules => ({ selectPolicy: 'Max', policies: [{ type: 'Percent', value: 100, periodSeconds: 15 }] });
const cpuUtilization = 80;

export function defaultAutoscaler({ spec }: Draft<HorizontalPodAutoscaler>): void {
  if (spec === undefined) return;
  spec.minReplicas ??= 1;
  if ((spec.metrics ?? []).length === 0) spec.metrics = [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: cpuUtilization } } }];
  if (spec.behavior === undefined) return;
  spec.behavior.scaleUp = { ...up(), ...spec.behavior.scaleUp };
  spec.behavior.scaleDown = { ...down(), ...spec.behavior.scaleDown };
}
