import { beforeAll, describe, expect, it } from 'vitest';
import type { Summary } from '../../../node-agent/stats/summary.ts';
import { eventually } from '../eventually.ts';
import { pod } from '../manifests.ts';
import { useNamespace } from '../namespace.ts';

const kubectl = useNamespace('usage');
const mebibyte = 1024 * 1024;
let node: string;

beforeAll(async () => {
  const script = 'dd if=/dev/zero of=/scratch/f bs=1M count=3 2>/dev/null; dd if=/dev/zero of=/f bs=1M count=2 2>/dev/null; echo written; while :; do :; done';
  await kubectl.apply(pod('busy', {
    labels: { app: 'busy' },
    container: { command: ['/bin/sh', '-c', script], resources: { limits: { memory: '64Mi', cpu: '100m' } }, volumeMounts: [{ name: 'scratch', mountPath: '/scratch' }] },
    spec: { terminationGracePeriodSeconds: 0, volumes: [{ name: 'scratch', emptyDir: {} }] },
  }));
  await kubectl`wait pod/busy --for=condition=Ready --timeout=30s`;
  node = await kubectl`get pod busy -o jsonpath={.spec.nodeName}`;
  await eventually(async () => expect(await kubectl`logs busy`).toBe('written\n'));
});

const asked = (path: string): Promise<string> => kubectl`get --raw ${`/api/v1/nodes/${node}/proxy/${path}`}`;
const summary = async (query = ''): Promise<Summary> => JSON.parse(await asked(`stats/summary${query}`)) as Summary;
const ofBusy = ({ pods }: Summary) => pods.find(({ podRef }) => podRef.namespace === 'usage' && podRef.name === 'busy');

describe('what a node uses', () => {
  it('is told of itself, its pods and their containers', async () => {
    const all = await eventually(async () => {
      const found = await summary();
      expect(ofBusy(found)?.containers[0]?.cpu.usageNanoCores).toBeGreaterThan(0);
      return found;
    });
    const found = ofBusy(all);
    const [container] = found?.containers ?? [];
    expect(container?.cpu.usageNanoCores).toBeLessThan(300e6);
    expect(container?.memory.availableBytes).toBeGreaterThan(0);
    expect(container?.memory.workingSetBytes).toBeLessThanOrEqual(container?.memory.usageBytes ?? 0);
    expect(container?.rootfs?.usedBytes).toBeGreaterThanOrEqual(2 * mebibyte);
    expect(container?.rootfs?.usedBytes).toBeLessThan(3 * mebibyte);
    expect(container?.logs?.usedBytes).toBeGreaterThan(0);
    expect(found?.volume?.find(({ name }) => name === 'scratch')?.usedBytes).toBeGreaterThanOrEqual(3 * mebibyte);
    expect(found?.['ephemeral-storage']?.usedBytes).toBeGreaterThanOrEqual(5 * mebibyte);
    expect(found?.network?.interfaces).toEqual([expect.objectContaining({ name: 'eth0' })]);
    expect(found?.process_stats.process_count).toBeGreaterThan(0);
    const { node: own } = all;
    expect(own.nodeName).toBe(node);
    expect(own.memory.availableBytes).toBeGreaterThan(0);
    expect(own.fs?.capacityBytes).toBeGreaterThan(own.fs?.availableBytes ?? Infinity);
    expect(own.runtime?.imageFs.usedBytes).toBeGreaterThan(0);
    expect(own.rlimit?.curproc).toBeGreaterThan(0);
  });

  it('can be asked for without the disk', async () => {
    const found = ofBusy(await summary('?only_cpu_and_memory=true'));
    expect(found?.containers[0]?.memory.rssBytes).toBeGreaterThan(0);
    expect([found?.volume, found?.containers[0]?.rootfs]).toEqual([undefined, undefined]);
  });

  it('is there for monitoring, by the names that it knows', async () => {
    const busy = 'namespace="usage",pod="busy"';
    const resource = (await asked('metrics/resource')).split('\n');
    for (const start of [`container_cpu_usage_seconds_total{container="main",${busy}} `, `pod_memory_working_set_bytes{${busy}} `, 'node_memory_working_set_bytes ', 'resource_scrape_error 0']) {
      expect(resource).toContainEqual(expect.stringMatching(new RegExp(`^${start.replaceAll(/[{}"]/g, '\\$&')}`)));
    }
    const cadvisor = await asked('metrics/cadvisor');
    for (const name of ['container_cpu_usage_seconds_total', 'container_memory_working_set_bytes', 'container_memory_rss', 'container_spec_memory_limit_bytes', 'container_fs_usage_bytes', 'container_spec_cpu_quota']) {
      expect(cadvisor).toMatch(new RegExp(`^${name}\\{container="main",id="[^"]+",image="[^"]+",name="[0-9a-f]{64}",${busy}`, 'm'));
    }
    expect(cadvisor).toMatch(new RegExp(`^container_network_receive_bytes_total\\{.*${busy},interface="eth0"\\} \\d+`, 'm'));
  });

  it('is for those who may, and nothing else is there', async () => {
    expect(await kubectl.refused`get --raw ${`/api/v1/nodes/${node}/proxy/stats/summary`} --as=nobody`).toContain('cannot get resource "nodes/proxy"');
    expect(await kubectl.refused`get --raw ${`/api/v1/nodes/${node}/proxy/metrics/nothing`}`).toContain('NotFound');
  });
});
