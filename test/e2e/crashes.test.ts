import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pass } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { createClient, type Client } from '../../client/client.ts';
import { httpsTransport } from '../../client/https.ts';
import { readKubeconfig } from '../../client/kubeconfig.ts';
import type { Job } from '../../machinery/kinds/batch.ts';
import { Pod } from '../../machinery/kinds/core.ts';
import { systemCode } from '../../machinery/thrown.ts';
import { run, type Started } from './command.ts';
import { importWeb, instanceOf, kubectlFor, newDataDir, remove, storeFlags, up } from './coracle.ts';
import { eventually } from './eventually.ts';
import type { Kubectl } from './kubectl.ts';
import { podProcesses } from './machine-processes.ts';
import { lasting, pod, script } from './manifests.ts';
import { randomFrom } from './random.ts';
import { expectOnly } from './remains.ts';
import { interpose } from '../runtime/interposed.ts';
import { supervisorOf } from '../sandbox-record.ts';

/** What dies at a bad moment: supervisors of pods, and the whole of Coracle. A cluster of this file's own. */
let dataDir: string;
let store: readonly string[];
let instance: string;
let running: Started;
let kubectl: Kubectl;

beforeAll(async () => {
  dataDir = await newDataDir('crashes');
  store = storeFlags(dataDir, inject('etcdEndpoints'));
  running = await up(dataDir, ...store);
  instance = await instanceOf(dataDir);
  await importWeb(dataDir);
  kubectl = kubectlFor(dataDir);
});

afterAll(async () => {
  await remove(dataDir);
});

const podOf = (name: string) => kubectl.object<Pod>`get pod ${name} -o json`;
const uidOf = async (name: string): Promise<string> => (await podOf(name)).metadata?.uid ?? '';

/** Kills the supervisor; resolves when it is no more. */
async function killSupervisor(name: string): Promise<void> {
  const pid = await supervisorOf(dataDir, await uidOf(name));
  process.kill(pid, 'SIGKILL');
  await eventually(async () => expect(await podProcesses(instance, /./)).not.toContainEqual(expect.objectContaining({ pid })));
}

const container = (name: string, mark: string) => ({ name, image: 'coracle.example/web:1', ...lasting(mark) });
const killed = { terminated: { exitCode: 137, reason: 'Error' } };

