import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import type { Pod } from '../../machinery/kinds/core.ts';
import { createHosts, type Host, type Hosts } from '../hosts/hosts.ts';
import { startEtcd, type EtcdCluster } from '../suites/etcd.ts';
import { outcome, run } from './command.ts';
import { accessTo, coracleProgram, importWeb, newDataDir, nodeFlags, remove, startUntil, storeFlags } from './coracle.ts';
import { createKubectl, type Kubectl } from './kubectl.ts';
import { daemonSet, deployment, pod, script } from './manifests.ts';

/** A server and two agents, each a process in a network of its own, as on three machines. */
let hosts: Hosts;
/** On the server's machine, if its state is to be in etcd: from its network there is no way to the others' one. */
let etcd: EtcdCluster | undefined;
let kubectl: Kubectl;
const started: { readonly dataDir: string; readonly host: Host }[] = [];

async function begin(host: Host | undefined, name: string, ready: RegExp, args: (dataDir: string, host: Host) => readonly string[]): Promise<string> {
  if (host === undefined) throw new Error(`no host for ${name}`);
  const dataDir = await newDataDir(name);
  started.unshift({ dataDir, host });
  await startUntil(ready, [...args(dataDir, host), '--data-dir', dataDir], host.through);
  return dataDir;
}

beforeAll(async () => {
  hosts = await createHosts(3);
  const [server, ...machines] = hosts.all;
  if (inject('etcdEndpoints').length > 0) etcd = await startEtcd(1, server?.through);
  const serverDir = await begin(server, 'server', /^API server: \S+ answers/m, (dataDir, { address }) => (
    ['server', '--advertise', address, ...storeFlags(dataDir, etcd?.endpoints ?? [])]));
  const token = (await readFile(`${serverDir}/join-token`, 'utf8')).trim();
  await Promise.all(machines.map(async (machine, index) => {
    const dataDir = await begin(machine, `agent-${index + 1}`, /Ready/, (_dataDir, { address }) => (
      ['agent', '--server', `https://${server?.address}:6443`, '--token', token, '--node-name', `machine-${index + 1}`, '--node-address', address, ...nodeFlags]));
    await importWeb(dataDir);
  }));
  kubectl = createKubectl({ ...accessTo(serverDir), through: server?.through ?? [] });
});

afterAll(async () => {
  const failures: unknown[] = [];
  for (const { dataDir, host } of started) await remove(dataDir, host.through).catch((error: unknown) => failures.push(error));
  await etcd?.dispose();
  await hosts[Symbol.asyncDispose]();
  if (failures.length > 0) throw new AggregateError(failures, failures.map(String).join('\n'));
});

