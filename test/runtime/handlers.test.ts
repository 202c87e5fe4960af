import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readLayout, slotPaths } from '../../node-agent/runtime/cgroups.ts';
import type { ContainerSpec, Sandbox } from '../../node-agent/runtime/runtime.ts';
import { destroyInstance } from '../../node-agent/runtime/teardown.ts';
import { parentOf } from '../e2e/machine-processes.ts';
import { collect, containerSpec, createTestMachine, finished, isAlive, killed, logText, mighty, outcome, sandboxSpec, sh, type TestMachine } from './fixture.ts';

/** Containers that runc runs, in pods of ours. */
const { version } = await readLayout();
const handlers = new Map([['runc', '/usr/sbin/runc'], ['broken', '/usr/bin/false']]);
let machine: TestMachine;
let sandbox: Sandbox;

beforeAll(async () => {
  machine = await createTestMachine({ handlers });
  sandbox = await machine.runtime.createSandbox(sandboxSpec('handled', { hostname: 'web-0', handler: 'runc' }));
});
afterAll(() => machine.close());

const outcomeOf = (script: string, changes: Partial<ContainerSpec> = {}, where = sandbox) => outcome(machine, where, containerSpec(machine, sh(`exec 2>&1; ${script}`), changes));
const plain = (): ContainerSpec['security'] => containerSpec(machine, []).security;

