/** A container that may trace others must never see a process that is more than a container's: it could become that. */
import { copyFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { endianness } from 'node:os';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { capabilityMask, defaultCapabilities } from '../../node-agent/runtime/capabilities.ts';
import { defaultSeccomp } from '../../node-agent/runtime/seccomp.ts';
import type { ContainerSpec, Sandbox } from '../../node-agent/runtime/runtime.ts';
import { buildSanitized, containerSpec, createTestMachine, finished, killed, logText, outcome, sandboxSpec, sanitized, sh, type TestMachine } from './fixture.ts';

let machine: TestMachine;
let sandbox: Sandbox;

beforeAll(async () => {
  await buildSanitized();
  machine = await createTestMachine();
  await copyFile(sanitized.onlooker, join(machine.layer, 'bin/onlooker'));
  await writeFile(join(machine.layer, 'bin/garbage'), 'not a program', { mode: 0o755 });
  sandbox = await machine.runtime.createSandbox(sandboxSpec('shared', { shareProcessNamespace: true }));
}, 120_000);
afterAll(() => machine.close());

const tracing = [...defaultCapabilities, 'CAP_SYS_PTRACE'];
const security = (capabilities: readonly string[], seccomp = defaultSeccomp(capabilities)) => ({ ...containerSpec(machine, ['true']).security, capabilities, seccomp });

async function startOnlooker(where: Sandbox): Promise<ContainerSpec> {
  const spec = containerSpec(machine, ['onlooker', import.meta.filename, capabilityMask(tracing).toString(16)], { security: security(tracing) });
  await where.start(spec);
  return spec;
}
async function whatItSaw(where: Sandbox, spec: ContainerSpec): Promise<string> {
  await where.signal(spec.id, 15);
  await machine.exitOf(spec.id);
  const log = await logText(spec.logPath);
  await where.remove(spec.id);
  return log;
}

describe('a container that may trace others', () => {
  it('sees nothing of the machine while others of its pod start', async () => {
    const onlooker = await startOnlooker(sandbox);
    const mounts = Array.from({ length: 30 }, (_none, index) => ({ type: 'tmpfs' as const, source: '', target: `/volumes/${index}`, readOnly: false }));
    for (let time = 0; time < 20; time++) await outcome(machine, sandbox, containerSpec(machine, ['true'], { mounts }));
    expect(await whatItSaw(sandbox, onlooker)).toBe('looked\n');
  });

  it('sees nothing of the machine while something is executed in others of its pod', async () => {
    const [onlooker, other] = [await startOnlooker(sandbox), containerSpec(machine, ['sleep', '1000'])];
    await sandbox.start(other);
    for (let time = 0; time < 60; time++) await finished(await sandbox.exec(other.id, { args: ['true'], tty: time % 2 === 1, stdin: true }));
    expect(await whatItSaw(sandbox, onlooker)).toBe('looked\n');
    await killed(machine, sandbox, other.id);
  });

  it.each([true, false])('sees nothing of the machine while something is executed in itself (host users: %s)', async (hostUsers) => {
    const alone = await machine.runtime.createSandbox(sandboxSpec(`alone-${hostUsers}`, { hostUsers }));
    const onlooker = await startOnlooker(alone);
    for (let time = 0; time < 60; time++) await finished(await alone.exec(onlooker.id, { args: ['true'], tty: time % 2 === 1, stdin: true }));
    expect(await whatItSaw(alone, onlooker)).toBe('looked\n');
  });
});

/** Refuses what a process needs to start another, to lead a session and to have a terminal. */
function unsociableSeccomp(): Buffer {
  const numbers = process.arch === 'arm64' ? [220, 435, 157, 29] : [56, 57, 58, 435, 112, 16];
  const refusal = numbers.length + 1;
  const program = [[0x20, 0, 0, 0], ...numbers.map((number, index) => [0x15, refusal - index - 1, 0, number]), [0x06, 0, 0, 0x7fff0000], [0x06, 0, 0, 0x50001]];
  const bytes = new DataView(new ArrayBuffer(program.length * 8));
  const little = endianness() === 'LE';
  program.forEach(([code = 0, then = 0, otherwise = 0, value = 0], index) => {
    bytes.setUint16(index * 8, code, little);
    bytes.setUint8(index * 8 + 2, then);
    bytes.setUint8(index * 8 + 3, otherwise);
    bytes.setUint32(index * 8 + 4, value, little);
  });
  return Buffer.from(bytes.buffer);
}

describe('in a shared pid namespace, a container', () => {
  it('has a /proc of that namespace, protected as anywhere', async () => {
    const { log } = await outcome(machine, sandbox, containerSpec(machine, sh('exec 2>&1; echo $$; readlink /proc/self; head -n1 /proc/1/status; cat /proc/timer_list /proc/keys | wc -c; ls /proc/acpi /sys/firmware | grep -c "^[a-z]"; echo 1 > /proc/sys/kernel/domainname')));
    expect(log).toMatch(/^(\d+)\n\d+\nName:\tcoracle-reaper\n0\n0\n.*Read-only file system\n$/);
  });

  it('has a terminal, and leads its session', async () => {
    const { exitCode, log } = await outcome(machine, sandbox, containerSpec(machine, sh('tty; echo there > /dev/tty; ls -l /dev/console | cut -c1; [ $(cut -d " " -f 6 /proc/$$/stat) = $$ ] && echo leads'), { tty: true }));
    expect({ exitCode, log: log.replaceAll('\r', '') }).toEqual({ exitCode: 0, log: '/dev/pts/0\nthere\nc\nleads\n' });
  });

  it.each([
    ['nothere', 'CommandNotFound', 'exec: "nothere": executable file not found in $PATH'],
    ['garbage', 'CommandNotExecutable', 'exec garbage: exec format error'],
  ])('is refused for the command %s', async (command, code, message) => {
    await expect(sandbox.start(containerSpec(machine, [command]))).rejects.toMatchObject({ code, message });
  });

  it.each([false, true])('starts, and executes, under a filter that lets it do neither itself (terminal: %s)', async (tty) => {
    const spec = containerSpec(machine, ['sleep', '1000'], { security: security(defaultCapabilities, unsociableSeccomp()), tty });
    await sandbox.start(spec);
    expect(await finished(await sandbox.exec(spec.id, { args: ['echo', 'done'], tty, stdin: false }))).toMatchObject({ exitCode: 0, stdout: tty ? 'done\r\n' : 'done\n' });
    const { exitCode, stderr, stdout } = await finished(await sandbox.exec(spec.id, { args: sh('sleep 0; true'), tty, stdin: false }));
    expect(exitCode).not.toBe(0);
    expect(stdout + stderr).toContain('can\'t fork');
    await killed(machine, sandbox, spec.id);
  });
});
