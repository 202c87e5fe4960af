import { existsSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { availableParallelism, totalmem } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { instanceCgroup, readLayout } from '../../node-agent/runtime/cgroups.ts';
import type { Qos } from '../../node-agent/runtime/runtime.ts';
import { destroyInstance } from '../../node-agent/runtime/teardown.ts';
import { mountOf } from '../cgroup-mounts.ts';
import { recordOf } from '../sandbox-record.ts';
import { interpose } from './interposed.ts';
import { containerSpec, createTestMachine, isAlive, sandboxSpec, type TestMachine } from './fixture.ts';

/** The cgroups of QoS classes, and the pods in them. */
let machine: TestMachine;
beforeEach(async () => {
  machine = await createTestMachine({ spares: 1 });
});
afterEach(() => machine.close());

const layout = await readLayout();
const [cpu, memory] = [mountOf(layout, 'cpu'), mountOf(layout, 'memory')];
const weight = async (name: string): Promise<number> => Number(await readFile(join(cpu, instanceCgroup(machine.instance), name, layout.version === 1 ? 'cpu.shares' : 'cpu.weight'), 'utf8'));
/** Of thousandths of a core. */
const weightOf = (shares: number): number => (layout.version === 1 ? shares : 1 + Math.floor((shares - 2) * 9999 / 262_142));

/** Where a process is, below the instance's cgroup, in every hierarchy of ours. */
async function cgroupsOf(pid: number): Promise<string[]> {
  const lines = (await readFile(`/proc/${pid}/cgroup`, 'utf8')).split('\n');
  return [...new Set(lines.flatMap((line) => new RegExp(`/${instanceCgroup(machine.instance)}/(.*)`).exec(line)?.[1] ?? []))];
}

const recordPath = (uid: string): string => join(machine.dataDir, 'pods', uid, 'sandbox/sandbox.json');

describe('a pod', () => {
  it.each<[Qos, string]>([['Guaranteed', ''], ['Burstable', 'burstable/'], ['BestEffort', 'besteffort/']])('that is %s is in the cgroup of its class, made ahead or not', async (qos, prefix) => {
    for (const [uid, hostIpc] of [['pooled', false], ['cold', true]] as const) {
      const sandbox = await machine.runtime.createSandbox(sandboxSpec(uid, { qos, hostIpc }));
      const spec = containerSpec(machine, ['sleep', '1000']);
      const { pid } = await sandbox.start(spec);
      expect(await cgroupsOf(pid)).toEqual([`${prefix}${(await recordOf(machine.dataDir, uid)).key}/c0`]);
      expect((await machine.runtime.usage(uid, spec.id)).pids).toBe(1);
      await sandbox.destroy();
      await expect(machine.runtime.usage(uid)).rejects.toMatchObject({ code: 'NotFound' });
    }
  });

  it('is found again in its class', async () => {
    const sandbox = await machine.runtime.createSandbox(sandboxSpec('again', { qos: 'Burstable' }));
    const spec = containerSpec(machine, ['sleep', '1000']);
    const { pid } = await sandbox.start(spec);
    await machine.reopen();
    const [found] = await machine.runtime.recover();
    expect([found?.running.get(spec.id)?.pid, isAlive(pid)]).toEqual([pid, true]);
    expect((await machine.runtime.usage('again', spec.id)).pids).toBe(1);
    await found?.destroy();
    expect(isAlive(pid)).toBe(false);
  });

  it('that an earlier version started beside the classes is taken over where it is', async () => {
    const sandbox = await machine.runtime.createSandbox(sandboxSpec('old', { qos: 'Guaranteed' }));
    const spec = containerSpec(machine, ['sleep', '1000']);
    const { pid } = await sandbox.start(spec);
    await machine.runtime.close();
    const { cgroup: _cgroup, ...record } = await recordOf(machine.dataDir, 'old');
    await writeFile(recordPath('old'), JSON.stringify({ ...record, spec: { ...record.spec, qos: 'BestEffort' } }));
    await machine.reopen();
    const [found] = await machine.runtime.recover();
    expect(found?.running.get(spec.id)?.pid).toBe(pid);
    expect((await machine.runtime.usage('old', spec.id)).pids).toBe(1);
    await found?.start(containerSpec(machine, ['sleep', '1000']));
    await found?.destroy();
    expect([isAlive(pid), existsSync(join(cpu, instanceCgroup(machine.instance), record.key))]).toEqual([false, false]);
  });
});

describe('memory that is to be left with a pod', () => {
  it('is written down with the pod, its containers and all above, where the machine has files for it', async () => {
    const resources = { memoryMinBytes: 8 << 20, memoryHighBytes: 32 << 20 };
    const sandbox = await machine.runtime.createSandbox(sandboxSpec('kept', { qos: 'Guaranteed', resources: { memoryMinBytes: 16 << 20 } }));
    const spec = containerSpec(machine, ['sleep', '1000'], { resources });
    await sandbox.start(spec);
    await machine.runtime.weighClasses({ burstableCpuMillis: 0, guaranteedMemoryBytes: 16 << 20, burstableMemoryBytes: 4 << 20 });
    const { cgroup } = await recordOf(machine.dataDir, 'kept');
    const root = join(layout.hierarchies[0]?.mount ?? '', instanceCgroup(machine.instance));
    const told = (path: string): Promise<string> => readFile(join(root, path), 'utf8').then((text) => text.trim(), () => 'no file');
    const files = ['memory.min', 'memory.low', 'burstable/memory.low', `${cgroup}/memory.min`, `${cgroup}/c0/memory.min`, `${cgroup}/c0/memory.high`];
    const expected = layout.version === 1 ? files.map(() => 'no file') : [16 << 20, 20 << 20, 4 << 20, 16 << 20, 8 << 20, 32 << 20].map(String);
    expect(await Promise.all(files.map(told))).toEqual(expected);
    await sandbox.resize(spec.id, { memoryHighBytes: Infinity });
    expect(await told(`${cgroup}/c0/memory.high`)).toBe(layout.version === 1 ? 'no file' : 'max');
  });

  it.runIf(layout.version === 1)('is never less than a pod begins with (128 in place of 128Mi; cgroup v2 takes it, and kills)', async () => {
    const created = machine.runtime.createSandbox(sandboxSpec('tiny', { qos: 'Burstable', resources: { memoryLimitBytes: 128 } }));
    await expect(created).rejects.toThrow('a limit of memory of 128 bytes is below what is in use already');
  });

  it('is no reason to refuse a pod that an older version has started', async () => {
    await machine.runtime.createSandbox(sandboxSpec('older', { qos: 'Burstable' }));
    await machine.runtime.close();
    const interposed = await interpose(join(machine.dataDir, 'pods/older/sandbox'), { version: 4, oldestAgent: 1 });
    try {
      await machine.reopen();
      const [found] = await machine.runtime.recover();
      await found?.start(containerSpec(machine, ['sleep', '1000'], { resources: { memoryLowBytes: 1 << 20 } }));
      expect(found?.running.size).toBe(1);
    } finally {
      await interposed.close();
    }
  });
});

describe('what a container may swap', () => {
  const mi = 1 << 20;
  const told = async (uid: string): Promise<string> => {
    const file = layout.version === 1 ? 'memory.memsw.limit_in_bytes' : 'memory.swap.max';
    return (await readFile(join(memory, instanceCgroup(machine.instance), (await recordOf(machine.dataDir, uid)).cgroup ?? '', 'c0', file), 'utf8')).trim();
  };

  it('is said with its limit of memory, however that changes', async () => {
    const sandbox = await machine.runtime.createSandbox(sandboxSpec('swapping', { qos: 'Burstable' }));
    const spec = containerSpec(machine, ['sleep', '1000'], { resources: { memoryLimitBytes: 64 * mi, memorySwapBytes: 0 } });
    await sandbox.start(spec);
    expect(await told('swapping')).toBe(layout.version === 1 ? String(64 * mi) : '0');
    for (const [limit, swap] of [[128, 8], [32, 4], [48, 0]] as const) {
      await sandbox.resize(spec.id, { memoryLimitBytes: limit * mi, memorySwapBytes: swap * mi });
      expect(await told('swapping')).toBe(String((layout.version === 1 ? limit + swap : swap) * mi));
    }
  });
});

describe('a class', () => {
  it('weighs what its pods ask for, also for the next agent', async () => {
    expect([await weight('burstable'), await weight('besteffort')]).toEqual([weightOf(2), weightOf(2)]);
    await machine.runtime.weighClasses({ burstableCpuMillis: 1500, guaranteedMemoryBytes: 0, burstableMemoryBytes: 0 });
    expect([await weight('burstable'), await weight('besteffort')]).toEqual([weightOf(1536), weightOf(2)]);
    await machine.runtime.createSandbox(sandboxSpec('asking', { qos: 'Burstable', resources: { cpuRequestMillis: 250 } }));
    await machine.reopen();
    await machine.runtime.recover();
    expect(await weight('burstable')).toBe(weightOf(256));
  });

  it('gets nothing of what the machine keeps, from the agent\'s start on', async () => {
    const most = async () => (await readFile(join(memory, instanceCgroup(machine.instance), layout.version === 1 ? 'memory.limit_in_bytes' : 'memory.max'), 'utf8')).trim();
    await machine.runtime.close();
    await machine.reopen({ reserved: { cpuMillis: 500, memoryBytes: 256 * 1024 ** 2, storageBytes: 0 } });
    await machine.runtime.recover();
    expect(Number(await most())).toBe(Math.floor((totalmem() - 256 * 1024 ** 2) / 4096) * 4096);
    expect(await weight('')).toBe(weightOf(Math.floor((availableParallelism() * 1000 - 500) * 1024 / 1000)));
    await machine.runtime.close();
    await machine.reopen();
    await machine.runtime.recover();
    expect(await most()).toMatch(layout.version === 1 ? /^9223372036854771712$/ : /^max$/);
  });

  it('keeps nothing that nobody owns, and goes with its instance', async () => {
    const sandboxes = await Promise.all((['Burstable', 'BestEffort'] as const).map((qos) => machine.runtime.createSandbox(sandboxSpec(qos, { qos }))));
    const started = await Promise.all(sandboxes.map((sandbox) => sandbox.start(containerSpec(machine, ['sleep', '1000']))));
    await machine.runtime.close();
    await Promise.all(['Burstable', 'BestEffort'].map((uid) => writeFile(recordPath(uid), '{}')));
    await machine.reopen();
    expect(await machine.runtime.recover()).toEqual([]);
    expect(started.map(({ pid }) => isAlive(pid))).toEqual([false, false]);
    const left = await Promise.all(['burstable', 'besteffort'].map((name) => readdir(join(cpu, instanceCgroup(machine.instance), name), { withFileTypes: true })));
    expect(left.flat().filter((entry) => entry.isDirectory())).toEqual([]);
    await machine.runtime.close();
    await destroyInstance({ instance: machine.instance, dataDir: machine.dataDir });
    expect((await machine.leftovers())['cgroups']).toEqual([]);
  });
});
