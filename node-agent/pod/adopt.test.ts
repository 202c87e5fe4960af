import { describe, expect, it } from 'vitest';
import type { Pod } from '../../machinery/kinds/core.ts';
import type { ContainerExit, StartedContainer } from '../runtime/runtime.ts';
import { adopt, answered, exitOf } from './adopt.ts';
import { newState, type ContainerRecord, type PodState, type Run } from './state.ts';

const now = 50_000;
const run = (id: string, fields: Partial<Run> = {}): Run => ({ id, imageId: 'i', configId: 'c', image: 'img', logPath: '/l', startedAt: 10, ...fields });
const record = (fields: Partial<ContainerRecord>): ContainerRecord => ({ name: 'a', restartCount: 2, health: { started: true, ready: true }, ...fields });
const pod: Pod = { metadata: { name: 'p' }, spec: { containers: [{ name: 'a' }] } };
const stateOf = (fields: Partial<ContainerRecord>): PodState => ({ ...newState(1), volumes: 'ready', sandbox: 'ready', containers: new Map([['a', record(fields)]]) });
const exit = (containerId: string, exitCode: number): ContainerExit => ({ containerId, exitCode, oomKilled: false, startedAt: 20, finishedAt: 30 });

function adopted(state: PodState, running: readonly string[], exits: readonly ContainerExit[]): ContainerRecord | undefined {
  const sandbox = {
    answers: true, address: '10.42.0.9', running: new Map(running.map((id): [string, StartedContainer] => [id, { containerId: id, pid: 1, startedAt: 20 }])), exits: new Map(exits.map((each) => [each.containerId, each])),
  };
  return adopt(pod, state, sandbox, now).containers.get('a');
}