describe('a container of a runtime handler', () => {
  it('runs as pid 1 in its pod\'s namespaces, with its environment', async () => {
    expect(await outcomeOf('echo $$ $(hostname) $GREETING $(umask); ip -o addr show eth0 | grep -c 10.213; exit 3')).toMatchObject({ exitCode: 3, log: '1 web-0 hello 0022\n1\n' });
  });

  it('ends by signals as any other, and its exit is told', async () => {
    const spec = containerSpec(machine, sh('trap "echo caught; exit 5" TERM; echo ready; while :; do sleep 0.1; done'));
    const { pid } = await sandbox.start(spec);
    expect(await readFile(`/proc/${pid}/status`, 'utf8')).toMatch(/^NSpid:\s+\d+\s+\d+\s+1$/m);
    expect(await readFile(`/proc/${pid}/oom_score_adj`, 'utf8')).toBe('1000\n');
    await expect.poll(() => logText(spec.logPath)).toBe('ready\n');
    await sandbox.signal(spec.id, 15);
    expect(await machine.exitOf(spec.id)).toMatchObject({ exitCode: 5 });
    await sandbox.remove(spec.id);
    const other = containerSpec(machine, ['sleep', '60']);
    await sandbox.start(other);
    expect(await killed(machine, sandbox, other.id)).toMatchObject({ exitCode: 137, signal: 9, oomKilled: false });
  });

  it('is held to its limits, in a cgroup of its own', async () => {
    const spec = containerSpec(machine, ['sleep', '60'], { resources: { memoryLimitBytes: 64 << 20, cpuLimitMillis: 500, pidsLimit: 50 } });
    const { pid } = await sandbox.start(spec);
    const groups = await readFile(`/proc/${pid}/cgroup`, 'utf8');
    const [, own = '', child = ''] = new RegExp(`/coracle-${machine.instance}/(.+)/(c\\d+)$`, 'm').exec(groups) ?? [];
    const layout = await readLayout();
    const [slot = ''] = slotPaths(layout, machine.instance, own).filter((_, index) => layout.hierarchies[index]?.controllers.includes('memory') === true);
    expect(await readFile(join(slot, child, version === 2 ? 'memory.max' : 'memory.limit_in_bytes'), 'utf8')).toBe(`${64 << 20}\n`);
    expect((await readFile(join(slot, child, 'cgroup.procs'), 'utf8')).trim()).toBe(String(pid));
    expect(await machine.runtime.usage('handled', spec.id)).toMatchObject({ pids: 1, memoryLimitBytes: 64 << 20 });
    await sandbox.resize(spec.id, { memoryLimitBytes: 48 << 20 });
    expect(await machine.runtime.usage('handled', spec.id)).toMatchObject({ memoryLimitBytes: 48 << 20 });
    await killed(machine, sandbox, spec.id);
    expect(await outcomeOf('dd if=/dev/zero of=/dev/null bs=200M', { resources: { memoryLimitBytes: 32 << 20 } })).toMatchObject({ exitCode: 137, oomKilled: true });
  });

  it('runs as its user, with no more than it is given', async () => {
    const security = { ...plain(), uid: 1234, gid: 5678, groups: [9], capabilities: ['CAP_CHOWN'], noNewPrivileges: true };
    const { log } = await outcomeOf('id -u; id -g; id -G; grep -E "^(CapBnd|CapEff|NoNewPrivs|Seccomp):" /proc/self/status; touch /x; cat /proc/kcore; mount -t tmpfs x /tmp; echo 1 >/proc/sys/kernel/panic', { security });
    expect(log).toContain('1234\n5678\n5678 9\n');
    expect(log).toMatch(/CapEff:\t0{16}\nCapBnd:\t0{15}1\nNoNewPrivs:\t1\nSeccomp:\t2\n/);
    expect(log).toMatch(/touch: \/x: Permission denied\n/);
  });

  it('has no devices of the machine, which a privileged one has', async () => {
    expect((await outcomeOf('ls /dev; mknod /dev/disk b 253 0 && cat /dev/disk; echo ok >/dev/null && echo fine')).log).toMatch(/fine\n$/);
    expect((await outcomeOf('mknod /dev/memory c 1 1 && head -c 1 /dev/memory')).log).toMatch(/not permitted|denied/i);
    const { log } = await outcomeOf('ls /dev; mkdir /tmp/x; mount -t tmpfs x /tmp/x && echo mounted', mighty(machine));
    expect(log).toMatch(/^(kmsg|mem|loop-control|vda)$/m);
    expect(log).toMatch(/mounted\n$/);
  });

  it('is shown its volumes, and keeps the host from seeing what it mounts', async () => {
    const file = join(machine.dataDir, 'given');
    await writeFile(file, 'from the host\n');
    const mounts: ContainerSpec['mounts'] = [
      { type: 'bind', source: file, target: '/etc/given', readOnly: true, propagation: 'private' },
      { type: 'bind', source: machine.dataDir, subPath: 'logs', target: '/deep/er', readOnly: false, propagation: 'private' },
      { type: 'image', source: 'image', layers: [machine.layer], subPath: 'bin', target: '/image', readOnly: true },
      { type: 'tmpfs', source: '', target: '/memory', readOnly: false, sizeBytes: 1 << 20 },
    ];
    const { log } = await outcomeOf('cat /etc/given; echo x >/etc/given; echo hi >/deep/er/written; ls /image/busybox; touch /image/x; df -k /memory | tail -1 | tr -s " " | cut -d" " -f2', { mounts });
    expect(log).toBe("from the host\nsh: can't create /etc/given: Read-only file system\n/image/busybox\ntouch: /image/x: Read-only file system\n1024\n");
    expect(await readFile(join(machine.dataDir, 'logs/written'), 'utf8')).toBe('hi\n');
    expect((await machine.leftovers())['mounts']?.filter((line) => /volumes|overlay/.test(line))).toEqual([]);
  });

  it('lets mounts at a volume pass as its pod asks', async () => {
    const volume = join(machine.dataDir, 'passing');
    await mkdir(volume);
    const run = promisify(execFile);
    await run('mount', ['--bind', '--make-shared', volume, volume]);
    const mounted = async (): Promise<boolean> => (await readFile('/proc/self/mountinfo', 'utf8')).includes(`${volume}/inner`);
    const security = { ...plain(), capabilities: ['CAP_SYS_ADMIN'], privileged: true };
    const script = 'mkdir -p /volume/inner; mount -t tmpfs inner /volume/inner && grep -c /volume/inner /proc/mounts';
    try {
      const mounts = (propagation: 'private' | 'shared'): ContainerSpec['mounts'] => [{ type: 'bind', source: volume, target: '/volume', readOnly: false, propagation }];
      expect((await outcomeOf(script, { security, mounts: mounts('private') })).log).toBe('1\n');
      expect(await mounted()).toBe(false);
      expect((await outcomeOf(script, { security, mounts: mounts('shared') })).log).toBe('1\n');
      expect(await mounted()).toBe(true);
    } finally {
      if (await mounted()) await run('umount', [`${volume}/inner`]);
      await run('umount', [volume]);
    }
  });

  it('writes nowhere when its root is read-only, but to its volumes', async () => {
    expect((await outcomeOf('touch /x; touch /dev/shm/y && echo memory', { readOnlyRoot: true })).log).toBe('touch: /x: Read-only file system\nmemory\n');
  });

  it('keeps to the processors that it is given', async () => {
    const assigning = await createTestMachine({ assignsCpus: true, handlers });
    try {
      const pod = await assigning.runtime.createSandbox(sandboxSpec('assigned', { handler: 'runc' }));
      const spec = containerSpec(assigning, ['sleep', '60'], { resources: { cpus: '0' } });
      const { pid } = await pod.start(spec);
      expect(await readFile(`/proc/${pid}/status`, 'utf8')).toMatch(/^Cpus_allowed_list:\t0$/m);
      expect((await finished(await pod.exec(spec.id, { args: ['grep', 'Cpus_allowed_list', '/proc/self/status'], tty: false, stdin: false }))).stdout).toBe('Cpus_allowed_list:\t0\n');
      await pod.destroy();
    } finally {
      await assigning.close();
    }
    expect(await assigning.leftovers()).toMatchObject({ cgroups: [] });
  });

  it('that can\'t be started says why', async () => {
    const start = (args: readonly string[], changes: Partial<ContainerSpec> = {}) => sandbox.start(containerSpec(machine, args, changes));
    await expect(start(['nowhere'])).rejects.toMatchObject({ code: 'CommandNotFound', message: expect.stringContaining('exec: "nowhere": executable file not found in $PATH') });
    await expect(start(['/etc'])).rejects.toMatchObject({ code: 'CommandNotExecutable' });
    await expect(start(['true'], { mounts: [{ type: 'bind', source: '/does/not/exist', target: '/x', readOnly: true }] })).rejects.toMatchObject({ code: 'MountFailed', message: expect.stringContaining('opening the mount source /does/not/exist') });
    const broken = await machine.runtime.createSandbox(sandboxSpec('broken', { handler: 'broken' }));
    await expect(broken.start(containerSpec(machine, ['true']))).rejects.toMatchObject({ code: 'Failed', message: expect.stringContaining('the container runtime /usr/bin/false ended without a word') });
    await broken.destroy();
  });
});

