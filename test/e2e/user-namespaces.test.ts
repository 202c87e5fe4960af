import { chmod, chown, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import type { Node, Pod } from '../../machinery/kinds/core.ts';
import { patience } from '../patience.ts';
import { webImage } from './coracle.ts';
import { eventually } from './eventually.ts';
import { podProcesses } from './machine-processes.ts';
import { pod, script, type PodOptions } from './manifests.ts';
import { useNamespace } from './namespace.ts';

/** Pods with `hostUsers: false`, by what a user sees of them; test/runtime/users.test.ts has the machine's side. */
const kubectl = useNamespace('users');
const inside = (name: string, command: string, container = 'main') => kubectl`exec ${name} -c ${container} -- sh -c ${command}`;
const ready = (name: string) => kubectl`wait pod/${name} --for=condition=Ready --timeout=30s`;
const own = (name: string, { spec, ...options }: PodOptions = {}) => pod(name, { ...options, spec: { hostUsers: false, ...spec } });
/** Everything that a pod can ask for. */
const mighty = { securityContext: { privileged: true } };
let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'coracle-users-'));
  await chmod(directory, 0o755);
  await kubectl.apply(
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'colours' }, data: { first: 'red' } },
    { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'hidden' }, stringData: { password: 's3cret' } },
    own('plain', { container: { readinessProbe: { exec: { command: ['test', '-d', '/tmp'] }, periodSeconds: 1 }, livenessProbe: { httpGet: { path: '/cgi-bin/hello', port: 8080 }, periodSeconds: 1 } } }),
    own('mighty', { container: { ...script('exec sleep 31501'), ...mighty, volumeMounts: [{ name: 'host', mountPath: '/host' }] }, spec: { volumes: [{ name: 'host', hostPath: { path: directory } }] } }),
    own('talks', { container: { ...script('exec cat'), stdin: true } }),
  );
  await kubectl`wait pod/plain pod/mighty pod/talks --for=condition=Ready --timeout=30s`;
});
afterAll(() => rm(directory, { recursive: true }));

const idsOf = async (command: RegExp): Promise<number[]> => {
  const processes = await podProcesses(inject('cluster').instance, command);
  return Promise.all(processes.map(async ({ pid }) => Number(/^Uid:\t(\d+)/m.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1])));
};

