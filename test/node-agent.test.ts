import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { watch } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Transport } from '../client/transport.ts';
import { silentLog, type Log } from '../client/log.ts';
import { failure } from '../machinery/status.ts';
import { ConfigMap, Event, Node, Pod, Secret, ServiceAccount } from '../machinery/kinds/core.ts';
import type { Kind, KubernetesObject } from '../machinery/kinds/kind.ts';
import { openImageStore } from '../node-agent/images/store.ts';
import { openRuntime } from '../node-agent/runtime/native-runtime.ts';
import { destroyInstance } from '../node-agent/runtime/teardown.ts';
import { descendantsOf } from './e2e/machine-processes.ts';
import { supervisorOf } from './sandbox-record.ts';
import { newInstance, startTestAgent, takeInWeb, type TestAgent } from './test-agent.ts';
import { startTestServer, type TestServer } from './test-server.ts';

/** The node agent on the real API and the real runtime: pods are processes on this machine. */

const image = join(import.meta.dirname, '..', 'generated', 'images', 'web.tar');
const kubectlPath = join(import.meta.dirname, '..', 'generated', 'bin', 'kubectl');
const instance = newInstance();
/** A share of addresses that no other cluster of this machine is likely to have. */
const second = 100 + (process.pid % 100);
const podCidr = `10.${second}.7.0/24`;

let test: TestServer;
let agent: TestAgent;
const problems: string[] = [];
const log: Log = { ...silentLog, ...(process.env['DEBUG_AGENT'] === undefined ? {} : { warn: (f: object, m: string) => console.log('WARN', m, f) }), error: (fields, message) => void problems.push(`${message}: ${'err' in fields && fields.err instanceof Error ? fields.err.stack ?? '' : JSON.stringify(fields)}`) };

const startAgent = (transport?: Transport): Promise<TestAgent> => startTestAgent(test, { instance, log, clusterCidr: `10.${second}.0.0/16`, ...(transport === undefined ? {} : { transport }) });

beforeAll(async () => {
  test = await startTestServer();
  for (const name of ['default']) await test.client.create(ServiceAccount, { metadata: { namespace: 'default', name } });
  agent = await startAgent();
  await until(Node, 'n1', undefined, (node) => node.status?.nodeInfo !== undefined);
  await test.client.patch(Node, { name: 'n1' }, 'application/merge-patch+json', { spec: { podCIDR: podCidr, podCIDRs: [podCidr] } });
  await until(Node, 'n1', undefined, (node) => node.status?.conditions?.some((each) => each.type === 'Ready' && each.status === 'True') === true);
  await takeInWeb({ dataDir: test.dataDir, instance, log });
}, 60_000);

afterAll(async () => {
  await agent.stop();
  await destroyInstance({ instance, dataDir: test.dataDir });
  await test.dispose();
  // One supervisor was killed on purpose; that is an operator's business, and the only one.
  expect(problems).toEqual([expect.stringMatching(/^the supervisor of a pod ended: .*"name":"tough"/)]);
}, 60_000);

