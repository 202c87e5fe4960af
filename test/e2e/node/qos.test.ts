import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, inject, it } from 'vitest';
import type { PodSpec } from '../../../machinery/kinds/core.ts';
import { eventually } from '../eventually.ts';
import { pod, script } from '../manifests.ts';
import { usePods } from './pods.ts';

/** What the machine's kernel is told of pods as a whole, and of their QoS classes. */
const pods = usePods('node-qos');
const idle = { ...script('exec sleep 1000') };
const amounts = (cpu: string, memory: string) => ({ cpu, memory });

const specs: Readonly<Record<string, { readonly spec?: Partial<PodSpec>; readonly container?: object }>> = {
  'best-effort': { container: idle },
  burstable: { container: { ...idle, resources: { requests: { cpu: '30m' } } } },
  guaranteed: { container: { ...idle, resources: { requests: amounts('20m', '32Mi'), limits: amounts('20m', '32Mi') } } },
  whole: { spec: { resources: { requests: amounts('40m', '24Mi'), limits: amounts('80m', '48Mi') } }, container: idle },
};

beforeAll(() => pods.kubectl.apply(...Object.entries(specs).map(([name, options]) => pod(name, options))));

/** A pod's cgroup below that of its cluster. */
async function cgroupOf(name: string): Promise<string> {
  const { metadata } = await pods.ready(name);
  const record: unknown = JSON.parse(await readFile(join(inject('cluster').dataDir, 'pods', metadata?.uid ?? '', 'sandbox/sandbox.json'), 'utf8'));
  return (record as { cgroup: string }).cgroup;
}

async function isV1(controller: string): Promise<boolean> {
  return (await readdir('/sys/fs/cgroup')).includes(controller);
}

/** A file of a cgroup of this cluster; v1's name or v2's. */
async function told(cgroup: string, controller: string, v1: string, v2: string): Promise<string> {
  const root = `coracle-${inject('cluster').instance}`;
  return (await readFile(await isV1(controller) ? join('/sys/fs/cgroup', controller, root, cgroup, v1) : join('/sys/fs/cgroup', root, cgroup, v2), 'utf8')).trim();
}

describe('a pod', () => {
  it.each([['best-effort', /^besteffort\/\w+$/], ['burstable', /^burstable\/\w+$/], ['guaranteed', /^\w+$/], ['whole', /^burstable\/\w+$/]])('that is %s is in the cgroup of its class', async (name, path) => {
    expect(await cgroupOf(name)).toMatch(path);
  });

  it('with resources of its own is held to them as a whole', async () => {
    const cgroup = await cgroupOf('whole');
    expect(await told(cgroup, 'memory', 'memory.limit_in_bytes', 'memory.max')).toBe(String(48 * 1024 ** 2));
    expect(await told(cgroup, 'cpu', 'cpu.cfs_quota_us', 'cpu.max')).toMatch(/^8000( 100000)?$/);
    expect(await told(cgroup, 'cpu', 'cpu.shares', 'cpu.weight')).toMatch(/^(40|2)$/);
  });
});

it('the burstable class weighs what its pods ask for together, and the other as little as can be', async () => {
  await pods.ready('burstable');
  await pods.kubectl`patch pod burstable --subresource resize -p ${JSON.stringify({ spec: { containers: [{ name: 'main', resources: { requests: { cpu: '500m' } } }] } })}`;
  // Half a core in either version's measure; pods of other files may add to it.
  await eventually(async () => expect(Number(await told('burstable', 'cpu', 'cpu.shares', 'cpu.weight'))).toBeGreaterThanOrEqual(await isV1('cpu') ? 512 : 20));
  expect(Number(await told('besteffort', 'cpu', 'cpu.shares', 'cpu.weight'))).toBeLessThanOrEqual(2);
});
