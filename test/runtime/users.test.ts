/** Pods with users of their own: root inside, nobody outside. */
import { execFile } from 'node:child_process';
import { chown, cp, mkdir, mkdtemp, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startHost, usersPerPod } from '../../native/host.ts';
import { readLayout, slotPaths } from '../../node-agent/runtime/cgroups.ts';
import type { ContainerSpec, Mount, Sandbox } from '../../node-agent/runtime/runtime.ts';
import { recordOf } from '../sandbox-record.ts';
import { buildSanitized, collect, containerSpec, createTestMachine, finished, mighty, outcome, sandboxSpec, sanitized, sh, type TestMachine } from './fixture.ts';

let machine: TestMachine;
let sandbox: Sandbox;
/** Of a container that only waits. */
let id: string;
let pid: number;

beforeAll(async () => {
  // Whoever forgets what is taken hands it out again.
  machine = await createTestMachine({ random: () => 0.5 });
  await promisify(execFile)('setcap', ['cap_net_admin=ep', await program('busybox-net')]);
  await chown(join(machine.layer, 'home'), 1234, 1234);
  sandbox = await machine.runtime.createSandbox(sandboxSpec('own', { hostUsers: false, sysctls: { 'net.ipv4.tcp_fin_timeout': '17', 'kernel.msgmax': '4321' } }));
  const spec = containerSpec(machine, ['sleep', '1000'], { maskedPaths: [], readOnlyPaths: [] });
  ({ id } = spec);
  ({ pid } = await sandbox.start(spec));
});
afterAll(() => machine.close());

/** Busybox under another name, in the image. */
async function program(name: string): Promise<string> {
  const path = join(machine.layer, 'bin', name);
  await cp('/bin/busybox', path);
  return path;
}

async function inside(script: string, options: { readonly tty?: boolean; readonly stdin?: boolean } = {}): Promise<string> {
  const { stdout, stderr } = await finished(await sandbox.exec(id, { args: sh(script), tty: false, stdin: false, ...options }));
  return (stdout + stderr).replaceAll('\r', '');
}
/** What a container of its own says, both streams in one. */
async function said(script: string, changes: Partial<ContainerSpec> = {}, where = sandbox): Promise<string> {
  return (await outcome(machine, where, containerSpec(machine, sh(`exec 2>&1; ${script}`), changes))).log;
}
const security = (changes: Partial<ContainerSpec['security']>) => ({ ...containerSpec(machine, ['true']).security, ...changes });
const bind = (source: string, target: string, changes: Partial<Mount> = {}): Mount => ({ type: 'bind', source, target, readOnly: false, ...changes });
const firstUserOf = async (uid: string): Promise<number | undefined> => (await recordOf(machine.dataDir, uid)).firstUser;
/** Who a process is on the host. */
const idsOf = async (process: number): Promise<string[]> => (await readFile(`/proc/${process}/status`, 'utf8')).split('\n').filter((line) => /^[UG]id:/.test(line)).flatMap((line) => line.split('\t').slice(1));

