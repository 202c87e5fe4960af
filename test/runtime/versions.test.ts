import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Sandbox } from '../../node-agent/runtime/runtime.ts';
import { containerSpec, createTestMachine, isAlive, sandboxSpec, type TestMachine } from './fixture.ts';
import { interpose, type Interposed } from './interposed.ts';

/** Supervisors that an agent of another version has started. */
let machine: TestMachine;
let interposed: Interposed | undefined;
beforeEach(async () => {
  machine = await createTestMachine({ spares: 0 });
});
afterEach(async () => {
  await interposed?.close();
  await machine.close();
});

/** A running container, and its pod as the next agent finds it under a supervisor that speaks as told. */
async function foundBy(speaker: { readonly version: number; readonly oldestAgent: number } | undefined): Promise<{ readonly pid: number; readonly id: string; readonly found: Sandbox }> {
  const sandbox = await machine.runtime.createSandbox(sandboxSpec('other'));
  const spec = containerSpec(machine, ['sleep', '1000']);
  const { pid } = await sandbox.start(spec);
  await machine.runtime.close();
  interposed = await interpose(join(machine.dataDir, 'pods/other/sandbox'), speaker);
  await machine.reopen();
  const [found] = await machine.runtime.recover();
  if (found === undefined) throw new Error('the pod was not adopted');
  return { pid, id: spec.id, found };
}

describe('a pod of another version', () => {
  it('that is older is driven as before', async () => {
    const { pid, id, found } = await foundBy(undefined);
    expect([found.refusal, found.running.get(id)?.pid, found.recursiveReadOnly]).toEqual([undefined, pid, false]);
    await found.start(containerSpec(machine, ['sleep', '1000']));
    await found.destroy();
    expect(isAlive(pid)).toBe(false);
  });

  it('that this agent can\'t drive goes on, says why, and can be signalled', async () => {
    const { pid, id, found } = await foundBy({ version: 1000, oldestAgent: 999 });
    expect(found.refusal).toContain('coracle-pod speaks version 1000 of the protocol and needs an agent of version 999 or newer');
    expect([found.running.get(id)?.pid, isAlive(pid)]).toEqual([pid, true]);
    await expect(found.start(containerSpec(machine, ['true']))).rejects.toMatchObject({ code: 'Incompatible', message: found.refusal });
    await expect(found.exec(id, { args: ['true'], tty: false, stdin: false })).rejects.toMatchObject({ code: 'Incompatible' });
    expect(isAlive(pid)).toBe(true);
    await found.signal(id, 9);
    expect((await machine.exitOf(id)).exitCode).toBe(137);
  });

  it('that this agent can\'t drive can be destroyed', async () => {
    const { pid, found } = await foundBy({ version: 1000, oldestAgent: 999 });
    await found.destroy();
    expect([isAlive(pid), existsSync(join(machine.dataDir, 'pods/other/sandbox'))]).toEqual([false, false]);
  });
});
