import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, inject, it } from 'vitest';
import type { PodSpec } from '../../../machinery/kinds/core.ts';
import { instanceCgroup, readLayout } from '../../../node-agent/runtime/cgroups.ts';
import { mountOf } from '../../cgroup-mounts.ts';
import { recordOf } from '../../sandbox-record.ts';
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
  return (await recordOf(inject('cluster').dataDir, metadata?.uid ?? '')).cgroup ?? '';
}

const layout = await readLayout();

/** A file of a cgroup of this cluster; v1's name or v2's. */
async function told(cgroup: string, controller: string, v1: string, v2: string): Promise<string> {
  const directory = join(mountOf(layout, controller), instanceCgroup(inject('cluster').instance), cgroup);
  return (await readFile(join(directory, layout.version === 1 ? v1 : v2), 'utf8')).trim();
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
  await eventually(async () => expect(Number(await told('burstable', 'cpu', 'cpu.shares', 'cpu.weight'))).toBeGreaterThanOrEqual(layout.version === 1 ? 512 : 20));
  expect(Number(await told('besteffort', 'cpu', 'cpu.shares', 'cpu.weight'))).toBeLessThanOrEqual(2);
});
