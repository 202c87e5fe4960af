import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createClient, type Client } from '../client/client.ts';
import { createInformer, type Informer } from '../client/informer.ts';
import { systemClock } from '../machinery/clock.ts';
import { Job } from '../machinery/kinds/batch.ts';
import { Event, Namespace, Pod } from '../machinery/kinds/core.ts';
import type { KubernetesObject } from '../machinery/kinds/kind.ts';
import { isTerminal } from '../machinery/pod/readiness.ts';
import { mortalClient, runControllers } from './suites/mortal-controllers.ts';
import { startTestServer, type TestServer } from './test-server.ts';

/** Jobs against a real API server, their pods' agents played by the test: what must hold whatever real pods do. */

const namespace = 'default';
const stopping = new AbortController();
/** Those that run while nothing else is said. */
const controllers = new AbortController();
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

beforeAll(async () => {
  fixture = await startTestServer();
  client = createClient(fixture.server.localTransport({ name: 'controllers', groups: ['system:masters'] }));
  const watch = { clock: systemClock, freeze: true };
  [jobs, pods, events] = [createInformer<Job>(client, Job, watch), createInformer<Pod>(client, Pod, watch), createInformer<Event>(client, Event, watch)];
  playAgents();
  running = [runControllers(fixture, client, controllers.signal, warn), ...[jobs, pods, events].map((informer) => informer.run(stopping.signal))];
  await Promise.all([jobs, pods, events].map((informer) => informer.waitForSync(AbortSignal.timeout(10_000))));
});

afterAll(async () => {
  controllers.abort();
  stopping.abort();
  await Promise.all(running);
  await fixture.dispose();
});

const phaseIs = (phase: string) => (pod: Pod): boolean => pod.status?.phase === phase;
const active = (name: string): readonly Pod[] => podsOf(name).filter((pod) => !isTerminal(pod) && pod.metadata?.deletionTimestamp === undefined);
const labelled = (pod: Pod, key: string): string | undefined => pod.metadata?.labels?.[`batch.kubernetes.io/${key}`];
const annotated = (pod: Pod, key: string): string | undefined => pod.metadata?.annotations?.[`batch.kubernetes.io/${key}`];

/** Resolves when all of a kind together are as wanted. */
async function eventually<T extends KubernetesObject>(source: Informer<T>, condition: (list: readonly T[]) => boolean): Promise<void> {
  if (condition(source.list())) return;
  await new Promise<void>((resolve, reject) => {
    const left = (): string => source.list().map(({ metadata }) => `${metadata?.namespace}/${metadata?.name} ${metadata?.deletionTimestamp}`).join(', ');
    AbortSignal.timeout(10_000).addEventListener('abort', () => reject(new Error(`not as wanted: ${left()}`)), { once: true });
    const end = source.onChange(() => queueMicrotask(() => {
      if (!condition(source.list())) return;
      end();
      resolve();
    }));
  });
}

/** Resolves when the pods of a Job are as wanted. */
async function podsSeen(name: string, condition: (found: readonly Pod[]) => boolean): Promise<readonly Pod[]> {
  await eventually(pods, () => condition(podsOf(name)));
  return podsOf(name);
}

async function eventOf(about: string, reason: string): Promise<string> {
  const of = (list: readonly Event[]): Event | undefined => list.find((one) => one.involvedObject.name === about && one.reason === reason);
  await eventually(events, (list) => of(list) !== undefined);
  return of(events.list())?.message ?? '';
}

const change = (name: string, spec: Partial<Spec>) => client.patch(Job, { namespace, name }, 'application/merge-patch+json', { spec });

