import { describe, expect, it } from 'vitest';
import type { Node, Pod } from '../../machinery/kinds/core.ts';
import { createNodes } from '../nodes/nodes.ts';
import type { Plugin } from '../plugin.ts';
import { aNode, aPod } from '../test-objects.ts';
import { plugins } from './all.ts';
import { nodeAffinity } from './node-affinity.ts';
import { nodeName } from './node-name.ts';
import { nodePorts } from './node-ports.ts';
import { nodeResourcesFit } from './node-resources-fit.ts';
import { nodeUnschedulable } from './node-unschedulable.ts';
import { schedulingGates } from './scheduling-gates.ts';
import { taintToleration } from './taint-toleration.ts';

/** What a plug-in says of a pod and a node on which other pods are placed. */
function ask(plugin: Plugin, pod: Pod, node: Node, placed: readonly Pod[] = []) {
  const nodes = createNodes();
  nodes.put(node);
  for (const other of placed) nodes.place(node.metadata?.name ?? '', nodes.demands.of(other));
  const prepared = plugin.prepare(pod, nodes);
  nodes.refer(prepared?.labels ?? []);
  return { refusal: prepared?.filter?.refuse(0), score: prepared?.scorer?.of(0), narrow: prepared?.narrow, scope: prepared?.filter?.scope };
}

const taint = (key: string, effect: string, value?: string) => ({ key, effect, ...(value === undefined ? {} : { value }) });
const tainted = (...taints: readonly ReturnType<typeof taint>[]) => aNode('n', { spec: { taints } });
const tolerating = (...tolerations: readonly object[]) => aPod('p', { spec: { tolerations } });
const on = (hostPort: number, hostIP?: string, protocol?: string) => aPod(`p${hostPort}`, {
  hostPorts: [{ hostPort, ...(hostIP === undefined ? {} : { hostIP }), ...(protocol === undefined ? {} : { protocol }) }],
});
const required = (...nodeSelectorTerms: readonly object[]): Partial<NonNullable<Pod['spec']>> => (
  { affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms } } } }
);
const preferred = (...terms: readonly { readonly weight: number; readonly preference: object }[]): Partial<NonNullable<Pod['spec']>> => (
  { affinity: { nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: terms } } }
);
const expression = (key: string, operator: string, ...values: readonly string[]) => ({ key, operator, ...(values.length === 0 ? {} : { values }) });

describe('NodeResourcesFit', () => {
  const cases: readonly (readonly [string, Pod, Node, readonly Pod[], readonly string[] | undefined, boolean | undefined])[] = [
    ['takes what fits exactly', aPod('p', { requests: { cpu: '4', memory: '8Gi' } }), aNode('n'), [], undefined, undefined],
    ['counts what others took', aPod('p', { requests: { cpu: '2' } }), aNode('n'), [aPod('o', { requests: { cpu: '2001m' } })], ['Insufficient cpu'], true],
    ['knows that no removal helps a node that is too small', aPod('p', { requests: { cpu: '5' } }), aNode('n'), [], ['Insufficient cpu'], false],
    ['gives all reasons', aPod('p', { requests: { cpu: '5', memory: '9Gi' } }), aNode('n'), [], ['Insufficient cpu', 'Insufficient memory'], false],
    ['counts pods', aPod('p'), aNode('n', { allocatable: { pods: '1' } }), [aPod('o')], ['Too many pods'], true],
    ['takes a pod that asks for nothing on a full node', aPod('p'), aNode('n'), [aPod('o', { requests: { cpu: '4' } })], undefined, undefined],
    ['needs extended resources to be there', aPod('p', { requests: { 'example.com/gpu': '1' } }), aNode('n'), [], ['Insufficient example.com/gpu'], false],
    ['counts extended resources', aPod('p', { requests: { 'example.com/gpu': '1' } }), aNode('n', { allocatable: { 'example.com/gpu': '2' } }), [aPod('o', { requests: { 'example.com/gpu': '2' } })], ['Insufficient example.com/gpu'], true],
    ['counts ephemeral storage', aPod('p', { requests: { 'ephemeral-storage': '2Gi' } }), aNode('n', { allocatable: { 'ephemeral-storage': '1Gi' } }), [], ['Insufficient ephemeral-storage'], false],
    ['takes the largest of init containers and containers', aPod('p', { requests: { cpu: '1' }, spec: { initContainers: [{ name: 'i', resources: { requests: { cpu: '5' } } }] } }), aNode('n'), [], ['Insufficient cpu'], false],
  ];
  it.each(cases)('%s', (_name, pod, node, placed, reasons, resolvable) => {
    const { refusal } = ask(nodeResourcesFit, pod, node, placed);
    expect(refusal?.reasons).toEqual(reasons);
    expect(refusal?.resolvable).toBe(resolvable);
  });

  const scores: readonly (readonly [string, Pod, Node, readonly Pod[], number])[] = [
    ['by the mean of cpu and memory', aPod('p', { requests: { cpu: '2', memory: '2Gi' } }), aNode('n'), [], 37],
    ['with what is there already', aPod('p', { requests: { cpu: '1', memory: '1Gi' } }), aNode('n'), [aPod('o', { requests: { cpu: '3', memory: '7Gi' } })], 100],
    ['as if a container that asks for nothing needed 100m and 200Mi', aPod('p'), aNode('n'), [], 2],
    ['by what the node has alone', aPod('p', { requests: { cpu: '1', memory: '1Gi' } }), aNode('n', { allocatable: { memory: '0' } }), [], 25],
  ];
  it.each(scores)('scores fullness %s', (_name, pod, node, placed, score) => {
    expect(ask(nodeResourcesFit, pod, node, placed).score).toBe(score);
  });
});

