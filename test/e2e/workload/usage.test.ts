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
    container: {
      command: ['/bin/sh', '-c', script], resources: { limits: { memory: '64Mi', cpu: '100m' } }, volumeMounts: [{ name: 'scratch', mountPath: '/scratch' }],
      readinessProbe: { exec: { command: ['true'] }, periodSeconds: 1 },
    },
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
    for (const name of ['container_cpu_usage_seconds_total', 'container_memory_working_set_bytes', 'container_memory_rss', 'container_spec_memory_limit_bytes', 'container_fs_usage_bytes', 'container_spec_cpu_quota', 'container_cpu_cfs_periods_total']) {
      expect(cadvisor).toMatch(new RegExp(`^${name}\\{container="main",id="[^"]+",image="[^"]+",name="[0-9a-f]{64}",${busy}`, 'm'));
    }
    expect(await asked('metrics/probes')).toMatch(new RegExp(`^prober_probe_total\\{container="main",${busy},pod_uid="[^"]+",probe_type="Readiness",result="successful"\\} [1-9]`, 'm'));
    expect(cadvisor).toMatch(new RegExp(`^container_network_receive_bytes_total\\{.*${busy},interface="eth0"\\} \\d+`, 'm'));
  });

  it('is for those who may, and nothing else is there', async () => {
    expect(await kubectl.refused`get --raw ${`/api/v1/nodes/${node}/proxy/stats/summary`} --as=nobody`).toContain('cannot get resource "nodes/proxy"');
    expect(await kubectl.refused`get --raw ${`/api/v1/nodes/${node}/proxy/metrics/nothing`}`).toContain('NotFound');
  });
});

describe('the metrics API', () => {
  const home = '/apis/metrics.k8s.io/v1beta1';

  it('is what kubectl top shows', async () => {
    const [row = ''] = await eventually(async () => {
      const lines = (await kubectl`top pod busy --no-headers`).trim().split('\n');
      expect(lines).toHaveLength(1);
      return lines;
    });
    expect(row).toMatch(/^busy +\d+m +\d+Mi *$/);
    expect(await kubectl`top pod -l app=busy --containers --no-headers`).toMatch(/^busy +main +\d+m +\d+Mi *\n$/);
    expect(await kubectl`top pod -A`).toMatch(/^usage +busy /m);
    expect(await kubectl`top node --no-headers`).toMatch(new RegExp(`^${node} +\\d+m +\\d+% +\\d+Mi +\\d+%`));
    expect(await kubectl`get pods.metrics.k8s.io`).toMatch(/^NAME +CPU +MEMORY +WINDOW\nbusy +\d+n +\d+Ki +[\d.]+s\n$/);
  });

  it('chooses by labels and fields, and says what it does not know', async () => {
    const names = async (query: string): Promise<string[]> => (JSON.parse(await kubectl`get --raw ${`${home}/namespaces/usage/pods?${query}`}`) as { items: { metadata: { name: string } }[] }).items.map(({ metadata }) => metadata.name);
    expect(await names('labelSelector=app%3Dbusy')).toEqual(['busy']);
    expect(await names('labelSelector=app%21%3Dbusy')).toEqual([]);
    expect(await names('fieldSelector=metadata.name%3Dbusy')).toEqual(['busy']);
    expect(await kubectl.refused`get --raw ${`${home}/namespaces/usage/pods/none`}`).toContain('pods "none" not found');
    expect(await kubectl.refused`get --raw ${`${home}/nodes/none`}`).toContain('nodes "none" not found');
    await kubectl.apply(pod('waits', { spec: { nodeSelector: { nowhere: 'yes' } } }));
    expect(await kubectl.refused`get --raw ${`${home}/namespaces/usage/pods/waits`}`).toContain('podmetrics.metrics.k8s.io "usage/waits" not found');
    expect(await kubectl.refused`top pod waits`).toContain('"usage/waits" not found');
  });

  it('is there for who may view, and told of in discovery and OpenAPI', async () => {
    expect((await kubectl.outcome`auth can-i list pods.metrics.k8s.io --as=viewer`).stdout).toBe('no\n');
    await kubectl`create rolebinding viewer --clusterrole=view --user=viewer`;
    await eventually(async () => expect((await kubectl.outcome`auth can-i list pods.metrics.k8s.io --as=viewer`).stdout).toBe('yes\n'));
    expect(await kubectl`api-resources --api-group=metrics.k8s.io --no-headers`).toMatch(/^nodes +metrics.k8s.io\/v1beta1 +false +NodeMetrics\npods +metrics.k8s.io\/v1beta1 +true +PodMetrics\n$/);
    expect(await kubectl`explain pods.containers.usage --api-version=metrics.k8s.io/v1beta1`).toContain('cpu, and memory as the working set');
  });
});
