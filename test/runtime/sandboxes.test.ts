import { randomInt } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Sandbox } from '../../node-agent/runtime/runtime.ts';
import { destroyInstance } from '../../node-agent/runtime/teardown.ts';
import { supervisorOf } from '../sandbox-record.ts';
import { childrenCalled, collect, containerSpec, createTestMachine, finished, isAlive, logText, sandboxSpec, sh, type TestMachine } from './fixture.ts';

let machine: TestMachine;
beforeEach(async () => {
  machine = await createTestMachine({ spares: 1 });
});
afterEach(() => machine.close());

async function execText(sandbox: Sandbox, id: string, script: string): Promise<string> {
  const { stdout, stderr } = await finished(await sandbox.exec(id, { args: sh(script), tty: false, stdin: false }));
  return stdout + stderr;
}
/** A server that answers every connection with a line. */
async function serve(sandbox: Sandbox, text: string): Promise<string> {
  const spec = containerSpec(machine, ['nc', '-ll', '-p', '8080', '-e', 'echo', text]);
  await sandbox.start(spec);
  while (!(await execText(sandbox, spec.id, 'netstat -ltn')).includes(':8080')) { /* each look is a whole exec */ }
  return spec.id;
}

describe('a pod\'s network', () => {
  it('reaches other pods and is reached from the host', async () => {
    const [one, two] = await Promise.all(['one', 'two'].map((uid) => machine.runtime.createSandbox(sandboxSpec(uid))));
    if (one === undefined || two === undefined) throw new Error('two sandboxes were made');
    await serve(one, 'from one');
    const id = await serve(two, 'from two');
    expect(one.address).not.toBe(two.address);
    expect(await execText(two, id, `nc ${one.address ?? ''} 8080 < /dev/null`)).toBe('from one\n');
    expect(await collect(connect({ host: one.address ?? '', port: 8080 }))).toBe('from one\n');
    expect(await collect(connect({ host: two.address ?? '', port: 8080 }))).toBe('from two\n');
  });

  it('is where the node\'s addresses are now, also when a sandbox was kept ready at one that it had before', async () => {
    await vi.waitFor(async () => expect(await readdir(join(machine.dataDir, 'pool'))).toHaveLength(1), 20_000);
    const range = `10.214.${randomInt(1, 250)}`;
    await machine.runtime.configureNetwork({ podCidr: `${range}.0/24`, clusterCidr: `${range}.0/24`, routes: [] });
    const [first, second] = [await machine.runtime.createSandbox(sandboxSpec('first')), await machine.runtime.createSandbox(sandboxSpec('second'))];
    for (const { address } of [first, second]) expect(address).toContain(`${range}.`);
    await serve(first, 'from the first');
    expect(await collect(connect({ host: first.address ?? '', port: 8080 }))).toBe('from the first\n');
  });

  it('can be dialled on its own loopback', async () => {
    const sandbox = await machine.runtime.createSandbox(sandboxSpec('dialled'));
    const spec = containerSpec(machine, ['nc', '-ll', '-p', '7000', '-e', 'cat']);
    await sandbox.start(spec);
    while (!(await execText(sandbox, spec.id, 'netstat -ltn')).includes(':7000')) { /* each look is a whole exec */ }
    const stream = await sandbox.dial(7000);
    const megabyte = Buffer.alloc(1 << 20, 'tide');
    stream.end(megabyte);
    expect((await collect(stream)) === megabyte.toString()).toBe(true);
    await serve(sandbox, 'spoken first');
    expect(await collect(await sandbox.dial(8080))).toBe('spoken first\n');
    await expect(sandbox.dial(7001)).rejects.toMatchObject({ code: 'Unavailable', message: expect.stringContaining('refused') });
  });

  it('is the host\'s when asked for', async () => {
    const sandbox = await machine.runtime.createSandbox(sandboxSpec('host', { hostNetwork: true }));
    expect(sandbox.address).toBeUndefined();
    const spec = containerSpec(machine, sh('ls /sys/class/net; sleep 100'));
    await sandbox.start(spec);
    expect(await execText(sandbox, spec.id, 'ls /sys/class/net')).toContain(`${machine.instance}br0`);
  });

  it('has its own kernel settings, and no pod may change the machine\'s', async () => {
    const sysctls = { 'net.ipv4.tcp_fin_timeout': '17', 'kernel.msgmax': '4321' };
    const sandbox = await machine.runtime.createSandbox(sandboxSpec('tuned', { sysctls }));
    const spec = containerSpec(machine, ['sleep', '100']);
    await sandbox.start(spec);
    expect(await execText(sandbox, spec.id, 'cat /proc/sys/net/ipv4/tcp_fin_timeout /proc/sys/kernel/msgmax')).toBe('17\n4321\n');
    await expect(machine.runtime.createSandbox(sandboxSpec('greedy', { sysctls: { 'vm.swappiness': '1' } }))).rejects.toMatchObject({ code: 'Failed', message: expect.stringContaining('vm.swappiness') });
  });
});