describe('a pod whose supervisor is killed', () => {
  it('loses every process at once, and is begun anew: init containers first, then all others', async () => {
    await kubectl.apply(pod('pair', { spec: { initContainers: [{ name: 'first', image: 'coracle.example/web:1', ...script('true') }], containers: [container('one', 'pair-one'), container('two', 'pair-two')] } }));
    await kubectl`wait pod/pair --for=condition=Ready --timeout=30s`;
    const before = await podProcesses(instance, /: pair-(one|two);/);
    expect(before).toHaveLength(2);
    await killSupervisor('pair');
    const after = await eventually(async () => {
      const found = await podProcesses(instance, /: pair-(one|two);/);
      expect(found).toHaveLength(2);
      return found;
    });
    expect(after.filter(({ pid }) => before.some((each) => each.pid === pid))).toEqual([]);
    await kubectl`wait pod/pair --for=jsonpath={.status.containerStatuses[1].restartCount}=1 --timeout=30s`;
    await kubectl`wait pod/pair --for=condition=Ready --timeout=30s`;
    const { status } = await podOf('pair');
    for (const each of status?.containerStatuses ?? []) expect(each).toMatchObject({ ready: true, restartCount: 1, lastState: killed });
    expect(status?.initContainerStatuses).toMatchObject([{ restartCount: 1, state: { terminated: { exitCode: 0, reason: 'Completed' } } }]);
  });

  it('has failed when it must not be restarted, and its init containers have not', async () => {
    await kubectl.apply(pod('once', { spec: { restartPolicy: 'Never', initContainers: [{ name: 'first', image: 'coracle.example/web:1', ...script('true') }], containers: [container('one', 'once'), container('two', 'once')] } }));
    await kubectl`wait pod/once --for=condition=Ready --timeout=30s`;
    await killSupervisor('once');
    await kubectl`wait pod/once --for=jsonpath={.status.phase}=Failed --timeout=30s`;
    const { status } = await podOf('once');
    for (const each of status?.containerStatuses ?? []) expect(each).toMatchObject({ restartCount: 0, state: killed });
    expect(status?.initContainerStatuses).toMatchObject([{ restartCount: 0, state: { terminated: { exitCode: 0, reason: 'Completed' } } }]);
    expect(await podProcesses(instance, /: once;/)).toEqual([]);
  });

  it('while an init container runs goes through its init containers again', async () => {
    const gated = { name: 'gated', image: 'coracle.example/web:1', ...script(': gated; while [ ! -e /gate/open ]; do sleep 0.1; done'), volumeMounts: [{ name: 'gate', mountPath: '/gate' }] };
    await kubectl.apply(pod('initial', { spec: { initContainers: [gated], volumes: [{ name: 'gate', configMap: { name: 'gate', optional: true } }], containers: [container('main', 'initial')] } }));
    await eventually(async () => expect(await podProcesses(instance, /: gated;/)).toHaveLength(1));
    const [before] = await podProcesses(instance, /: gated;/);
    await killSupervisor('initial');
    await eventually(async () => expect((await podProcesses(instance, /: gated;/)).filter(({ pid }) => pid !== before?.pid)).toHaveLength(1));
    await kubectl`wait pod/initial --for=jsonpath={.status.initContainerStatuses[0].restartCount}=1 --timeout=30s`;
    expect((await podOf('initial')).status).toMatchObject({ initContainerStatuses: [{ lastState: killed }], containerStatuses: [{ restartCount: 0, state: { waiting: { reason: 'PodInitializing' } } }] });
    await kubectl`create configmap gate --from-literal=open=yes`;
    await kubectl`wait pod/initial --for=condition=Ready --timeout=30s`;
  });

  it('before its containers have started starts them all the same, none of them for the second time', async () => {
    await kubectl.apply(...['a', 'b', 'c', 'd', 'e'].map((name) => pod(`early-${name}`, { labels: { early: 'yes' }, container: lasting('early') })));
    const { items } = await kubectl.object<{ items: readonly Pod[] }>`get pods -l early=yes -o json`;
    await Promise.all(items.map(async ({ metadata }, index) => {
      const pid = await eventually(() => supervisorOf(dataDir, metadata?.uid ?? ''));
      await pass(index * 4);
      process.kill(pid, 'SIGKILL');
    }));
    await kubectl`wait pods -l early=yes --for=condition=Ready --timeout=30s`;
    await eventually(async () => expect(await podProcesses(instance, /: early;/)).toHaveLength(5));
    await kubectl`delete pods --all --wait=true`;
  });
});

