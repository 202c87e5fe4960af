import { describe, expect, it } from 'vitest';
import type { DaemonSet } from '../../machinery/kinds/apps.ts';
import type { Node, PodSpec, PodTemplateSpec, Taint } from '../../machinery/kinds/core.ts';
import { placementFor, templateFor, withDaemonTolerations } from './placement.ts';

const template = (spec: Partial<PodSpec>): PodTemplateSpec => ({ spec: { containers: [], ...spec } });
const set = (spec: Partial<PodSpec>): DaemonSet => ({ spec: { selector: {}, template: template(spec) } });
const node = (name: string, labels: Record<string, string> = {}, taints: readonly Taint[] = []): Node => ({ metadata: { name, labels }, spec: { taints } });
const affinity = (...values: readonly string[]): Partial<PodSpec> => (
  { affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchExpressions: [{ key: 'zone', operator: 'In', values: [...values] }] }] } } } }
);
const taint = (key: string, effect: string): Taint => ({ key, effect });
const anywhere = { shouldRun: true, mayStay: true };
const nowhere = { shouldRun: false, mayStay: false };

describe('a daemon\'s place', () => {
  it.each<[string, Partial<PodSpec>, Node, object]>([
    ['any node', {}, node('a'), anywhere],
    ['a node with the labels of its selector', { nodeSelector: { disk: 'ssd' } }, node('a', { disk: 'ssd' }), anywhere],
    ['no node without them', { nodeSelector: { disk: 'ssd' } }, node('a'), nowhere],
    ['a node of its affinity', affinity('x'), node('a', { zone: 'x' }), anywhere],
    ['no other', affinity('x'), node('a', { zone: 'y' }), nowhere],
    ['the node that it names', { nodeName: 'a' }, node('a'), anywhere],
    ['no node that it does not name', { nodeName: 'b' }, node('a'), nowhere],
    ['no node with a taint, but it may stay there', {}, node('a', {}, [taint('own', 'NoSchedule')]), { shouldRun: false, mayStay: true }],
    ['no node with a taint that drives off', {}, node('a', {}, [taint('own', 'NoExecute')]), nowhere],
    ['a node that would rather have none', {}, node('a', {}, [taint('own', 'PreferNoSchedule')]), anywhere],
    ['a node whose taint it tolerates', { tolerations: [{ key: 'own', operator: 'Exists' }] }, node('a', {}, [taint('own', 'NoSchedule')]), anywhere],
    ['a cordoned node', {}, node('a', {}, [taint('node.kubernetes.io/unschedulable', 'NoSchedule')]), anywhere],
    ['a silent node', {}, node('a', {}, [taint('node.kubernetes.io/unreachable', 'NoExecute'), taint('node.kubernetes.io/not-ready', 'NoExecute')]), anywhere],
    ['a node under pressure', {}, node('a', {}, ['disk', 'memory', 'pid'].map((what) => taint(`node.kubernetes.io/${what}-pressure`, 'NoSchedule'))), anywhere],
    ['no node without network', {}, node('a', {}, [taint('node.kubernetes.io/network-unavailable', 'NoSchedule')]), { shouldRun: false, mayStay: true }],
    ['such a node on its own network', { hostNetwork: true }, node('a', {}, [taint('node.kubernetes.io/network-unavailable', 'NoSchedule')]), anywhere],
  ])('is %s', (_name, spec, at, expected) => {
    expect(placementFor(set(spec))(at)).toEqual(expected);
  });

  it('is written into a pod as the one node that the scheduler may choose; preferences stay', () => {
    const preferred = [{ weight: 1, preference: { matchExpressions: [{ key: 'disk', operator: 'Exists' }] } }];
    const { spec } = templateFor(template({ affinity: { nodeAffinity: { ...affinity('x').affinity?.nodeAffinity, preferredDuringSchedulingIgnoredDuringExecution: preferred }, podAntiAffinity: {} } }), 'a');
    expect(spec?.affinity).toEqual({
      podAntiAffinity: {},
      nodeAffinity: {
        preferredDuringSchedulingIgnoredDuringExecution: preferred,
        requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['a'] }] }] },
      },
    });
  });

  it('makes tolerations of the same taint hold for ever', () => {
    const own = { key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 5 };
    const tolerations = withDaemonTolerations({ containers: [], tolerations: [own, { key: 'mine' }] });
    expect(tolerations.filter(({ key }) => key === own.key)).toEqual([{ key: own.key, operator: 'Exists', effect: 'NoExecute' }]);
    expect(tolerations).toHaveLength(7);
  });
});
