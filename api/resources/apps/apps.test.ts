import { describe, expect, it } from 'vitest';
import type { Deployment, ReplicaSet } from '../../../machinery/kinds/apps.ts';
import type { Draft } from '../../../machinery/kinds/wire.ts';
import { deployment } from './deployment.ts';
import { replicaSet } from './replica-set.ts';

type Spec = NonNullable<Deployment['spec']>;

function make(change: Partial<Spec> = {}): Deployment {
  const draft = {
    metadata: { name: 'web' },
    spec: { selector: { matchLabels: { app: 'web' } }, template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'c', image: 'x:1' }] } }, ...structuredClone(change) },
  } as Draft<Deployment>;
  deployment.defaults?.(draft);
  return draft as Deployment;
}

const wrong = (object: Deployment): string[] => (deployment.validate?.(object) ?? []).map((error) => `${error.path.toString()}: ${error.body}`);

describe('a Deployment', () => {
  it('rolls by a quarter unless told otherwise', () => {
    expect(make().spec).toMatchObject({
      replicas: 1, revisionHistoryLimit: 10, progressDeadlineSeconds: 600, strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%', maxUnavailable: '25%' } },
      template: { spec: { restartPolicy: 'Always', dnsPolicy: 'ClusterFirst', schedulerName: 'default-scheduler', terminationGracePeriodSeconds: 30, securityContext: {} } },
    });
    expect(make().spec?.template.spec).not.toHaveProperty('enableServiceLinks');
    expect(make({ strategy: { type: 'Recreate' } }).spec?.strategy).toEqual({ type: 'Recreate' });
    expect(wrong(make())).toEqual([]);
  });

  it.each<[string, Partial<Spec>, string[]]>([
    ['a selector that misses the template', { selector: { matchLabels: { app: 'api' } } }, ['spec.template.metadata.labels: Invalid value: {"app":"web"}: `selector` does not match template `labels`']],
    ['an empty selector', { selector: {} }, ['spec.selector: Invalid value: {}: empty selector is invalid for deployment']],
    ['a negative count', { replicas: -1 }, ['spec.replicas: Invalid value: -1: must be greater than or equal to 0']],
    ['a restart policy that ends', { template: { metadata: { labels: { app: 'web' } }, spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'x' }] } } }, [
      'spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"',
    ]],
    ['a roll that cannot move', { strategy: { rollingUpdate: { maxSurge: 0, maxUnavailable: 0 } } }, ['spec.strategy.rollingUpdate.maxUnavailable: Invalid value: 0: may not be 0 when `maxSurge` is 0']],
    ['more than all', { strategy: { rollingUpdate: { maxUnavailable: '101%' } } }, ['spec.strategy.rollingUpdate.maxUnavailable: Invalid value: "101%": must not be greater than 100%']],
    ['a percentage that is none', { strategy: { rollingUpdate: { maxSurge: 'x' } } }, [
      `spec.strategy.rollingUpdate.maxSurge: Invalid value: "x": a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')`,
    ]],
    ['a roll of Recreate', { strategy: { type: 'Recreate', rollingUpdate: {} } }, ["spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is 'Recreate'"]],
    ['a deadline within the wait for readiness', { minReadySeconds: 600 }, ['spec.progressDeadlineSeconds: Invalid value: 600: must be greater than minReadySeconds']],
  ])('refuses %s', (_name, change, messages) => {
    expect(wrong(make(change))).toEqual(messages);
  });

  it('names what a container lacks by its path in the template', () => {
    expect(wrong(make({ template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'c' }] } } }))).toEqual(['spec.template.spec.containers[0].image: Required value']);
  });

  it('keeps its selector', () => {
    const errors = deployment.validateUpdate?.(make({ selector: { matchLabels: { app: 'api' } } }), make()) ?? [];
    expect(errors.map((error) => `${error.path.toString()}: ${error.body}`)).toEqual(['spec.selector: Invalid value: {"matchLabels":{"app":"api"}}: field is immutable']);
  });

  it('shows and scales what kubectl asks for', () => {
    const object: Deployment = { ...make({ replicas: 3 }), status: { replicas: 3, readyReplicas: 2, updatedReplicas: 3, availableReplicas: 2 } };
    expect(deployment.columns.map((column) => [column.name, column.cell(object, 0)])).toEqual([
      ['Name', 'web'], ['Ready', '2/3'], ['Up-to-date', 3], ['Available', 2], ['Age', '<unknown>'], ['Containers', 'c'], ['Images', 'x:1'], ['Selector', 'app=web'],
    ]);
    expect(deployment.scale?.selector(object)).toBe('app=web');
    expect(deployment.scale?.statusReplicas(object)).toBe(3);
  });
});

describe('reported counts', () => {
  it('agree with each other and never go back', () => {
    const errors = deployment.validateStatusUpdate?.({ status: { replicas: 1, readyReplicas: 2, availableReplicas: 3, observedGeneration: 1 } }, { status: { observedGeneration: 2 } }) ?? [];
    expect(errors.map((error) => `${error.path.toString()}: ${error.body}`)).toEqual([
      'status.readyReplicas: Invalid value: 2: cannot be greater than status.replicas', 'status.availableReplicas: Invalid value: 3: cannot be greater than status.replicas',
      'status.availableReplicas: Invalid value: 3: cannot be greater than readyReplicas', 'status.observedGeneration: Invalid value: 1: cannot be decremented',
    ]);
    expect(deployment.validateStatusUpdate?.({ status: { replicas: 3, updatedReplicas: 1, readyReplicas: 2, availableReplicas: 2 } }, {})).toEqual([]);
  });
});

describe('a ReplicaSet', () => {
  it('validates as a Deployment does and shows its counts', () => {
    const draft = { metadata: { name: 'web-1' }, spec: { replicas: 2, selector: { matchLabels: { app: 'web' } } }, status: { replicas: 2, readyReplicas: 1 } } as Draft<ReplicaSet>;
    replicaSet.defaults?.(draft);
    const object = draft as ReplicaSet;
    expect(replicaSet.validate?.(object).map((error) => error.path.toString())).toEqual(['spec.template.metadata.labels', 'spec.template.spec.containers']);
    expect(replicaSet.columns.slice(0, 4).map((column) => [column.name, column.cell(object, 0)])).toEqual([['Name', 'web-1'], ['Desired', 2], ['Current', 2], ['Ready', 1]]);
    expect(replicaSet.fields['status.replicas']?.(object)).toBe('2');
  });
});