describe('a Job', () => {
  it('runs its pods to completion and counts each once', async () => {
    await client.create(Job, job('plain', 'succeed', { completions: 5, parallelism: 2 }));
    const done = await seen('plain', has('Complete'));
    expect(done?.status).toMatchObject({ succeeded: 5, ready: 0, terminating: 0, uncountedTerminatedPods: {}, completionTime: expect.any(String) });
    expect(done?.status).not.toHaveProperty('active');
    expect(conditionsOf(done)).toEqual(['SuccessCriteriaMet', 'Complete'].map((type) => [type, 'True', 'CompletionsReached', 'Reached expected number of succeeded pods']));
    expect(podsOf('plain')).toHaveLength(5);
    expect(podsOf('plain').flatMap(({ metadata }) => metadata?.finalizers ?? [])).toEqual([]);
    expect(await eventOf('plain', 'SuccessfulCreate')).toMatch(/^Created pod: plain-/);
    expect(await eventOf('plain', 'Completed')).toBe('Job completed');
  });

  it('gives each pod of an Indexed one its index', async () => {
    await client.create(Job, job('indexed', 'succeed', { completions: 4, parallelism: 3, completionMode: 'Indexed' }));
    const done = await seen('indexed', has('Complete'));
    expect(done?.status).toMatchObject({ succeeded: 4, completedIndexes: '0-3' });
    const made = podsOf('indexed').toSorted((a, b) => (a.metadata?.name ?? '').localeCompare(b.metadata?.name ?? ''));
    expect(made.map((pod) => [labelled(pod, 'job-completion-index'), annotated(pod, 'job-completion-index'), pod.spec?.hostname])).toEqual(['0', '1', '2', '3'].map((index) => [index, index, `indexed-${index}`]));
    expect(made[0]?.metadata?.name).toMatch(/^indexed-0-[a-z0-9]{5}$/);
    expect(made[0]?.spec?.containers[0]?.env).toEqual([{ name: 'JOB_COMPLETION_INDEX', valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: "metadata.labels['batch.kubernetes.io/job-completion-index']" } } }]);
  });

  it('fails when too many pods have, and counts those too', async () => {
    await client.create(Job, job('failing', 'fail', { backoffLimit: 0 }));
    const failed = await seen('failing', has('Failed'));
    expect(failed?.status).toMatchObject({ failed: 1, uncountedTerminatedPods: {} });
    expect(conditionsOf(failed)).toEqual(['FailureTarget', 'Failed'].map((type) => [type, 'True', 'BackoffLimitExceeded', 'Job has reached the specified backoff limit']));
    expect(await eventOf('failing', 'BackoffLimitExceeded')).toBe('Job has reached the specified backoff limit');
  });

  it('does not replace a failed pod before its back-off is over', async () => {
    await client.create(Job, job('patient', 'fail', { backoffLimit: 3 }));
    const waiting = await seen('patient', (object) => object?.status?.failed === 1);
    expect(waiting?.status).not.toHaveProperty('active');
    expect(podsOf('patient')).toHaveLength(1);
    await client.delete(Job, { namespace, name: 'patient' }, { propagationPolicy: 'Background' });
    await podsSeen('patient', (found) => found.length === 0);
  });

  it('is suspended and resumed, without counting the pods that had to go', async () => {
    await client.create(Job, job('paused', 'run', { parallelism: 2, completions: 2, suspend: true }));
    const suspended = await seen('paused', has('Suspended'));
    expect(suspended?.status).not.toHaveProperty('startTime');
    expect(podsOf('paused')).toEqual([]);
    await change('paused', { suspend: false });
    await podsSeen('paused', () => active('paused').length === 2);
    const resumed = await seen('paused', (object) => object?.status?.active === 2 && object.status.startTime !== undefined);
    expect(conditionsOf(resumed)).toEqual([['Suspended', 'False', 'JobResumed', 'Job resumed']]);
    await change('paused', { suspend: true });
    await podsSeen('paused', (found) => found.length === 0);
    const again = await seen('paused', (object) => has('Suspended')(object) && object?.status?.active === undefined);
    expect(again?.status).not.toHaveProperty('failed');
    expect([await eventOf('paused', 'Suspended'), await eventOf('paused', 'Resumed')]).toEqual(['Job suspended', 'Job resumed']);
  });

  it('ends its pods when it was active for too long', async () => {
    await client.create(Job, job('slow', 'run', { activeDeadlineSeconds: 1 }));
    const failed = await seen('slow', has('Failed'));
    expect(conditionsOf(failed)?.at(-1)).toEqual(['Failed', 'True', 'DeadlineExceeded', 'Job was active longer than specified deadline']);
    expect(failed?.status).toMatchObject({ failed: 1 });
    await podsSeen('slow', (found) => found.length === 0);
  });

  it('is a queue when it says no number: one success, and the others may finish', async () => {
    await client.create(Job, job('queue', 'run', { parallelism: 2 }));
    const [first, second] = await podsSeen('queue', (found) => found.length === 2);
    await endAs(first ?? {}, 'Succeeded');
    await seen('queue', (object) => object?.status?.succeeded === 1 && object.status.active === 1);
    await endAs(second ?? {}, 'Succeeded');
    expect((await seen('queue', has('Complete')))?.status).toMatchObject({ succeeded: 2 });
  });

  it('replaces a pod that is deleted, and counts it as failed', async () => {
    await client.create(Job, job('robbed', 'run', { completions: 1 }));
    const [victim] = await podsSeen('robbed', (found) => found.length === 1);
    await client.delete(Pod, { namespace, name: victim?.metadata?.name ?? '' }, { gracePeriodSeconds: 0 });
    await seen('robbed', (object) => object?.status?.failed === 1);
    await podsSeen('robbed', (found) => found.length === 1 && found[0]?.metadata?.uid !== victim?.metadata?.uid);
    await client.delete(Job, { namespace, name: 'robbed' }, { propagationPolicy: 'Foreground' });
    await seen('robbed', (object) => object === undefined);
    expect(podsOf('robbed')).toEqual([]);
  });

  it('fails at once for an exit code that its policy names, and ignores what its policy ignores', async () => {
    const rules = [{ action: 'FailJob', onExitCodes: { operator: 'In', values: [42] } }, { action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] }];
    await client.create(Job, job('strict', 'run', { completions: 2, parallelism: 2, backoffLimit: 0, podFailurePolicy: { rules } }));
    const [disturbed, broken] = await podsSeen('strict', (found) => found.length === 2);
    const conditions = [{ type: 'DisruptionTarget', status: 'True' }];
    await client.patch(Pod, { namespace, name: disturbed?.metadata?.name ?? '' }, 'application/strategic-merge-patch+json', { status: { phase: 'Failed', conditions } }, { subresource: 'status' });
    await podsSeen('strict', (found) => found.filter(phaseIs('Failed')).every(({ metadata }) => (metadata?.finalizers ?? []).length === 0) && found.some(phaseIs('Failed')));
    expect(jobs.get('default/strict')?.status).not.toHaveProperty('failed');
    await endAs(broken ?? {}, 'Failed', 42);
    const failed = await seen('strict', has('FailureTarget'));
    const name = broken?.metadata?.name ?? '';
    expect(conditionsOf(failed)?.[0]).toEqual(['FailureTarget', 'True', 'PodFailurePolicy', `Container c for pod default/${name} failed with exit code 42 matching FailJob rule at index 0`]);
    await client.delete(Job, { namespace, name: 'strict' }, { propagationPolicy: 'Background' });
    await podsSeen('strict', (found) => found.length === 0);
  });

  it('goes some time after it ended, and its pods with it', async () => {
    await client.create(Job, job('brief', 'succeed', { ttlSecondsAfterFinished: 0 }));
    await podsSeen('brief', (found) => found.length === 1);
    await seen('brief', (object) => object === undefined);
    await podsSeen('brief', (found) => found.length === 0);
  });

  it('leaves its pods without their finalizers when it is deleted without them', async () => {
    await client.create(Job, job('careless', 'run', { parallelism: 2, completions: 2 }));
    await podsSeen('careless', (found) => found.length === 2);
    await client.delete(Job, { namespace, name: 'careless' }, { propagationPolicy: 'Orphan' });
    const left = await podsSeen('careless', (found) => found.every(({ metadata }) => (metadata?.finalizers ?? []).length === 0 && (metadata?.ownerReferences ?? []).length === 0));
    expect(left).toHaveLength(2);
  });

  it('adopts pods that it selects, and lets go of those that it no longer selects', async () => {
    const made = await client.create(Job, job('family', 'run', { parallelism: 2, completions: 3 }));
    const [stray] = await podsSeen('family', (found) => found.length === 2);
    const uid = 'batch.kubernetes.io/controller-uid';
    await client.patch(Pod, { namespace, name: stray?.metadata?.name ?? '' }, 'application/merge-patch+json', { metadata: { labels: { [uid]: 'nobody' } } });
    const released = await podsSeen('family', (found) => found.length === 3 && found.some(({ metadata }) => metadata?.uid === stray?.metadata?.uid && (metadata?.ownerReferences ?? []).length === 0));
    expect(released.find(({ metadata }) => metadata?.uid === stray?.metadata?.uid)?.metadata).not.toHaveProperty('finalizers');
    await client.patch(Pod, { namespace, name: stray?.metadata?.name ?? '' }, 'application/merge-patch+json', { metadata: { labels: { [uid]: made.metadata?.uid ?? '' } } });
    await podsSeen('family', () => active('family').length === 2);
    expect(jobs.get('default/family')?.status).not.toHaveProperty('failed');
  });

  it('shrinks and grows when it is Indexed', async () => {
    await client.create(Job, job('elastic', 'run', { completions: 4, parallelism: 4, completionMode: 'Indexed' }));
    const made = await podsSeen('elastic', (found) => found.length === 4);
    for (const pod of made.filter((one) => labelled(one, 'job-completion-index') !== '1')) await endAs(pod, 'Succeeded');
    await seen('elastic', (object) => object?.status?.completedIndexes === '0,2,3');
    await change('elastic', { completions: 2, parallelism: 2 });
    expect((await seen('elastic', (object) => object?.status?.succeeded === 1))?.status).toMatchObject({ completedIndexes: '0', active: 1 });
    await change('elastic', { completions: 3, parallelism: 3 });
    await podsSeen('elastic', () => active('elastic').length === 2);
    for (const pod of active('elastic')) await endAs(pod, 'Succeeded');
    expect((await seen('elastic', has('Complete')))?.status).toMatchObject({ succeeded: 3, completedIndexes: '0-2' });
  });

  it('keeps failed indexes apart, and goes on with the others', async () => {
    await client.create(Job, job('apart', 'run', { completions: 3, parallelism: 3, completionMode: 'Indexed', backoffLimitPerIndex: 0, maxFailedIndexes: 2 }));
    const made = await podsSeen('apart', (found) => found.length === 3);
    for (const [index, pod] of made.entries()) await endAs(pod, index === 0 ? 'Failed' : 'Succeeded');
    const failed = await seen('apart', has('Failed'));
    const index = made[0]?.metadata?.labels?.['batch.kubernetes.io/job-completion-index'];
    expect(failed?.status).toMatchObject({ succeeded: 2, failed: 1, failedIndexes: index });
    expect(conditionsOf(failed)?.at(-1)).toEqual(['Failed', 'True', 'FailedIndexes', 'Job has failed indexes']);
  });

  it('is over when the indexes that matter are', async () => {
    await client.create(Job, job('leader', 'run', { completions: 3, parallelism: 3, completionMode: 'Indexed', successPolicy: { rules: [{ succeededIndexes: '0' }] } }));
    const made = await podsSeen('leader', (found) => found.length === 3);
    await endAs(made.find((pod) => labelled(pod, 'job-completion-index') === '0') ?? {}, 'Succeeded');
    const done = await seen('leader', has('Complete'));
    expect(done?.status).toMatchObject({ succeeded: 1, completedIndexes: '0' });
    expect(done?.status).not.toHaveProperty('failed');
    expect(conditionsOf(done)).toEqual(['SuccessCriteriaMet', 'Complete'].map((type) => [type, 'True', 'SuccessPolicy', 'Matched rules at index 0']));
    await podsSeen('leader', (found) => found.length === 1);
  });

  it('goes with its namespace, also when it waits for its pods to have failed', async () => {
    await client.create(Namespace, { metadata: { name: 'going' } });
    const within = (one: Job): Job => ({ ...one, metadata: { ...one.metadata, namespace: 'going' } });
    const made = eventually(pods, (list) => list.filter(({ metadata }) => metadata?.namespace === 'going').length === 2);
    await client.create(Job, within(job('hasty', 'run')));
    await client.create(Job, within(job('waiting', 'run', { podReplacementPolicy: 'Failed' })));
    await made;
    const gone = eventually(pods, (list) => list.every(({ metadata }) => metadata?.namespace !== 'going'));
    await client.delete(Namespace, { name: 'going' });
    await gone;
    await eventually(jobs, (list) => list.every(({ metadata }) => metadata?.namespace !== 'going'));
  });

  it('is left alone when another controller runs it', async () => {
    await client.create(Job, job('foreign', 'succeed', { managedBy: 'example.com/queue' }));
    await client.create(Job, job('own', 'succeed', { managedBy: 'kubernetes.io/job-controller' }));
    await seen('own', has('Complete'));
    expect([podsOf('foreign'), jobs.get('default/foreign')?.status]).toEqual([[], {}]);
  });

  it('has met no failure in all this', () => {
    expect(warnings).toEqual([]);
  });

  it('is counted whole, however often whoever counts is killed', async () => {
    controllers.abort();
    await running[0];
    await client.create(Job, job('heritage', 'succeed', { completions: 40, parallelism: 4 }));
    await client.create(Job, job('estate', 'succeed', { completions: 40, parallelism: 4, completionMode: 'Indexed' }));
    for (let life = 3; life < 40; life += 1) {
      const { client: as, died } = mortalClient(fixture, ['jobs', 'pods'], life);
      const end = new AbortController();
      const run = runControllers(fixture, as, end.signal, () => undefined);
      const lived = Promise.all(['heritage', 'estate'].map((name) => seen(name, has('Complete'))));
      await Promise.race([died, lived]);
      end.abort();
      await run;
      lived.catch(() => undefined);
    }
    const last = new AbortController();
    const run = runControllers(fixture, client, last.signal, warn);
    const [heritage, estate] = await Promise.all(['heritage', 'estate'].map((name) => seen(name, has('Complete'))));
    expect(heritage?.status).toMatchObject({ succeeded: 40, uncountedTerminatedPods: {} });
    expect(estate?.status).toMatchObject({ succeeded: 40, completedIndexes: '0-39' });
    for (const one of [heritage, estate]) expect(one?.status).not.toHaveProperty('failed');
    expect(podsOf('heritage')).toHaveLength(40);
    expect([...podsOf('heritage'), ...podsOf('estate')].flatMap(({ metadata }) => metadata?.finalizers ?? [])).toEqual([]);
    last.abort();
    await run;
  });
});