describe('a Deployment over two machines', () => {
  it('is spread over both when it does not fit on one, and each reaches the other', async () => {
    await kubectl`wait node/machine-1 node/machine-2 --for=condition=Ready --timeout=30s`;
    const cpu = Number(await kubectl`get node machine-1 -o ${'jsonpath={.status.allocatable.cpu}'}`);
    const requests = { cpu: `${Math.ceil(cpu * 600)}m` };
    await kubectl.apply(deployment('web', { replicas: 2, container: { resources: { requests } } }));
    await kubectl`rollout status deployment/web --timeout=60s`;
    const { items } = await kubectl.object<{ items: Pod[] }>`get pods -l app=web -o json`;
    expect(items.map(({ spec }) => spec?.nodeName).toSorted()).toEqual(['machine-1', 'machine-2']);

    const [one, other] = items.map(({ metadata, status }) => ({ name: metadata?.name ?? '', address: status?.podIP ?? '' }));
    const fetched = (from: string | undefined, to: string | undefined) => kubectl`exec ${from ?? ''} -- timeout 5 wget -qO- http://${to ?? ''}:8080/cgi-bin/hello`;
    expect(await fetched(one?.name, other?.address)).toBe(`Hello from ${other?.name}\n`);
    expect(await fetched(other?.name, one?.address)).toBe(`Hello from ${one?.name}\n`);
  });

  it('answers logs and exec of either machine through the server', async () => {
    for (const name of (await kubectl`get pods -l app=web -o name`).trim().split('\n')) {
      expect(await kubectl`exec ${name} -- hostname`).toBe(`${name.replace('pod/', '')}\n`);
      await kubectl`exec ${name} -- sh -c ${'echo heard > /proc/1/fd/1'}`;
      expect(await kubectl`logs ${name}`).toContain('heard');
    }
  });

  it('keeps pods Pending that fit on neither', async () => {
    await kubectl`scale deployment web --replicas=3`;
    await using events = kubectl.start`get events --watch --field-selector=reason=FailedScheduling`;
    await events.until(/0\/2 nodes are available: 2 Insufficient cpu\./);
    await kubectl`scale deployment web --replicas=2`;
    await kubectl`rollout status deployment/web --timeout=30s`;
  });

  it('leaves a machine that is cordoned and drained', async () => {
    expect(await kubectl`cordon machine-1`).toBe('node/machine-1 cordoned\n');
    expect(await kubectl`get node machine-1`).toContain('Ready,SchedulingDisabled');
    const before = await kubectl`get pods -l app=web --field-selector=spec.nodeName=machine-1 -o name`;
    await kubectl`drain machine-1 --ignore-daemonsets --timeout=30s`;
    await kubectl.refused`get ${before.trim()}`;
    await kubectl`uncordon machine-1`;
    await kubectl`rollout status deployment/web --timeout=60s`;
    expect(await kubectl`get pods -l app=web --field-selector=spec.nodeName=machine-1 -o name`).toMatch(/^pod\//);
  });
});

describe('a DaemonSet over two machines', () => {
  const nodesOf = async () => (await kubectl.object<{ items: Pod[] }>`get pods -l app=agent -o json`).items.map(({ spec }) => spec?.nodeName).toSorted();

  it('has a pod on each, moves one machine at a time, and stays on one that is cordoned and drained', async () => {
    await kubectl.apply(daemonSet('agent'));
    await kubectl`rollout status daemonset/agent --timeout=60s`;
    expect(await nodesOf()).toEqual(['machine-1', 'machine-2']);

    await using watch = kubectl.start`get daemonset agent --watch -o ${'jsonpath={.status.desiredNumberScheduled} {.status.numberAvailable} {.status.updatedNumberScheduled}{"\\n"}'}`;
    await watch.until(/^2 2 2$/m);
    await kubectl`rollout restart daemonset/agent`;
    await kubectl`rollout status daemonset/agent --timeout=60s`;
    await watch.until(/^2 1 1$[^]*^2 2 2$/m);
    const available = watch.output().trimEnd().split('\n').map((line) => Number(line.split(' ')[1]));
    expect(Math.min(...available)).toBe(1);

    await kubectl`drain machine-2 --ignore-daemonsets --timeout=30s`;
    await kubectl`rollout restart daemonset/agent`;
    await kubectl`rollout status daemonset/agent --timeout=60s`;
    expect(await nodesOf()).toEqual(['machine-1', 'machine-2']);
    await kubectl`uncordon machine-2`;
  });
});

/** What Kubernetes' conformance list demands of taints that evict; each title is an entry's. */
describe('[sig-node] NoExecuteTaintManager', () => {
  const [first, second] = ['example.com/first', 'example.com/second'];
  const always = Infinity;
  /** For so many seconds each taint is tolerated. */
  const tolerant = (name: string, seconds: Readonly<Record<string, number>>) => pod(name, {
    labels: { tolerant: 'yes' }, container: script('exec sleep 1000'),
    spec: { nodeName: 'machine-2', tolerations: Object.entries(seconds).map(([key, tolerationSeconds]) => ({ key, operator: 'Exists', effect: 'NoExecute', ...(tolerationSeconds === always ? {} : { tolerationSeconds }) })) },
  });
  /** A line for each pod's every change: its name, and when it is to be gone. */
  const deletions = () => kubectl.start`get pods -l tolerant=yes --watch -o ${'jsonpath={.metadata.name} {.metadata.deletionTimestamp}{"\\n"}'}`;

  it('NoExecuteTaintManager Multiple Pods [Serial] evicts pods with minTolerationSeconds [Disruptive]', async () => {
    await kubectl.apply(tolerant('brief', { [first]: 1 }), tolerant('longer', { [first]: 3 }), tolerant('lasting', { [first]: always }));
    await kubectl`wait pod/brief pod/longer pod/lasting --for=condition=Ready --timeout=30s`;
    await using watch = deletions();
    await watch.until(/^lasting $/m);
    await kubectl`taint node machine-2 ${`${first}=yes:NoExecute`}`;
    await watch.until(/^brief 2\S+$/m);
    expect(watch.output()).not.toMatch(/^longer 2\S+$/m);
    await watch.until(/^longer 2\S+$/m);
    expect(watch.output()).not.toMatch(/^lasting 2\S+$/m);
    await kubectl`wait pod/brief pod/longer --for=delete --timeout=30s`;
    await kubectl`taint node machine-2 ${`${first}-`}`;
  });

  it('NoExecuteTaintManager Single Pod [Serial] removing taint cancels eviction [Disruptive]', async () => {
    // The other's time is up a second later: when it goes, the first one's is over.
    await kubectl.apply(tolerant('spared', { [first]: 2, [second]: always }), tolerant('evicted', { [first]: always, [second]: 3 }));
    await kubectl`wait pod/spared pod/evicted --for=condition=Ready --timeout=30s`;
    await using watch = deletions();
    await watch.until(/^spared $/m);
    await kubectl`taint node machine-2 ${`${first}=yes:NoExecute`} ${`${second}=yes:NoExecute`}`;
    await kubectl`taint node machine-2 ${`${first}-`}`;
    await watch.until(/^evicted 2\S+$/m);
    expect(watch.output()).not.toMatch(/^spared 2\S+$/m);
    await kubectl`taint node machine-2 ${`${second}-`}`;
  });
});

describe('a package in images on two machines', () => {
  it('is found on both, and what cannot be asked is not taken for an answer', async () => {
    const image = 'packages.example/app:1';
    const root = await mkdtemp(join(tmpdir(), 'coracle-root-'));
    try {
      for (const directory of ['bin', 'node_modules/left-pad']) await mkdir(join(root, directory), { recursive: true });
      await copyFile('/bin/busybox', join(root, 'bin/busybox'));
      await writeFile(join(root, 'node_modules/left-pad/package.json'), '{"name":"left-pad","version":"1.3.0"}');
      for (const { dataDir } of started.slice(0, 2)) await run(coracleProgram, ['image', 'build', root, '-t', image, '--data-dir', dataDir]);
    } finally {
      await rm(root, { recursive: true });
    }
    await kubectl.apply(daemonSet('padded', { container: { image, command: ['/bin/busybox', 'sleep', '1000'] } }));
    await kubectl`rollout status daemonset/padded --timeout=60s`;
    const server = started.at(-1);
    const [program = '', ...through] = server?.host.through ?? [];
    const find = () => outcome(program, [...through, coracleProgram, 'image', 'find', 'left-pad<1.10.0', '--data-dir', server?.dataDir ?? '']);
    const both = await find();
    expect(both).toMatchObject({ code: 0, stderr: '' });
    expect(both.stdout.trim().split('\n').slice(1).map((line) => line.split(/ +/).slice(3)).toSorted()).toEqual(['machine-1', 'machine-2'].map((machine) => [image, 'left-pad', '1.3.0', machine]));
    await kubectl.apply({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'elsewhere' } });
    expect(await find()).toMatchObject({ code: 1, stdout: both.stdout, stderr: expect.stringContaining('not all could be looked into: node elsewhere: ') });
  });
});
