import { deepEqual, ok } from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pass } from 'node:timers/promises';
import { createClient } from '../../client/client.ts';
import { httpsTransport } from '../../client/https.ts';
import { readKubeconfig } from '../../client/kubeconfig.ts';
import { Pod } from '../../machinery/kinds/core.ts';
import type { Started } from '../e2e/command.ts';
import { accessTo, importWeb, instanceOf, newDataDir, nodeFlags, remove, startUntil, storeFlags, type ClusterAddress } from '../e2e/coracle.ts';
import { eventually } from '../e2e/eventually.ts';
import { createKubectl } from '../e2e/kubectl.ts';
import { podProcesses } from '../e2e/machine-processes.ts';
import { randomFrom } from '../e2e/random.ts';
import { expectOnly } from '../e2e/remains.ts';
import { createChurn, isSteady, type Counts } from './churn.ts';

export interface SoakOptions {
  readonly seconds: number;
  /** There at once. */
  readonly pods: number;
  /** How often the agent is killed with SIGKILL meanwhile, at random moments. */
  readonly kills: number;
  readonly seed: number;
  /** How long everything rests before memory is measured. */
  readonly restSeconds: number;
  /** Of the etcd that the cluster's state is kept in; none: the embedded store. */
  readonly etcdEndpoints: readonly string[];
}

/** What a node and its agent hold. */
export interface Holding {
  readonly processes: number;
  readonly files: number;
  readonly residentMib: number;
}

export interface SoakReport extends Counts {
  readonly kills: number;
  /** At rest without pods: before the churn, when everything was warm, and after it. */
  readonly before: Holding;
  readonly after: Holding;
  /** Of the supervisors that were there at the end of the churn, in KiB of their own (PSS). */
  readonly supervisorKib: { readonly count: number; readonly median: number; readonly most: number };
}

const warmUpSeconds = 5;
const convergeMs = 180_000;
/** An agent that has worked rests on more than one that has not; what it leaks grows on. */
const mostGrownMib = 64;

/**
 * Churns pods on one machine, with a server and an agent as processes of their own, and holds them to this: what is there in the
 * end is what was asked for, and when that is deleted too, nothing is left that was not there before. Rejects when it isn't so.
 */
export async function soak({ seconds, pods, kills, seed, restSeconds, etcdEndpoints }: SoakOptions): Promise<SoakReport> {
  await using cluster = await startCluster(pods, etcdEndpoints);
  const random = randomFrom(seed);
  const { client, kubectl, address } = cluster;
  const warmUp = createChurn({ client, kubectl, random, pods });
  await warmUp.run(after(warmUpSeconds));
  await clear(cluster);
  const before = await rested(cluster, restSeconds);

  const churn = createChurn({ client, kubectl, random, pods });
  const isOver = after(seconds);
  // When one fails the other ends too, before the cluster goes from under it.
  const failed = new AbortController();
  const untilFailure = async (work: Promise<void>): Promise<void> => work.catch((error: unknown) => {
    failed.abort(error);
  });
  await Promise.all([untilFailure(churn.run(() => isOver() || failed.signal.aborted)), untilFailure(killAtRandom(cluster, random, kills, seconds, failed.signal))]);
  failed.signal.throwIfAborted();
  await eventually(() => expectWanted(cluster, churn.wanted), convergeMs);
  const supervisorKib = await supervisorsOf(address);
  await clear(cluster);
  return { ...churn.counts, kills, before, after: await rested(cluster, restSeconds, before), supervisorKib };
}

function after(seconds: number): () => boolean {
  const end = performance.now() + seconds * 1000;
  return () => performance.now() > end;
}

interface Cluster extends AsyncDisposable {
  readonly address: ClusterAddress;
  readonly client: ReturnType<typeof createClient>;
  readonly kubectl: ReturnType<typeof createKubectl>;
  agent(): Started;
  /** SIGKILL, and another in its place. */
  replaceAgent(): Promise<void>;
}

