import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import type { Node, Pod } from '../../machinery/kinds/core.ts';
import { patience } from '../patience.ts';
import { coracle, importWeb, instanceOf, kubectlFor, newDataDir, remove, storeFlags, up, webImage } from './coracle.ts';
import type { Started } from './command.ts';
import { eventually } from './eventually.ts';
import type { Kubectl } from './kubectl.ts';
import { parentOf, podProcesses } from './machine-processes.ts';
import { pod, script, type PodOptions } from './manifests.ts';
import { expectOnly } from './remains.ts';

/** A cluster of this file's own, whose node has runc beside our runtime: it is killed and started again. */
const runc = '/usr/sbin/runc';
let dataDir: string;
let flags: readonly string[];
let instance: string;
let running: Started;
let kubectl: Kubectl;

const classOf = (name: string, handler: string, more: object = {}) => ({ apiVersion: 'node.k8s.io/v1', kind: 'RuntimeClass', metadata: { name }, handler, ...more });
const handled = (name: string, { spec, ...options }: PodOptions = {}) => pod(name, { ...options, spec: { runtimeClassName: 'runc', ...spec } });
const ready = (name: string) => kubectl`wait pod/${name} --for=condition=Ready --timeout=30s`;
const get = (name: string) => kubectl.object<Pod>`get pod ${name} -o json`;
const inside = (name: string, command: string) => kubectl`exec ${name} -c main -- sh -c ${command}`;
const sandboxOf = async (name: string) => join(dataDir, 'pods', (await get(name)).metadata?.uid ?? '', 'sandbox');

beforeAll(async () => {
  dataDir = await newDataDir('classes');
  flags = [...storeFlags(dataDir, inject('etcdEndpoints')), '--runtime-handler', `runc=${runc}`];
  running = await up(dataDir, ...flags);
  instance = await instanceOf(dataDir);
  await importWeb(dataDir);
  kubectl = kubectlFor(dataDir);
  await kubectl.apply(
    classOf('runc', 'runc', { overhead: { podFixed: { memory: '48Mi', cpu: '10m' } } }), classOf('own', 'coracle'), classOf('missing', 'kata'),
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'colours' }, data: { first: 'red' } },
    handled('web', { container: {
      readinessProbe: { httpGet: { path: '/cgi-bin/hello', port: 8080 }, periodSeconds: 1 }, livenessProbe: { exec: { command: ['test', '-d', '/tmp'] }, periodSeconds: 1 },
      lifecycle: { postStart: { exec: { command: ['sh', '-c', 'hostname >/tmp/hooked'] } } },
      resources: { limits: { memory: '64Mi', cpu: '500m' } }, volumeMounts: [{ name: 'settings', mountPath: '/settings' }], securityContext: { runAsUser: 1000, runAsGroup: 2000 },
    }, spec: { volumes: [{ name: 'settings', configMap: { name: 'colours' } }] } }),
  );
  await ready('web');
});
afterAll(() => remove(dataDir));

