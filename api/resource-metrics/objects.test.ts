import { describe, expect, it } from 'vitest';
import { nodeMetrics } from '../resources/metrics/node-metrics.ts';
import { podMetrics } from '../resources/metrics/pod-metrics.ts';
import { usageOf } from './node-usage.ts';
import { durationOf, nodeMetricsOf, podMetricsOf } from './objects.ts';

const time = '2026-01-01T00:00:10Z';
const stats = (nanoCores: number | undefined, bytes: number, more: object = {}): object => ({
  cpu: { time, usageCoreNanoSeconds: 5, ...(nanoCores === undefined ? {} : { usageNanoCores: nanoCores }), ...more }, memory: { time, workingSetBytes: bytes },
});
const podRef = { namespace: 'a', name: 'p', uid: 'u' };
const summary = (containers: readonly object[]): object => ({ node: { nodeName: 'n', ...stats(250_000_000, 3 * 1024 ** 3, { usageWindowSeconds: 10.018 }) }, pods: [{ podRef, containers }] });
const now = Date.parse('2026-01-01T00:00:20Z');

describe('an agent\'s summary', () => {
  it('becomes the metrics of its node and pods', () => {
    const { node, pods } = usageOf(summary([{ name: 'one', ...stats(1_234_567, 4096) }, { name: 'two', ...stats(0, 1000) }]));
    const pod = pods.get('a/p');
    if (node === undefined || pod === undefined) throw new Error('neither may be missing');
    const ofNode = nodeMetricsOf({ name: 'n', labels: { zone: 'x' } }, node, now);
    expect(ofNode).toEqual({
      kind: 'NodeMetrics', apiVersion: 'metrics.k8s.io/v1beta1', metadata: { name: 'n', creationTimestamp: '2026-01-01T00:00:20Z', labels: { zone: 'x' } },
      timestamp: time, window: '10.018s', usage: { cpu: '250m', memory: '3Gi' },
    });
    const ofPod = podMetricsOf({ namespace: 'a', name: 'p', labels: {} }, pod, now);
    expect(ofPod).toEqual({
      kind: 'PodMetrics', apiVersion: 'metrics.k8s.io/v1beta1', metadata: { namespace: 'a', name: 'p', creationTimestamp: '2026-01-01T00:00:20Z' },
      timestamp: time, window: '10s', containers: [{ name: 'one', usage: { cpu: '1234567n', memory: '4Ki' } }, { name: 'two', usage: { cpu: '0', memory: '1k' } }],
    });
    expect(nodeMetrics.columns.map(({ cell }) => cell(ofNode, now))).toEqual(['n', '250m', '3Gi', '10.018s']);
    expect(podMetrics.columns.map(({ cell }) => cell(ofPod, now))).toEqual(['p', '1234567n', '5096', '10s']);
  });

  it.each([
    ['a container of which nothing is known yet', [{ name: 'one', ...stats(1, 1) }, { name: 'two', ...stats(undefined, 1) }]],
    ['no containers', []],
  ])('leaves out a pod with %s', (_name, containers) => {
    expect(usageOf(summary(containers)).pods.size).toBe(0);
  });

  it('is refused when it is none', () => {
    expect(() => usageOf('ok')).toThrow('the answer is no summary');
  });
});

it.each([[0, '0s'], [10_018, '10.018s'], [90_000, '1m30s'], [3_600_000, '1h0m0s']])('%d ms are %s', (ms, text) => {
  expect(durationOf(ms)).toBe(text);
});
