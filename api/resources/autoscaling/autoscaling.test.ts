import { describe, expect, it } from 'vitest';
import { fieldErrorTexts } from '../../../machinery/field-path.ts';
import type { HorizontalPodAutoscaler, HorizontalPodAutoscalerV1 } from '../../../machinery/kinds/autoscaling.ts';
import type { Draft } from '../../../machinery/kinds/wire.ts';
import { horizontalPodAutoscalerV1 } from './horizontal-pod-autoscaler-v1.ts';
import { horizontalPodAutoscaler } from './horizontal-pod-autoscaler.ts';

type Spec = HorizontalPodAutoscaler['spec'];

const scaleTargetRef = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' };

function make(change: Partial<Spec> = {}): HorizontalPodAutoscaler {
  const draft = { metadata: { name: 'web' }, spec: { scaleTargetRef, maxReplicas: 5, ...structuredClone(change) } } as Draft<HorizontalPodAutoscaler>;
  horizontalPodAutoscaler.defaults?.(draft);
  return draft as HorizontalPodAutoscaler;
}

describe('an autoscaler', () => {
  it('keeps processors at 80 % unless told otherwise', () => {
    expect(make().spec).toMatchObject({ minReplicas: 1, metrics: [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } } }] });
    expect(make({ behavior: { scaleDown: { stabilizationWindowSeconds: 60 } } }).spec.behavior).toEqual({
      scaleUp: { stabilizationWindowSeconds: 0, selectPolicy: 'Max', policies: [{ type: 'Pods', value: 4, periodSeconds: 15 }, { type: 'Percent', value: 100, periodSeconds: 15 }] },
      scaleDown: { stabilizationWindowSeconds: 60, selectPolicy: 'Max', policies: [{ type: 'Percent', value: 100, periodSeconds: 15 }] },
    });
    expect(fieldErrorTexts(horizontalPodAutoscaler.validate?.(make()))).toEqual([]);
  });

  it.each<[string, Partial<Spec>, string[]]>([
    ['more at least than at most', { minReplicas: 6 }, ['spec.maxReplicas: Invalid value: 5: must be greater than or equal to `minReplicas`']],
    ['none at least', { minReplicas: 0 }, ['spec.minReplicas: Invalid value: 0: must be greater than or equal to 1']],
    ['nothing to scale', { scaleTargetRef: { kind: '', name: '' } }, ['spec.scaleTargetRef.kind: Required value', 'spec.scaleTargetRef.name: Required value']],
    ['no type of metric', { metrics: [{ type: '' }] }, ['spec.metrics[0].type: Required value: must specify a metric source type']],
    ['a metric without its source', { metrics: [{ type: 'Resource' }] }, ['spec.metrics[0].resource: Required value: must populate information for the given metric source']],
    ['a share without a target', { metrics: [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization' } } }] }, [
      'spec.metrics[0].resource.target.averageUtilization: Required value: must set either a target raw value or a target utilization',
    ]],
    ['a container without a name', { metrics: [{ type: 'ContainerResource', containerResource: { name: 'cpu', container: '', target: { type: 'Utilization', averageUtilization: 0 } } }] }, [
      'spec.metrics[0].containerResource.container: Required value: must specify a container', 'spec.metrics[0].containerResource.target.averageUtilization: Invalid value: 0: must be greater than 0',
    ]],
    ['a pod metric below nothing', { metrics: [{ type: 'Pods', pods: { metric: { name: '' }, target: { type: 'AverageValue', averageValue: '-1' } } }] }, [
      'spec.metrics[0].pods.metric.name: Required value: must specify a metric name', 'spec.metrics[0].pods.target.averageValue: Invalid value: "-1": must be positive', 'spec.metrics[0].pods.target.averageValue: Required value: must specify a positive target averageValue',
    ]],
    ['two amounts', { metrics: [{ type: 'External', external: { metric: { name: 'q' }, target: { type: 'Value', value: '1', averageValue: '1' } } }] }, ['spec.metrics[0].external.target.value: Forbidden: may not set both a target value for metric and a per-pod target']],
    ['a behaviour without end', { behavior: { scaleUp: { stabilizationWindowSeconds: 3601, selectPolicy: 'Best', policies: [{ type: 'Nodes', value: 0, periodSeconds: 1801 }] } } }, [
      'spec.behavior.scaleUp.stabilizationWindowSeconds: Invalid value: 3601: must be less than or equal to 3600', 'spec.behavior.scaleUp.selectPolicy: Unsupported value: "Best": supported values: "Disabled", "Max", "Min"',
      'spec.behavior.scaleUp.policies[0].type: Unsupported value: "Nodes": supported values: "Percent", "Pods"', 'spec.behavior.scaleUp.policies[0].value: Invalid value: 0: must be greater than zero',
      'spec.behavior.scaleUp.policies[0].periodSeconds: Invalid value: 1801: must be less than or equal to 1800',
    ]],
  ])('refuses %s', (_name, change, messages) => {
    expect(fieldErrorTexts(horizontalPodAutoscaler.validate?.(make(change)))).toEqual(messages);
  });

  const several: Partial<Spec> = {
    metrics: [
      { type: 'Pods', pods: { metric: { name: 'rps', selector: { matchLabels: { a: 'b' } } }, target: { type: 'AverageValue', averageValue: '10' } } },
      { type: 'Object', object: { describedObject: { kind: 'Ingress', name: 'i' }, metric: { name: 'm' }, target: { type: 'Value', value: '100' } } },
      { type: 'External', external: { metric: { name: 'q' }, target: { type: 'AverageValue', averageValue: '30' } } },
      { type: 'ContainerResource', containerResource: { name: 'memory', container: 'c', target: { type: 'Utilization', averageUtilization: 50 } } },
      { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } } },
    ],
  };

  it('shows the first two of what it measures', () => {
    expect(horizontalPodAutoscaler.columns.map((column) => column.cell({ ...make(several), status: { desiredReplicas: 1, currentReplicas: 2, currentMetrics: [{ type: 'Pods', pods: { metric: { name: 'rps' }, current: { averageValue: '7' } } }] } }, 0)))
      .toEqual(['web', 'Deployment/web', '7/10, <unknown>/100 + 3 more...', '1', 5, 2, '<unknown>']);
    expect(horizontalPodAutoscaler.columns[2]?.cell(make(), 0)).toBe('cpu: <unknown>/80%');
  });

  describe('in v1', () => {
    const through = horizontalPodAutoscalerV1.storedAs;
    const old = (object: HorizontalPodAutoscaler): HorizontalPodAutoscalerV1 => through?.fromStored(structuredClone(object) as Draft<HorizontalPodAutoscaler>) as unknown as HorizontalPodAutoscalerV1;
    const back = (object: HorizontalPodAutoscalerV1): HorizontalPodAutoscaler => through?.toStored(structuredClone(object) as Draft<HorizontalPodAutoscalerV1>) as unknown as HorizontalPodAutoscaler;

    it('has a field for processors and annotations for the rest, and loses nothing', () => {
      const full: HorizontalPodAutoscaler = {
        ...make({ ...several, behavior: { scaleUp: { selectPolicy: 'Disabled' } } }),
        status: {
          desiredReplicas: 3, currentReplicas: 2, conditions: [{ type: 'AbleToScale', status: 'True' }],
          currentMetrics: [{ type: 'Resource', resource: { name: 'cpu', current: { averageUtilization: 42, averageValue: '420m' } } }],
        },
      };
      const served = old(full);
      expect(served).toMatchObject({ apiVersion: 'autoscaling/v1', spec: { scaleTargetRef, maxReplicas: 5, targetCPUUtilizationPercentage: 80 }, status: { currentCPUUtilizationPercentage: 42 } });
      expect(Object.keys(served.metadata?.annotations ?? {}).toSorted()).toEqual(['behavior', 'conditions', 'current-metrics', 'metrics'].map((name) => `autoscaling.alpha.kubernetes.io/${name}`));
      expect(back(served)).toEqual({ ...full, apiVersion: 'autoscaling/v2', kind: 'HorizontalPodAutoscaler' });
      expect(old(back(served))).toEqual(served);
    });

    it('takes annotations that nobody can read for none', () => {
      expect(back({ metadata: { name: 'web', annotations: { 'autoscaling.alpha.kubernetes.io/metrics': '{', a: 'b' } }, spec: { scaleTargetRef, maxReplicas: 1 } })).toEqual({
        apiVersion: 'autoscaling/v2', kind: 'HorizontalPodAutoscaler', metadata: { name: 'web', annotations: { a: 'b' } }, spec: { scaleTargetRef, maxReplicas: 1 },
      });
    });
  });
});