describe('TaintToleration', () => {
  const refusals: readonly (readonly [string, Pod, Node, string | undefined])[] = [
    ['takes a pod on a node without taints', aPod('p'), aNode('n'), undefined],
    ['refuses NoSchedule', aPod('p'), tainted(taint('a', 'NoSchedule', 'x')), 'a=x:NoSchedule'],
    ['refuses NoExecute', aPod('p'), tainted(taint('a', 'NoExecute')), 'a=:NoExecute'],
    ['takes PreferNoSchedule', aPod('p'), tainted(taint('a', 'PreferNoSchedule')), undefined],
    ['takes what is tolerated', tolerating({ key: 'a', operator: 'Exists' }), tainted(taint('a', 'NoSchedule', 'x')), undefined],
    ['compares values', tolerating({ key: 'a', value: 'y' }), tainted(taint('a', 'NoSchedule', 'x')), 'a=x:NoSchedule'],
    ['names the first that is not tolerated', tolerating({ key: 'a', operator: 'Exists' }), tainted(taint('a', 'NoSchedule'), taint('b', 'NoSchedule')), 'b=:NoSchedule'],
  ];
  it.each(refusals)('%s', (_name, pod, node, detail) => {
    const { refusal } = ask(taintToleration, pod, node);
    expect(refusal?.detail).toBe(detail);
    expect(refusal?.reasons).toEqual(detail === undefined ? undefined : ['node(s) had untolerated taint(s)']);
  });

  it('counts soft taints that are not tolerated', () => {
    const node = tainted(taint('a', 'PreferNoSchedule'), taint('b', 'PreferNoSchedule'), taint('c', 'NoSchedule'));
    expect(ask(taintToleration, aPod('p'), node).score).toBe(2);
    expect(ask(taintToleration, tolerating({ key: 'a', operator: 'Exists' }), node).score).toBe(1);
    expect(ask(taintToleration, tolerating({ key: 'a', operator: 'Exists', effect: 'NoSchedule' }), node).score).toBe(2);
  });
});

