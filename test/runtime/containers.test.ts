import { execFile } from 'node:child_process';
import { chmod, chown, mkdir, readFile, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { defaultCapabilities } from '../../node-agent/runtime/capabilities.ts';
import { readLayout } from '../../node-agent/runtime/cgroups.ts';
import { defaultSeccomp } from '../../node-agent/runtime/seccomp.ts';
import type { ContainerSpec, Sandbox } from '../../node-agent/runtime/runtime.ts';
import { collect, containerSpec, createTestMachine, finished, killed, logText, outcome, sandboxSpec, sh, type TestMachine } from './fixture.ts';

const command = promisify(execFile);
const { version: cgroupVersion } = await readLayout();
const hasHugePages = existsSync('/sys/kernel/mm/hugepages/hugepages-2048kB');
let machine: TestMachine;
let sandbox: Sandbox;

beforeAll(async () => {
  machine = await createTestMachine();
  sandbox = await machine.runtime.createSandbox(sandboxSpec('shared', { hostname: 'web-0' }));
});
afterAll(() => machine.close());

/** Other clusters come and go on the machine meanwhile. */
const ownMounts = async () => (await readFile('/proc/self/mountinfo', 'utf8')).split('\n').filter((line) => line.includes(machine.dataDir) || line.includes(' /dev'));
/** Both streams in one, so that their order is the script's. */
const outcomeOf = (script: string, changes: Partial<ContainerSpec> = {}) => outcome(machine, sandbox, containerSpec(machine, sh(`exec 2>&1; ${script}`), changes));

describe('a container', () => {
  it('runs as pid 1 under its pod\'s host name, with its environment', async () => {
    const { exitCode, log } = await outcomeOf('echo $$ $(hostname) $GREETING; exit 3');
    expect({ exitCode, log }).toEqual({ exitCode: 3, log: '1 web-0 hello\n' });
  });

  it('has its pid reported as the machine knows it', async () => {
    const spec = containerSpec(machine, ['sleep', '60']);
    const { pid } = await sandbox.start(spec);
    expect(await readFile(`/proc/${pid}/status`, 'utf8')).toMatch(/^NSpid:\s+\d+\s+\d+\s+1$/m);
    await sandbox.signal(spec.id, 9);
    expect(await machine.exitOf(spec.id)).toMatchObject({ exitCode: 137, signal: 9, oomKilled: false });
    expect(sandbox.exits.get(spec.id)?.exitCode).toBe(137);
    await sandbox.remove(spec.id);
    expect(sandbox.exits.has(spec.id)).toBe(false);
  });

  it('is told apart from one that memory ran out for', async () => {
    const { exitCode, oomKilled } = await outcomeOf('dd if=/dev/zero of=/dev/null bs=200M', { resources: { memoryLimitBytes: 32 << 20 } });
    expect({ exitCode, oomKilled }).toEqual({ exitCode: 137, oomKilled: true });
  });

  it.runIf(cgroupVersion === 2)('ends as a whole when memory runs out for one of its processes (on cgroup v2, which this machine need not have)', async () => {
    const { exitCode, oomKilled, log } = await outcomeOf('dd if=/dev/zero of=/dev/null bs=200M; echo went on', { resources: { memoryLimitBytes: 32 << 20 } });
    expect({ exitCode, oomKilled, log }).toEqual({ exitCode: 137, oomKilled: true, log: '' });
  });

  it('can\'t start more processes than its limit', async () => {
    const { log, exitCode } = await outcomeOf('for i in 1 2 3 4 5 6 7 8; do sleep 5 & done', { resources: { pidsLimit: 4 } });
    expect({ exitCode, log }).toEqual({ exitCode: 2, log: expect.stringContaining('can\'t fork: Resource temporarily unavailable') });
  });

  it.each([
    ['a missing command', ['nothere'], 'CommandNotFound', 'exec: "nothere": executable file not found in $PATH'],
    ['a missing path', ['/opt/x'], 'CommandNotFound', 'exec: "/opt/x": stat /opt/x: no such file or directory'],
    ['a directory', ['/etc'], 'CommandNotExecutable', 'exec: "/etc": is a directory'],
  ])('is refused for %s', async (_name, args, code, message) => {
    const spec = containerSpec(machine, args);
    await expect(sandbox.start(spec)).rejects.toMatchObject({ code, message });
    expect(existsSync(join(machine.dataDir, 'pods/shared/sandbox/c', spec.id))).toBe(false);
  });

  // What is open while a container starts is the host's: its layers, its directory, its pod's (CVE-2024-21626 was of this kind).
  it.each([
    ['working directory', (fd: number): Partial<ContainerSpec> => ({ workingDir: `/proc/self/fd/${fd}` })],
    ['command', (fd: number): Partial<ContainerSpec> => ({ args: [`/proc/self/fd/${fd}/${'../'.repeat(20)}bin/sh`, '-c', 'true'] })],
  ])('can\'t leave its root by a %s that goes through an open descriptor', async (_name, changes) => {
    for (let fd = 3; fd < 40; fd++) {
      await expect(sandbox.start(containerSpec(machine, ['true'], changes(fd))), `descriptor ${fd}`).rejects.toMatchObject({ code: expect.stringMatching(/^(Failed|CommandNotFound|MountFailed)$/) });
    }
  });

  it('can\'t lead an exec out by a link in place of its working directory', async () => {
    const spec = containerSpec(machine, ['sleep', '1000'], { workingDir: '/work' });
    await sandbox.start(spec);
    const run = async (args: readonly string[]) => finished(await sandbox.exec(spec.id, { args, tty: false, stdin: false }));
    await run(sh('cd / && rmdir /work'));
    for (let fd = 3; fd < 20; fd++) {
      await symlink(`/proc/self/fd/${fd}`, join(machine.dataDir, 'pods/shared/sandbox/c', spec.id, 'upper/work'));
      await expect(run(['ls']), `descriptor ${fd}`).rejects.toMatchObject({ code: expect.stringMatching(/^(Failed|MountFailed)$/) });
      await rm(join(machine.dataDir, 'pods/shared/sandbox/c', spec.id, 'upper/work'));
    }
    await killed(machine, sandbox, spec.id);
  });

  it('keeps hidden what the kernel would show, also when a volume hides the devices', async () => {
    const source = join(machine.dataDir, 'devices');
    await mkdir(source, { recursive: true });
    await symlink('/proc/version', join(source, 'null'));
    const mounts = [{ type: 'bind' as const, source, target: '/dev', readOnly: false }];
    const { log } = await outcomeOf('ls /dev; cat /proc/keys /proc/timer_list | wc -c; ls /sys/firmware | wc -l', { mounts });
    expect(log).toBe('null\n0\n0\n');
  });

  it('has in its volumes what was mounted on the machine after its pod was made', async () => {
    const source = join(machine.dataDir, 'mounted-later');
    await mkdir(source);
    await using mounted = new AsyncDisposableStack();
    await command('mount', ['-t', 'tmpfs', 'none', source]);
    mounted.defer(async () => void await command('umount', [source]));
    await writeFile(join(source, 'word'), 'seen');
    const { log } = await outcomeOf('cat /data/word', { mounts: [{ type: 'bind', source, target: '/data', readOnly: true }] });
    expect(log).toBe('seen');
  });

  it('is refused for a mount source that is not there', async () => {
    const mounts = [{ type: 'bind' as const, source: '/nowhere', target: '/data', readOnly: false }];
    await expect(sandbox.start(containerSpec(machine, ['true'], { mounts }))).rejects.toMatchObject({ code: 'MountFailed', message: expect.stringContaining('/nowhere') });
  });
});

describe('what a container sees', () => {
  it('has only its own processes, network and mounts', async () => {
    const { log } = await outcomeOf('ls /proc | grep -c "^[0-9]"; ls /sys/class/net | sort | tr "\\n" " "; cat /proc/self/mountinfo | grep -c coracle');
    const [processes, devices, hostMounts] = log.split('\n').join(' ').split(/\s+(?=eth0|\d+ *$)/);
    expect(Number(processes)).toBeLessThan(6);
    expect(devices).toMatch(/eth0 lo/);
    expect(hostMounts?.trim()).toBe('0');
  });

  it('has a minimal /dev whose nodes it can\'t change on the host', async () => {
    const before = await ownMounts();
    const { log } = await outcomeOf('chmod 600 /dev/null; chown 1 /dev/zero; chmod 666 /proc/self/fd/0; mknod /dev/disk b 254 0 && head -c1 /dev/disk; mknod /tmp/disk b 254 0 && head -c1 /tmp/disk; echo ok > /dev/null && head -c 2 /dev/zero | wc -c');
    expect(log).toMatch(/chmod: \/dev\/null: Read-only file system/);
    expect(log).toMatch(/chown: \/dev\/zero: Read-only file system/);
    expect(log).toMatch(/chmod: \/proc\/self\/fd\/0: Read-only file system/);
    expect(log.match(/disk: Permission denied/g)).toHaveLength(2);
    expect(log).toMatch(/\n2\n/);
    expect(await ownMounts()).toEqual(before);
  });

  it('can\'t write what is read-only or read what is masked', async () => {
    const { log } = await outcomeOf('echo 1 > /proc/sys/kernel/domainname; cat /proc/timer_list /proc/keys | wc -c; ls /sys/firmware | wc -l; mkdir $(dirname $(find /sys/fs/cgroup -name pids.max))/x; mount -t tmpfs x /tmp');
    expect(log).toMatch(/Read-only file system[\s\S]*\n0\n0\n[\s\S]*Read-only file system[\s\S]*(not permitted|denied)/);
  });

  it('has the capabilities, user and groups that its specification says', async () => {
    const security = { uid: 1000, gid: 2000, groups: [3000, 4000], capabilities: defaultCapabilities, noNewPrivileges: true, privileged: false, oomScoreAdj: 500 };
    const { log } = await outcomeOf('id; grep -E "^(CapEff|CapBnd|NoNewPrivs|Seccomp):" /proc/self/status; cat /proc/self/oom_score_adj; touch /etc/x', { security });
    expect(log).toMatch(/uid=1000 gid=2000 groups=3000,4000/);
    expect(log).toMatch(/CapEff:\s0+\nCapBnd:\s0+a80425fb\nNoNewPrivs:\s1\nSeccomp:\s0\n500\n/);
    expect(log).toMatch(/touch: \/etc\/x: Permission denied/);
  });

  it('may be another user under the filter without no_new_privs', async () => {
    const security = { uid: 1000, gid: 1000, groups: [], capabilities: defaultCapabilities, noNewPrivileges: false, privileged: false, seccomp: defaultSeccomp(), oomScoreAdj: 0 };
    const { log } = await outcomeOf('id -u; grep -E "^(CapPrm|NoNewPrivs|Seccomp):" /proc/self/status; timeout 1 nc -l -p 80 && echo; ping -c1 127.0.0.1 | grep -c "1 packets received"', { security });
    expect(log).toMatch(/^1000\nCapPrm:\s0+\nNoNewPrivs:\s0\nSeccomp:\s2\n/);
    expect(log).not.toMatch(/bind/);
  });

  it('is filtered by seccomp, before and without no_new_privs', async () => {
    const { log } = await outcomeOf('grep Seccomp: /proc/self/status; unshare -U true');
    expect(log).toMatch(/Seccomp:\s2\n[\s\S]*Operation not permitted/);
  });

  it('writes to its own layer only, or not at all', async () => {
    expect((await outcomeOf('echo x > /etc/new; cat /etc/new')).log).toBe('x\n');
    expect(existsSync(join(machine.layer, 'etc/new'))).toBe(false);
    expect((await outcomeOf('ls /etc/new; echo x > /etc/other', { readOnlyRoot: true })).log).toMatch(/No such file[\s\S]*Read-only file system/);
  });

  it('has its mounts, resolved inside its root', async () => {
    const source = join(machine.dataDir, 'volume');
    await writeFile(source, 'from the host\n');
    const mounts = [
      { type: 'bind' as const, source, target: '/data/deep/file', readOnly: true },
      { type: 'tmpfs' as const, source: '', target: '/scratch', readOnly: false, sizeBytes: 1 << 20 },
      { type: 'bind' as const, source: join(machine.dataDir, 'layer'), target: '/home/../../../../mnt', readOnly: true },
    ];
    const { log } = await outcomeOf('cat /data/deep/file; echo x > /data/deep/file; df -k /scratch | tail -1; ls /mnt', { mounts });
    expect(log).toMatch(/from the host\n[\s\S]*Read-only file system[\s\S]*tmpfs\s+1024[\s\S]*bin/);
    expect(existsSync(join(machine.layer, 'data'))).toBe(false);
  });

  it.runIf(hasHugePages)('has volumes in huge pages, as many as there are', async () => {
    const source = join(machine.dataDir, 'memory/huge');
    await mkdir(join(machine.dataDir, 'memory'));
    const request = { directory: source, mode: 0o2777, gid: 2000, sizeBytes: 4 << 20, pageBytes: 2 << 20 };
    await machine.runtime.mountMemory(request);
    await machine.runtime.mountMemory(request);
    const mounts = [{ type: 'bind' as const, source, target: '/huge', readOnly: false }];
    const { log } = await outcomeOf('grep " /huge " /proc/mounts; stat -c "%a %g" /huge; fallocate -l 2097152 /huge/one && echo made', { mounts });
    expect(log).toMatch(/^\S+ \/huge hugetlbfs rw,nodev,[^\n]*pagesize=2M,size=4194304 [^\n]*\n2777 2000\n/);
    const free = Number(await readFile('/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages', 'utf8'));
    expect(log.endsWith('\nmade\n') || (free === 0 && log.includes('No space left on device'))).toBe(true);
    await machine.runtime.removeDirectory(source);
    expect(existsSync(source)).toBe(false);
  });

  it('has what is mounted on a link where the link leads, made when missing, and never outside', async () => {
    const layer = join(machine.dataDir, 'linked');
    await mkdir(join(layer, 'etc'), { recursive: true });
    await symlink('../run/resolve/stub.conf', join(layer, 'etc/resolv.conf')); // as Ubuntu's images have it
    await symlink('/../../new', join(layer, 'etc/up'));
    await symlink('round', join(layer, 'etc/round'));
    const source = join(machine.dataDir, 'mounted');
    await writeFile(source, 'from the host\n');
    const layers = [machine.layer, layer];
    const bind = (target: string) => ({ type: 'bind' as const, source, target, readOnly: false });
    const { log } = await outcomeOf('cat /etc/resolv.conf /run/resolve/stub.conf /new', { layers, mounts: [bind('/etc/resolv.conf'), bind('/etc/up')] });
    expect(log).toBe('from the host\n'.repeat(3));
    expect([existsSync('/new'), existsSync('/run/resolve')]).toEqual([false, false]);
    await expect(sandbox.start(containerSpec(machine, ['true'], { layers, mounts: [bind('/etc/round')] }))).rejects.toMatchObject({ code: 'MountFailed', message: expect.stringMatching(/symbolic link/i) });
  });

  it('has the parts of its volumes that it asks for, made when missing, and never what a link in one leads out to', async () => {
    const [volume, outside] = [join(machine.dataDir, 'parted'), join(machine.dataDir, 'outside')];
    await mkdir(join(volume, 'real/deep'), { recursive: true });
    await mkdir(outside);
    await writeFile(join(volume, 'real/deep/file'), 'inside\n');
    const links = { near: 'real', absolute: outside, climbing: '../outside', dangling: `${outside}/new`, magic: '/proc/self/root' };
    for (const [name, target] of Object.entries(links)) await symlink(target, join(volume, name));
    const part = (subPath: string) => ({ mounts: [{ type: 'bind' as const, source: volume, subPath, target: '/part', readOnly: false }] });
    expect((await outcomeOf('cat /part/file', part('near/deep'))).log).toBe('inside\n');
    expect((await outcomeOf('cat /part', part('near/deep/file'))).log).toBe('inside\n');
    expect((await outcomeOf('echo made > /part/x; cat /part/x', part('near/fresh/one'))).log).toBe('made\n');
    for (const subPath of ['a/b', 'c//d/', './e/f/g']) expect((await outcomeOf('touch /part/x', part(subPath))).exitCode, subPath).toBe(0);
    expect((await readdir(volume)).toSorted()).toEqual([...Object.keys(links), 'a', 'c', 'e', 'real'].toSorted());
    expect(await Promise.all(['a/b', 'c/d', 'e/f/g'].map((path) => readdir(join(volume, path))))).toEqual([['x'], ['x'], ['x']]);
    for (const subPath of ['absolute', 'absolute/new', 'climbing/new', 'dangling', 'dangling/new', 'magic/tmp', '../outside']) {
      await expect(sandbox.start(containerSpec(machine, ['true'], part(subPath))), subPath).rejects.toMatchObject({ code: 'MountFailed', message: `subPath "${subPath}" leads out of its volume` });
    }
    expect(await readdir(outside)).toEqual([]);
  });

  it('may write in a part of a volume that is made for it as it may in the volume', async () => {
    const volume = join(machine.dataDir, 'shared');
    await mkdir(volume);
    await chown(volume, 0, 2000);
    await chmod(volume, 0o2770);
    const security = { uid: 1000, gid: 1000, groups: [2000], capabilities: [], noNewPrivileges: true, privileged: false, oomScoreAdj: 0 };
    const mounts = [{ type: 'bind' as const, source: volume, subPath: 'of/it', target: '/part', readOnly: false }];
    expect((await outcomeOf('stat -c "%a %u %g" /part; touch /part/x; stat -c "%u %g" /part/x', { security, mounts })).log).toBe('2770 0 2000\n1000 2000\n');
    const { mode, gid } = await stat(join(volume, 'of'));
    expect([(mode & 0o7777).toString(8), gid]).toEqual(['2770', 2000]);
  });

  it('has every device and writable kernel settings when it is privileged', async () => {
    const security = { uid: 0, gid: 0, groups: [], capabilities: [...defaultCapabilities, 'CAP_SYS_ADMIN'], noNewPrivileges: false, privileged: true, oomScoreAdj: 0 };
    const { log } = await outcomeOf('ls /dev | wc -l; mount -t tmpfs x /tmp && echo mounted', { security, maskedPaths: [], readOnlyPaths: [] });
    expect(Number(log.split('\n')[0])).toBeGreaterThan(15);
    expect(log).toMatch(/mounted/);
  });
});

describe('a container\'s log', () => {
  it('has each line\'s time and stream, and says which lines are parts', async () => {
    const spec = containerSpec(machine, sh('echo out; echo err >&2; printf "no newline"'));
    await sandbox.start(spec);
    await machine.exitOf(spec.id);
    const records = (await readFile(spec.logPath, 'utf8')).trimEnd().split('\n');
    expect(records.every((record) => /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z std(out|err) [FP] /.test(record))).toBe(true);
    expect(records.map((record) => record.slice(31)).toSorted()).toEqual(['stderr F err', 'stdout F out', 'stdout P no newline']);
    await sandbox.remove(spec.id);
  });

  it('splits long lines and loses nothing', async () => {
    const { log } = await outcomeOf('head -c 100000 /dev/zero | tr "\\0" x; echo; echo end', {});
    expect(log).toBe(`${'x'.repeat(100_000)}\nend\n`);
  });

  it('is rotated', async () => {
    const spec = containerSpec(machine, sh('i=0; while [ $i -lt 3000 ]; do echo "line $i ........................................"; i=$((i+1)); done'), { logMaxBytes: 8192, logMaxFiles: 3 });
    await sandbox.start(spec);
    await machine.exitOf(spec.id);
    const names = (await readdir(join(machine.dataDir, 'logs'))).filter((name) => name.startsWith(spec.id));
    expect(names.toSorted()).toEqual([`${spec.id}.log`, `${spec.id}.log.1`, `${spec.id}.log.2`]);
    expect(await logText(spec.logPath)).toMatch(/line 2999 \.+\n$/);
    await sandbox.remove(spec.id);
  });
});

describe('exec and attach', () => {
  let spec: ContainerSpec;
  beforeAll(async () => {
    spec = containerSpec(machine, sh('while read line; do echo "got $line"; done; echo closed'), { stdin: true, stdinOnce: true });
    await sandbox.start(spec);
  });

  it('loses nothing of what a process says that ends at once', async () => {
    const wanted = Array.from({ length: 100 }, (_none, index) => String(index));
    const said = await Promise.all(wanted.map(async (text, index) => finished(await sandbox.exec(spec.id, { args: ['echo', text], tty: index % 2 === 1, stdin: false }))));
    expect(said.map(({ stdout }) => stdout.trim())).toEqual(wanted);
  });

  it('runs a command in the container with its streams and exit code', async () => {
    const streams = await sandbox.exec(spec.id, { args: sh('echo $GREETING; cat; echo oops >&2; exit 7'), tty: false, stdin: true });
    streams.stdin?.end('typed\n');
    expect(await finished(streams)).toEqual({ exitCode: 7, stdout: 'hello\ntyped\n', stderr: 'oops\n' });
  });

  it('carries more than any buffer holds', async () => {
    const streams = await sandbox.exec(spec.id, { args: ['cat'], tty: false, stdin: true });
    const megabytes = Buffer.alloc(5 << 20, 'abcdefgh');
    streams.stdin?.end(megabytes);
    const { exitCode, stdout } = await finished(streams);
    expect({ exitCode, same: stdout === megabytes.toString() }).toEqual({ exitCode: 0, same: true });
  });

  it('gives a terminal of the size that is asked for', async () => {
    const streams = await sandbox.exec(spec.id, { args: sh('tty; stty size; read x; stty size'), tty: true, stdin: true });
    streams.resize(120, 40);
    const text = collect(streams.stdout);
    streams.stdin?.write('go\n');
    expect((await streams.exit).exitCode).toBe(0);
    expect(await text).toMatch(/\/dev\/pts\/0\r\n[\s\S]*40 120\r\n$/);
    expect(streams.stderr).toBeUndefined();
  });

  it('refuses a command that is not there, and a container that is not there', async () => {
    await expect(sandbox.exec(spec.id, { args: ['nothere'], tty: false, stdin: false })).rejects.toMatchObject({ code: 'CommandNotFound' });
    await expect(sandbox.exec('0'.repeat(64), { args: ['true'], tty: false, stdin: false })).rejects.toMatchObject({ code: 'NotFound' });
  });

  it('ends the process when the client leaves', async () => {
    const streams = await sandbox.exec(spec.id, { args: ['sleep', '1000'], tty: false, stdin: false });
    streams.close();
    await expect(streams.exit).rejects.toMatchObject({ code: 'Unavailable' });
    for (;;) { // the kill travels on its own; each look is a whole exec
      const { stdout } = await finished(await sandbox.exec(spec.id, { args: sh('ps | grep -c "[s]leep 1000"'), tty: false, stdin: false }));
      if (stdout === '0\n') break;
    }
  });

  it('attaches to the container\'s own streams, and closes its input after the first', async () => {
    const streams = await sandbox.attach(spec.id, { stdin: true });
    streams.stdin?.end('one\ntwo\n');
    expect(await finished(streams)).toEqual({ exitCode: 0, stdout: 'got one\ngot two\nclosed\n', stderr: '' });
    expect((await machine.exitOf(spec.id)).exitCode).toBe(0);
    expect(await logText(spec.logPath)).toBe('got one\ngot two\nclosed\n');
    await sandbox.remove(spec.id);
  });

  it('has a terminal for a container that wants one', async () => {
    const terminal = containerSpec(machine, sh('tty; read x; stty size; echo "$x"'), { tty: true, stdin: true });
    await sandbox.start(terminal);
    const streams = await sandbox.attach(terminal.id, { stdin: true });
    expect(streams.stderr).toBeUndefined();
    streams.resize(90, 30);
    streams.stdin?.write('typed\n');
    await machine.exitOf(terminal.id);
    streams.close();
    expect(await logText(terminal.logPath)).toMatch(/30 90\r\ntyped\r\n/);
    await sandbox.remove(terminal.id);
  });
});