describe('a pod whose supervisor does not answer when Coracle starts', () => {
  it('is kept with its processes, can be deleted, and is driven again when it answers', async () => {
    await kubectl.apply(...['kept', 'ended', 'other'].map((name) => pod(name, { container: lasting(name) })));
    await kubectl`wait pods --all --for=condition=Ready --timeout=30s`;
    const before = await podProcesses(instance, /: (kept|other);/);
    running.kill('SIGKILL');
    await running.ended;
    const [kept, ended] = await Promise.all((await Promise.all(['kept', 'ended'].map((name) => uidInStore(name)))).map((uid) => supervisorOf(dataDir, uid)));
    for (const pid of [kept, ended]) process.kill(pid ?? -1, 'SIGSTOP');
    running = await up(dataDir, ...store);
    expect(await podProcesses(instance, /: (kept|other);/)).toEqual(before);
    expect(await kubectl`exec other -- echo here`).toBe('here\n');
    expect(await kubectl.refused`exec kept -- true`).toContain('the pod\'s supervisor does not answer');
    await kubectl`delete pod ended`;
    expect(await podProcesses(instance, /: ended;/)).toEqual([]);
    process.kill(kept ?? -1, 'SIGCONT');
    await eventually(async () => expect(await kubectl`exec kept -- echo here`).toBe('here\n'));
    expect(await podProcesses(instance, /: (kept|other);/)).toEqual(before);
    expect((await podOf('kept')).status?.containerStatuses?.[0]).toMatchObject({ ready: true, restartCount: 0 });
  });

  it('or is of a version that this one can\'t drive goes on, and says so', async () => {
    const before = await podProcesses(instance, /: kept;/);
    const uid = await uidOf('kept');
    running.kill('SIGKILL');
    await running.ended;
    const newer = await interpose(join(dataDir, 'pods', uid, 'sandbox'), { version: 1000, oldestAgent: 1000 });
    try {
      running = await up(dataDir, ...store);
      await using events = kubectl.start`get events --watch --field-selector=involvedObject.name=kept`;
      await events.until(/Warning\s+FailedSync\s+pod\/kept\s+error syncing pod: coracle-pod speaks version 1000 of the protocol/);
      expect(await podProcesses(instance, /: kept;/)).toEqual(before);
      expect(await kubectl.refused`exec kept -- true`).toContain('delete the pod to have it started anew');
      process.kill(before[0]?.pid ?? -1, 'SIGKILL');
      // Nothing of it runs any more: it makes room for one that can be driven.
      await kubectl`wait pod/kept --for=jsonpath={.status.containerStatuses[0].restartCount}=1 --timeout=30s`;
      expect(await kubectl`exec kept -- echo here`).toBe('here\n');
    } finally {
      await newer.close();
    }
    await kubectl`delete pods --all --wait=true`;
  });
});

/** By what is written down on the node, as no API answers. */
async function uidInStore(name: string): Promise<string> {
  for (const uid of await readdir(join(dataDir, 'pods'))) {
    const record: unknown = JSON.parse(await readFile(join(dataDir, 'pods', uid, 'agent.json'), 'utf8'));
    if (JSON.stringify(record).includes(`"name":"${name}"`) && String(Reflect.get(Object(Reflect.get(Object(record), 'pod')), 'metadata').name) === name) return uid;
  }
  throw new Error(`no pod ${name} is written down`);
}

async function connected(): Promise<{ readonly client: Client; close(): void }> {
  const transport = httpsTransport(await readKubeconfig(`${dataDir}/admin.kubeconfig`));
  return { client: createClient(transport), close: () => transport.close() };
}

describe('when Coracle is killed at any moment', () => {
  const seed = Number(process.env['CRASH_SEED'] ?? 20_261_128);
  it(`its pods become what was asked for, and nothing else is left (seed ${seed})`, async () => {
    const random = randomFrom(seed);
    const wanted = new Set<string>();
    for (let round = 0; round < 10; round++) {
      const { client, close } = await connected();
      const acts: Promise<unknown>[] = [];
      for (const name of [...wanted].filter(() => random() < 0.4)) {
        acts.push(client.delete(Pod, { namespace: 'default', name }).catch(() => undefined));
        // Deleted, or nobody knows.
        wanted.delete(name);
      }
      for (let index = 0; index < 3; index++) {
        const name = `round-${round}-${index}`;
        const object: unknown = { ...pod(name, { container: lasting('round') }), metadata: { namespace: 'default', name } };
        acts.push(client.create(Pod, object as Pod).then(() => wanted.add(name), () => undefined));
      }
      await pass(random() * 250);
      running.kill('SIGKILL');
      await running.ended;
      await Promise.all(acts);
      close();
      running = await up(dataDir, ...store);
    }
    // What had no answer may have been done or not: the API says which.
    const pods = await eventually(async () => {
      const { items } = await kubectl.object<{ items: readonly Pod[] }>`get pods -o json`;
      expect(items.filter(({ metadata }) => metadata?.deletionTimestamp !== undefined)).toEqual([]);
      return items;
    });
    expect([...wanted].filter((name) => !pods.some(({ metadata }) => metadata?.name === name))).toEqual([]);
    await kubectl`wait pods --all --for=condition=Ready --timeout=30s`;
    expect(pods.flatMap(({ status }) => status?.containerStatuses ?? []).filter(({ restartCount }) => (restartCount ?? 0) > 0)).toEqual([]);
    await eventually(() => expectNothingBut(pods.map(({ metadata }) => metadata?.uid ?? '')));
    await kubectl`delete pods --all --wait=true`;
    await eventually(() => expectNothingBut([]));
  });

  it(`a Job makes no pod too many, and counts each once (seed ${seed})`, async () => {
    const random = randomFrom(seed);
    const template = { spec: { restartPolicy: 'Never', containers: [{ name: 'main', image: 'coracle.example/web:1', ...script('sleep 0.5') }] } };
    await kubectl.apply({ apiVersion: 'batch/v1', kind: 'Job', metadata: { name: 'counted' }, spec: { completions: 20, parallelism: 4, template } });
    for (let round = 0; round < 5; round++) {
      await pass(random() * 1000);
      running.kill('SIGKILL');
      await running.ended;
      running = await up(dataDir, ...store);
    }
    await kubectl`wait job/counted --for=condition=complete --timeout=50s`;
    const { status } = await kubectl.object<Job>`get job counted -o json`;
    expect(status).toMatchObject({ succeeded: 20, uncountedTerminatedPods: {} });
    expect(status).not.toHaveProperty('failed');
    expect((await kubectl`get pods -o jsonpath={.items[*].status.phase}`).split(' ')).toEqual(Array.from({ length: 20 }, () => 'Succeeded'));
    await kubectl`delete job counted`;
    await eventually(() => expectNothingBut([]));
  });
});

