import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createClient, type Client } from '../client/client.ts';
import { createInformer, type Informer } from '../client/informer.ts';
import { createControllers } from '../controller/all.ts';
import { systemClock } from '../machinery/clock.ts';
import { Job } from '../machinery/kinds/batch.ts';
import { Event, Pod } from '../machinery/kinds/core.ts';
import { isTerminal } from '../machinery/pod/readiness.ts';
import { startTestServer, type TestServer } from './test-server.ts';

/** Jobs against a real API server, their pods' agents played by the test: what must hold whatever real pods do. */

const namespace = 'default';
const stopping = new AbortController();
const warnings: string[] = [];
let fixture: TestServer;
let client: Client;
let jobs: Informer<Job>;
let pods: Informer<Pod>;
let events: Informer<Event>;
let running: Promise<unknown>[] = [];

type Spec = NonNullable<Job['spec']>;

/** `sh` says how its pods end: `succeed`, `fail`, or neither. */
function job(name: string, does: 'succeed' | 'fail' | 'run', spec: Partial<Spec> = {}): Job {
  const template = { metadata: { labels: { does } }, spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'a' }] } };
  return { metadata: { name, namespace }, spec: { ...spec, template } };
}

async function seen(name: string, condition: (job: Job | undefined) => boolean): Promise<Job | undefined> {
  const key = `${namespace}/${name}`;
  try {
    await jobs.waitUntil(key, condition, AbortSignal.timeout(10_000));
  } catch (error) {
    throw new Error(`${warnings.join('\n')} ${key} is not as wanted: ${JSON.stringify(jobs.get(key)?.status)}; ${JSON.stringify(podsOf(name).map((pod) => [pod.metadata?.name, pod.status?.phase, pod.metadata?.finalizers]))}`, { cause: error });
  }
  return jobs.get(key);
}

const has = (type: string) => (object: Job | undefined): boolean => object?.status?.conditions?.some((one) => one.type === type && one.status === 'True') === true;
const podsOf = (name: string): readonly Pod[] => pods.list().filter((pod) => pod.metadata?.labels?.['job-name'] === name);
const conditionsOf = (object: Job | undefined) => object?.status?.conditions?.map(({ type, status, reason, message }) => [type, status, reason, message]);

/** What an agent would say of a pod: it runs, and ends as its label says. */
function endAs(pod: Pod, phase: 'Succeeded' | 'Failed', exitCode = phase === 'Failed' ? 1 : 0): Promise<unknown> {
  const finishedAt = new Date().toISOString().replace(/\.\d+/, '');
  const state = { terminated: { exitCode, finishedAt, startedAt: finishedAt } };
  const body = { status: { phase, containerStatuses: [{ name: 'c', image: 'a', imageID: 'a', restartCount: 0, ready: false, state }] } };
  return client.patch(Pod, { namespace, name: pod.metadata?.name ?? '' }, 'application/merge-patch+json', body, { subresource: 'status' });
}

function playAgents(): void {
  pods.onChange((_before, pod) => {
    const does = pod?.metadata?.labels?.['does'];
    if (pod === undefined || isTerminal(pod) || (does !== 'succeed' && does !== 'fail')) return;
    // It may have been deleted meanwhile, as under a real agent.
    void endAs(pod, does === 'fail' ? 'Failed' : 'Succeeded').catch(() => undefined);
  });
}

function warn(fields: object, message: string): void {
  warnings.push(`${message}: ${inspect(fields)}`);
}

function start(until: AbortSignal): Promise<unknown> {
  const log = { debug: () => undefined, info: () => undefined, warn, error: warn };
  return createControllers({ client, clock: systemClock, kinds: fixture.server.kinds, rootCaPem: 'CA', clusterCidr: '10.244.0.0/16', freeze: true, log }).run(until);
}

beforeAll(async () => {
  fixture = await startTestServer();
  client = createClient(fixture.server.localTransport({ name: 'controllers', groups: ['system:masters'] }));
  const watch = { clock: systemClock, freeze: true };
  [jobs, pods, events] = [createInformer<Job>(client, Job, watch), createInformer<Pod>(client, Pod, watch), createInformer<Event>(client, Event, watch)];
  playAgents();
  running = [start(stopping.signal), ...[jobs, pods, events].map((informer) => informer.run(stopping.signal))];
  await Promise.all([jobs, pods, events].map((informer) => informer.waitForSync(AbortSignal.timeout(10_000))));
});

afterAll(async () => {
  stopping.abort();
  await Promise.all(running);
  await fixture.dispose();
});

describe('a Job', () => {
  it('runs its pods to completion and counts each once', async () => {
    await client.create(Job, job('plain', 'succeed', { completions: 5, parallelism: 2 }));
    const done = await seen('plain', has('Complete'));
    expect(done?.status).toMatchObject({ succeeded: 5, ready: 0, terminating: 0, uncountedTerminatedPods: {}, completionTime: expect.any(String) });
    expect(done?.status).not.toHaveProperty('active');
    expect(conditionsOf(done)).toEqual(['SuccessCriteriaMet', 'Complete'].map((type) => [type, 'True', 'CompletionsReached', 'Reached expected number of succeeded pods']));
    expect(podsOf('plain')).toHaveLength(5);
    expect(podsOf('plain').flatMap(({ metadata }) => metadata?.finalizers ?? [])).toEqual([]);
  });
});
