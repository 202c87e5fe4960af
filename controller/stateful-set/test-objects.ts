import { timestamp } from '../../machinery/conditions.ts';
import type { ControllerRevision, StatefulSet } from '../../machinery/kinds/apps.ts';
import type { Pod, PodTemplateSpec } from '../../machinery/kinds/core.ts';
import { snapshotOf } from '../revisions/snapshot.ts';
import type { Step } from '../steps.ts';
import type { Observed } from './stateful-set.ts';

/** A StatefulSet of three pods in the middle of an update, as tests of it need it. */

export const now = Date.UTC(2026, 0, 1);
export const template = (image: string): PodTemplateSpec => ({ metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'c', image }] } });
export type Spec = NonNullable<StatefulSet['spec']>;

export function set(spec: Partial<Spec> = {}, more: Partial<StatefulSet> = {}): StatefulSet {
  return {
    metadata: { namespace: 'default', name: 'web', uid: 'set', generation: 4 }, status: { replicas: 0, currentRevision: 'web-old', updateRevision: 'web-new' },
    spec: { serviceName: 'service', replicas: 3, selector: { matchLabels: { app: 'web' } }, template: template('new'), updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 0 } }, ...spec },
    ...more,
  };
}

const owned = [{ apiVersion: 'apps/v1', kind: 'StatefulSet', name: 'web', uid: 'set', controller: true }];
export const revision = (name: string, image: string, number: number): ControllerRevision => (
  { metadata: { namespace: 'default', name, uid: name, labels: { app: 'web' }, ownerReferences: owned }, data: snapshotOf(template(image)), revision: number }
);

/** A pod in few letters: its ordinal, `o`ld or `n`ew revision, and how it is: ready, `-` pending, `~` terminating, `!` failed, `?` not ready, `$` succeeded. */
export function pod(text: string): Pod {
  const [, ordinal = '', age = '', state = ''] = /^(\d+)([on])(.?)$/.exec(text) ?? [];
  const phase = { '-': 'Pending', '!': 'Failed', $: 'Succeeded' }[state] ?? 'Running';
  const name = `web-${ordinal}`;
  return {
    metadata: {
      namespace: 'default', name, uid: text, ownerReferences: owned,
      labels: { app: 'web', 'statefulset.kubernetes.io/pod-name': name, 'controller-revision-hash': age === 'o' ? 'web-old' : 'web-new' },
      ...(state === '~' ? { deletionTimestamp: timestamp(now) } : {}),
    },
    status: { phase, conditions: [{ type: 'Ready', status: phase === 'Running' && state !== '?' ? 'True' : 'False', lastTransitionTime: timestamp(now - 100_000) }] },
  };
}

export function observed(pods: string, more: Partial<Observed> = {}): Observed {
  return {
    pods: pods.split(' ').filter((text) => text !== '').map(pod), revisions: [revision('web-old', 'old', 1), revision('web-new', 'new', 2)], claimOf: () => undefined, taken: () => false, ...more,
  };
}

/** Steps in few letters: `+web-0` creates, `-web-0` deletes. */
export function changes(steps: readonly Step[]): string {
  return steps.flatMap((step): string[] => {
    if (step.type === 'slowStart' || step.type === 'together' || step.type === 'sequence') return [changes(step.steps)];
    if (step.type === 'create') return [`+${step.object.metadata?.name}`];
    return step.type === 'delete' ? [`-${step.at.name}`] : [];
  }).filter((text) => text !== '').join(' ');
}
