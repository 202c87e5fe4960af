import { describe, expect, it } from 'vitest';
import type { Container, Pod } from '../../machinery/kinds/core.ts';
import { asked, granted, isGranted, judge, judgeCpus, unequal } from './resize.ts';
import { newState, type ContainerRecord, type PodState } from './state.ts';

type Resources = NonNullable<Container['resources']>;

const cpu = (amount: string, limit = amount): Resources => ({ requests: { cpu: amount, memory: '64Mi' }, limits: { cpu: limit, memory: '64Mi' } });
const podOf = (resources: Resources, more: Partial<Container> = {}): Pod => ({ spec: { containers: [{ name: 'a', resources, ...more }] } });

describe('what a pod is granted', () => {
  it('is what it asks for, however that is written', () => {
    expect(isGranted(podOf(cpu('100m')), asked(podOf(cpu('0.1'))))).toBe(true);
    expect(isGranted(podOf(cpu('100m')), asked(podOf(cpu('200m'))))).toBe(false);
    expect(isGranted(podOf({ requests: { cpu: '1' } }), asked({ spec: { containers: [{ name: 'a' }] } }))).toBe(false);
    const pod = podOf(cpu('1'));
    expect(granted(pod, asked(pod))).toBe(pod);
  });

  it('stands in the place of what it asks for until that is granted', () => {
    const view = granted(podOf(cpu('2'), { image: 'web:2' }), asked(podOf(cpu('1'))));
    expect(view.spec?.containers).toEqual([{ name: 'a', image: 'web:2', resources: cpu('1') }]);
  });

  it('leaves init containers as they are, but for sidecars', () => {
    const pod: Pod = { spec: { initContainers: [{ name: 'i', resources: cpu('1') }, { name: 's', restartPolicy: 'Always', resources: cpu('1') }], containers: [] } };
    expect(Object.keys(asked(pod))).toEqual(['s']);
  });
});

describe('a container that has something else than it is granted', () => {
  const record: ContainerRecord = { name: 'a', restartCount: 0, health: { started: true, ready: true }, current: { id: 'x', imageId: 'i', configId: 'c', image: 'img', logPath: '/l', startedAt: 1, resources: cpu('1') } };
  const stateOf = (grants: Resources, fields: Partial<ContainerRecord> = {}): PodState => ({ ...newState(1), grants: { a: grants }, containers: new Map([['a', { ...record, ...fields }]]) });
  const restartsFor = (resourceName: string): Partial<Container> => ({ resizePolicy: [{ resourceName, restartPolicy: 'RestartContainer' }] });
  const of = (pod: Pod, state: PodState): unknown[] => unequal(pod, state).map(({ container, restarts, isStopping }) => [container.name, restarts, isStopping]);

  it.each([
    { name: 'none, when they are equal', pod: podOf(cpu('1')), state: stateOf(cpu('1000m')), expected: [] },
    { name: 'is resized in place', pod: podOf(cpu('2')), state: stateOf(cpu('2')), expected: [['a', false, false]] },
    { name: 'is started anew when its policy says so of what changes', pod: podOf(cpu('2'), restartsFor('cpu')), state: stateOf(cpu('2')), expected: [['a', true, false]] },
    { name: 'is not for what stays', pod: podOf(cpu('2'), restartsFor('memory')), state: stateOf(cpu('2')), expected: [['a', false, false]] },
    { name: 'is told when it is being ended', pod: podOf(cpu('2')), state: stateOf(cpu('2'), { stopping: { since: 1, killAt: 2, killed: false } }), expected: [['a', false, true]] },
    { name: 'none, when nobody knows what it has', pod: podOf(cpu('2')), state: stateOf(cpu('2'), { current: { id: 'x', imageId: 'i', configId: 'c', image: 'img', logPath: '/l', startedAt: 1 } }), expected: [] },
  ])('$name', ({ pod, state, expected }) => {
    expect(of(pod, state)).toEqual(expected);
  });
});

describe('a resize', () => {
  const node = { cpu: '4', memory: '1Gi' };
  it.each([
    { name: 'is granted where there is room', asks: '2', beside: ['2'], refusal: undefined },
    { name: 'waits for what others have', asks: '2500m', beside: ['1', '1'], refusal: { reason: 'Deferred', message: "Node didn't have enough resource: cpu, requested: 2500, used: 2000, capacity: 4000" } },
    { name: 'can never be granted beyond what the node has', asks: '5', beside: [], refusal: { reason: 'Infeasible', message: "Node didn't have enough capacity: cpu, requested: 5000, capacity: 4000" } },
  ])('$name', ({ asks, beside, refusal }) => {
    expect(judge(podOf(cpu(asks)), beside.map((each) => podOf(cpu(each))), node)).toEqual(refusal);
  });
});

describe('a resize where processors are assigned', () => {
  const other = { ...cpu('1'), limits: { cpu: '1', memory: '128Mi' }, requests: { cpu: '1', memory: '128Mi' } };
  it.each([
    { name: 'of a Guaranteed pod\'s processors can never be granted', before: cpu('1'), asks: cpu('2'), isRefused: true },
    { name: 'of a Guaranteed pod\'s memory can', before: cpu('1'), asks: other, isRefused: false },
    { name: 'of a Burstable pod can', before: cpu('1', '2'), asks: cpu('1500m', '2'), isRefused: false },
    { name: 'that changes the writing only can', before: cpu('1'), asks: cpu('1000m'), isRefused: false },
  ])('$name', ({ before, asks, isRefused }) => {
    const refusal = { reason: 'Infeasible', message: 'Resize is infeasible for Guaranteed Pods alongside CPU Manager policy "static"' };
    expect(judgeCpus(podOf(asks), podOf(before))).toEqual(isRefused ? refusal : undefined);
  });
});