describe('what is executed in it', () => {
  let spec: ContainerSpec;
  beforeAll(async () => {
    spec = containerSpec(machine, ['sleep', '1000'], { stdin: true });
    await sandbox.start(spec);
  });
  const exec = (args: readonly string[]) => sandbox.exec(spec.id, { args, tty: false, stdin: false });

  it('has its output and exit code told', async () => {
    expect(await finished(await exec(sh('echo out; echo err >&2; echo $GREETING $(hostname); exit 7')))).toEqual({ exitCode: 7, stdout: 'out\nhello web-0\n', stderr: 'err\n' });
    expect(await finished(await exec(['true']))).toMatchObject({ exitCode: 0 });
    expect(await finished(await exec(sh('kill -9 $$')))).toMatchObject({ exitCode: 137 });
    expect(await finished(await exec(['echo', '--', '-x']))).toMatchObject({ stdout: '-- -x\n' });
  });

  it('is given input, and a terminal', async () => {
    const piped = await sandbox.exec(spec.id, { args: ['cat'], tty: false, stdin: true });
    piped.stdin?.end('typed');
    expect(await finished(piped)).toMatchObject({ exitCode: 0, stdout: 'typed' });
    const terminal = await sandbox.exec(spec.id, { args: sh('tty; stty size; read word; echo "got $word"; exit 4'), tty: true, stdin: true });
    terminal.stdin?.write('word\r');
    const [{ exitCode }, text] = await Promise.all([terminal.exit, collect(terminal.stdout)]);
    expect([exitCode, text]).toEqual([4, expect.stringMatching(/\/dev\/pts\/\d+\r\n[^]*got word\r\n$/)]);
  });

  it('that is not there says so', async () => {
    await expect(exec(['nowhere'])).rejects.toMatchObject({ code: 'CommandNotFound', message: expect.stringContaining('executable file not found in $PATH') });
  });

  it('is in its cgroup', async () => {
    const { stdout } = await finished(await exec(['cat', '/proc/self/cgroup']));
    expect(stdout).toMatch(version === 2 ? /^0::\/$/m : /:memory:\/$/m);
  });
});