describe('NodeAffinity', () => {
  const node = aNode('n', { labels: { zone: 'a', size: '8' } });
  const cases: readonly (readonly [string, Partial<NonNullable<Pod['spec']>>, boolean])[] = [
    ['takes a node with the labels of nodeSelector', { nodeSelector: { zone: 'a', size: '8' } }, true],
    ['refuses a node without one of them', { nodeSelector: { zone: 'a', disk: 'ssd' } }, false],
    ['takes In', required({ matchExpressions: [expression('zone', 'In', 'a', 'b')] }), true],
    ['refuses NotIn', required({ matchExpressions: [expression('zone', 'NotIn', 'a')] }), false],
    ['takes NotIn where the label is missing', required({ matchExpressions: [expression('disk', 'NotIn', 'ssd')] }), true],
    ['takes Exists', required({ matchExpressions: [expression('zone', 'Exists')] }), true],
    ['refuses DoesNotExist', required({ matchExpressions: [expression('zone', 'DoesNotExist')] }), false],
    ['takes Gt', required({ matchExpressions: [expression('size', 'Gt', '7')] }), true],
    ['refuses Lt', required({ matchExpressions: [expression('size', 'Lt', '8')] }), false],
    ['needs all expressions of a term', required({ matchExpressions: [expression('zone', 'In', 'a'), expression('size', 'In', '9')] }), false],
    ['needs one of the terms', required({ matchExpressions: [expression('zone', 'In', 'b')] }, { matchExpressions: [expression('zone', 'In', 'a')] }), true],
    ['takes nothing for an empty term', required({}), false],
    ['matches the name', required({ matchFields: [expression('metadata.name', 'In', 'n')] }), true],
    ['refuses the name', required({ matchFields: [expression('metadata.name', 'NotIn', 'n')] }), false],
    ['needs both nodeSelector and affinity', { nodeSelector: { zone: 'b' }, ...required({ matchExpressions: [expression('zone', 'In', 'a')] }) }, false],
    ['reads the host name', { nodeSelector: { 'kubernetes.io/hostname': 'n' } }, true],
  ];
  it.each(cases)('%s', (_name, spec, takes) => {
    expect(ask(nodeAffinity, aPod('p', { spec }), node).refusal?.reasons).toEqual(takes ? undefined : ["node(s) didn't match Pod's node affinity/selector"]);
  });

  it('adds the weights of the preferred terms that hold', () => {
    const spec = preferred(
      { weight: 5, preference: { matchExpressions: [expression('zone', 'In', 'a')] } }, { weight: 7, preference: { matchExpressions: [expression('zone', 'In', 'b')] } },
      { weight: 11, preference: { matchExpressions: [expression('size', 'Exists')] } }, { weight: 13, preference: {} },
    );
    expect(ask(nodeAffinity, aPod('p', { spec }), node).score).toBe(16);
  });

  it('names the only nodes when every term does', () => {
    const named = (...names: readonly string[]) => ({ matchFields: [expression('metadata.name', 'In', ...names)] });
    expect(ask(nodeAffinity, aPod('p', { spec: required(named('n'), named('m')) }), node).narrow).toEqual(['n', 'm']);
    expect(ask(nodeAffinity, aPod('p', { spec: required(named('n'), { matchExpressions: [expression('zone', 'Exists')] }) }), node).narrow).toBeUndefined();
  });

  it('is judged by flavour unless it looks at one node', () => {
    expect(ask(nodeAffinity, aPod('p', { spec: { nodeSelector: { zone: 'a' } } }), node).scope).toBe('flavour');
    expect(ask(nodeAffinity, aPod('p', { spec: { nodeSelector: { 'kubernetes.io/hostname': 'n' } } }), node).scope).toBe('row');
  });
});

describe('NodePorts', () => {
  const cases: readonly (readonly [string, Pod, Pod, boolean])[] = [
    ['takes another port', on(80), on(81), true],
    ['refuses the same port', on(80), on(80), false],
    ['tells protocols apart', on(80), on(80, undefined, 'UDP'), true],
    ['tells addresses apart', on(80, '10.0.0.1'), on(80, '10.0.0.2'), true],
    ['refuses an address where all are taken', on(80, '10.0.0.1'), on(80), false],
    ['refuses all addresses where one is taken', on(80), on(80, '10.0.0.2'), false],
    ['ignores pods without host ports', on(80), aPod('o'), true],
  ];
  it.each(cases)('%s', (_name, pod, other, takes) => {
    expect(ask(nodePorts, pod, aNode('n'), [other]).refusal?.reasons).toEqual(takes ? undefined : ["node(s) didn't have free ports for the requested pod ports"]);
  });
});

describe('NodeUnschedulable', () => {
  const cases: readonly (readonly [string, Pod, Node, readonly string[] | undefined])[] = [
    ['refuses a cordoned node', aPod('p'), aNode('n', { spec: { unschedulable: true } }), ['node(s) were unschedulable']],
    ['takes others', aPod('p'), aNode('n'), undefined],
    ["takes a pod that tolerates the cordon's taint", aPod('p', { spec: { tolerations: [{ key: 'node.kubernetes.io/unschedulable', operator: 'Exists' }] } }), aNode('n', { spec: { unschedulable: true } }), undefined],
  ];
  it.each(cases)('%s', (_name, pod, node, reasons) => {
    expect(ask(nodeUnschedulable, pod, node).refusal?.reasons).toEqual(reasons);
  });
});

describe('NodeName', () => {
  it.each([
    ['takes the named node', 'n', undefined], ['refuses others', 'm', ["node(s) didn't match the requested node name"]],
  ])('%s', (_name, name, reasons) => {
    expect(ask(nodeName, aPod('p', { spec: { nodeName: name } }), aNode('n')).refusal?.reasons).toEqual(reasons);
  });
});

describe('SchedulingGates', () => {
  it('keeps back pods with gates', () => {
    expect(schedulingGates.gate(aPod('p', { spec: { schedulingGates: [{ name: 'a' }, { name: 'b' }] } }))).toBe('waiting for scheduling gates: [a b]');
    expect(schedulingGates.gate(aPod('p', { spec: { schedulingGates: [] } }))).toBeUndefined();
  });
});

describe('every plug-in', () => {
  it.each(plugins.map((plugin) => [plugin.name, plugin] as const))('%s names what would change its mind', (_name, plugin) => {
    expect(plugin.wakeOn).toBeGreaterThan(0);
  });
});
