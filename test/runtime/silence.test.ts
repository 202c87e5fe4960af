import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { supervisorOf } from '../sandbox-record.ts';
import { containerSpec, createTestMachine, isAlive, sandboxSpec, sh, type TestMachine } from './fixture.ts';

/** Supervisors that run but don't answer when an agent starts: stopped processes, as a machine under heavy load has them. */
let machine: TestMachine;
const stopped: number[] = [];
beforeEach(async () => {
  machine = await createTestMachine({ spares: 0 });
});
afterEach(async () => {
  for (const pid of stopped.splice(0)) if (isAlive(pid)) process.kill(pid, 'SIGCONT');
  await machine.close();
});

/** The process of a container in a pod of its own. */
async function runningPod(uid: string, ...more: (readonly string[])[]): Promise<{ readonly pid: number; readonly ids: readonly string[] }> {
  const sandbox = await machine.runtime.createSandbox(sandboxSpec(uid));
  const specs = [['sleep', '1000'], ...more].map((command) => containerSpec(machine, command));
  const started = await Promise.all(specs.map((spec) => sandbox.start(spec)));
  return { pid: started[0]?.pid ?? -1, ids: specs.map(({ id }) => id) };
}

async function stop(uid: string): Promise<number> {
  const pid = await supervisorOf(machine.dataDir, uid);
  process.kill(pid, 'SIGSTOP');
  stopped.push(pid);
  return pid;
}

/** What the next agent finds, by uid. */
async function recovered() {
  await machine.reopen();
  return new Map((await machine.runtime.recover()).map((sandbox) => [sandbox.uid, sandbox]));
}

describe('a pod whose supervisor is stopped when the agent starts', () => {
  it('is kept, holds up no other, and goes on with the same processes and the exits from meanwhile', async () => {
    const slow = await runningPod('slow', sh('sleep 0.2; exit 7'));
    const quick = await runningPod('quick');
    await machine.runtime.close();
    const supervisor = await stop('slow');
    const found = await recovered();
    expect([found.get('quick')?.answers, found.get('quick')?.running.get(quick.ids[0] ?? '')?.pid]).toEqual([true, quick.pid]);
    expect([found.get('slow')?.answers, isAlive(slow.pid), isAlive(supervisor)]).toEqual([false, true, true]);
    await expect(found.get('slow')?.signal(slow.ids[0] ?? '', 15)).rejects.toMatchObject({ code: 'Unavailable', message: 'the pod\'s supervisor does not answer' });
    process.kill(supervisor, 'SIGCONT');
    const sandbox = await machine.answered('slow');
    expect([sandbox.answers, sandbox.running.get(slow.ids[0] ?? '')?.pid]).toEqual([true, slow.pid]);
    expect(sandbox.exits.get(slow.ids[1] ?? '') ?? await machine.exitOf(slow.ids[1] ?? '')).toMatchObject({ exitCode: 7 });
    await sandbox.signal(slow.ids[0] ?? '', 9);
    expect((await machine.exitOf(slow.ids[0] ?? '')).exitCode).toBe(137);
  });

  it('can be destroyed', async () => {
    const { pid } = await runningPod('slow');
    await machine.runtime.close();
    const supervisor = await stop('slow');
    const slow = (await recovered()).get('slow');
    await slow?.destroy();
    expect([slow?.answers, isAlive(pid), isAlive(supervisor), existsSync(join(machine.dataDir, 'pods/slow/sandbox'))]).toEqual([false, false, false, false]);
  });

  it('is lost when the supervisor dies after all', async () => {
    const { pid } = await runningPod('slow');
    await machine.runtime.close();
    const supervisor = await stop('slow');
    await recovered();
    process.kill(supervisor, 'SIGKILL');
    await machine.lost('slow');
    expect(isAlive(pid)).toBe(false);
  });

  it('is left to the next agent by one that ends while it still asks', async () => {
    const { pid } = await runningPod('slow');
    await machine.runtime.close();
    const supervisor = await stop('slow');
    await recovered();
    await machine.runtime.close();
    process.kill(supervisor, 'SIGCONT');
    const found = (await recovered()).get('slow');
    expect([found?.answers, [...(found?.running.values() ?? [])].map((each) => each.pid)]).toEqual([true, [pid]]);
  });
});