describe('a pod whose class has a handler', () => {
  it('is run by that runtime, as its node says it can', async () => {
    const { items: [node] } = await kubectl.object<{ items: Node[] }>`get nodes -o json`;
    expect(node?.status?.runtimeHandlers?.map(({ name, features }) => [name, features?.userNamespaces])).toEqual([['', expect.any(Boolean)], ['coracle', expect.any(Boolean)], ['runc', false]]);
    const containers = join(await sandboxOf('web'), 'c');
    const [id = ''] = await readdir(containers);
    expect(JSON.parse(await readFile(join(containers, id, 'state', id, 'state.json'), 'utf8'))).toMatchObject({ id });
    expect((await get('web')).spec?.overhead).toEqual({ cpu: '10m', memory: '48Mi' });
  });

  it('serves, logs, and takes commands, files and connections like any other', async () => {
    const address = await kubectl`get pod web -o ${'jsonpath={.status.podIP}'}`;
    expect(await (await fetch(`http://${address}:8080/cgi-bin/hello`, { signal: AbortSignal.timeout(5000 * patience) })).text()).toBe('Hello from web\n');
    expect(await inside('web', 'cat /settings/first; cat /tmp/hooked; id -u; id -g')).toBe('redweb\n1000\n2000\n');
    expect(await kubectl.outcome`exec web -- sh -c ${'exit 7'}`).toMatchObject({ code: 7 });
    expect(await kubectl.with({ input: 'typed' })`exec -i web -- cat`).toBe('typed');
    await using terminal = kubectl.terminal`exec -it web -- sh`;
    terminal.write('tty\r');
    await terminal.until(/\/dev\/pts\/\d+/);
    terminal.write('exit 0\r');
    await kubectl.apply(handled('talks', { container: script('echo to out; echo to err >&2; exec sleep 31601') }));
    await ready('talks');
    expect((await kubectl`logs talks`).split('\n').toSorted()).toEqual(['', 'to err', 'to out']);
  });

  it('is held to its limits, also when they are changed in place', async () => {
    const limit = () => inside('web', 'cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null; true');
    expect(await limit()).toBe(`${64 << 20}\n`);
    await kubectl`patch pod web --subresource resize --patch ${JSON.stringify({ spec: { containers: [{ name: 'main', resources: { limits: { memory: '80Mi' }, requests: { memory: '80Mi' } } }] } })}`;
    await eventually(async () => expect(await limit()).toBe(`${80 << 20}\n`));
    await kubectl.apply(handled('greedy', { spec: { restartPolicy: 'Never' }, container: { ...script('dd if=/dev/zero of=/dev/null bs=200M'), resources: { limits: { memory: '32Mi' } } } }));
    await kubectl`wait pod/greedy --for=jsonpath={.status.phase}=Failed --timeout=30s`;
    expect((await get('greedy')).status?.containerStatuses?.[0]?.state?.terminated).toMatchObject({ exitCode: 137, reason: 'OOMKilled' });
  });

  it('tells how it ended, is restarted, and killed by its probe', async () => {
    await kubectl.apply(
      handled('last', { spec: { restartPolicy: 'Never', initContainers: [{ name: 'first', image: webImage, ...script('echo begun') }] }, container: script('echo famous >/dev/termination-log; exit 3') }),
      handled('again', { container: { ...script('touch /tmp/alive; exec sleep 31602'), livenessProbe: { exec: { command: ['cat', '/tmp/alive'] }, periodSeconds: 1, failureThreshold: 1 } } }),
      handled('unheard', { spec: { restartPolicy: 'Never' }, container: { command: ['nowhere'] } }),
    );
    await kubectl`wait pod/last pod/unheard --for=jsonpath={.status.phase}=Failed --timeout=30s`;
    expect((await get('last')).status?.containerStatuses?.[0]?.state?.terminated).toMatchObject({ exitCode: 3, reason: 'Error', message: 'famous\n' });
    expect((await get('unheard')).status?.containerStatuses?.[0]?.state?.terminated).toMatchObject({ exitCode: 128, reason: 'StartError', message: expect.stringContaining('exec: "nowhere": executable file not found in $PATH') });
    await ready('again');
    await inside('again', 'rm /tmp/alive');
    await kubectl`wait pod/again --for=jsonpath={.status.containerStatuses[0].restartCount}=1 --timeout=40s`;
  });

  it('can be looked into', async () => {
    await kubectl`debug web --image=${webImage} --target=main --container=looker -- sh -c ${'ps -o args; exec sleep 31603'}`;
    await kubectl`wait pod/web --for=jsonpath={.status.ephemeralContainerStatuses[0].state.running} --timeout=30s`;
    await eventually(async () => expect(await kubectl`logs web -c looker`).toContain('/bin/httpd -f -p 8080'));
  });
});