async function startCluster(pods: number, etcdEndpoints: readonly string[]): Promise<Cluster> {
  const [serverDir, dataDir] = [await newDataDir('soak-server'), await newDataDir('soak')];
  const disposal = async (): Promise<void> => {
    await remove(dataDir);
    await remove(serverDir);
  };
  try {
    const server = await startUntil(/^API server: \S+ answers/m, ['server', '--data-dir', serverDir, '--api-address', '127.0.0.1', '--advertise', '127.0.0.1', '--api-port', '0', ...storeFlags(serverDir, etcdEndpoints)]);
    const url = /^API server: (\S+) answers/m.exec(server.output())?.[1] ?? '';
    const token = (await readFile(join(serverDir, 'join-token'), 'utf8')).trim();
    const startAgent = (): Promise<Started> => startUntil(/Ready/, [
      'agent', '--server', url, '--token', token, '--data-dir', dataDir, '--node-name', 'soaked', '--node-address', '127.0.0.2', '--max-pods', String(pods + 10), ...nodeFlags,
    ]);
    let agent = await startAgent();
    await importWeb(dataDir);
    const transport = httpsTransport(await readKubeconfig(join(serverDir, 'admin.kubeconfig')));
    return {
      address: { dataDir, instance: await instanceOf(dataDir) }, client: createClient(transport), kubectl: createKubectl(accessTo(serverDir)),
      agent: () => agent,
      async replaceAgent() {
        agent.kill('SIGKILL');
        await agent.ended;
        agent = await startAgent();
      },
      async [Symbol.asyncDispose]() {
        transport.close();
        await disposal();
      },
    };
  } catch (error) {
    await disposal();
    throw error;
  }
}

async function killAtRandom(cluster: Cluster, random: () => number, kills: number, seconds: number, failed: AbortSignal): Promise<void> {
  const moments = Array.from({ length: kills }, () => random() * seconds * 1000).toSorted((a, b) => a - b);
  const start = performance.now();
  for (const moment of moments) {
    await pass(Math.max(0, moment - (performance.now() - start)), undefined, { signal: failed }).catch(() => undefined);
    if (failed.aborted) return;
    await cluster.replaceAgent();
  }
}

/** The pods of the API are those that were asked for; what should run does, in its first run; the machine has them and no others. */
async function expectWanted({ client, address }: Cluster, wanted: ReadonlySet<string>): Promise<void> {
  const { items } = await client.list(Pod, { namespace: 'default' });
  deepEqual(items.map(({ metadata }) => metadata?.name ?? '').toSorted(), [...wanted].toSorted());
  const steady = items.filter(({ metadata }) => isSteady(metadata?.name ?? ''));
  const states = steady.map(({ metadata, status }) => [metadata?.name, status?.phase, status?.containerStatuses?.[0]?.ready, status?.containerStatuses?.[0]?.restartCount]);
  deepEqual(states, steady.map(({ metadata }) => [metadata?.name, 'Running', true, 0]));
  await expectOnly(address, items.map(({ metadata }) => metadata?.uid ?? ''));
}

async function clear(cluster: Cluster): Promise<void> {
  await cluster.client.deleteCollection(Pod, { namespace: 'default' });
  await eventually(() => expectWanted(cluster, new Set()), convergeMs);
}

/**
 * Waits, when it is told what was held before, until no more is held than then: sandboxes kept ready are made one by one, and memory is
 * given back when there has been nothing to do for a while.
 */
async function rested(cluster: Cluster, restSeconds: number, before?: Holding): Promise<Holding> {
  await pass(restSeconds * 1000);
  return eventually(async () => {
    const holding = await holdingOf(cluster);
    ok(before === undefined || holding.residentMib <= before.residentMib + mostGrownMib, `the agent holds ${holding.residentMib} MiB, and ${before?.residentMib} before`);
    ok(before === undefined || holding.processes <= before.processes, `${holding.processes} processes are in its cgroups, and ${before?.processes} were before`);
    return holding;
  }, convergeMs);
}

async function holdingOf({ agent, address }: Cluster): Promise<Holding> {
  const { pid } = agent();
  const [processes, files, status] = await Promise.all([podProcesses(address.instance, /./), readdir(`/proc/${pid}/fd`), readFile(`/proc/${pid}/status`, 'utf8')]);
  return { processes: processes.length, files: files.length, residentMib: Math.round(Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024) };
}

async function supervisorsOf({ instance }: ClusterAddress): Promise<SoakReport['supervisorKib']> {
  const processes = (await podProcesses(instance, /^coracle-pod$/)).map(({ pid }) => readFile(`/proc/${pid}/smaps_rollup`, 'utf8').catch(() => ''));
  const sizes = (await Promise.all(processes)).map((text) => Number(/^Pss:\s+(\d+) kB$/m.exec(text)?.[1] ?? Number.NaN)).filter((size) => !Number.isNaN(size)).toSorted((a, b) => a - b);
  return { count: sizes.length, median: sizes[Math.floor(sizes.length / 2)] ?? 0, most: sizes.at(-1) ?? 0 };
}
