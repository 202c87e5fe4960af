/**
 * What a user of one machine waits for: process start to an API that answers and a node that is Ready, a pod from create to
 * Running, a Deployment of 50; and what an idle cluster costs. Against a real `coracle up` in a process of its own.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { readFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { get } from 'node:https';
import { createInterface } from 'node:readline';
import { text as bodyOf } from 'node:stream/consumers';
import { setTimeout } from 'node:timers/promises';
import { createClient, type Client } from '../client/client.ts';
import { httpsTransport } from '../client/https.ts';
import { readKubeconfig, type Access } from '../client/kubeconfig.ts';
import { Deployment } from '../machinery/kinds/apps.ts';
import { Pod } from '../machinery/kinds/core.ts';

const root = dirname(import.meta.dirname);
const coracle = join(root, 'bin/coracle');
const image = 'coracle.example/web:1';
const namespace = 'default';
const samples = 40;
/** After this a process has put away what its start took, and is idle. */
const settleMs = 45_000;
const idleMs = 20_000;
const deadlineMs = 60_000;

/** Starts `coracle up`; resolves once the node is Ready. Times in milliseconds since the process was started. */
async function up(dataDir: string): Promise<{ process: ChildProcess; apiMs: number; readyMs: number }> {
  const started = performance.now();
  const child = spawn(coracle, ['up', '--data-dir', dataDir, '--api-port', '0'], { stdio: ['ignore', 'pipe', 'inherit'] });
  let apiMs = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    if (line.startsWith('API server:')) apiMs = performance.now() - started;
    if (line.startsWith('Node ')) return { process: child, apiMs, readyMs: performance.now() - started };
  }
  throw new Error(`'coracle up' ended before its node was Ready`);
}

function end(child: ChildProcess): Promise<void> {
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.kill('SIGTERM');
  return ended;
}

function run(...args: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(coracle, args, { stdio: ['ignore', 'ignore', 'inherit'] });
    child.once('error', reject);
    child.once('exit', (code) => (code === 0 ? resolve() : reject(new Error(`'coracle ${args.join(' ')}' ended with ${code}`))));
  });
}

const quantile = (values: readonly number[], part: number): number => values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * part))] ?? Number.NaN;
const ms = (value: number): string => `${value.toFixed(value < 10 ? 1 : 0)} ms`;

function pod(name: string): Pod {
  return {
    metadata: { name },
    spec: { terminationGracePeriodSeconds: 0, automountServiceAccountToken: false, containers: [{ name: 'main', image, command: ['sleep', '1000'], resources: { requests: { cpu: '1m', memory: '1Mi' } } }] },
  };
}

/** Milliseconds from before the create to the watch event that says Running, one pod at a time. */
async function podStarts(client: Client): Promise<number[]> {
  const times: number[] = [];
  for (let index = 0; index < samples; index++) {
    const name = `bench-${index}`;
    const seen = until(client, name, (object) => object.status?.phase === 'Running');
    const started = performance.now();
    await client.create(Pod, { ...pod(name), metadata: { name, namespace } });
    await seen;
    times.push(performance.now() - started);
    const gone = deleted(client, name);
    await client.delete(Pod, { namespace, name }, { gracePeriodSeconds: 0 });
    await gone;
  }
  return times;
}

async function until(client: Client, name: string, holds: (object: Pod) => boolean): Promise<void> {
  for await (const batch of client.watch(Pod, { namespace, fieldSelector: `metadata.name=${name}`, signal: AbortSignal.timeout(deadlineMs) })) {
    if (batch.some(({ object }) => holds(object))) return;
  }
}

async function deleted(client: Client, name: string): Promise<void> {
  for await (const batch of client.watch(Pod, { namespace, fieldSelector: `metadata.name=${name}`, signal: AbortSignal.timeout(deadlineMs) })) {
    if (batch.some(({ type }) => type === 'DELETED')) return;
  }
}

interface Deployed {
  readonly readyMs: number;
  readonly goneMs: number;
  /** Processor time of the cluster's processes, the pods' supervisors with them, for each pod until it is Ready: a busy machine blurs it less. */
  readonly cpuMsPerPod: number;
}

/** Linux counts processor time in hundredths of a second. */
const tickMs = 10;

