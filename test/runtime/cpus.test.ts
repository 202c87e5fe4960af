import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { formatCpus } from '../../node-agent/cpus/cpu-set.ts';
import { readTopology } from '../../node-agent/cpus/topology.ts';
import type { Sandbox } from '../../node-agent/runtime/runtime.ts';
import { destroyInstance } from '../../node-agent/runtime/teardown.ts';
import { containerSpec, createTestMachine, finished, sandboxSpec, sh, type TestMachine } from './fixture.ts';
import { interpose, type Interposed } from './interposed.ts';

/** Containers that are told which processors they run on. */
let machine: TestMachine;
let interposed: Interposed | undefined;
beforeEach(async () => {
  machine = await createTestMachine({ spares: 1, assignsCpus: true });
});
afterEach(async () => {
  await interposed?.close();
  await machine.close();
});

const topology = await readTopology();
const all = formatCpus(topology.map(({ id }) => id));
const one = String(topology.at(-1)?.id ?? 0);

const allowed = async (pid: number): Promise<string> => /^Cpus_allowed_list:\s*(.*)$/m.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1] ?? '';

async function seenInside(sandbox: Sandbox, id: string): Promise<string> {
  const { stdout } = await finished(await sandbox.exec(id, { args: sh('grep Cpus_allowed_list /proc/self/status'), tty: false, stdin: false }));
  return stdout.trim().split('\t')[1] ?? '';
}

describe('a container', () => {
  it.each([['made ahead', false], ['cold', true]] as const)('runs where it is told, from its first moment on and what is executed in it too, in a sandbox that was %s', async (_how, hostIpc) => {
    const sandbox = await machine.runtime.createSandbox(sandboxSpec('told', { qos: 'Guaranteed', hostIpc }));
    const spec = containerSpec(machine, sh('grep Cpus_allowed_list /proc/self/status > /seen; exec sleep 1000'), { resources: { cpus: one } });
    const { pid } = await sandbox.start(spec);
    expect([await allowed(pid), await seenInside(sandbox, spec.id)]).toEqual([one, one]);
    const { stdout } = await finished(await sandbox.exec(spec.id, { args: ['cat', '/seen'], tty: false, stdin: false }));
    expect(stdout).toContain(`\t${one}\n`);
  });

  it('moves when it is told others, and keeps what else it may use', async () => {
    const sandbox = await machine.runtime.createSandbox(sandboxSpec('moved', { qos: 'Burstable' }));
    const spec = containerSpec(machine, ['sleep', '1000'], { resources: { cpuRequestMillis: 500, memoryLimitBytes: 64 << 20, cpus: one } });
    const { pid } = await sandbox.start(spec);
    const shares = async (): Promise<string> => {
      const { stdout } = await finished(await sandbox.exec(spec.id, { args: sh('cd /sys/fs/cgroup; cat cpu/cpu.shares memory/memory.limit_in_bytes 2>/dev/null || cat cpu.weight memory.max'), tty: false, stdin: false }));
      return stdout;
    };
    const before = await shares();
    await sandbox.resize(spec.id, { cpus: all });
    expect([await allowed(pid), await shares()]).toEqual([all, before]);
    expect(before.split('\n')[0]).toMatch(/^(512|20)$/);
  });

  it('runs anywhere when it is told nothing', async () => {
    const sandbox = await machine.runtime.createSandbox(sandboxSpec('free'));
    const { pid } = await sandbox.start(containerSpec(machine, ['sleep', '1000']));
    expect(await allowed(pid)).toBe(all);
  });

  it('is not started by a supervisor that would not hear of it', async () => {
    await machine.runtime.createSandbox(sandboxSpec('older'));
    await machine.runtime.close();
    interposed = await interpose(join(machine.dataDir, 'pods/older/sandbox'), { version: 5, oldestAgent: 1 });
    await machine.reopen();
    const [found] = await machine.runtime.recover();
    await expect(found?.start(containerSpec(machine, ['true'], { resources: { cpus: one } }))).rejects.toMatchObject({ code: 'Incompatible', message: expect.stringContaining('does not know cgroupFiles') });
    await found?.start(containerSpec(machine, ['sleep', '1000']));
  });
});

it('an agent that assigns none takes away what one that did has left', async () => {
  const sandbox = await machine.runtime.createSandbox(sandboxSpec('left', { qos: 'Burstable' }));
  await sandbox.start(containerSpec(machine, ['sleep', '1000'], { resources: { cpus: one } }));
  await machine.reopen({ assignsCpus: false });
  const [found] = await machine.runtime.recover();
  await found?.destroy();
  await machine.runtime.close();
  const { cgroups = [] } = await machine.leftovers();
  const below = await Promise.all(cgroups.map((cgroup) => readdir(cgroup, { withFileTypes: true, recursive: true })));
  expect(new Set(below.flat().filter((entry) => entry.isDirectory()).map(({ name }) => name))).toEqual(new Set(['burstable', 'besteffort']));
  await destroyInstance({ instance: machine.instance, dataDir: machine.dataDir });
  expect((await machine.leftovers())['cgroups']).toEqual([]);
});
