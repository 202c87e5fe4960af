import { beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../eventually.ts';
import { pod, script } from '../manifests.ts';
import { useNamespace } from '../namespace.ts';

const kubectl = useNamespace('resize');
/** Holds 24 MiB, and says what the kernel allows it, in version 1's files or version 2's. */
const held = 'dd if=/dev/zero of=/dev/shm/held bs=1M count=24 2>/dev/null; echo held; exec sleep 1000';
const limits = 'cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null || cat /sys/fs/cgroup/cpu.max /sys/fs/cgroup/memory.max';
const resources = { requests: { cpu: '50m', memory: '32Mi' }, limits: { cpu: '200m', memory: '64Mi' } };

beforeAll(async () => {
  await kubectl.apply(
    pod('elastic', { container: { ...script(held), resources } }),
    pod('stiff', { container: { ...script('exec sleep 1000'), resources, resizePolicy: [{ resourceName: 'memory', restartPolicy: 'RestartContainer' }] } }),
  );
  await kubectl`wait pod/elastic pod/stiff --for=condition=Ready --timeout=30s`;
});

const resize = (name: string, wanted: object): Promise<string> => kubectl`patch pod ${name} --subresource resize -p ${JSON.stringify({ spec: { containers: [{ name: 'main', resources: wanted }] } })}`;
const until = (name: string, path: string, value: string): Promise<string> => kubectl`wait pod/${name} ${`--for=jsonpath={${path}}=${value}`} --timeout=30s`;

/** kubectl can't wait for a condition to leave. */
const nothingToResize = (generation: number): Promise<void> => eventually(async () => {
  const [observed, ...conditions] = (await kubectl`get pod elastic -o ${'jsonpath={.status.observedGeneration} {.status.conditions[*].type}'}`).split(' ');
  expect([observed, conditions.filter((type) => type.includes('Resize'))]).toEqual([String(generation), []]);
});

describe('a pod that is resized', () => {
  it('has what it was given, in the same process', async () => {
    await resize('elastic', { requests: { cpu: '70m' }, limits: { cpu: '300m', memory: '96Mi' } });
    await until('elastic', '.status.containerStatuses[0].resources.limits.cpu', '300m');
    expect(await kubectl`exec elastic -- sh -c ${limits}`).toMatch(new RegExp(`^30000( 100000)?\n${96 * 1024 ** 2}\n$`));
    expect(await kubectl`get pod elastic -o ${'jsonpath={.status.containerStatuses[0].restartCount} {.status.containerStatuses[0].allocatedResources.cpu}'}`).toBe('0 70m');
    await nothingToResize(2);
    await eventually(async () => expect(await kubectl`events --for pod/elastic`).toMatch(/ResizeCompleted/));
  });

  it('keeps what it has when it asks for more than the node will ever have, and says so', async () => {
    await resize('elastic', { requests: { cpu: '999' }, limits: { cpu: '999' } });
    await kubectl`wait pod/elastic --for=condition=PodResizePending --timeout=30s`;
    expect(await kubectl`get pod elastic -o ${'jsonpath={.status.conditions[?(@.type=="PodResizePending")].reason}: {.status.conditions[?(@.type=="PodResizePending")].message}'}`)
      .toMatch(/^Infeasible: Node didn't have enough capacity: cpu, requested: 999000, capacity: \d+$/);
    await resize('elastic', { requests: { cpu: '70m' }, limits: { cpu: '300m' } });
    await nothingToResize(4);
  });

  it('is not killed by a limit below what it holds', async () => {
    await resize('elastic', { requests: { memory: '8Mi' }, limits: { memory: '8Mi' } });
    await until('elastic', '.status.conditions[?(@.type=="PodResizeInProgress")].reason', 'Error');
    expect(await kubectl`get pod elastic -o ${'jsonpath={.status.conditions[?(@.type=="PodResizeInProgress")].message}'}`).toMatch(/below current usage/);
    expect(await kubectl`exec elastic -- stat -c %s /dev/shm/held`).toBe(`${24 * 1024 ** 2}\n`);
  });

  it('starts anew where its policy says so', async () => {
    await resize('stiff', { requests: { memory: '40Mi' }, limits: { memory: '80Mi' } });
    await until('stiff', '.status.containerStatuses[0].restartCount', '1');
    await until('stiff', '.status.containerStatuses[0].resources.limits.memory', '80Mi');
    expect(await kubectl`exec stiff -- sh -c ${limits}`).toContain(`\n${80 * 1024 ** 2}\n`);
  });
});