describe('taking a pod over', () => {
  it('keeps a run that goes on', () => {
    const kept = adopted(stateOf({ current: run('x'), activity: 'postStart', stopping: { since: 1, killAt: 2, killed: false } }), ['x'], []);
    expect(kept).toEqual(record({ current: run('x') }));
  });

  it('accounts for a run that ended meanwhile', () => {
    expect(adopted(stateOf({ current: run('x') }), [], [exit('x', 3)])?.current?.exit).toEqual({ exitCode: 3, reason: 'Error', finishedAt: 30 });
  });

  it('finds a start whose answer was lost', () => {
    const { startedAt: _startedAt, ...pending } = run('y');
    const found = adopted(stateOf({ current: run('x', { exit: { exitCode: 1, reason: 'Error', finishedAt: 9 } }), pending }), ['y'], []);
    expect([found?.current, found?.previous?.id, found?.restartCount, found?.pending]).toEqual([run('y', { startedAt: 20 }), 'x', 3, undefined]);
    expect(adopted(stateOf({ pending }), [], [exit('y', 0)])?.current?.exit?.reason).toBe('Completed');
  });

  it('counts such a start as healthy as any other that has just begun', () => {
    const { startedAt: _startedAt, ...pending } = run('y');
    const fresh = stateOf({ pending, health: { started: false, ready: false } });
    expect(adopted(fresh, ['y'], [])?.health).toEqual({ started: true, ready: true });
    const found = { answers: true, address: undefined, running: new Map([['y', { containerId: 'y', pid: 1, startedAt: 20 }]]), exits: new Map<string, ContainerExit>() };
    const probed: Pod = { spec: { containers: [{ name: 'a', readinessProbe: { tcpSocket: { port: 1 } } }] } };
    expect(adopt(probed, fresh, found, now).containers.get('a')?.health).toEqual({ started: true, ready: false });
  });

  it('forgets a start that never reached the runtime', () => {
    const { startedAt: _startedAt, ...pending } = run('y');
    expect(adopted(stateOf({ pending, activity: 'starting' }), [], [])).toEqual(record({}));
  });

  it('counts a run of which nothing is known as killed', () => {
    expect(adopted(stateOf({ current: run('x') }), [], [])?.current?.exit).toMatchObject({ exitCode: 137, finishedAt: now });
  });

  it('counts everything as ended when the sandbox is gone', () => {
    const state = adopt(pod, stateOf({ current: run('x') }), undefined, now);
    expect([state.sandbox, state.containers.get('a')?.current?.exit?.exitCode]).toEqual(['absent', 137]);
  });

  it('counts a start as made whose sandbox is gone with the answer: it may have run', () => {
    const { startedAt: _startedAt, ...pending } = run('y');
    const lost = adopt(pod, stateOf({ pending, activity: 'starting' }), undefined, now).containers.get('a');
    expect(lost).toMatchObject({ restartCount: 2, current: { id: 'y', exit: { exitCode: 137, finishedAt: now } } });
    expect(lost).not.toHaveProperty('pending');
    const again = adopt(pod, stateOf({ current: run('x', { exit: { exitCode: 1, reason: 'Error', finishedAt: 9 } }), pending }), undefined, now).containers.get('a');
    expect(again).toMatchObject({ restartCount: 3, current: { id: 'y' }, previous: { id: 'x' } });
  });

  it('waits for nothing before it restarts what was ended with its sandbox, but still backs off from what had crashed', () => {
    const restartBackOff = { delayMs: 20_000, since: 5 };
    const [ran, crashed] = [run('x'), run('x', { exit: { exitCode: 1, reason: 'Error', finishedAt: 30 } })];
    const after = (current: Run) => adopt(pod, stateOf({ current, restartBackOff }), undefined, now).containers.get('a')?.restartBackOff;
    expect([after(ran), after(crashed)]).toEqual([undefined, restartBackOff]);
  });

  it('leaves everything as it is while the supervisor is silent, and corrects it when it answers', () => {
    const { startedAt: _startedAt, ...pending } = run('y');
    const stopping = { since: 1, killAt: 2, killed: false };
    const before = stateOf({ current: run('x'), pending, activity: 'starting', stopping });
    const [running, exits] = [new Map<string, StartedContainer>(), new Map<string, ContainerExit>()];
    const silent = adopt(pod, before, { answers: false, address: undefined, running, exits }, now);
    expect([silent.sandbox, silent.containers.get('a')]).toEqual(['silent', record({ current: run('x'), pending, stopping })]);
    const after = answered(pod, silent, { address: '10.42.0.9', running: running.set('x', { containerId: 'x', pid: 1, startedAt: 20 }), exits }, now);
    expect([after.sandbox, after.address, after.containers.get('a')]).toEqual(['ready', '10.42.0.9', record({ current: run('x') })]);
    const ending: PodState = { ...silent, sandbox: 'working' };
    expect(answered(pod, ending, { address: undefined, running, exits }, now)).toBe(ending);
  });

  it('does without a sandbox that was being made or destroyed', () => {
    const found = { answers: true, address: undefined, running: new Map<string, StartedContainer>(), exits: new Map<string, ContainerExit>() };
    for (const sandbox of ['absent', 'working', 'broken'] as const) expect(adopt(pod, { ...newState(1), sandbox }, found, now).sandbox).toBe('broken');
    expect(adopt(pod, { ...newState(1), sandbox: 'ready' }, found, now).sandbox).toBe('ready');
  });

  it('takes up again what was under way', () => {
    const state = adopt(pod, { ...newState(1), volumes: 'working', sandbox: 'absent', volumesRetryAt: 9, deleting: true }, undefined, now);
    expect(state).toEqual({ ...newState(1) });
  });
});

describe('an exit in a status\'s words', () => {
  it.each([
    ['success', { exitCode: 0, oomKilled: false }, 'Completed', 0], ['failure', { exitCode: 2, oomKilled: false }, 'Error', 2], ['no memory', { exitCode: 137, oomKilled: true }, 'OOMKilled', 137],
    ['no memory in a child', { exitCode: 0, oomKilled: true }, 'OOMKilled', 137],
  ])('%s', (_name, fields, reason, exitCode) => {
    expect(exitOf({ ...exit('x', 0), ...fields })).toMatchObject({ reason, exitCode });
  });
});
