import { describe, expect, it } from 'vitest';
import type { Node, Pod } from '../machinery/kinds/core.ts';
import { createCore, type Core, type Decision } from './core.ts';
import { plugins } from './plugins/all.ts';
import { aNode, aPod, type PodShape } from './test-objects.ts';

interface Table {
  readonly core: Core;
  readonly time: { now: number };
  /** The pod appears, or is changed. */
  pod(name: string, shape?: PodShape): Pod;
  node(node: Node): void;
  /** All decisions until there is none: `name → node`, or `name: message up to the first full stop`. */
  decisions(): string[];
  /** The cluster shows the pod on the node. */
  shown(pod: Pod, node: string): void;
}

function table(...nodes: readonly Node[]): Table {
  const time = { now: 0 };
  const core = createCore({ plugins, now: () => time.now, schedulerName: 'default-scheduler' });
  const node = (each: Node): void => core.nodeSeen(each.metadata?.name ?? '', each);
  nodes.forEach(node);
  return {
    core, time, node,
    pod(name, shape = {}) {
      const pod = aPod(name, shape);
      core.podSeen(`default/${name}`, pod);
      return pod;
    },
    decisions() {
      const made: string[] = [];
      for (let decision = core.decide(); decision !== undefined; decision = core.decide()) made.push(text(decision));
      return made;
    },
    shown(pod, where) {
      core.podSeen(`default/${pod.metadata?.name}`, { ...pod, spec: { containers: [], ...pod.spec, nodeName: where } });
    },
  };
}

function text(decision: Decision): string {
  const name = decision.pod.metadata?.name;
  return decision.type === 'bind' ? `${name} → ${decision.node}` : `${name}: ${decision.message.split('. ')[0]}`;
}

const tainted = (name: string): Node => aNode(name, { spec: { taints: [{ key: 'x', effect: 'PreferNoSchedule' }] } });
const cores = (cpu: string): PodShape => ({ requests: { cpu } });

describe('what is decided', () => {
  it('is for the pod of highest priority, then for the one that came first', () => {
    const { pod, decisions } = table(aNode('n'));
    pod('first');
    pod('second');
    pod('high', { spec: { priority: 10 } });
    expect(decisions()).toEqual(['high → n', 'first → n', 'second → n']);
  });

  it('fills a node before it begins another', () => {
    const { pod, decisions } = table(aNode('a'), aNode('b'));
    for (const name of ['1', '2', '3', '4', '5']) pod(name, cores('1'));
    expect(decisions()).toEqual(['1 → a', '2 → a', '3 → a', '4 → a', '5 → b']);
  });

  it('weighs soft taints and preferences more than fullness', () => {
    const { pod, decisions } = table(aNode('soft', { spec: { taints: [{ key: 'x', effect: 'PreferNoSchedule' }] } }), aNode('plain'));
    pod('1', cores('1'));
    expect(decisions()).toEqual(['1 → plain']);
  });

  it('follows a node whose taints change while its fullness stays', () => {
    const { pod, decisions, node } = table(tainted('a'), aNode('b'), aNode('c'));
    pod('1', cores('1'));
    expect(decisions()).toEqual(['1 → b']);
    node(tainted('b'));
    pod('2', cores('1'));
    expect(decisions()).toEqual(['2 → c']);
  });
});

