import { describe, expect, it } from 'vitest';
import type { ContainerStatus, Pod } from '../../../../machinery/kinds/core.ts';
import { podColumns, summary } from './columns.ts';

const now = Date.parse('2026-01-01T00:10:00Z');

function status(name: string, state: ContainerStatus['state'], more: Partial<ContainerStatus> = {}): ContainerStatus {
  return { name, image: 'x', imageID: '', ready: false, restartCount: 0, ...(state === undefined ? {} : { state }), ...more };
}

const running = { running: { startedAt: '2026-01-01T00:00:00Z' } };
const ended = (exitCode: number, reason?: string) => ({ terminated: { exitCode, ...(reason === undefined ? {} : { reason }) } });
const waiting = (reason: string) => ({ waiting: { reason } });

function pod(phase: string, containers: ContainerStatus[], more: { init?: ContainerStatus[]; deleting?: true; conditions?: string[]; sidecars?: string[]; reason?: string } = {}): Pod {
  return {
    metadata: { name: 'p', creationTimestamp: '2026-01-01T00:05:00Z', ...(more.deleting === undefined ? {} : { deletionTimestamp: '2026-01-01T00:09:00Z' }) },
    spec: {
      containers: (containers.length === 0 ? [status('c', undefined)] : containers).map(({ name }) => ({ name })),
      initContainers: (more.init ?? []).map(({ name }) => ({ name, ...(more.sidecars?.includes(name) === true ? { restartPolicy: 'Always' } : {}) })),
    },
    status: {
      phase, containerStatuses: containers, ...(more.init === undefined ? {} : { initContainerStatuses: more.init }),
      conditions: (more.conditions ?? []).map((type) => ({ type, status: 'True' })), ...(more.reason === undefined ? {} : { reason: more.reason }),
    },
  };
}

describe('a pod’s STATUS and READY', () => {
  it.each<[string, Pod, string, string]>([
    ['pending', pod('Pending', []), 'Pending', '0/1'],
    ['creating', pod('Pending', [status('c', waiting('ContainerCreating'))]), 'ContainerCreating', '0/1'],
    ['running', pod('Running', [status('c', running, { ready: true })]), 'Running', '1/1'],
    ['running, not ready', pod('Running', [status('c', running)]), 'Running', '0/1'],
    ['restarting', pod('Running', [status('c', waiting('CrashLoopBackOff'))]), 'CrashLoopBackOff', '0/1'],
    ['the first container in trouble', pod('Running', [status('a', waiting('ImagePullBackOff')), status('b', ended(1, 'Error'))]), 'ImagePullBackOff', '0/2'],
    ['completed', pod('Succeeded', [status('c', ended(0, 'Completed'))]), 'Completed', '0/1'],
    ['ended without a reason', pod('Failed', [status('c', ended(3))]), 'ExitCode:3', '0/1'],
    ['one completed beside one that is ready', pod('Running', [status('a', ended(0, 'Completed')), status('b', running, { ready: true })], { conditions: ['Ready'] }), 'Running', '1/2'],
    ['one completed, the pod not ready', pod('Running', [status('a', ended(0, 'Completed')), status('b', running, { ready: true })]), 'NotReady', '1/2'],
    ['the second init container', pod('Pending', [], { init: [status('i', ended(0)), status('j', running)] }), 'Init:1/2', '0/1'],
    ['a failing init container', pod('Pending', [], { init: [status('i', ended(1, 'Error'))] }), 'Init:Error', '0/1'],
    ['a restarting init container', pod('Pending', [], { init: [status('i', waiting('CrashLoopBackOff'))] }), 'Init:CrashLoopBackOff', '0/1'],
    ['a sidecar that runs', pod('Running', [status('c', running, { ready: true })], { init: [status('s', running, { ready: true, started: true })], sidecars: ['s'] }), 'Running', '2/2'],
    ['deleted', pod('Running', [status('c', running, { ready: true })], { deleting: true }), 'Terminating', '1/1'],
    ['deleted after it ended', pod('Succeeded', [status('c', ended(0, 'Completed'))], { deleting: true }), 'Completed', '0/1'],
    ['evicted', pod('Failed', [], { reason: 'Evicted' }), 'Evicted', '0/1'],
    ['on a lost node', pod('Running', [], { reason: 'NodeLost', deleting: true }), 'Unknown', '0/1'],
  ])('%s', (_name, object, text, ready) => {
    const found = summary(object);
    expect([found.status, `${found.ready}/${found.total}`]).toEqual([text, ready]);
  });

  it('names the gate of a gated pod', () => {
    expect(summary({ spec: { containers: [] }, status: { phase: 'Pending', conditions: [{ type: 'PodScheduled', status: 'False', reason: 'SchedulingGated' }] } }).status).toBe('SchedulingGated');
  });
});

describe('a pod’s row', () => {
  it('has kubectl’s columns and shows restarts with their age', () => {
    const object = pod('Running', [status('c', running, { ready: true, restartCount: 3, lastState: { terminated: { exitCode: 1, finishedAt: '2026-01-01T00:05:00Z' } } })]);
    expect(podColumns.map((column) => [column.name, column.priority ?? 0, column.cell(object, now)])).toEqual([
      ['Name', 0, 'p'], ['Ready', 0, '1/1'], ['Status', 0, 'Running'], ['Restarts', 0, '3 (5m ago)'], ['Age', 0, '5m'],
      ['IP', 1, '<none>'], ['Node', 1, '<none>'], ['Nominated Node', 1, '<none>'], ['Readiness Gates', 1, '<none>'],
    ]);
  });
});
