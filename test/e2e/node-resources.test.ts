import { availableParallelism } from 'node:os';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { readLayout } from '../../node-agent/runtime/cgroups.ts';
import type { Node, Pod } from '../../machinery/kinds/core.ts';
import type { Started } from './command.ts';
import { coracle, importWeb, kubectlFor, newDataDir, nodeFlags, remove, storeFlags, up } from './coracle.ts';
import { eventually } from './eventually.ts';
import type { Kubectl } from './kubectl.ts';
import { pod, script } from './manifests.ts';

/** A cluster of this file's own, whose node lends its last processor to one container at a time, and leaves pods their memory: each test takes it as the one before has left it. */
const cpus = availableParallelism();
const all = `0-${cpus - 1}`;
const reserved = cpus === 2 ? '0' : `0-${cpus - 2}`;
const last = String(cpus - 1);
let dataDir: string;
let flags: readonly string[];
let running: Started;
let kubectl: Kubectl;

beforeAll(async () => {
  dataDir = await newDataDir('cpus');
  flags = [...storeFlags(dataDir, inject('etcdEndpoints')), '--cpu-manager-policy', 'static', '--reserved-cpus', reserved, '--memory-throttling-factor', '0.5', '--memory-reservation-policy', 'TieredReservation', '--memory-swap-behavior', 'LimitedSwap', '--system-reserved', 'cpu=100m,memory=64Mi'];
  running = await up(dataDir, ...flags);
  await importWeb(dataDir);
  kubectl = kubectlFor(dataDir);
});
afterAll(() => remove(dataDir));

const whole = { requests: { cpu: '1', memory: '32Mi' }, limits: { cpu: '1', memory: '32Mi' } };
const idle = script('exec sleep 1000');

async function runsOn(name: string): Promise<string> {
  return (await kubectl`exec ${name} -- grep Cpus_allowed_list /proc/1/status`).trim().split('\t')[1] ?? '';
}
const ready = (name: string) => kubectl`wait pod/${name} --for=condition=Ready --timeout=30s`;

// With one processor there is none to lend.
describe.runIf(cpus > 1)('a container that asks for a whole processor', () => {
  it('has it to itself, and who shares makes room', async () => {
    await kubectl.apply(pod('sharing', { container: idle }));
    await ready('sharing');
    expect(await runsOn('sharing')).toBe(all);
    await kubectl.apply(pod('alone', { container: { ...idle, resources: whole } }));
    await ready('alone');
    expect([await runsOn('alone'), await runsOn('sharing')]).toEqual([last, reserved]);
  });

  it('is one that the node does not promise, as little as what its machine needs', async () => {
    const { items: [node] } = await kubectl.object<{ readonly items: readonly Node[] }>`get nodes -o json`;
    const { capacity = {}, allocatable = {} } = node?.status ?? {};
    expect(allocatable['cpu']).toBe(String(1));
    // Tests' nodes evict nothing: no memory has to stay free besides.
    expect(parseInt(capacity['memory'] ?? '', 10) - parseInt(allocatable['memory'] ?? '', 10)).toBe(64 * 1024);
  });

  it('is not let in when there is none left', async () => {
    const nodeName = await kubectl`get node -o ${'jsonpath={.items[0].metadata.name}'}`;
    await kubectl.apply(pod('too-many', { spec: { nodeName }, container: { ...idle, resources: whole } }));
    await kubectl`wait pod/too-many --for=jsonpath={.status.phase}=Failed --timeout=30s`;
    expect((await kubectl.object<Pod>`get pod too-many -o json`).status).toMatchObject({
      reason: 'UnexpectedAdmissionError', message: 'Pod was rejected: Allocate failed due to not enough cpus available to satisfy request: requested=1, available=0, which is unexpected',
    });
  });

  it('can\'t be resized in place', async () => {
    const more = { requests: { cpu: '2', memory: '32Mi' }, limits: { cpu: '2', memory: '32Mi' } };
    await kubectl`patch pod alone --subresource resize -p ${JSON.stringify({ spec: { containers: [{ name: 'main', resources: more }] } })}`;
    await kubectl`wait pod/alone --for=condition=PodResizePending --timeout=30s`;
    const { conditions = [] } = (await kubectl.object<Pod>`get pod alone -o json`).status ?? {};
    expect(conditions.find(({ type }) => type === 'PodResizePending')).toMatchObject({ reason: 'Infeasible', message: 'Resize is infeasible for Guaranteed Pods alongside CPU Manager policy "static"' });
  });

  it('keeps it when Coracle is killed, whose successor must not be told otherwise', async () => {
    running.kill('SIGKILL');
    await running.ended;
    const { code, stdout, stderr } = await coracle('up', '--data-dir', dataDir, '--api-port', '0', ...nodeFlags, ...storeFlags(dataDir, inject('etcdEndpoints')));
    expect([code, stdout + stderr]).toEqual([1, expect.stringContaining('were started with --cpu-manager-policy static')]);
    running = await up(dataDir, ...flags);
    expect([await runsOn('alone'), await runsOn('sharing')]).toEqual([last, reserved]);
  });

  it('gives it back when its pod goes', async () => {
    await kubectl`delete pod alone`;
    await eventually(async () => expect(await runsOn('sharing')).toBe(all));
  });
});

describe('memory', () => {
  it('is left with who asks for it and kept from who takes too much, or the node says once that it can\'t', async () => {
    const { version } = await readLayout();
    await kubectl.apply(pod('asking', { container: { ...idle, resources: { requests: { memory: '16Mi' }, limits: { memory: '48Mi' } } } }));
    await ready('asking');
    if (version === 1) {
      const events = await kubectl`get events -A --field-selector ${'reason=CgroupV1'}`;
      expect(events).toContain('--memory-throttling-factor and --memory-reservation-policy have no effect');
      expect(events).toContain('--memory-swap-behavior LimitedSwap has no effect');
    } else {
      expect(await kubectl`exec asking -- cat /sys/fs/cgroup/memory.swap.max`).toMatch(/^\d+\n$/);
      expect((await kubectl`exec asking -- cat /sys/fs/cgroup/memory.low /sys/fs/cgroup/memory.high`).trim().split('\n')).toEqual([16, 32].map((mebibytes) => String(mebibytes * 1024 ** 2)));
    }
  });
});
