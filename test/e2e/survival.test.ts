import { basename, dirname } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { createClient } from '../../client/client.ts';
import { httpsTransport } from '../../client/https.ts';
import { readKubeconfig } from '../../client/kubeconfig.ts';
import { ConfigMap, type Pod } from '../../machinery/kinds/core.ts';
import { outcome, type Started } from './command.ts';
import { coracle, coracleProgram, importWeb, instanceOf, kubectlFor, newDataDir, remove, storeFlags, up } from './coracle.ts';
import { eventually } from './eventually.ts';
import type { Kubectl } from './kubectl.ts';
import { onlyProcess, podProcesses } from './machine-processes.ts';
import { deployment, pod, script } from './manifests.ts';

/** A cluster of this file's own, which is killed and started again: each test takes it as the one before has left it. */
let dataDir: string;
let store: readonly string[];
let instance: string;
let running: Started;
let kubectl: Kubectl;

beforeAll(async () => {
  dataDir = await newDataDir('survival');
  store = storeFlags(dataDir, inject('etcdEndpoints'));
  running = await up(dataDir, ...store);
  instance = await instanceOf(dataDir);
  await importWeb(dataDir);
  kubectl = kubectlFor(dataDir);
});

afterAll(async () => {
  await remove(dataDir);
});

const statusOf = async (name: string) => (await kubectl.object<Pod>`get pod ${name} -o json`).status?.containerStatuses?.[0];
const restarts = (name: string, count: number) => kubectl`wait pod/${name} --for=jsonpath={.status.containerStatuses[0].restartCount}=${String(count)} --timeout=40s`;
const servers = () => podProcesses(instance, /^\/bin\/httpd /);