/** Milliseconds from applying a Deployment of 50 to all Ready, and from deleting it to no pod left. */
async function deployment(client: Client, pid: number): Promise<Deployed> {
  const count = 50;
  const before = await cost(pid);
  const labels = { app: 'bench' };
  const spec = pod('').spec;
  const template = { metadata: { labels }, ...(spec === undefined ? {} : { spec }) };
  const started = performance.now();
  await client.create(Deployment, { metadata: { name: 'bench', namespace }, spec: { replicas: count, selector: { matchLabels: labels }, template } });
  for await (const batch of client.watch(Deployment, { namespace, signal: AbortSignal.timeout(deadlineMs) })) {
    if (batch.some(({ object }) => object.status?.readyReplicas === count)) break;
  }
  const readyMs = performance.now() - started;
  const after = await cost(pid);
  const live = new Set<string>((await client.list(Pod, { namespace })).items.map((one) => one.metadata?.name ?? ''));
  const deleting = performance.now();
  await client.delete(Deployment, { namespace, name: 'bench' }, { propagationPolicy: 'Background' });
  for await (const batch of client.watch(Pod, { namespace, signal: AbortSignal.timeout(deadlineMs) })) {
    for (const { type, object } of batch) if (type === 'DELETED') live.delete(object.metadata?.name ?? '');
    if (live.size === 0) break;
  }
  return { readyMs, goneMs: performance.now() - deleting, cpuMsPerPod: ((after.cpuTicks - before.cpuTicks) * tickMs) / count };
}

/** Resident memory and cpu of a process and what it started, the pods aside. */
async function cost(pid: number): Promise<{ rssMiB: number; cpuTicks: number }> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const children = (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')).trim().split(' ').filter((text) => text !== '');
  // One that has ended since it was listed costs nothing any more.
  const below = await Promise.all(children.map((child) => cost(Number(child)).catch(() => ({ rssMiB: 0, cpuTicks: 0 }))));
  const own = { rssMiB: Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024, cpuTicks: Number(fields[11]) + Number(fields[12]) };
  return below.reduce((sum, one) => ({ rssMiB: sum.rssMiB + one.rssMiB, cpuTicks: sum.cpuTicks + one.cpuTicks }), own);
}

/** The server's own figure, since it was last asked. */
async function longestTurn({ server, ca, cert, key }: Access): Promise<number> {
  const text = await new Promise<string>((resolve, reject) => {
    get(new URL('/metrics', server), { ca, cert, key, signal: AbortSignal.timeout(deadlineMs) }, (response) => { bodyOf(response).then(resolve, reject); }).once('error', reject);
  });
  const value = /^coracle_event_loop_longest_turn_seconds (\S+)$/m.exec(text)?.[1];
  if (value === undefined) throw new Error('/metrics does not tell the longest turn of the event loop');
  return Number(value) * 1000;
}

async function main(): Promise<void> {
  const dataDir = await mkdtemp(join(tmpdir(), 'bench-cluster-'));
  try {
    const first = await up(dataDir);
    console.log(`first start: API answers ${ms(first.apiMs)}, node Ready ${ms(first.readyMs)} (target from source 1500 ms; k3s-like peers take tens of seconds)`);
    await end(first.process);
    const again = await up(dataDir);
    console.log(`start again: API answers ${ms(again.apiMs)}, node Ready ${ms(again.readyMs)} (targets of the bundle 300 and 600 ms, from source 1500 ms; peers 4-5 s and tens of s)`);
    try {
      await measure(dataDir, again.process.pid ?? 0);
    } finally {
      await end(again.process);
    }
  } finally {
    await run('down', '--purge', '--data-dir', dataDir);
    await rm(dataDir, { recursive: true, force: true });
  }
}

async function measure(dataDir: string, pid: number): Promise<void> {
  const access = await readKubeconfig(join(dataDir, 'admin.kubeconfig'));
  const transport = httpsTransport(access);
  try {
    const client = createClient(transport);
    await setTimeout(settleMs);
    const before = await cost(pid);
    await setTimeout(idleMs);
    const after = await cost(pid);
    console.log(`idle: ${after.rssMiB.toFixed(0)} MiB (target 150, from source 168; peers 693), ${((after.cpuTicks - before.cpuTicks) / (idleMs / 1000)).toFixed(1)} % of a core (target 0.5; apiserver and etcd alone 3.5)`);
    await run('image', 'import', join(root, 'generated/images/web.tar'), '--data-dir', dataDir);
    await longestTurn(access);
    const starts = await podStarts(client);
    console.log(`pod create to Running, one at a time: p50 ${ms(quantile(starts, 0.5))}, p99 ${ms(quantile(starts, 0.99))} (target 10 and 30 ms; kubelet with containerd 227 and 346)`);
    const { readyMs, goneMs, cpuMsPerPod } = await deployment(client, pid);
    console.log(`Deployment of 50: all Ready ${ms(readyMs)}, deleted ${ms(goneMs)} (targets 300 and 150 ms; peers 7100 and 1000); ${ms(cpuMsPerPod)} of processor time a pod`);
    console.log(`longest turn of the event loop under that load: ${ms(await longestTurn(access))} (target 20 ms)`);
  } finally {
    transport.close();
  }
}

await main();