/** Waits by watch until an object is as wanted. */
async function until<T extends KubernetesObject>(kind: Kind<T>, name: string, namespace: string | undefined, holds: (object: T) => boolean, deadlineMs = 25_000): Promise<T> {
  const signal = AbortSignal.timeout(deadlineMs);
  let last: T | undefined;
  try {
    for await (const batch of test.client.watch(kind, { ...(namespace === undefined ? {} : { namespace }), fieldSelector: `metadata.name=${name}`, signal })) {
      for (const { type, object } of batch) {
        last = object;
        if (type !== 'BOOKMARK' && holds(last)) return last;
      }
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
  throw new Error(`${name} did not become as wanted: ${JSON.stringify(last)}`);
}

const podUntil = (name: string, holds: (pod: Pod) => boolean, deadlineMs?: number): Promise<Pod> => until(Pod, name, 'default', holds, deadlineMs);
const isReady = (pod: Pod): boolean => pod.status?.conditions?.some((each) => each.type === 'Ready' && each.status === 'True') === true;
const named = (name: string) => (node: Node): boolean => node.status?.images?.some((each) => each.names?.includes(name) === true) === true;
const waiting = (reason: string) => (pod: Pod): boolean => pod.status?.containerStatuses?.[0]?.state?.waiting?.reason === reason;

async function run(name: string, script: string, container: object = {}, spec: object = {}, metadata: object = {}): Promise<Pod> {
  return await test.client.create(Pod, {
    metadata: { namespace: 'default', name, ...metadata },
    spec: { nodeName: 'n1', terminationGracePeriodSeconds: 1, automountServiceAccountToken: false, containers: [{ name: 'main', image: 'web:1', command: ['/bin/sh', '-c', script], ...container }], ...spec },
  } as Pod);
}

async function kubectl(...words: readonly string[]): Promise<string> {
  const { code, out, err } = await test.kubectl(...words);
  return `${out}${err}${code === 0 ? '' : `(exit ${code})`}`;
}

/** Events come after the status that they explain: waits for one. */
async function eventOf(name: string, text: RegExp | string): Promise<void> {
  const signal = AbortSignal.timeout(10_000);
  const seen: string[] = [];
  try {
    for await (const batch of test.client.watch(Event, { namespace: 'default', signal })) {
      for (const { object: event } of batch) {
        if (event.involvedObject.name !== name) continue;
        const line = `${event.type ?? ''} ${event.reason ?? ''} ${event.message ?? ''}`;
        seen.push(line);
        if (typeof text === 'string' ? line === text : text.test(line)) return;
      }
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
  throw new Error(`there was no event ${String(text)} of ${name}: ${seen.join('; ')}`);
}

/** Pids of a pod's processes with this command line. */
async function processes(commandLine: string, uid: string): Promise<readonly number[]> {
  const found = await descendantsOf(await supervisorOf(test.dataDir, uid));
  return found.filter(({ command }) => command.endsWith(commandLine)).map(({ pid }) => pid);
}

function initStep(name: string): object {
  return { name, image: 'web:1', command: ['/bin/sh', '-c', `echo ${name} >> /work/steps`], volumeMounts: [{ name: 'work', mountPath: '/work' }] };
}

const filteredBy = (localhostProfile: string): object => ({ securityContext: { seccompProfile: { type: 'Localhost', localhostProfile } } });

function bounded(name: string, memory: string, script: string): object {
  return { name, image: 'web:1', command: ['/bin/sh', '-c', script], resources: { limits: { memory } }, volumeMounts: [{ name: 'm', mountPath: '/m' }] };
}

function unreachable(): never {
  throw failure('ServiceUnavailable', 'the API is not there');
}

function fileAppears(directory: string, file: string): Promise<void> {
  return new Promise((resolve) => {
    const watcher = watch(directory, (_event, name) => {
      if (name !== file) return;
      watcher.close();
      resolve();
    });
  });
}

/** The agent's answer to GET /healthz from somebody with a certificate of the cluster. */
async function healthzAs(commonName: string): Promise<number> {
  const { certPem: cert, keyPem: key } = await test.pki.clientCertificate({ commonName, organizations: [] });
  return await new Promise((resolve, reject) => {
    request({ host: '127.0.0.1', port: agent.port, path: '/healthz', cert, key, ca: test.pki.caPem }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    }).on('error', reject).end();
  });
}

describe('a pod on a node', () => {
  it('runs from an image of the store, has an address, and serves its log', async () => {
    await run('web', 'echo hello from $HOSTNAME; echo to stderr >&2; echo served > /tmp/index.html; exec httpd -f -p 8080 -h /tmp');
    const pod = await podUntil('web', isReady);
    expect(pod.status).toMatchObject({ phase: 'Running', hostIP: '127.0.0.1', qosClass: 'BestEffort', containerStatuses: [{ ready: true, started: true, restartCount: 0, image: 'docker.io/library/web:1' }] });
    expect(pod.status?.podIP).toMatch(new RegExp(`^10\\.${second}\\.7\\.`));
    expect(await kubectl('logs', 'web')).toBe('hello from web\nto stderr\n');
    const response = await fetch(`http://${pod.status?.podIP ?? ''}:8080/`);
    expect(await response.text()).toBe('served\n');
  });

  it('can be entered: output, exit code, input', async () => {
    expect(await kubectl('exec', 'web', '--', '/bin/sh', '-c', 'cat /etc/hostname; id -u; echo $HOME')).toBe('web\n0\n/root\n');
    expect(await kubectl('exec', 'web', '--', '/bin/sh', '-c', 'exit 3')).toContain('command terminated with exit code 3\n(exit 3)');
    expect((await test.kubectlWith('typed', 'exec', '-i', 'web', '--', 'cat')).out).toBe('typed');
    expect(await kubectl('exec', 'web', '--', 'nonesuch')).toContain('executable file not found in $PATH');
  });

  it('is reached through a forwarded port', async () => {
    const forward = spawn(kubectlPath, ['--kubeconfig', join(test.dataDir, 'admin.kubeconfig'), 'port-forward', 'pod/web', ':8080'], { env: { HOME: test.dataDir } });
    const ended = once(forward, 'exit');
    try {
      const [line] = (await once(forward.stdout, 'data')) as [Buffer];
      const port = /127\.0\.0\.1:(\d+)/.exec(line.toString())?.[1] ?? '';
      // One connection after the other, and several at once.
      const get = async (): Promise<string> => await (await fetch(`http://127.0.0.1:${port}/`, { headers: { connection: 'close' } })).text();
      expect(await get()).toBe('served\n');
      expect(await Promise.all([get(), get(), get()])).toEqual(['served\n', 'served\n', 'served\n']);
    } finally {
      forward.kill();
      await ended;
    }
  });

  it('is restarted with back-off, and its last log can be read', async () => {
    await run('crash', 'echo try; exit 7');
    const pod = await podUntil('crash', waiting('CrashLoopBackOff'));
    expect(pod.status?.containerStatuses?.[0]).toMatchObject({ restartCount: 1, ready: false, lastState: { terminated: { exitCode: 7, reason: 'Error' } } });
    expect(await kubectl('logs', 'crash', '--previous')).toBe('try\n');
    await eventOf('crash', `Warning BackOff Back-off restarting failed container main in pod crash_default(${pod.metadata?.uid ?? ''})`);
  });

  it.each([
    ['a command that is not there', 'nocommand', { command: ['/nonesuch'] }, 'RunContainerError', /Failed Error: .*nonesuch/],
    ['arguments that are too long', 'toolong', { command: ['/bin/sh', '-c', 'true', 'x'.repeat(200_000)] }, 'RunContainerError', /Failed Error: exec \/bin\/sh: Argument list too long/],
    ['an image that is not there', 'noimage', { image: 'web:2', imagePullPolicy: 'Never' }, 'ErrImageNeverPull', /ErrImageNeverPull Container image "web:2" is not present with pull policy of Never/],
    ['an image that cannot be fetched', 'nopull', { image: '127.0.0.1:9/web:2' }, 'ImagePullBackOff', /Failed Failed to pull image "127.0.0.1:9\/web:2": failed to pull and unpack image/],
    ['configuration that is missing', 'noconfig', { envFrom: [{ configMapRef: { name: 'no' } }] }, 'CreateContainerConfigError', /Failed Error: configmap "no" not found/],
  ])('says what is wrong with %s', async (_name, name, container, reason, event) => {
    await run(name, 'true', container);
    await podUntil(name, waiting(reason));
    await eventOf(name, event);
  });

  it('is not let in when it asks for a sysctl of the machine', async () => {
    await run('forbidden', 'true', {}, { securityContext: { sysctls: [{ name: 'net.ipv4.ip_forward', value: '1' }] } });
    const pod = await podUntil('forbidden', (each) => each.status?.phase === 'Failed');
    expect(pod.status).toMatchObject({ reason: 'SysctlForbidden', message: 'Pod was rejected: forbidden sysctl: "net.ipv4.ip_forward" not allowlisted' });
    await eventOf('forbidden', 'Warning SysctlForbidden forbidden sysctl: "net.ipv4.ip_forward" not allowlisted');
  });

  it('says what a sysctl is that the kernel refuses, and goes when it is deleted', async () => {
    await run('refused', 'true', {}, { securityContext: { sysctls: [{ name: 'net.ipv4.tcp_syncookies', value: 'maybe' }] } });
    await eventOf('refused', /^Warning FailedCreatePodSandBox .*tcp_syncookies/);
    expect(await kubectl('delete', 'pod', 'refused')).toContain('deleted');
  });

  it('that uses too much memory is killed and says so', async () => {
    await run('oom', 'tail /dev/zero', { resources: { limits: { memory: '20Mi' } } }, { restartPolicy: 'Never' });
    const pod = await podUntil('oom', (each) => each.status?.phase === 'Failed');
    expect(pod.status?.containerStatuses?.[0]?.state?.terminated).toMatchObject({ reason: 'OOMKilled', exitCode: 137 });
  });

  it('that is done is Succeeded, with its message', async () => {
    await run('job', 'echo -n all well > /dev/termination-log', {}, { restartPolicy: 'Never' });
    const pod = await podUntil('job', (each) => each.status?.phase === 'Succeeded');
    expect(pod.status?.containerStatuses?.[0]?.state?.terminated).toMatchObject({ reason: 'Completed', exitCode: 0, message: 'all well' });
  });

  it('goes through its init containers first', async () => {
    await run('init', 'cat /work/steps; sleep 1000', { volumeMounts: [{ name: 'work', mountPath: '/work' }] }, {
      volumes: [{ name: 'work', emptyDir: {} }], initContainers: [initStep('one'), initStep('two')],
    });
    const pod = await podUntil('init', isReady);
    expect(pod.status?.initContainerStatuses?.map((each) => each.state?.terminated?.reason)).toEqual(['Completed', 'Completed']);
    expect(await kubectl('logs', 'init')).toContain('one\ntwo\n');
  });

  it('waits for a ConfigMap, and follows it', async () => {
    await run('config', 'while :; do cat /etc/settings/mode; echo; sleep 0.1; done', { volumeMounts: [{ name: 's', mountPath: '/etc/settings' }] }, { volumes: [{ name: 's', configMap: { name: 'settings' } }] });
    await podUntil('config', waiting('ContainerCreating'));
    await test.client.create(ConfigMap, { metadata: { namespace: 'default', name: 'settings' }, data: { mode: 'slow' } });
    await podUntil('config', isReady);
    await eventOf('config', 'Warning FailedMount MountVolume.SetUp failed for volume "s" : configmap "settings" not found');
    await test.client.patch(ConfigMap, { namespace: 'default', name: 'settings' }, 'application/merge-patch+json', { data: { mode: 'fast' } });
    const followed = await kubectl('exec', 'config', '--', '/bin/sh', '-c', 'for i in $(seq 50); do [ "$(cat /etc/settings/mode)" = fast ] && break; sleep 0.1; done; cat /etc/settings/mode');
    expect(followed).toBe('fast');
  });

  it('is ready when its probe says so, and restarted when its other probe fails', async () => {
    await run('probed', 'sleep 1000', {
      readinessProbe: { exec: { command: ['test', '-e', '/tmp/ready'] }, periodSeconds: 1 },
      livenessProbe: { exec: { command: ['test', '!', '-e', '/tmp/dead'] }, periodSeconds: 1, failureThreshold: 1 },
    });
    const before = await podUntil('probed', (pod) => pod.status?.containerStatuses?.[0]?.started === true);
    expect(isReady(before)).toBe(false);
    await kubectl('exec', 'probed', '--', 'touch', '/tmp/ready');
    await podUntil('probed', isReady);
    await kubectl('exec', 'probed', '--', 'touch', '/tmp/dead');
    await podUntil('probed', (pod) => pod.status?.containerStatuses?.[0]?.restartCount === 1);
    await eventOf('probed', 'Normal Killing Container main failed liveness probe, will be restarted');
  });

  it('is followed: its log as it is written, to its end', async () => {
    await run('talker', 'for i in 1 2 3; do echo line $i; sleep 0.2; done', {}, { restartPolicy: 'Never' });
    await podUntil('talker', (pod) => pod.status?.phase !== 'Pending');
    expect(await kubectl('logs', '-f', 'talker')).toBe('line 1\nline 2\nline 3\n');
    expect(await kubectl('logs', 'talker', '--tail=1')).toBe('line 3\n');
    expect(await kubectl('logs', 'talker', '--timestamps', '--limit-bytes=24')).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+$/);
  });

  it('has a terminal when it is asked for one', async () => {
    const typed = spawn('script', ['-qec', `${kubectlPath} --kubeconfig ${join(test.dataDir, 'admin.kubeconfig')} exec -it web -- /bin/sh`, '/dev/null'], { env: { HOME: test.dataDir, TERM: 'xterm', PATH: process.env['PATH'] ?? '' } });
    const seen: string[] = [];
    typed.stdout.on('data', (chunk: Buffer) => void seen.push(chunk.toString()));
    typed.stdin.write('tty; stty size; exit 4\n');
    const [code] = (await once(typed, 'exit')) as [number];
    expect(seen.join('')).toMatch(/\/dev\/(pts\/\d+|console)/);
    expect(code).toBe(4);
  });

  it('is attached to by kubectl run, and goes when it is done', async () => {
    const { out, err } = await test.kubectlWith('typed\n', 'run', 'once', '--rm', '-i', '--restart=Never', '--image=web:1', '--overrides={"spec":{"nodeName":"n1","automountServiceAccountToken":false}}', '--command', '--', 'cat');
    expect(`${out}${err}`).toContain('typed\n');
    expect(await kubectl('get', 'pod', 'once')).toContain('NotFound');
  });

  it('runs as the user, the groups and with the limits that it asks for', async () => {
    await run('limited', 'id -u; id -g; id -G; grep -E "^(NoNewPrivs|Seccomp|CapEff):" /proc/self/status; touch /x 2>&1; touch /data/y && stat -c %g /data/y', {
      securityContext: { runAsUser: 1000, runAsGroup: 3000, allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } }, volumeMounts: [{ name: 'd', mountPath: '/data' }],
    }, { restartPolicy: 'Never', securityContext: { fsGroup: 2000, supplementalGroups: [4000] }, volumes: [{ name: 'd', emptyDir: {} }] });
    const { status } = await podUntil('limited', (pod) => pod.status?.phase === 'Succeeded');
    expect(status?.containerStatuses?.[0]).toMatchObject({ resources: {}, volumeMounts: [{ name: 'd', mountPath: '/data' }], user: { linux: { uid: 1000, gid: 3000, supplementalGroups: [3000, 4000, 2000] } } });
    expect(await kubectl('logs', 'limited')).toBe('1000\n3000\n3000 2000 4000\nCapEff:\t0000000000000000\nNoNewPrivs:\t1\nSeccomp:\t2\ntouch: /x: Read-only file system\n2000\n');
  });

  it('is filtered by a profile of the machine\'s own, and does not start without it', async () => {
    await mkdir(join(test.dataDir, 'seccomp/own'), { recursive: true });
    await writeFile(join(test.dataDir, 'seccomp/own/no-mkdir.json'), JSON.stringify({
      defaultAction: 'SCMP_ACT_ALLOW', architectures: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_AARCH64'], syscalls: [{ names: ['mkdir', 'mkdirat'], action: 'SCMP_ACT_ERRNO', errnoRet: 28 }],
    }));
    await run('filtered', 'mkdir /x 2>&1; touch /y && echo touched; grep Seccomp: /proc/self/status', filteredBy('own/no-mkdir.json'), { restartPolicy: 'Never' });
    await podUntil('filtered', (pod) => pod.status?.phase === 'Succeeded');
    expect(await kubectl('logs', 'filtered')).toMatch(/^mkdir: .*: No space left on device\ntouched\nSeccomp:\t2\n$/);
    await run('unfiltered', 'true', filteredBy('own/nonesuch.json'));
    await podUntil('unfiltered', waiting('CreateContainerError'));
    await eventOf('unfiltered', /Failed Error: cannot load seccomp profile ".*own\/nonesuch\.json": ENOENT/);
  });

  it('knows the API as its service account', async () => {
    await run('account', 'cat /var/run/token | cut -d. -f2 | base64 -d 2>/dev/null | grep -o system:serviceaccount:default:default; stat -L -c %a /var/run/token', {
      volumeMounts: [{ name: 't', mountPath: '/var/run' }],
    }, { restartPolicy: 'Never', serviceAccountName: 'default', volumes: [{ name: 't', projected: { sources: [{ serviceAccountToken: { path: 'token', expirationSeconds: 600 } }] } }] });
    await podUntil('account', (pod) => pod.status?.phase === 'Succeeded');
    expect(await kubectl('logs', 'account')).toBe('system:serviceaccount:default:default\n644\n');
  });

  it('shares a volume in memory between its containers, with the node\'s network if it asks for it', async () => {
    const volumeMounts = [{ name: 'm', mountPath: '/m' }];
    await run('shared', 'true', {}, {
      restartPolicy: 'Never', hostNetwork: true, volumes: [{ name: 'm', emptyDir: { medium: 'Memory' } }],
      containers: [
        { name: 'main', image: 'web:1', command: ['/bin/sh', '-c', 'while [ ! -e /m/x ]; do sleep 0.1; done; grep " /m " /proc/mounts | cut -d" " -f3'], volumeMounts },
        { name: 'other', image: 'web:1', command: ['touch', '/m/x'], volumeMounts },
      ],
    });
    const pod = await podUntil('shared', (each) => each.status?.phase === 'Succeeded');
    expect(pod.status?.podIP).toBe('127.0.0.1');
    expect(await kubectl('logs', 'shared', '-c', 'main')).toBe('tmpfs\n');
  });

  it('has Secrets, tokens and what it is told of itself in memory only', async () => {
    await test.client.create(Secret, { metadata: { namespace: 'default', name: 'held' }, data: { key: Buffer.from('on no disk').toString('base64') } });
    const { uid = '' } = (await run('secretive', 'exec sleep 1000', {
      volumeMounts: ['secret', 'token', 'self'].map((name) => ({ name, mountPath: `/held/${name}` })),
    }, {
      volumes: [
        { name: 'secret', secret: { secretName: 'held' } }, { name: 'token', projected: { sources: [{ serviceAccountToken: { path: 'token' } }] } },
        { name: 'self', downwardAPI: { items: [{ path: 'name', fieldRef: { fieldPath: 'metadata.name' } }] } },
      ],
    })).metadata ?? {};
    await podUntil('secretive', isReady);
    expect((await kubectl('exec', 'secretive', '--', 'sh', '-c', 'grep " /held" /proc/mounts | cut -d" " -f2,3')).split('\n').toSorted()).toEqual(['', '/held/secret tmpfs', '/held/self tmpfs', '/held/token tmpfs']);
    expect(await kubectl('exec', 'secretive', '--', 'cat', '/held/secret/key', '/held/self/name')).toBe('on no disksecretive');
    const files = await readdir(join(test.dataDir, 'pods', uid), { recursive: true, withFileTypes: true });
    for (const each of files.filter((entry) => entry.isFile())) expect(await readFile(join(each.parentPath, each.name), 'utf8')).not.toContain('on no disk');
    expect(await readdir(join(test.dataDir, 'memory'))).toContain(uid);
    await kubectl('delete', 'pod', 'secretive');
    expect(await readdir(join(test.dataDir, 'memory'))).not.toContain(uid);
  });

  it('has no more memory in a volume than the volume\'s limit, and keeps it when its container starts again', async () => {
    const { uid = '' } = (await run('bounded', 'if [ -e /m/big ]; then exec sleep 1000; fi; dd if=/dev/zero of=/m/big bs=1M count=2', {
      volumeMounts: [{ name: 'm', mountPath: '/m' }],
    }, { volumes: [{ name: 'm', emptyDir: { medium: 'Memory', sizeLimit: '1Mi' } }] })).metadata ?? {};
    await podUntil('bounded', (pod) => isReady(pod) && pod.status?.containerStatuses?.[0]?.restartCount === 1);
    expect(await kubectl('logs', '--previous', 'bounded')).toContain('No space left on device');
    expect(await kubectl('exec', 'bounded', '--', 'stat', '-c', '%s', '/m/big')).toBe(`${1024 ** 2}\n`);
    await kubectl('delete', 'pod', 'bounded');
    expect(await readFile('/proc/self/mountinfo', 'utf8')).not.toContain(uid);
  });

  it('is charged for what it has in memory', async () => {
    await run('greedy', '', {}, {
      restartPolicy: 'Never', volumes: [{ name: 'm', emptyDir: { medium: 'Memory' } }],
      containers: [bounded('greedy', '16Mi', 'exec dd if=/dev/zero of=/m/big bs=1M count=32'), bounded('other', '64Mi', 'sleep 1000')],
    });
    await podUntil('greedy', (pod) => pod.status?.containerStatuses?.[0]?.state?.terminated?.reason === 'OOMKilled');
  });

  it('is brought back when its process is killed, and when its sandbox is', async () => {
    await run('tough', 'sleep 1000');
    const pod = await podUntil('tough', isReady);
    const killed = (await processes('sleep 1000', pod.metadata?.uid ?? '')).at(-1) ?? 0;
    process.kill(killed, 'SIGKILL');
    await podUntil('tough', (each) => isReady(each) && each.status?.containerStatuses?.[0]?.restartCount === 1);
    const pid = await supervisorOf(test.dataDir, pod.metadata?.uid ?? '');
    process.kill(pid, 'SIGKILL');
    await podUntil('tough', (each) => isReady(each) && each.status?.containerStatuses?.[0]?.restartCount === 2);
    await eventOf('tough', /SandboxChanged/);
  });

  it('is gone when it is deleted: object, processes, files', async () => {
    const { uid = '' } = (await run('doomed', 'sleep 1000')).metadata ?? {};
    await podUntil('doomed', isReady);
    expect(await kubectl('delete', 'pod', 'doomed')).toContain('deleted');
    expect(await kubectl('get', 'pod', 'doomed')).toContain('NotFound');
    expect(await readdir(join(test.dataDir, 'pods'))).not.toContain(uid);
  });
});

describe('a node agent that starts again', () => {
  it('takes its pods over: the same processes, and what ended while it was away', async () => {
    await run('lasting', 'trap "exit 0" TERM; while :; do sleep 0.1; done');
    await run('ending', 'while [ ! -e /tmp/end ]; do sleep 0.1; done; echo -n last words > /dev/termination-log; exit 5', { volumeMounts: [{ name: 't', mountPath: '/tmp' }] }, { restartPolicy: 'Never', volumes: [{ name: 't', emptyDir: {} }] });
    const before = await podUntil('lasting', isReady);
    const { uid = '' } = (await podUntil('ending', isReady)).metadata ?? {};
    await agent.stop();
    await writeFile(join(test.dataDir, 'pods', uid, 'volumes', 't', 'end'), '');
    agent = await startAgent();
    const ended = await podUntil('ending', (pod) => pod.status?.phase === 'Failed');
    expect(ended.status?.containerStatuses?.[0]?.state?.terminated).toMatchObject({ exitCode: 5, reason: 'Error', message: 'last words' });
    const after = await podUntil('lasting', isReady);
    expect(after.status?.containerStatuses).toEqual(before.status?.containerStatuses);
    expect(await kubectl('exec', 'lasting', '--', 'echo', 'here')).toBe('here\n');
  });
});

describe('a node agent without the API', () => {
  it('keeps its pods running and restarts what ends', async () => {
    const { uid = '' } = (await run('alone', 'echo begun; sleep 1000')).metadata ?? {};
    await podUntil('alone', isReady);
    await agent.stop();
    agent = await startAgent({ request: async () => unreachable(), watch: unreachable });
    // Its second run writes a log of its own.
    const restarted = fileAppears(join(test.dataDir, 'pods', uid, 'logs', 'main'), '1.log');
    process.kill((await processes('sleep 1000', uid)).at(-1) ?? 0, 'SIGKILL');
    await restarted;
    await agent.stop();
    agent = await startAgent();
    const pod = await podUntil('alone', (each) => isReady(each) && each.status?.containerStatuses?.[0]?.restartCount === 1);
    expect(pod.status?.containerStatuses?.[0]?.lastState?.terminated?.exitCode).toBe(137);
  });
});

describe('a node\'s status', () => {
  it('lists the images as they come and go', async () => {
    const listed = await until(Node, 'n1', undefined, named('docker.io/library/web:1'));
    expect(listed.status?.images).toEqual([{ names: ['docker.io/library/web:1'], sizeBytes: expect.any(Number) }]);
    const runtime = await openRuntime({ dataDir: test.dataDir, instance, log });
    const images = await openImageStore({ dataDir: test.dataDir, unpack: (each) => runtime.unpack(each) });
    await images.import(image, { name: 'other:1' });
    await until(Node, 'n1', undefined, named('docker.io/library/other:1'));
    await images.remove('other:1');
    await until(Node, 'n1', undefined, (node) => !named('docker.io/library/other:1')(node));
    await runtime.close();
  });
});

describe('a node agent\'s port', () => {
  it('answers the API server and nobody else', async () => {
    expect(await healthzAs('coracle-apiserver')).toBe(200);
    expect(await healthzAs('someone')).toBe(403);
  });
});