describe('when a container’s process is killed', () => {
  it('it is restarted at once, and with a back-off when it happens again', async () => {
    await kubectl.apply(pod('killed', { container: script('exec sleep 4242') }));
    await kubectl`wait pod/killed --for=condition=Ready --timeout=30s`;
    process.kill(await onlyProcess(instance, /^sleep 4242$/), 'SIGKILL');
    await restarts('killed', 1);
    expect(await statusOf('killed')).toMatchObject({ lastState: { terminated: { exitCode: 137, reason: 'Error' } } });
    await kubectl`wait pod/killed --for=condition=Ready --timeout=30s`;

    process.kill(await onlyProcess(instance, /^sleep 4242$/), 'SIGKILL');
    await kubectl`wait pod/killed --for=jsonpath={.status.containerStatuses[0].state.waiting.reason}=CrashLoopBackOff --timeout=30s`;
    expect(await kubectl`get pod killed`).toMatch(/ 0\/1 +CrashLoopBackOff +1 \(\d+s ago\) /);
    await using events = kubectl.start`get events --watch --field-selector=involvedObject.name=killed`;
    await events.until(/Warning\s+BackOff\s+pod\/killed\s+Back-off restarting failed container main in pod killed_default\(/);
    const since = performance.now();
    await restarts('killed', 2);
    expect(performance.now() - since).toBeGreaterThan(5000);
    await kubectl`delete pod killed`;
  });
});

/** Creates ConfigMaps as fast as they are acknowledged; kills Coracle while it does. The names of those that were. */
async function createUntilKilled(): Promise<string[]> {
  const transport = httpsTransport(await readKubeconfig(`${dataDir}/admin.kubeconfig`));
  const client = createClient(transport);
  const acknowledged: string[] = [];
  const stop = AbortSignal.timeout(30_000);
  const creating = Array.from({ length: 4 }, async (_none, lane) => {
    for (let index = 0; !stop.aborted; index++) {
      const name = `loop-${lane}-${index}`;
      const isCreated = await client.create(ConfigMap, { metadata: { name, namespace: 'default', labels: { loop: 'yes' } } }, { signal: stop }).then(() => true, () => false);
      if (!isCreated) return;
      acknowledged.push(name);
    }
  });
  await eventually(() => expect(acknowledged.length).toBeGreaterThan(100));
  running.kill('SIGKILL');
  await running.ended;
  await Promise.all(creating);
  transport.close();
  return acknowledged;
}

describe('when the whole of Coracle is killed', () => {
  it('its pods go on, and a new one takes them over with nothing lost that was acknowledged', async () => {
    await kubectl.apply(deployment('web', { replicas: 3 }));
    await kubectl`rollout status deployment/web --timeout=30s`;
    const before = await servers();
    expect(before).toHaveLength(3);

    const acknowledged = await createUntilKilled();
    expect(acknowledged.length).toBeGreaterThan(20);
    expect(await servers()).toEqual(before);

    running = await up(dataDir, ...store);
    expect(await servers()).toEqual(before);
    const stored = new Set((await kubectl`get configmaps -l loop=yes -o ${'jsonpath={.items[*].metadata.name}'}`).split(' '));
    expect(acknowledged.filter((name) => !stored.has(name))).toEqual([]);
    await kubectl`rollout status deployment/web --timeout=30s`;
    expect(await kubectl`get pods -l app=web -o ${'jsonpath={.items[*].status.containerStatuses[0].restartCount}'}`).toBe('0 0 0');
    await kubectl`exec deployment/web -- true`;
  });

  it('what ended while it was away is found and restarted', async () => {
    const before = await servers();
    running.kill('SIGKILL');
    await running.ended;
    const [first, ...others] = before;
    process.kill(first?.pid ?? -1, 'SIGKILL');
    running = await up(dataDir, ...store);
    const after = await eventually(async () => {
      const found = await servers();
      expect(found).toHaveLength(3);
      return found;
    });
    expect(after).toEqual(expect.arrayContaining(others));
    await kubectl`rollout status deployment/web --timeout=30s`;
    expect((await kubectl`get pods -l app=web -o ${'jsonpath={.items[*].status.containerStatuses[0].restartCount}'}`).split(' ').toSorted()).toEqual(['0', '0', '1']);
  });
});

describe('when Coracle is told to stop', () => {
  it('it ends in order and leaves its pods running for the next', async () => {
    const before = await servers();
    running.kill('SIGTERM');
    expect(await running.ended).toMatchObject({ code: 0, stderr: '' });
    expect(await servers()).toEqual(before);

    // By a path that is only right where the user stands.
    const here = ['-C', dirname(dataDir), coracleProgram, 'up', '--detach', '--data-dir', basename(dataDir), '--api-port', '0', ...store];
    const { code, stdout } = await outcome('env', here, { deadlineMs: 60_000 });
    expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringMatching(/^Node \S+: Ready/m) });
    expect(await servers()).toEqual(before);
    await kubectl`scale deployment web --replicas=4`;
    await kubectl`rollout status deployment/web --timeout=30s`;
    expect(await servers()).toEqual(expect.arrayContaining(before));
    const [first = ''] = (await kubectl`get pods -l app=web -o name`).split('\n');
    await kubectl`delete ${first}`;
  });

  it('it ends the pods too with --stop-pods, and the next starts them anew', async () => {
    // `down` without --purge ends the detached one.
    expect(await coracle('down', '--data-dir', dataDir)).toMatchObject({ code: 0, stderr: '' });
    expect(await servers()).toEqual([]);
    running = await up(dataDir, ...store, '--stop-pods');
    await eventually(async () => expect(await servers()).toHaveLength(4));
    running.kill('SIGTERM');
    expect((await running.ended).code).toBe(0);
    expect(await servers()).toEqual([]);
    running = await up(dataDir, ...store);
    await eventually(async () => expect(await servers()).toHaveLength(4));
    // What pods are shown was in memory, and is there again.
    await kubectl`exec deployment/web -- test -s /var/run/secrets/kubernetes.io/serviceaccount/token`;
  });
});

const cidr = (of: Kubectl) => of`get nodes -o ${'jsonpath={.items[0].spec.podCIDR}'}`;

describe('two clusters on one machine', () => {
  it('give their pods different addresses, and the end of one leaves the other as it is', async () => {
    const shared = kubectlFor(inject('cluster').dataDir).with({ namespace: 'default' });
    await shared.apply(pod('neighbour'));
    await shared`wait pod/neighbour --for=condition=Ready --timeout=30s`;
    expect(await cidr(shared)).not.toBe(await cidr(kubectl));
    expect(await kubectl`get pods --field-selector=metadata.name=neighbour -o name`).toBe('');

    const neighbours = await podProcesses(inject('cluster').instance, /^\/bin\/httpd /);
    expect(neighbours).not.toEqual([]);
    expect(await coracle('down', '--data-dir', dataDir)).toMatchObject({ code: 0, stderr: '' });
    expect(await podProcesses(instance, /./)).toEqual([]);
    const address = await shared`get pod neighbour -o ${'jsonpath={.status.podIP}'}`;
    expect(await (await fetch(`http://${address}:8080/cgi-bin/hello`, { signal: AbortSignal.timeout(5000) })).text()).toBe('Hello from neighbour\n');
    await shared`delete pod neighbour`;
  });
});