describe('a pod with users of its own', () => {
  it('is root inside, and on the machine one of 65536 that no other pod has', async () => {
    const map = async (name: string) => (await inside(name, 'cat /proc/self/uid_map')).trim().split(/\s+/).map(Number);
    const [[, first = 0], others] = [await map('mighty'), await map('plain')];
    expect(await map('mighty')).toEqual([0, expect.any(Number), 65_536]);
    expect(others[1]).not.toBe(first);
    expect(await inside('mighty', 'id -u')).toBe('0\n');
    expect(await idsOf(/sleep 31501/)).toEqual([first]);
    const { items: [node] } = await kubectl.object<{ items: Node[] }>`get nodes -o json`;
    expect(node?.status?.runtimeHandlers).toEqual(['', 'coracle'].map((name) => ({ name, features: { recursiveReadOnlyMounts: true, userNamespaces: true } })));
  });

  it('is probed, logs, takes connections, files and terminals like any other', async () => {
    const address = await kubectl`get pod plain -o ${'jsonpath={.status.podIP}'}`;
    expect(await (await fetch(`http://${address}:8080/cgi-bin/hello`, { signal: AbortSignal.timeout(5000 * patience) })).text()).toBe('Hello from plain\n');
    await using forward = kubectl.start`port-forward pod/plain :8080`;
    const [, port] = await forward.until(/Forwarding from 127\.0\.0\.1:(\d+) -> 8080/);
    expect(await (await fetch(`http://127.0.0.1:${port}/cgi-bin/hello`, { signal: AbortSignal.timeout(5000 * patience) })).text()).toBe('Hello from plain\n');
    expect(await kubectl.with({ input: 'typed' })`exec -i plain -- cat`).toBe('typed');
    await using terminal = kubectl.terminal`exec -it plain -- sh`;
    await terminal.until(/# /);
    terminal.write('tty\r');
    await terminal.until(/tty\r\n\/dev\/pts\/\d+\r\n/);
    const file = join(directory, 'copied');
    await writeFile(file, 'carried');
    await kubectl`cp ${file} users/plain:/tmp/copied`;
    expect(await inside('plain', 'cat /tmp/copied')).toBe('carried');
    await using attached = kubectl.start`attach -i talks`;
    attached.write('hello there\n');
    await attached.until(/hello there/);
    expect((await kubectl.object<Pod>`get pod plain -o json`).status?.containerStatuses?.[0]).toMatchObject({ ready: true, restartCount: 0 });
  });

  it('has its hooks run, shares processes, and says why it ended', async () => {
    const last = script("trap 'ls /tmp/stopping > /dev/stdout; echo said at last > /dev/termination-log; exit 0' TERM; echo started; while true; do usleep 50000; done");
    await kubectl.apply(own('hooked', {
      spec: { shareProcessNamespace: true, restartPolicy: 'Never', terminationGracePeriodSeconds: 10, containers: [
        { name: 'main', image: webImage, ...last, lifecycle: { postStart: { exec: { command: ['touch', '/tmp/hook'] } }, preStop: { exec: { command: ['touch', '/tmp/stopping'] } } } },
        { name: 'other', image: webImage, ...script('exec sleep 31502') },
      ] },
    }));
    await ready('hooked');
    expect(await inside('hooked', 'ls /tmp/hook; ps -o user,args')).toMatch(/^\/tmp\/hook\n(.*\n)*root\s+\{?coracle-reaper(.*\n)*root\s+sleep 31502\n/);
    for (const id of await idsOf(/sleep 31502/)) expect(id).toBeGreaterThanOrEqual(65_536);
    await using logs = kubectl.start`logs -f hooked -c main`;
    await logs.until(/started/);
    await using watch = kubectl.start`get pod hooked --watch -o ${'jsonpath={.status.containerStatuses[?(@.name=="main")].state.terminated.message}'}`;
    await kubectl`delete pod hooked --wait=false`;
    await logs.until(/\/tmp\/stopping/);
    await watch.until(/said at last/);
  });

  it('reads and writes its volumes as who it says it is', async () => {
    const paths = ['config', 'secret', 'token', 'self', 'disk', 'memory'];
    await kubectl.apply(own('reads', {
      spec: {
        securityContext: { runAsUser: 1000, runAsGroup: 1000, fsGroup: 2000 },
        volumes: [
          { name: 'config', configMap: { name: 'colours' } }, { name: 'secret', secret: { secretName: 'hidden', defaultMode: 0o400 } },
          { name: 'token', projected: { sources: [{ serviceAccountToken: { path: 'token' } }] } }, { name: 'self', downwardAPI: { items: [{ path: 'name', fieldRef: { fieldPath: 'metadata.name' } }] } },
          { name: 'disk', emptyDir: {} }, { name: 'memory', emptyDir: { medium: 'Memory', sizeLimit: '1Mi' } },
        ],
      },
      container: { ...script('exec sleep 1000'), securityContext: { readOnlyRootFilesystem: true }, volumeMounts: [...paths.map((name) => ({ name, mountPath: `/${name}` })), { name: 'config', mountPath: '/one', subPath: 'first' }] },
    }));
    await ready('reads');
    expect(await inside('reads', 'id -u; id -G; cat /config/first /one /secret/password /self/name; cut -c-2 /token/token')).toBe('1000\n1000 2000\nredreds3cretreadsey\n');
    expect(await inside('reads', 'touch /disk/x /memory/x; stat -c "%u %g" /disk /disk/x /memory /memory/x; dd if=/dev/zero of=/memory/x bs=1M count=2 2>&1 | grep -o "No space left"')).toBe('0 2000\n1000 2000\n0 2000\n1000 2000\nNo space left\n');
    expect((await kubectl.outcome`exec reads -- touch /x /config/x`).stderr).toMatch(/^(.*Read-only file system\n){2}/);
    const { metadata } = await kubectl.object<Pod>`get pod reads -o json`;
    const onDisk = await stat(join(inject('cluster').dataDir, 'pods', metadata?.uid ?? '', 'volumes/disk/x'));
    expect([onDisk.uid, onDisk.gid]).toEqual([1000, 2000]);
  });

  it('is told what it can not have', async () => {
    await kubectl.apply(
      own('unmapped', { spec: { volumes: [{ name: 'host', hostPath: { path: '/proc' } }] }, container: { volumeMounts: [{ name: 'host', mountPath: '/host' }] } }),
      own('nobody', { container: { securityContext: { runAsUser: 65_536 } } }),
    );
    const why = async (name: string) => (await kubectl.object<Pod>`get pod ${name} -o json`).status?.containerStatuses?.[0]?.state?.waiting;
    await eventually(async () => expect(await kubectl`describe pod unmapped`).toMatch(/Warning\s+FailedMount\s.*MountVolume\.SetUp failed for volume "host" : pods with user namespaces \(hostUsers: false\) need id-mapped mounts .*and \/proc has none on this kernel/));
    await eventually(async () => expect(await why('nobody')).toEqual({ reason: 'CreateContainerConfigError', message: "container main can't run with the user or group id 65536: a pod with hostUsers false has the ids from 0 to 65535" }));
    expect(await kubectl.refused`run both --image=${webImage} --overrides=${JSON.stringify({ spec: { hostUsers: false, hostPID: true } })}`).toContain('spec.HostPID: Forbidden: when `hostUsers` is false');
    await kubectl`delete pod unmapped nobody --now`;
  });
});

describe('its root, privileged as it may be,', () => {
  it('can do in its own namespaces what it may', async () => {
    expect(await inside('mighty', 'mkdir /tmp/m && mount -t tmpfs none /tmp/m && touch /tmp/m/x && ip link set lo mtu 1400 && cat /sys/class/net/lo/mtu')).toBe('1400\n');
  });

  it.each([
    ['mount what is the machine’s', 'mount -t devtmpfs none /tmp; mount -t ext4 /dev/vda /tmp; mount -t debugfs none /tmp'],
    ['make a device', 'mknod /tmp/disk b 254 0; mknod /host/mem c 1 1; ls /host'],
    ['set the time', 'date -s 2001-01-01'],
    ['load a module', 'head -c 100 /bin/busybox > /tmp/a.ko; insmod /tmp/a.ko'],
    ['change the kernel’s settings', 'echo 1 > /proc/sys/kernel/panic; echo 1 > /proc/sys/kernel/core_pattern; echo b > /proc/sysrq-trigger'],
    ['lift its limits', 'for file in $(find /sys/fs/cgroup -name memory.limit_in_bytes -o -name memory.max); do echo 0 > $file; done'],
  ])('can not %s', async (_what, command) => {
    const before = [await readFile('/proc/sys/kernel/panic', 'utf8'), await readFile('/proc/sys/kernel/core_pattern', 'utf8')];
    const { stderr } = await kubectl.outcome`exec mighty -- sh -c ${command}`;
    expect(stderr).toMatch(/not permitted|[Pp]ermission denied|kernel does not support requested operation/);
    expect([await readFile('/proc/sys/kernel/panic', 'utf8'), await readFile('/proc/sys/kernel/core_pattern', 'utf8')]).toEqual(before);
    expect((await readdir(directory)).filter((name) => name === 'mem')).toEqual([]);
    expect(new Date().getFullYear()).toBeGreaterThan(2001);
  });

  it('reads the machine’s directories with the rights that their owners’ ids have inside: what is none of its users’ is safe', async () => {
    const file = join(directory, 'foreign');
    await writeFile(file, 'as it was', { mode: 0o644 });
    await chown(file, 65_536 + 7, 65_536 + 7);
    const { stderr } = await kubectl.outcome`exec mighty -- sh -c ${'echo changed > /host/foreign; chown 0 /host/foreign; chmod 777 /host/foreign; rm -f /host/none'}`;
    expect(stderr).toMatch(/^sh: .*Permission denied\nchown: .*not permitted\nchmod: .*(not permitted|Value too large.*)\n/);
    expect(await inside('mighty', 'cat /host/foreign; stat -c "%u %g" /host/foreign; echo mine > /host/mine; mkdir /host/locked; chown 33 /host/locked')).toBe('as it was65534 65534\n');
    expect(await Promise.all(['foreign', 'mine', 'locked'].map(async (name) => (await stat(join(directory, name))).uid))).toEqual([65_536 + 7, 0, 33]);
    expect((await stat(file)).mode & 0o777).toBe(0o644);
  });

  it('hurts only itself by taking memory and starting processes without end', async () => {
    await kubectl.apply(
      own('hog', { spec: { restartPolicy: 'Never' }, container: { command: ['dd', 'if=/dev/zero', 'of=/dev/null', 'bs=200M', 'count=1'], ...mighty, resources: { limits: { memory: '32Mi' } } } }),
      own('bomb', { container: { ...script("trap '' TERM; while true; do sleep 1000 & done 2>/dev/null"), ...mighty } }),
    );
    await kubectl`wait pod/hog --for=jsonpath={.status.phase}=Failed --timeout=30s`;
    expect((await kubectl.object<Pod>`get pod hog -o json`).status?.containerStatuses?.[0]?.state?.terminated).toMatchObject({ reason: 'OOMKilled', exitCode: 137 });
    // ash ends when it can't fork any more.
    await kubectl`wait pod/bomb --for=jsonpath={.status.containerStatuses[0].restartCount}=1 --timeout=50s`;
    expect(await inside('plain', 'echo $((6*7))')).toBe('42\n');
    await kubectl`delete pod bomb --grace-period=1`;
  });
});