describe('a pod that no node takes', () => {
  it('is told why, and told again only when the reasons differ', () => {
    const { core, pod, node, time } = table(aNode('n'));
    pod('p', cores('5'));
    expect(core.decide()).toMatchObject({ type: 'refuse', told: false });
    time.now += 20_000;
    pod('p', { ...cores('5'), spec: { tolerations: [{ operator: 'Exists' }] } });
    expect(core.decide()).toMatchObject({ type: 'refuse', told: true });
    node(aNode('m', { spec: { unschedulable: true } }));
    pod('p', cores('5'));
    expect(core.decide()).toMatchObject({ type: 'refuse', told: false, message: expect.stringContaining('1 node(s) were unschedulable') });
  });

  it.each([
    ['a node comes', { allocatable: { cpu: '1' } }, aNode('m')],
    ['its node is uncordoned', { spec: { unschedulable: true } }, aNode('n')],
    ['its node loses a taint', { spec: { taints: [{ key: 'x', effect: 'NoSchedule' }] } }, aNode('n')],
    ['its node grows', { allocatable: { cpu: '1' } }, aNode('n')],
  ])('is tried again when %s', (_name, before, change) => {
    const { pod, node, decisions, core } = table(aNode('n', before));
    pod('p', cores('2'));
    expect(core.decide()).toMatchObject({ type: 'refuse' });
    expect(core.ready).toBe(false);
    node(change);
    expect(decisions()).toEqual([`p → ${change.metadata?.name}`]);
  });

  it('is tried again when what kept it off a node goes bit by bit', () => {
    const { pod, node, decisions } = table();
    pod('p', cores('2'));
    decisions();
    node(aNode('n', { allocatable: { cpu: '1' }, spec: { unschedulable: true, taints: [{ key: 'x', effect: 'NoSchedule' }] } }));
    node(aNode('n', { allocatable: { cpu: '1' }, spec: { taints: [{ key: 'x', effect: 'NoSchedule' }] } }));
    node(aNode('n', { allocatable: { cpu: '1' } }));
    expect(decisions()).toEqual([]);
    node(aNode('n'));
    expect(decisions()).toEqual(['p → n']);
  });

  it('sleeps through what cannot help', () => {
    const { pod, node, core } = table(aNode('n', { spec: { unschedulable: true } }));
    pod('p');
    core.decide();
    node(aNode('n', { spec: { unschedulable: true }, labels: { zone: 'a' }, allocatable: { cpu: '64' } }));
    expect(core.ready).toBe(false);
  });

  it('lets others go first while it backs off', () => {
    const { pod, node, decisions } = table(aNode('n', { allocatable: { pods: '0' } }));
    pod('refused');
    expect(decisions()).toEqual(['refused: 0/1 nodes are available: 1 Too many pods']);
    pod('new', cores('1'));
    node(aNode('n', { allocatable: { pods: '1' } }));
    expect(decisions()).toEqual(['new → n', 'refused: 0/1 nodes are available: 1 Too many pods']);
  });

  it('is explained node by node', () => {
    const { core, pod, decisions } = table(aNode('n'), aNode('m', { spec: { unschedulable: true } }));
    pod('p', cores('5'));
    decisions();
    expect(core.explain('default/p')).toEqual({ attempts: 1, nodes: [
      { node: 'n', plugin: 'NodeResourcesFit', reasons: ['Insufficient cpu'] }, { node: 'm', plugin: 'NodeUnschedulable', reasons: ['node(s) were unschedulable'] },
    ] });
  });

  it('hears nothing of preemption where some pod is of lower priority', () => {
    const { core, pod, decisions } = table(aNode('n'));
    pod('low', cores('4'));
    decisions();
    pod('high', { ...cores('1'), spec: { priority: 1 } });
    expect(core.decide()).toMatchObject({ message: '0/1 nodes are available: 1 Insufficient cpu.' });
  });

  it('that names its nodes is refused elsewhere by the plug-in that says so', () => {
    const { pod, decisions } = table(aNode('n', { allocatable: { cpu: '1' } }), aNode('m'));
    const nodeSelectorTerms = [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['n'] }] }];
    pod('p', { ...cores('2'), spec: { affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms } } } } });
    expect(decisions()).toEqual(["p: 0/2 nodes are available: 1 Insufficient cpu, 1 node(s) didn't satisfy plugin(s) [NodeAffinity]"]);
  });
});