describe('when the machine has started anew', () => {
  it('what was left of pods is known to be of before, and they start again with what was on the disk', async () => {
    const count = script('for each in disk memory; do echo run >> /$each/runs; done; exec sleep 4243');
    const volumes = [{ name: 'disk', emptyDir: {} }, { name: 'memory', emptyDir: { medium: 'Memory' } }];
    const volumeMounts = volumes.map(({ name }) => ({ name, mountPath: `/${name}` }));
    await kubectl.apply(pod('always', { spec: { volumes }, container: { ...count, volumeMounts } }), pod('never', { spec: { restartPolicy: 'Never' }, container: lasting('never') }));
    await kubectl`wait pod/always pod/never --for=condition=Ready --timeout=30s`;
    const uids = await Promise.all(['always', 'never'].map(uidOf));
    running.kill('SIGKILL');
    await running.ended;
    // What a machine takes with it: processes, what is in memory, its boot id.
    await eventually(async () => {
      const left = await podProcesses(instance, /./);
      for (const { pid } of left) killIfThere(pid);
      expect(left).toEqual([]);
    });
    for (const uid of uids) {
      const record = join(dataDir, 'pods', uid, 'sandbox/sandbox.json');
      await writeFile(record, (await readFile(record, 'utf8')).replace(/"bootId":"[^"]*"/, '"bootId":"that of before"'));
    }
    await run('umount', ['-l', join(dataDir, 'memory', uids[0] ?? '', 'memory')]);

    running = await up(dataDir, ...store);
    await kubectl`wait pod/always --for=jsonpath={.status.containerStatuses[0].restartCount}=1 --timeout=30s`;
    await kubectl`wait pod/always --for=condition=Ready --timeout=30s`;
    await kubectl`wait pod/never --for=jsonpath={.status.phase}=Failed --timeout=30s`;
    expect(await kubectl`exec always -- sh -c ${'cat /disk/runs; echo; cat /memory/runs'}`).toBe('run\nrun\n\nrun\n');
    for (const name of ['always', 'never']) {
      const status = (await podOf(name)).status?.containerStatuses?.[0];
      expect(status?.lastState?.terminated ?? status?.state?.terminated).toMatchObject({ exitCode: 137 });
    }
    await kubectl`delete pods --all --wait=true`;
    await eventually(() => expectNothingBut([]));
  });
});

/** One that has ended with another is killed too. */
function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if (systemCode(error) !== 'ESRCH') throw error;
  }
}

/** Those pods of this file that count rounds, and no others. */
async function expectNothingBut(uids: readonly string[]): Promise<void> {
  await expectOnly({ dataDir, instance }, uids);
  expect(await podProcesses(instance, /: round;/)).toHaveLength(uids.length);
}