describe('a pod of a runtime handler', () => {
  it('has terminals', async () => {
    const spec = containerSpec(machine, sh('tty; read word; echo "got $word"'), { tty: true, stdin: true });
    await sandbox.start(spec);
    const attached = await sandbox.attach(spec.id, { stdin: true });
    attached.stdin?.write('word\r');
    expect(await machine.exitOf(spec.id)).toMatchObject({ exitCode: 0 });
    expect(await logText(spec.logPath)).toMatch(/\/dev\/(pts\/0|console)\r\n[^]*got word\r\n/);
    await sandbox.remove(spec.id);
  });

  it.each([['shares its processes', { shareProcessNamespace: true }], ['has the machine\'s', { hostPid: true }]])('%s among its containers', async (_name, changes) => {
    const shared = await machine.runtime.createSandbox(sandboxSpec(`shared-${Object.keys(changes).join()}`, { handler: 'runc', ...changes }));
    const first = containerSpec(machine, ['sleep', '4711']);
    const { pid } = await shared.start(first);
    expect((await outcomeOf('ps -o args', {}, shared)).log).toContain('sleep 4711');
    expect(await finished(await shared.exec(first.id, { args: sh('ps -o args | grep -c "sleep 471[1]"'), tty: false, stdin: false }))).toMatchObject({ stdout: '1\n' });
    await shared.destroy();
    expect(isAlive(pid)).toBe(false);
  });

  it('lets a container look into another one', async () => {
    const first = containerSpec(machine, ['sleep', '4712']);
    await sandbox.start(first);
    expect((await outcomeOf('ps -o pid,args', { joins: first.id })).log).toMatch(/ 1 sleep 4712\n/);
    await killed(machine, sandbox, first.id);
  });

  it('is gone with its supervisor', async () => {
    const other = await machine.runtime.createSandbox(sandboxSpec('orphaned', { handler: 'runc' }));
    const { pid } = await other.start(containerSpec(machine, sh('sleep 1001 & exec sleep 1000')));
    process.kill(await parentOf(pid), 'SIGKILL');
    await machine.lost('orphaned');
    await expect.poll(() => isAlive(pid)).toBe(false);
    await other.destroy();
  });

  it('goes on without its agent, and is taken over by the next', async () => {
    const other = await machine.runtime.createSandbox(sandboxSpec('adopted', { handler: 'runc' }));
    const spec = containerSpec(machine, sh('echo begun; exec sleep 1000'));
    const { pid } = await other.start(spec);
    await machine.reopen();
    const found = new Map((await machine.runtime.recover()).map((each) => [each.uid, each]));
    const [adopted, handled] = [found.get('adopted'), found.get('handled')];
    if (adopted === undefined || handled === undefined) throw new Error('they were not adopted');
    sandbox = handled;
    expect(adopted.running.get(spec.id)?.pid).toBe(pid);
    expect(await finished(await adopted.exec(spec.id, { args: ['echo', 'still'], tty: false, stdin: false }))).toMatchObject({ exitCode: 0, stdout: 'still\n' });
    await adopted.destroy();
    expect(isAlive(pid)).toBe(false);
  });

  it('is refused where this node can\'t have it', async () => {
    await expect(machine.runtime.createSandbox(sandboxSpec('x', { handler: 'gvisor' }))).rejects.toThrow('no runtime for "gvisor" is configured: this node has "coracle", "runc", "broken"; start it with --runtime-handler gvisor=/path/to/runtime');
    await expect(machine.runtime.createSandbox(sandboxSpec('x', { handler: 'runc', hostUsers: false }))).rejects.toThrow('RuntimeClass handler "runc" does not support user namespaces');
  });

  it('leaves nothing of a container that is removed, nor of itself', async () => {
    const keep = (await machine.leftovers())['cgroups'] ?? [];
    const cgroups = async () => (await Promise.all(keep.map((path) => readdir(path, { recursive: true })))).flat();
    const spec = containerSpec(machine, ['sleep', '1000']);
    const { pid } = await sandbox.start(spec);
    const child = new RegExp(`/coracle-${machine.instance}/(.+/c\\d+)$`, 'm').exec(await readFile(`/proc/${pid}/cgroup`, 'utf8'))?.[1] ?? '';
    expect(await cgroups()).toContain(child);
    await killed(machine, sandbox, spec.id);
    expect(await cgroups()).not.toContain(child);
    await sandbox.destroy();
    expect((await cgroups()).filter((path) => path.startsWith(dirname(child)))).toEqual([]);
    expect(await machine.leftovers()).toMatchObject({ mounts: [] });
    expect(await readdir(join(machine.dataDir, 'pods/handled'))).toEqual([]);
  });

  it('leaves nothing at the end of its cluster', async () => {
    const last = await machine.runtime.createSandbox(sandboxSpec('last', { hostNetwork: true, handler: 'runc' }));
    const { pid } = await last.start(containerSpec(machine, ['sleep', '1000']));
    await machine.runtime.close();
    await destroyInstance(machine);
    expect(isAlive(pid)).toBe(false);
    expect(await machine.leftovers()).toMatchObject({ cgroups: [], devices: [], mounts: [], tables: [] });
  });
});