describe('a pod whose class is not to be had', () => {
  it('is refused, without its class', async () => {
    expect(await kubectl.with({ input: JSON.stringify(pod('none', { spec: { runtimeClassName: 'none' } })) }).refused`apply -f -`).toContain('pods "none" is forbidden: pod rejected: RuntimeClass "none" not found');
  });

  it.each([
    ['without its handler', 'kata', { runtimeClassName: 'missing' }, 'no runtime for "kata" is configured: this node has "coracle", "runc"; start it with --runtime-handler kata=/path/to/runtime'],
    ['with users that its handler can\'t give it', 'users', { hostUsers: false }, 'RuntimeClass handler "runc" does not support user namespaces'],
  ])('waits %s, and says why', async (_title, name, spec, message) => {
    await kubectl.apply(handled(name, { spec }));
    await using events = kubectl.start`get events --watch --field-selector=involvedObject.name=${name},reason=FailedCreatePodSandBox -o ${'jsonpath={.message}{"\\n"}'}`;
    await events.until(new RegExp(`^Failed to create pod sandbox: ${RegExp.escape(message)}$`, 'm'));
    await kubectl`delete pod ${name}`;
  });

  it('is not held up by a class of our own runtime', async () => {
    await kubectl.apply(pod('own', { spec: { runtimeClassName: 'own' } }));
    await ready('own');
    await kubectl`delete pod own`;
  });
});

const sleepers = (command: RegExp) => podProcesses(instance, command);

describe('when Coracle is killed', () => {
  it('a handler\'s pods go on, and are taken over with all that can be done to them', async () => {
    const before = await sleepers(/^sleep 31601$/);
    expect(before).toHaveLength(1);
    running.kill('SIGKILL');
    await running.ended;
    running = await up(dataDir, ...flags);
    expect(await sleepers(/^sleep 31601$/)).toEqual(before);
    expect(await inside('talks', 'echo still')).toBe('still\n');
    expect((await get('talks')).status?.containerStatuses?.[0]?.restartCount).toBe(0);
  });

  it('and comes back without the handler, they go on, and start nothing', async () => {
    running.kill('SIGTERM');
    await running.ended;
    running = await up(dataDir, ...flags.slice(0, -2));
    expect(await inside('talks', 'echo still')).toBe('still\n');
    process.kill((await sleepers(/^sleep 31601$/))[0]?.pid ?? -1, 'SIGKILL');
    const waiting = await eventually(async () => {
      const { state } = (await get('talks')).status?.containerStatuses?.[0] ?? {};
      expect(state?.waiting?.reason).toBe('CreateContainerError');
      return state?.waiting?.message;
    });
    expect(waiting).toContain('no runtime for "runc" is configured');
    running.kill('SIGTERM');
    await running.ended;
    running = await up(dataDir, ...flags);
    await ready('talks');
  });

  it('by its supervisor\'s death, a pod is made anew', async () => {
    const [sleeper] = await sleepers(/^sleep 31601$/);
    process.kill(await parentOf(sleeper?.pid ?? Number.NaN), 'SIGKILL');
    await eventually(async () => {
      const [again, ...others] = await sleepers(/^sleep 31601$/);
      expect([again?.pid, others]).toEqual([expect.any(Number), []]);
      expect(again?.pid).not.toBe(sleeper?.pid);
    });
    await ready('talks');
  });
});

describe('the end of a handler\'s pods', () => {
  it('leaves no process, mount, cgroup or file of theirs', async () => {
    await kubectl`delete pods --all`;
    expect(await sleepers(/sleep 316|httpd/)).toEqual([]);
    await eventually(() => expectOnly({ dataDir, instance }, []));
  });

  it('is asked of a node that has not what it is told of', async () => {
    const other = await newDataDir('typo');
    try {
      expect(await coracle('up', '--data-dir', other, '--api-port', '0', '--runtime-handler', 'runc=/usr/sbin/rnuc')).toMatchObject({ code: 1, stderr: expect.stringContaining('--runtime-handler runc=/usr/sbin/rnuc: ENOENT') });
    } finally {
      await rm(other, { recursive: true });
    }
  });
});
