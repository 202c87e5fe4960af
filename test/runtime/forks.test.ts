import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readLayout } from '../../node-agent/runtime/cgroups.ts';
import type { ContainerSpec, Sandbox } from '../../node-agent/runtime/runtime.ts';
import { mountOf } from '../cgroup-mounts.ts';
import { supervisorOf } from '../sandbox-record.ts';
import { childrenCalled, containerSpec, createTestMachine, finished, killed, sandboxSpec, sh, type TestMachine } from './fixture.ts';

/** A machine, a pod, a container where no process can be started any more: whoever asks is told, and nothing hangs. */
let machine: TestMachine;
let sandbox: Sandbox;
let idle: ContainerSpec;
const again = 'Resource temporarily unavailable';

beforeAll(async () => {
  machine = await createTestMachine();
  sandbox = await machine.runtime.createSandbox(sandboxSpec('crowded'));
  idle = containerSpec(machine, ['sleep', '1000']);
  await sandbox.start(idle);
});
afterAll(() => machine.close());

/** Where the kernel counts a process among others. */
async function pidsGroupOf(pid: number): Promise<string> {
  const layout = await readLayout();
  const lines = (await readFile(`/proc/${pid}/cgroup`, 'utf8')).split('\n').map((line) => line.split(':'));
  return join(mountOf(layout, 'pids'), (layout.version === 2 ? lines.find(([id]) => id === '0') : lines.find(([, controllers]) => controllers === 'pids'))?.[2] ?? '');
}

const echo = (id: string) => sandbox.exec(id, { args: ['echo', 'here'], tty: false, stdin: false }).then(finished);

async function ended(spec: ContainerSpec): Promise<void> {
  await sandbox.start(spec);
  expect((await machine.exitOf(spec.id)).exitCode).toBe(0);
  await sandbox.remove(spec.id);
}

describe('when no process can be started any more', () => {
  it('in a container, what would be executed in it is refused, and others are not', async () => {
    const full = containerSpec(machine, sh('sleep 1000 & sleep 1001 & sleep 1002 & wait'), { resources: { pidsLimit: 4 } });
    await sandbox.start(full);
    while ((await machine.runtime.usage('crowded', full.id)).pids < 4) { /* each look reads a file */ }
    await expect(echo(full.id)).rejects.toMatchObject({ code: 'Failed', message: expect.stringContaining(again) });
    expect(await echo(idle.id)).toMatchObject({ exitCode: 0, stdout: 'here\n' });
    await killed(machine, sandbox, full.id);
  });

  it('in a pod, neither starts nor execs are taken, nothing is left of them, and both are again when there is room', async () => {
    const group = join(await pidsGroupOf(await supervisorOf(machine.dataDir, 'crowded')), '..');
    await writeFile(join(group, 'pids.max'), '1');
    // What was made beforehand for the next start is still there for it.
    const starting = async (): Promise<void> => {
      for (let time = 0; time < 5; time++) await ended(containerSpec(machine, ['true']));
    };
    await expect(starting()).rejects.toMatchObject({ code: 'Failed', message: expect.stringContaining(again) });
    await expect(echo(idle.id)).rejects.toMatchObject({ code: 'Failed', message: expect.stringContaining(again) });
    expect(await readdir(join(machine.dataDir, 'pods/crowded/sandbox/c'))).toEqual([idle.id]);
    expect(sandbox.running.has(idle.id)).toBe(true);
    await writeFile(join(group, 'pids.max'), 'max');
    expect(await echo(idle.id)).toMatchObject({ exitCode: 0, stdout: 'here\n' });
    await ended(containerSpec(machine, ['true']));
  });

  it('on the machine, no pod is made, nothing is left of it, and it is when there is room', async () => {
    const [host = Number.NaN] = await childrenCalled('coracle-host', process.pid);
    const before = await pidsGroupOf(host);
    // On v2 a cgroup with processes has no children that count any: beside the instance's there is room.
    const { version, hierarchies } = await readLayout();
    const group = join(version === 2 ? hierarchies[0]?.mount ?? '' : before, `${machine.instance}-test`);
    await mkdir(group);
    try {
      await writeFile(join(group, 'cgroup.procs'), String(host));
      await writeFile(join(group, 'pids.max'), '1');
      // Of no kind that spares are kept of.
      await expect(machine.runtime.createSandbox(sandboxSpec('late', { hostIpc: true }))).rejects.toMatchObject({ code: 'Failed', message: expect.stringContaining(again) });
      expect(existsSync(join(machine.dataDir, 'pods/late/sandbox'))).toBe(false);
      expect(await echo(idle.id)).toMatchObject({ exitCode: 0 });
      await writeFile(join(group, 'pids.max'), 'max');
      const late = await machine.runtime.createSandbox(sandboxSpec('late', { hostIpc: true }));
      await late.start(containerSpec(machine, ['sleep', '1000']));
      await late.destroy();
    } finally {
      await writeFile(join(before, 'cgroup.procs'), String(host));
      await rmdir(group);
    }
  });
});