describe('a pod with users of its own', () => {
  it('is root inside, and nobody outside', async () => {
    const first = await firstUserOf('own');
    expect(first).toBeGreaterThanOrEqual(usersPerPod);
    expect(await inside('id -u; id -g; cat /proc/self/uid_map /proc/self/gid_map | tr -s " "')).toBe(`0\n0\n 0 ${first} ${usersPerPod}\n 0 ${first} ${usersPerPod}\n`);
    expect(new Set(await idsOf(pid))).toEqual(new Set([String(first)]));
    const ids = await said('cat /proc/self/status', { security: security({ uid: 1000, gid: 2000, groups: [3000] }) });
    expect(ids).toMatch(/^Uid:\t1000\t1000\t1000\t1000\nGid:\t2000\t2000\t2000\t2000\n(.*\n)*Groups:\t3000 $/m);
  });

  it('has processes that are the same nobody when they come by exec, or share their processes', async () => {
    const shared = await machine.runtime.createSandbox(sandboxSpec('shared', { hostUsers: false, shareProcessNamespace: true }));
    const spec = containerSpec(machine, ['sleep', '1001']);
    await shared.start(spec);
    const streams = await shared.exec(spec.id, { args: sh('echo; exec sleep 1002'), tty: false, stdin: false });
    await new Promise((resolve) => streams.stdout.once('data', resolve));
    const { stdout } = await finished(await shared.exec(spec.id, { args: sh('ps -o pid,args; id -u'), tty: true, stdin: false }));
    expect(stdout.replaceAll('\r', '')).toMatch(/^\s+1 \{?coracle-reaper(.*\n)*.* sleep 1001\n(.*\n)*.* sleep 1002\n(.*\n)*0\n$/m);
    const first = await firstUserOf('shared');
    const processes = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
    const namespaceOf = async (process: string) => readFile(`/proc/${process}/uid_map`, 'utf8').catch(() => '');
    const own = (await Promise.all(processes.map(async (process) => ((await namespaceOf(process)).includes(` ${first} `) ? [process] : [])))).flat();
    expect(own.length).toBe(3);
    for (const process of own) expect(new Set(await idsOf(Number(process)))).toEqual(new Set([String(first)]));
    await shared.destroy();
  });

  it('has no users in common with another, nor with one that comes after a new agent has found it', async () => {
    const other = await machine.runtime.createSandbox(sandboxSpec('other', { hostUsers: false }));
    const first = (await firstUserOf('own')) ?? 0;
    expect(await firstUserOf('other')).not.toBe(first);
    await other.destroy();
    await machine.reopen();
    const [again] = await machine.runtime.recover();
    if (again === undefined) throw new Error('the pod was adopted');
    sandbox = again;
    await machine.runtime.configureNetwork({ podCidr: '10.213.251.0/24', clusterCidr: '10.213.251.0/24', routes: [] });
    expect(await inside('id -u')).toBe('0\n');
    const later = await machine.runtime.createSandbox(sandboxSpec('later', { hostUsers: false }));
    expect([await firstUserOf('own'), await firstUserOf('later')]).toEqual([first, first + usersPerPod]);
    await later.destroy();
  });

  it('has kernel settings of its own', async () => {
    expect(await inside('cat /proc/sys/net/ipv4/tcp_fin_timeout /proc/sys/kernel/msgmax')).toBe('17\n4321\n');
    expect(await said('echo 18 > /proc/sys/net/ipv4/tcp_fin_timeout && cat /proc/sys/net/ipv4/tcp_fin_timeout', mighty(machine))).toBe('18\n');
  });

  it('has terminals, standard streams by name, input, and a port on its loopback', async () => {
    expect(await inside('tty; stat -c "%u %g" $(tty); echo there > /dev/tty', { tty: true })).toBe('/dev/pts/0\n0 5\nthere\n');
    expect(await inside('echo out > /dev/stdout; echo err > /dev/stderr')).toBe('out\nerr\n');
    expect(await said('echo by name > /dev/stdout', { security: security({ uid: 1000, gid: 1000 }) })).toBe('by name\n');
    expect((await said('tty; stat -c "%u %g %t" /dev/console; echo there > /dev/tty', { tty: true, security: security({ uid: 1000, gid: 1000 }) })).replaceAll('\r', '')).toBe('/dev/pts/0\n1000 5 88\nthere\n');
    const streams = await sandbox.exec(id, { args: ['cat'], tty: false, stdin: true });
    streams.stdin?.end('typed');
    expect((await finished(streams)).stdout).toBe('typed');
    const server = containerSpec(machine, ['nc', '-l', '-p', '70', '-e', 'echo', 'served']);
    await sandbox.start(server);
    while (!(await inside('netstat -ltn')).includes(':70 ')) { /* each look is a whole exec */ }
    expect(await collect(await sandbox.dial(70))).toBe('served\n');
  });
});

describe('the program that makes such a pod', () => {
  const sharing = { key: 'abcdef01', hostNetwork: false, hostPid: false, hostIpc: false, zygotes: 1, maskedPaths: [], readOnlyPaths: [] };

  it('does so without a misstep, and says what the machine lacks', async () => {
    await buildSanitized();
    const host = startHost({ hostBinary: sanitized.host });
    const layout = await readLayout();
    const paths = slotPaths(layout, machine.instance, sharing.key);
    const directory = join(machine.dataDir, 'checked');
    const cgroups = layout.hierarchies.map(({ controllers }, index) => ({ controllers, path: paths[index] ?? '' }));
    const spawn = async (firstUser: number) => host.spawn({ ...sharing, directory, cgroupVersion: layout.version, cgroups, firstUser });
    const supervisor = await spawn(2 ** 31 - usersPerPod);
    await host.destroy({ supervisor, directory, cgroups: paths });
    await expect(spawn(2 ** 32 - 1)).rejects.toThrow("mapping the pod's users to 4294967295 of the host and up");
    await host.checkUsers(machine.dataDir);
    await mkdir(directory);
    await promisify(execFile)('mount', ['-t', 'ramfs', 'none', directory]);
    const lacking = `pods with user namespaces (hostUsers: false) need id-mapped mounts (on most file systems: Linux 6.3 or newer), and ${directory} has none on this kernel`;
    await expect(host.checkUsers(directory)).rejects.toThrow(lacking);
    await expect(spawn(usersPerPod)).rejects.toThrow(lacking);
    await host.destroy({ directory, cgroups: paths });
    await host.close();
  }, 120_000);
});

describe('its files', () => {
  it('of the image have the owners that they have there, and stay as they are', async () => {
    expect(await said('stat -c "%u %g" /home /bin; chown 7:8 /home; touch /home/mine; stat -c "%u %g" /home /home/mine; rm -r /etc; mkdir /proc-like; stat -c %u /dev /tmp /proc-like')).toBe('1234 1234\n0 0\n7 8\n0 0\n0\n0\n0\n');
    const { uid } = await stat(join(machine.layer, 'home'));
    expect([uid, await readdir(join(machine.layer, 'home')), (await readdir(machine.layer)).includes('etc')]).toEqual([1234, [], true]);
  });

  it('give the capabilities of a program, in its own namespace only', async () => {
    const user = { security: security({ uid: 1000, gid: 1000, capabilities: ['CAP_NET_ADMIN'] }) };
    expect(await said('/bin/busybox-net ip link set lo mtu 9000 && cat /sys/class/net/lo/mtu; busybox ip link set lo mtu 1000', user)).toMatch(/^9000\n.*not permitted\n$/s);
  });

  it('in volumes are on disk whose they are inside, and nobody\'s if that is none of its users', async () => {
    const volume = await mkdtemp(join(machine.dataDir, 'volume-'));
    const foreign = join(volume, 'foreign');
    await writeFile(foreign, 'as it was');
    await Promise.all([chown(volume, 0, 2000), chown(foreign, usersPerPod + 5, usersPerPod + 5)]);
    await promisify(execFile)('chmod', ['2775', volume]);
    const mounts = [bind(volume, '/data')];
    expect(await said('stat -c "%u %g" /data /data/foreign; echo changed > /data/foreign; chown 0 /data/foreign; touch /data/roots; mknod /data/disk b 254 0', { mounts })).toMatch(/^0 2000\n65534 65534\n.*foreign: Permission denied\n.*foreign: Operation not permitted\n.*disk: Operation not permitted\n$/);
    await said('touch /data/users', { mounts, security: security({ uid: 1000, gid: 1000, groups: [2000] }) });
    const owners = await Promise.all(['roots', 'users', 'foreign'].map(async (name) => stat(join(volume, name)).then(({ uid, gid }) => [uid, gid])));
    expect(owners).toEqual([[0, 2000], [1000, 2000], [usersPerPod + 5, usersPerPod + 5]]);
    expect(await readFile(foreign, 'utf8')).toBe('as it was');
  });

  it('in memory, in parts of volumes and single ones have them too', async () => {
    const directory = join(machine.dataDir, 'memory');
    await machine.runtime.mountMemory({ directory, mode: 0o2777, gid: 2000 });
    const file = join(machine.dataDir, 'hosts');
    await writeFile(file, 'a\n');
    const parts = join(machine.dataDir, 'parts');
    await mkdir(parts);
    await chown(parts, 0, 2000);
    await promisify(execFile)('chmod', ['2770', parts]);
    const mounts: Mount[] = [
      bind(directory, '/memory'), bind(file, '/etc/hosts'), bind(parts, '/part', { subPath: 'of/it' }), bind(parts, '/own-part', { subPath: 'o/i' }),
      { type: 'tmpfs', source: '', target: '/own', readOnly: false }, { type: 'tmpfs', source: 'cache', target: '/cache', readOnly: false },
    ];
    const script = 'touch /memory/x /part/x /own/x /cache/x /dev/shm/x; echo b >> /etc/hosts; stat -c "%u %g" /memory /memory/x /part /part/x /own /own/x /cache /cache/x /dev/shm /dev/shm/x /etc/hosts';
    expect(await said(script, { mounts })).toBe(`${'0 2000\n'.repeat(4)}${'0 0\n'.repeat(7)}`);
    expect(await said('touch /own-part/x && stat -c "%a %u %g" /own-part /own-part/x', { mounts, security: security({ uid: 1000, gid: 1000, groups: [2000] }) })).toBe('2770 0 2000\n644 1000 2000\n');
    expect(await inside('rm /dev/shm/x && echo shared')).toBe('shared\n');
    expect(await Promise.all([join(directory, 'x'), join(parts, 'of/it/x'), file].map(async (path) => (await stat(path)).uid))).toEqual([0, 0, 0]);
    expect(await readFile(file, 'utf8')).toBe('a\nb\n');
  });

  it('are read-only for whoever is root inside, too', async () => {
    const volume = await mkdtemp(join(machine.dataDir, 'volume-'));
    await writeFile(join(volume, 'file'), 'as it was');
    const mounts = [bind(volume, '/volume', { readOnly: true }), bind(join(volume, 'file'), '/file', { readOnly: true })];
    expect(await said('mount -o remount,rw /volume; mount -o remount,bind,rw /volume; mount -o remount,bind,rw /file; mount --bind /volume /tmp && mount -o remount,bind,rw /tmp; for path in /volume /tmp; do echo changed > $path/file; done; echo changed > /file', { ...mighty(machine), mounts }))
      .toMatch(/^(mount: .*\n)+(sh: .*: Read-only file system\n){3}$/);
    expect(await readFile(join(volume, 'file'), 'utf8')).toBe('as it was');
  });

  it('are no devices of the machine, though an image or a volume has them', async () => {
    const volume = await mkdtemp(join(machine.dataDir, 'volume-'));
    for (const path of [join(volume, 'zero'), join(machine.layer, 'zero')]) await promisify(execFile)('mknod', [path, 'c', '1', '5']);
    expect(await said('stat -c %u /zero /volume/zero; mount -o remount,bind,dev /volume; head -c 1 /zero; head -c 1 /volume/zero', { ...mighty(machine), mounts: [bind(volume, '/volume')] })).toMatch(/^0\n0\nmount: .*\nhead: .*Permission denied\nhead: .*Permission denied\n$/);
  });

  it('are protected as any pod\'s', async () => {
    const volume = await mkdtemp(join(machine.dataDir, 'volume-'));
    expect(await said('touch /x; touch /volume/x; touch /sys/x; cat /proc/keys | wc -c; ls /sys/firmware | wc -l; echo 1 > /proc/sys/vm/swappiness; touch /dev/x && echo made', { readOnlyRoot: true, mounts: [bind(volume, '/volume', { readOnly: true })] })).toMatch(/^(.*x: Read-only file system\n){3}0\n0\n.*swappiness: Read-only file system\nmade\n$/);
  });

  it.each<[string, Partial<Mount>, string]>([
    ['of a file system that has no id-mapped mounts', { source: '/proc' }, "/proc can't be shown in a user namespace (hostUsers: false): its file system has no id-mapped mounts on this kernel"],
    ['that would show on the host what the pod mounts', { propagation: 'shared' }, "/host can't be mounted with Bidirectional propagation in a user namespace (hostUsers: false)"],
  ])('are refused in a volume %s', async (_which, changes, message) => {
    await expect(sandbox.start(containerSpec(machine, ['true'], { mounts: [bind(machine.dataDir, '/host', changes)] }))).rejects.toMatchObject({ code: 'MountFailed', message });
  });
});

describe('its root, whatever it asks for,', () => {
  it('can do in its own namespaces what capabilities let it', async () => {
    expect(await said('mkdir /m && mount -t tmpfs none /m && touch /m/x && hostname other && hostname && ip link set lo mtu 1400 && chroot / id -u', mighty(machine))).toBe('other\n0\n');
    expect(await said("unshare -p -m -f sh -c 'mount -t proc proc /proc && echo $$ && ls -d /proc/[0-9]*'; unshare -U -r -m -n sh -c 'mount -t tmpfs none /tmp && mount -t sysfs none /sys && ls /sys/class/net'", mighty(machine))).toBe('1\n/proc/1\nlo\n');
  });

  it.each([
    ['take apart its root, or mount what is the machine\'s', 'mount -o remount,dev /; mount -t devtmpfs none /tmp; mount -t ext4 /dev/vda /tmp; umount /', /^mount:.*\nmount:.*\nmount:.*\numount:.*\n$/],
    ['make devices', 'mknod /dev/disk b 254 0; mknod /tmp/mem c 1 1; ls /dev | grep -c -E "^(sd|vd|loop|mem|kmsg|kvm)"', /^mknod: .*not permitted\nmknod: .*not permitted\n0\n$/],
    ['set the machine\'s time', 'date -s 2001-01-01 > /dev/null', /^date: .*Operation not permitted\n$/],
    ['load a module', 'head -c 100 /bin/busybox > /tmp/a.ko; insmod /tmp/a.ko', /^insmod: .*(Operation not permitted|kernel does not support requested operation)\n$/],
    ['change the machine\'s settings', 'for path in kernel/panic vm/swappiness kernel/core_pattern; do echo 1 > /proc/sys/$path; done; echo b > /proc/sysrq-trigger; echo 1 > /sys/kernel/mm/ksm/run', /^(.*(Permission denied|nonexistent directory)\n){5}$/],
    ['write to its own limits', 'for file in $(find /sys/fs/cgroup -name memory.limit_in_bytes -o -name memory.max -o -name cgroup.procs); do echo 0 > $file; done', /^(.*Permission denied\n)+$/],
    ['read what only the machine\'s root may', 'cat /proc/kcore; dmesg', /^cat: .*\ndmesg: .*not permitted\n$/],
  ])('can not %s', async (_what, script, expected) => {
    expect(await said(script, mighty(machine))).toMatch(expected);
  });
});
