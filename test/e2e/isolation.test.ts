import { readdir, readlink, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, inject, it } from 'vitest';
import type { Pod } from '../../machinery/kinds/core.ts';
import { patience } from '../patience.ts';
import { eventually } from './eventually.ts';
import { pod, script } from './manifests.ts';
import { useNamespace } from './namespace.ts';

const kubectl = useNamespace('isolation');

const inside = (name: string, command: string) => kubectl`exec ${name} -- sh -c ${command}`;
const addressOf = (name: string) => kubectl`get pod ${name} -o ${'jsonpath={.status.podIP}'}`;
const hello = async (address: string) => (await fetch(`http://${address}:8080/cgi-bin/hello`, { signal: AbortSignal.timeout(5000 * patience) })).text();

beforeAll(async () => {
  await kubectl.apply(
    pod('plain'), pod('other'),
    pod('guarded', { container: { securityContext: { runAsUser: 1000, runAsGroup: 1000, allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'], add: ['NET_BIND_SERVICE'] } } } }),
  );
  await kubectl`wait pod/plain pod/other pod/guarded --for=condition=Ready --timeout=30s`;
});

describe('from inside, a container', () => {
  it.each(['pid', 'mnt', 'net', 'ipc', 'uts', 'cgroup'])('has a %s namespace of its own', async (kind) => {
    const [own, others, hosts] = [await inside('plain', `readlink /proc/self/ns/${kind}`), await inside('other', `readlink /proc/self/ns/${kind}`), await readlink(`/proc/self/ns/${kind}`)];
    expect(own).toMatch(new RegExp(`^${kind}:\\[\\d+\\]\n$`));
    expect(own.trim()).not.toBe(hosts);
    expect(own).not.toBe(others);
  });

  it('sees only its own processes, its first being 1', async () => {
    const list = await inside('plain', 'ps -o pid,args');
    expect(list).toMatch(/^\s+1 \/bin\/httpd -f -p 8080/m);
    expect(list.trim().split('\n').length).toBeLessThan(6);
  });

  it('is called like its pod, and sees only its own interfaces', async () => {
    expect(await inside('plain', 'hostname')).toBe('plain\n');
    const interfaces = await inside('plain', 'ls /sys/class/net');
    expect(interfaces.split('\n').filter((name) => name !== '').toSorted()).toEqual(['eth0', 'lo']);
  });

  it.each(['/proc/kcore', '/proc/keys', '/proc/timer_list', '/proc/latency_stats'])('finds %s empty where the kernel has it', async (path) => {
    expect(await inside('plain', `[ ! -e ${path} ] || wc -c < ${path}`)).toMatch(/^(0\n)?$/);
  });

  it('can change neither kernel settings nor /sys', async () => {
    for (const path of ['/proc/sys/kernel/panic', '/proc/sysrq-trigger', '/sys/kernel/mm/transparent_hugepage/enabled']) {
      expect((await kubectl.outcome`exec plain -- sh -c ${`echo 0 > ${path}`}`).stderr).toMatch(/Read-only file system|Permission denied|nonexistent directory/);
    }
    expect(await inside('plain', "grep ' /sys sysfs' /proc/mounts")).toMatch(/ ro,/);
  });

  it('passes a seccomp filter and holds the default capabilities', async () => {
    const status = await inside('plain', 'cat /proc/self/status');
    expect(status).toMatch(/^Seccomp:\s+2$/m);
    for (const set of ['CapPrm', 'CapEff', 'CapBnd']) expect(status).toMatch(new RegExp(`^${set}:\\s+00000000a80425fb$`, 'm'));
    expect(status).toMatch(/^CapAmb:\s+0{16}$/m);
  });

  it('shows one that may trace others nothing of the machine while something is executed in it', async () => {
    const marker = import.meta.filename;
    const watch = `while :; do for process in /proc/[0-9]*; do if [ -e $process/root${marker} ]; then echo seen; fi; done; done`;
    await kubectl.apply(pod('tracer', { container: { ...script(watch), securityContext: { capabilities: { add: ['SYS_PTRACE'] } } } }));
    await kubectl`wait pod/tracer --for=condition=Ready --timeout=30s`;
    for (let time = 0; time < 20; time++) await kubectl`exec tracer -- true`;
    expect(await kubectl`logs tracer`).toBe('');
    await kubectl`delete pod tracer --now`;
  });

  it('has a minimal /dev', async () => {
    const devices = (await inside('plain', 'ls /dev')).trim().split('\n');
    expect(devices).toEqual(expect.arrayContaining(['fd', 'full', 'mqueue', 'null', 'ptmx', 'pts', 'random', 'shm', 'stderr', 'stdin', 'stdout', 'tty', 'urandom', 'zero']));
    expect(devices.filter((name) => /^(sd|vd|nvme|loop|mem|kmsg|fuse|kvm)/.test(name))).toEqual([]);
  });

  it('runs as who its security context says, with what that leaves it', async () => {
    expect(await inside('guarded', 'id -u; id -g')).toBe('1000\n1000\n');
    const status = await inside('guarded', 'cat /proc/self/status');
    expect(status).toMatch(/^NoNewPrivs:\s+1$/m);
    expect(status).toMatch(/^CapEff:\s+0{16}$/m);
    expect(status).toMatch(/^CapBnd:\s+0{13}400$/m);
    expect((await kubectl.outcome`exec guarded -- touch /tmp/x`).stderr).toContain('Read-only file system');
  });

  it('writes to a root filesystem that is its own', async () => {
    await inside('plain', 'echo mine > /etc/mine');
    expect(await inside('other', 'ls /etc')).not.toContain('mine');
  });
});

describe('limits', () => {
  it('end a container that takes more memory than it may: OOMKilled, 137', async () => {
    await kubectl.apply(pod('greedy', { spec: { restartPolicy: 'Never' }, container: { ...script('dd if=/dev/zero of=/dev/null bs=200M count=1; echo survived'), resources: { limits: { memory: '32Mi' } } } }));
    await kubectl.apply(pod('greedy-first', { spec: { restartPolicy: 'Never' }, container: { command: ['dd', 'if=/dev/zero', 'of=/dev/null', 'bs=200M', 'count=1'], resources: { limits: { memory: '32Mi' } } } }));
    await kubectl`wait pod/greedy-first --for=jsonpath={.status.phase}=Failed --timeout=30s`;
    const { status } = await kubectl.object<Pod>`get pod greedy-first -o json`;
    expect(status?.containerStatuses?.[0]?.state?.terminated).toMatchObject({ reason: 'OOMKilled', exitCode: 137 });
    expect(await kubectl`get pod greedy-first`).toMatch(/\sOOMKilled\s/);
    expect(await hello(await addressOf('plain'))).toBe('Hello from plain\n');
    expect(await kubectl`get pods plain other -o ${'jsonpath={.items[*].status.containerStatuses[0].restartCount}'}`).toBe('0 0');
  });

  it('hold a fork bomb to its own pod', async () => {
    await kubectl.apply(pod('bomb', { container: script("trap '' TERM; while true; do sleep 1000 & done 2>/dev/null") }));
    await kubectl`wait pod/bomb --for=jsonpath={.status.phase}=Running --timeout=30s`;
    // ash ends when it cannot fork any more: with its first process, the whole container goes.
    await kubectl`wait pod/bomb --for=jsonpath={.status.containerStatuses[0].restartCount}=1 --timeout=50s`;
    expect(await hello(await addressOf('plain'))).toBe('Hello from plain\n');
    expect(await inside('other', 'echo $((6*7))')).toBe('42\n');
    await kubectl`delete pod bomb --grace-period=1`;
  });

  it('keep what is logged without end to its share of the disk, the latest of it', async () => {
    await kubectl.apply(pod('flood', { container: script("yes $(head -c 1000 /dev/zero | tr '\\0' x) | head -c 100000000; echo; echo the end; exec sleep 1000") }));
    await kubectl`wait pod/flood --for=condition=Ready --timeout=30s`;
    expect(await hello(await addressOf('plain'))).toBe('Hello from plain\n');
    await eventually(async () => expect(await kubectl`logs flood --tail=1`).toBe('the end\n'));
    const { metadata } = await kubectl.object<Pod>`get pod flood -o json`;
    const logs = join(inject('cluster').dataDir, 'pods', metadata?.uid ?? '', 'logs/main');
    const sizes = await Promise.all((await readdir(logs)).map(async (name) => (await stat(join(logs, name))).size));
    expect(sizes).toHaveLength(5);
    for (const size of sizes) expect(size).toBeLessThan(11 * 1024 * 1024);
    await kubectl`delete pod flood --now`;
  });

  it('appear in the container’s cgroup', async () => {
    await kubectl.apply(pod('limited', { container: { resources: { requests: { cpu: '100m', memory: '16Mi' }, limits: { cpu: '500m', memory: '64Mi' } } } }));
    await kubectl`wait pod/limited --for=condition=Ready --timeout=30s`;
    const { status } = await kubectl.object<Pod>`get pod limited -o json`;
    expect(status?.qosClass).toBe('Burstable');
    const group = await inside('limited', 'cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2>/dev/null; true');
    expect(group.trim()).toBe(String(64 * 1024 * 1024));
  });
});

describe('the network', () => {
  it('leads from the machine to every pod, and from pod to pod, without address translation', async () => {
    const [plain, other] = [await addressOf('plain'), await addressOf('other')];
    expect(plain).not.toBe(other);
    expect(await hello(plain)).toBe('Hello from plain\n');
    expect(await inside('plain', `wget -qO- http://${other}:8080/cgi-bin/hello`)).toBe('Hello from other\n');
    expect(await inside('other', `wget -qO- http://${plain}:8080/cgi-bin/hello`)).toBe('Hello from plain\n');
  });

  it('leads from a pod to itself, by name and by address', async () => {
    expect(await inside('plain', 'wget -qO- http://$(hostname):8080/cgi-bin/hello')).toBe('Hello from plain\n');
    expect(await inside('plain', 'wget -qO- http://localhost:8080/cgi-bin/hello')).toBe('Hello from plain\n');
  });

  it('is the machine’s own with hostNetwork', async () => {
    await kubectl.apply(pod('hosted', { spec: { hostNetwork: true }, container: script('exec sleep 1000') }));
    await kubectl`wait pod/hosted --for=condition=Ready --timeout=30s`;
    expect((await inside('hosted', 'readlink /proc/self/ns/net')).trim()).toBe(await readlink('/proc/self/ns/net'));
    const { status } = await kubectl.object<Pod>`get pod hosted -o json`;
    expect(status?.podIP).toBe(status?.hostIP);
  });

  it('is shared by the containers of a pod', async () => {
    await kubectl.apply(pod('pair', { spec: { containers: [{ name: 'web', image: 'coracle.example/web:1' }, { name: 'asks', image: 'coracle.example/web:1', ...script('exec sleep 1000') }] } }));
    await kubectl`wait pod/pair --for=condition=Ready --timeout=30s`;
    expect(await kubectl`exec pair -c asks -- wget -qO- http://localhost:8080/cgi-bin/hello`).toBe('Hello from pair\n');
    expect(await kubectl`exec pair -c asks -- ps -o args`).not.toContain('httpd');
  });
});