describe('a pod whose binding is under way', () => {
  it('counts on its node at once', () => {
    const { pod, decisions } = table(aNode('n'));
    pod('1', cores('3'));
    pod('2', cores('3'));
    expect(decisions()).toEqual(['1 → n', '2: 0/1 nodes are available: 1 Insufficient cpu']);
  });

  it('counts once when the cluster shows it there', () => {
    const { pod, decisions, shown } = table(aNode('n'));
    const one = pod('1', cores('2'));
    decisions();
    shown(one, 'n');
    shown(one, 'n');
    pod('2', cores('2'));
    expect(decisions()).toEqual(['2 → n']);
  });

  it('counts where the cluster shows it, should that be another node', () => {
    const { pod, decisions, shown } = table(aNode('n'), aNode('m'));
    const one = pod('1', cores('4'));
    decisions();
    shown(one, 'm');
    pod('2', cores('4'));
    expect(decisions()).toEqual(['2 → n']);
  });

  it('frees its node when the binding fails, which wakes who waits, and is tried again after a back-off', () => {
    const { core, pod, decisions, time } = table(aNode('n'));
    pod('1', cores('3'));
    pod('2', cores('2'));
    decisions();
    time.now = 10_000;
    core.bindingFailed('default/1', 'uid-of-1');
    expect(decisions()).toEqual(['2 → n']);
    expect(core.nextRetry).toBe(11_000);
    time.now = 11_000;
    expect(decisions()).toEqual(['1: 0/1 nodes are available: 1 Insufficient cpu']);
  });

  it('backs off twice as long each time its binding fails, to ten seconds', () => {
    const { core, pod, time } = table(aNode('n'));
    pod('p');
    const waits = Array.from({ length: 6 }, () => {
      core.decide();
      core.bindingFailed('default/p', 'uid-of-p');
      const wait = (core.nextRetry ?? 0) - time.now;
      time.now += wait;
      return wait;
    });
    expect(waits).toEqual([1000, 2000, 4000, 8000, 10_000, 10_000]);
  });

  it('is done with when it is deleted, whatever its binding answers', () => {
    const { core, pod, decisions } = table(aNode('n'));
    pod('1', cores('4'));
    decisions();
    core.podSeen('default/1', undefined);
    core.bindingFailed('default/1', 'uid-of-1');
    expect(core.nextRetry).toBeUndefined();
    pod('2', cores('4'));
    expect(decisions()).toEqual(['2 → n']);
  });

  it('is tried as it is by then when it was changed meanwhile and the binding fails', () => {
    const { core, pod, decisions, time } = table(aNode('n'), aNode('m', { labels: { zone: 'a' } }));
    pod('p');
    expect(decisions()).toEqual(['p → n']);
    pod('p', { spec: { nodeSelector: { zone: 'a' } } });
    core.bindingFailed('default/p', 'uid-of-p');
    time.now = 1000;
    expect(decisions()).toEqual(['p → m']);
  });

  it('is another pod when it was deleted and made anew under the same name', () => {
    const { core, pod, decisions } = table(aNode('n'));
    pod('p', cores('4'));
    decisions();
    pod('p', { ...cores('4'), uid: 'second' });
    core.bindingFailed('default/p', 'uid-of-p');
    expect(decisions()).toEqual(['p → n']);
  });
});

describe('a pod that is not to be scheduled', () => {
  it.each([
    ['is being deleted', (pod: Pod): Pod => ({ ...pod, metadata: { ...pod.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } })],
    ['is of another scheduler', (pod: Pod): Pod => ({ ...pod, spec: { containers: [], ...pod.spec, schedulerName: 'other' } })],
    ['has ended', (pod: Pod): Pod => ({ ...pod, status: { phase: 'Failed' } })],
    ['is gated', (pod: Pod): Pod => ({ ...pod, spec: { containers: [], ...pod.spec, schedulingGates: [{ name: 'g' }] } })],
  ])('since it %s is left alone, even if it was waiting', (_name, change) => {
    const { core, pod, node, decisions } = table();
    const one = pod('p');
    decisions();
    core.podSeen('default/p', change(one));
    node(aNode('n'));
    expect(decisions()).toEqual([]);
  });
});

describe('a node', () => {
  it('that is gone takes nobody, and its pods count again when it is back', () => {
    const { core, pod, node, decisions, shown } = table(aNode('n'));
    const one = pod('1', cores('3'));
    decisions();
    shown(one, 'n');
    core.nodeSeen('n', undefined);
    pod('2', cores('3'));
    expect(decisions()).toEqual(['2: no nodes available to schedule pods']);
    node(aNode('n'));
    expect(decisions()).toEqual([]);
    core.podSeen('default/1', undefined);
    expect(decisions()).toEqual(['2 → n']);
  });
});