describe('a pod\'s containers', () => {
  it('share memory, memory volumes and IPC, but not processes', async () => {
    const sandbox = await machine.runtime.createSandbox(sandboxSpec('pair'));
    const mounts = [{ type: 'tmpfs' as const, source: 'cache', target: '/cache', readOnly: false, sizeBytes: 1 << 20 }];
    const [one, two] = [containerSpec(machine, ['sleep', '100'], { mounts }), containerSpec(machine, ['sleep', '100'], { mounts })];
    await sandbox.start(one);
    await sandbox.start(two);
    await execText(sandbox, one.id, 'echo a > /dev/shm/a; echo b > /cache/b');
    expect(await execText(sandbox, two.id, 'cat /dev/shm/a /cache/b; ps | grep -c "[s]leep"')).toBe('a\nb\n1\n');
  });

  it('share processes when asked for, and end one by one', async () => {
    const sandbox = await machine.runtime.createSandbox(sandboxSpec('shared', { shareProcessNamespace: true }));
    const [one, two] = [containerSpec(machine, sh('sleep 1001 & sleep 1002')), containerSpec(machine, ['sleep', '1003'])];
    await sandbox.start(one);
    await sandbox.start(two);
    while ((await execText(sandbox, two.id, 'ps')).match(/0 +sleep 100[12]/g)?.length !== 2) { /* each look is a whole exec */ }
    expect(await execText(sandbox, two.id, 'ps')).toMatch(/\n\s+1 0 +\{?coracle-reaper/);
    await sandbox.signal(one.id, 9);
    await machine.exitOf(one.id);
    while (/0 +sleep 100[12]/.test(await execText(sandbox, two.id, 'ps'))) { /* each look is a whole exec */ }
    expect(sandbox.running.has(two.id)).toBe(true);
  });

  it('see the host\'s processes with hostPID, and all end with the pod', async () => {
    const sandbox = await machine.runtime.createSandbox(sandboxSpec('hostpid', { hostPid: true }));
    const spec = containerSpec(machine, sh('(sleep 1004 &); exec sleep 1005'));
    const { pid } = await sandbox.start(spec);
    expect(await execText(sandbox, spec.id, `test -d /proc/${process.pid} && echo seen`)).toBe('seen\n');
    process.kill(await supervisorOf(machine.dataDir, 'hostpid'), 'SIGKILL');
    await machine.lost('hostpid');
    expect(isAlive(pid)).toBe(false);
  });

  it('are counted', async () => {
    const sandbox = await machine.runtime.createSandbox(sandboxSpec('counted'));
    const spec = containerSpec(machine, sh('dd if=/dev/zero of=/dev/shm/x bs=1M count=8; sleep 100'));
    await sandbox.start(spec);
    while (!/\d 0 +sleep 100/.test(await execText(sandbox, spec.id, 'ps'))) { /* each look is a whole exec */ }
    const usage = await machine.runtime.usage('counted', spec.id);
    expect(usage.memoryBytes).toBeGreaterThan(8 << 20);
    expect(usage.cpuNanos).toBeGreaterThan(0);
    expect(usage.pids).toBe(1); // the shell has become its last command
    expect((await machine.runtime.usage('counted')).pids).toBeGreaterThanOrEqual(usage.pids);
  });
});

describe('when something dies', () => {
  it('a new agent finds the same processes, and the exits that nobody saw', async () => {
    const sandbox = await machine.runtime.createSandbox(sandboxSpec('adopted'));
    const spec = containerSpec(machine, ['sleep', '100']);
    const brief = containerSpec(machine, sh('sleep 0.3; exit 9'));
    const { pid } = await sandbox.start(spec);
    await sandbox.start(brief);
    await machine.runtime.close();
    while (!existsSync(join(machine.dataDir, 'pods/adopted/sandbox/exits', `${brief.id}.json`))) await new Promise((resolve) => { setImmediate(resolve); });
    await machine.reopen();
    const [again] = await machine.runtime.recover();
    expect(again?.address).toBe(sandbox.address);
    expect(again?.running.get(spec.id)?.pid).toBe(pid);
    expect(again?.exits.get(brief.id)).toMatchObject({ exitCode: 9 });
    if (again === undefined) throw new Error('the pod was adopted');
    expect(await execText(again, spec.id, 'hostname')).toBe('pod-adopted\n');
    await again.signal(spec.id, 9);
    expect((await machine.exitOf(spec.id)).exitCode).toBe(137);
  });

  it('what can\'t be adopted is destroyed', async () => {
    const sandbox = await machine.runtime.createSandbox(sandboxSpec('stale'));
    const { pid } = await sandbox.start(containerSpec(machine, ['sleep', '100']));
    await machine.runtime.close();
    const path = join(machine.dataDir, 'pods/stale/sandbox/sandbox.json');
    await writeFile(path, (await readFile(path, 'utf8')).replace(/"bootId":"[^"]*"/, '"bootId":"another"'));
    await machine.reopen();
    expect(await machine.runtime.recover()).toEqual([]);
    expect(isAlive(pid)).toBe(false);
    expect(existsSync(join(machine.dataDir, 'pods/stale/sandbox'))).toBe(false);
  });

  it('killing the supervisor kills every process of the pod, and is said once', async () => {
    const sandbox = await machine.runtime.createSandbox(sandboxSpec('doomed'));
    const { pid } = await sandbox.start(containerSpec(machine, sh('(setsid sleep 1006 &); sleep 1007')));
    const supervisor = await supervisorOf(machine.dataDir, 'doomed');
    process.kill(supervisor, 'SIGKILL');
    await machine.lost('doomed');
    expect([isAlive(pid), isAlive(supervisor)]).toEqual([false, false]);
    await expect(sandbox.start(containerSpec(machine, ['true']))).rejects.toMatchObject({ code: 'Unavailable' });
    await sandbox.destroy();
    expect(existsSync(join(machine.dataDir, 'pods/doomed/sandbox'))).toBe(false);
  });
});

/** Kills our own children of that name. */
const killHost = async (): Promise<void> => {
  for (const pid of await childrenCalled('coracle-host', process.pid)) process.kill(pid, 'SIGKILL');
};

describe('a sandbox with the machine\'s IPC', () => {
  it.each([['made ahead', {}], ['made late', { maskedPaths: [] }]] as const)('shows its shared memory to a container whose view of the kernel is %s', async (_when, changes) => {
    const name = `coracle-${machine.instance}`;
    await writeFile(join('/dev/shm', name), 'of the machine');
    try {
      const sandbox = await machine.runtime.createSandbox(sandboxSpec('shared-memory', { hostIpc: true }));
      const spec = containerSpec(machine, ['sleep', '100'], changes);
      await sandbox.start(spec);
      expect(await execText(sandbox, spec.id, `cat /dev/shm/${name}`)).toBe('of the machine');
      await sandbox.destroy();
    } finally {
      await rm(join('/dev/shm', name), { force: true });
    }
  });
});

describe('when coracle-host dies', () => {
  it('running pods notice nothing, and the next request finds another', async () => {
    const sandbox = await machine.runtime.createSandbox(sandboxSpec('before'));
    const spec = containerSpec(machine, ['sleep', '100']);
    const { pid } = await sandbox.start(spec);
    await killHost();
    const after = await machine.runtime.createSandbox(sandboxSpec('after', { hostIpc: true }));
    expect((await after.start(containerSpec(machine, ['sleep', '100']))).pid).toBeGreaterThan(1);
    expect(isAlive(pid)).toBe(true);
    expect(await execText(sandbox, spec.id, 'hostname')).toBe('pod-before\n');
    await sandbox.destroy();
    expect(isAlive(pid)).toBe(false);
  });

  it('what had no answer is done by the next', async () => {
    const creating = ['w', 'x', 'y', 'z'].map((uid) => machine.runtime.createSandbox(sandboxSpec(uid, { hostIpc: true })));
    await killHost();
    const sandboxes = await Promise.all(creating);
    const destroying = sandboxes.map((sandbox) => sandbox.destroy());
    await killHost();
    await Promise.all(destroying);
    expect(new Set(sandboxes.map(({ address }) => address)).size).toBe(4);
  });
});

describe('nothing is left', () => {
  it('of destroyed pods, however deep their files', async () => {
    const sandboxes = await Promise.all(['a', 'b', 'c'].map((uid) => machine.runtime.createSandbox(sandboxSpec(uid))));
    const deep = sh('i=0; while [ $i -lt 1500 ]; do mkdir d && cd d; i=$((i+1)); done; sleep 100');
    const specs = sandboxes.map(() => containerSpec(machine, deep));
    await Promise.all(sandboxes.map((sandbox, index) => sandbox.start(specs[index] ?? containerSpec(machine, deep))));
    await Promise.all(sandboxes.map((sandbox) => sandbox.destroy()));
    await machine.runtime.close();
    for (;;) { // the kernel takes a namespace's devices down in its own time
      const left = await machine.leftovers();
      expect(left['mounts']).toEqual([]);
      if (left['devices']?.length === 1) break;
    }
    await destroyInstance({ instance: machine.instance, dataDir: machine.dataDir });
    expect(await machine.leftovers()).toEqual({ cgroups: [], devices: [], mounts: [], tables: [], sandboxes: ['a', 'b', 'c'] });
  });

  // Throttled, hundreds of processes that fork take turns at dying, and never get there.
  it.each<[string, (sandbox: Sandbox, id: string) => Promise<unknown>]>([
    ['killed', async (sandbox, id) => {
      await sandbox.signal(id, 9);
      expect((await machine.exitOf(id)).exitCode).toBe(137);
      await sandbox.destroy();
    }],
    ['destroyed with its pod', (sandbox) => sandbox.destroy()],
  ])('of a fork bomb with a small share of the processors that is %s', async (how, end) => {
    const uid = how.split(' ')[0] ?? '';
    const sandbox = await machine.runtime.createSandbox(sandboxSpec(uid));
    const spec = containerSpec(machine, sh('f() { f | f & }; f; exec sleep 1000'), { resources: { cpuLimitMillis: 100, pidsLimit: 300, memoryLimitBytes: 64 << 20 } });
    const { pid } = await sandbox.start(spec);
    while ((await machine.runtime.usage(uid, spec.id)).pids < 250) { /* each look reads a file */ }
    await end(sandbox, spec.id);
    expect(isAlive(pid)).toBe(false);
    await expect(machine.runtime.usage(uid)).rejects.toMatchObject({ code: 'NotFound' });
  });

  it('of starts that fail', async () => {
    const sandbox = await machine.runtime.createSandbox(sandboxSpec('failing'));
    await expect(sandbox.start(containerSpec(machine, ['/nonesuch']))).rejects.toMatchObject({ code: 'CommandNotFound' });
    await expect(sandbox.start(containerSpec(machine, ['true'], { mounts: [{ type: 'bind', source: '/nonesuch', target: '/m', readOnly: false }] }))).rejects.toMatchObject({ code: 'MountFailed' });
    expect(await readdir(join(machine.dataDir, 'pods/failing/sandbox/c'))).toEqual([]);
    await sandbox.destroy();
    // Nothing can be made where a file is in the way.
    await writeFile(join(machine.dataDir, 'pods/blocked'), '');
    await expect(machine.runtime.createSandbox(sandboxSpec('blocked', { hostIpc: true }))).rejects.toMatchObject({ code: 'Failed' });
    await machine.runtime.close();
    expect(await readdir(join(machine.dataDir, 'pool'))).toEqual([]);
    const { cgroups = [] } = await machine.leftovers();
    expect(cgroups).not.toEqual([]);
    for (const cgroup of cgroups) {
      const found = await readdir(cgroup, { withFileTypes: true, recursive: true });
      expect(found.filter((entry) => entry.isDirectory()).map(({ name }) => name).toSorted()).toEqual(['besteffort', 'burstable']);
    }
  });

  it('of a start that fails before it has a cgroup, nor is anything taken of its pod\'s first container', async () => {
    const sandbox = await machine.runtime.createSandbox(sandboxSpec('early'));
    const first = containerSpec(machine, ['sleep', '100']);
    const { pid } = await sandbox.start(first);
    const failing = containerSpec(machine, ['true'], { logPath: join(machine.dataDir, 'nonesuch/x.log') });
    await expect(sandbox.start(failing)).rejects.toMatchObject({ code: 'Failed', message: expect.stringContaining('No such file or directory') });
    expect(await readdir(join(machine.dataDir, 'pods/early/sandbox/c'))).toEqual([first.id]);
    expect(await execText(sandbox, first.id, 'hostname')).toBe('pod-early\n');
    expect(isAlive(pid)).toBe(true);
    await sandbox.destroy();
  });

  it('of an instance whose agent is gone', async () => {
    const sandbox = await machine.runtime.createSandbox(sandboxSpec('orphan'));
    const spec = containerSpec(machine, ['sleep', '100']);
    const { pid } = await sandbox.start(spec);
    await machine.runtime.close();
    expect(isAlive(pid)).toBe(true);
    await destroyInstance({ instance: machine.instance, dataDir: machine.dataDir });
    expect(isAlive(pid)).toBe(false);
    expect(await machine.leftovers()).toEqual({ cgroups: [], devices: [], mounts: [], tables: [], sandboxes: ['orphan'] });
    expect(await logText(spec.logPath)).toBe('');
  });
});
