import { describe, expect, it } from 'vitest';
import { timestamp } from '../../machinery/conditions.ts';
import type { Node, Pod, Taint } from '../../machinery/kinds/core.ts';
import { plan } from './node-lifecycle.ts';
import { mayEvict } from './zones.ts';

const now = Date.UTC(2026, 0, 1);
const graceMs = 40_000;

function node(name: string, ready: 'True' | 'False' | 'Unknown' | 'unsaid' = 'True', more: { readonly taints?: readonly Taint[]; readonly zone?: string; readonly unschedulable?: boolean; readonly pressure?: string } = {}): Node {
  return {
    metadata: { name, uid: name, creationTimestamp: timestamp(now), ...(more.zone === undefined ? {} : { labels: { 'topology.kubernetes.io/zone': more.zone } }) },
    spec: { ...(more.taints === undefined ? {} : { taints: more.taints }), ...(more.unschedulable === undefined ? {} : { unschedulable: more.unschedulable }) },
    status: { conditions: [...(ready === 'unsaid' ? [] : [{ type: 'Ready', status: ready }]), ...(more.pressure === undefined ? [] : [{ type: more.pressure, status: 'True' }])] },
  };
}

const readyPod: Pod = { metadata: { namespace: 'default', name: 'web' }, status: { conditions: [{ type: 'Ready', status: 'True' }] } };
const observed = (heardAt: number, nodes: readonly Node[] = [], pods: readonly Pod[] = []) => ({ heardAt, isNew: false, nodes, pods });
const taintsAfter = (one: Node, nodes: readonly Node[] = [one]): readonly string[] | undefined => {
  const step = plan(one, observed(now, nodes), now, graceMs).find(({ type }) => type === 'update');
  return step?.type === 'update' ? ((step.object as Node).spec?.taints ?? []).map(({ key, effect }) => `${key.replace('node.kubernetes.io/', '')}:${effect}`) : undefined;
};

describe('node lifecycle', () => {
  it('looks at a living node again when its grace will have run out', () => {
    expect(plan(node('a'), observed(now - 10_000), now, graceMs)).toEqual([{ type: 'requeueAfter', ms: 30_000 }]);
  });

  it('tells of a node that it sees for the first time', () => {
    const [step] = plan(node('a'), { ...observed(now), isNew: true }, now, graceMs);
    expect(step).toMatchObject({ type: 'event', eventType: 'Normal', reason: 'RegisteredNode', message: 'Node a event: Registered Node a in Controller' });
  });

  it('no longer vouches for a node that went silent, nor for its pods', () => {
    const steps = plan(node('a'), observed(now - graceMs, [], [readyPod]), now, graceMs);
    expect(steps[0]).toMatchObject({ type: 'patch', subresource: 'status', at: { name: 'a' } });
    expect(steps[0]).toHaveProperty('body.status.conditions.0', { type: 'Ready', status: 'Unknown', reason: 'NodeStatusUnknown', message: 'Kubelet stopped posting node status.', lastTransitionTime: timestamp(now) });
    expect(steps[0]).toHaveProperty('body.status.conditions.1.reason', 'NodeStatusNeverUpdated');
    expect(steps[1]).toMatchObject({ type: 'event', reason: 'NodeNotReady', message: 'Node a status is now: NodeNotReady' });
    expect(steps[2]).toMatchObject({ type: 'patch', at: { namespace: 'default', name: 'web' }, body: { status: { conditions: [{ type: 'Ready', status: 'False' }] } } });
  });

  it.each<[string, Node, readonly string[] | undefined]>([
    ['a ready node', node('a'), undefined],
    ['a node that is not ready', node('a', 'False'), ['not-ready:NoSchedule', 'not-ready:NoExecute']],
    ['a node out of reach', node('a', 'Unknown'), ['unreachable:NoSchedule', 'unreachable:NoExecute']],
    ['a node that never said how it is', node('a', 'unsaid'), ['not-ready:NoSchedule']],
    ['a cordoned node', node('a', 'True', { unschedulable: true }), ['unschedulable:NoSchedule']],
    ['a node short of memory', node('a', 'True', { pressure: 'MemoryPressure' }), ['memory-pressure:NoSchedule']],
    ['a node that came back', node('a', 'True', { taints: [{ key: 'node.kubernetes.io/unreachable', effect: 'NoExecute' }, { key: 'mine', effect: 'NoExecute' }] }), ['mine:NoExecute']],
    ['a node that has them', node('a', 'False', { taints: [{ key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' }, { key: 'node.kubernetes.io/not-ready', effect: 'NoExecute' }] }), undefined],
  ])('taints %s', (_name, one, expected) => {
    expect(taintsAfter(one, [one, node('other')])).toEqual(expected);
  });

  it('drives nobody off when no node is ready at all', () => {
    expect(taintsAfter(node('a', 'Unknown'), [node('a', 'Unknown'), node('b', 'Unknown')])).toEqual(['unreachable:NoSchedule']);
  });

  it.each([
    ['a few of a zone', 2, 4, true], ['two of three', 2, 1, true], ['most of a zone', 3, 2, false], ['a whole zone, while others live', 4, 0, true],
  ])('decides by zone whether pods may be driven off: %s', (_name, failing, living, expected) => {
    const zone = [...Array.from({ length: failing }, (_, index) => node(`f${index}`, 'Unknown', { zone: 'x' })), ...Array.from({ length: living }, (_, index) => node(`l${index}`, 'True', { zone: 'x' }))];
    expect(mayEvict(node('f0', 'Unknown', { zone: 'x' }), [...zone, node('elsewhere', 'True', { zone: 'y' })])).toBe(expected);
  });
});
