import { beforeAll, describe, expect, it } from 'vitest';
import { CronJob, Job, type JobSpec } from '../../../machinery/kinds/batch.ts';
import { Event, Pod, ServiceAccount } from '../../../machinery/kinds/core.ts';
import type { ObjectMeta } from '../../../machinery/kinds/kind.ts';
import { ownerReference } from '../../../machinery/owner-references.ts';
import { eventually } from '../../e2e/eventually.ts';
import { useCluster } from '../cluster.ts';
import { unique } from '../definitions.ts';
import { useNode } from '../kubelet.ts';
import { expectDiscovered, expectOperations } from '../operations.ts';
import { watching } from '../watching.ts';

const played = useNode();
const cluster = useCluster('jobs');

beforeAll(async () => {
  await eventually(() => cluster.client.get(ServiceAccount, { namespace: cluster.namespace, name: 'default' }));
});

const at = (name: string) => ({ namespace: cluster.namespace, name });
const jobSpec = (more: object = {}): JobSpec => ({ template: { metadata: { labels: { made: 'here' } }, spec: { ...played.place, restartPolicy: 'Never', terminationGracePeriodSeconds: 0, containers: [{ name: 'c', image: 'registry.example/sleep' }] } }, ...more });
const podsOf = async (name: string) => (await cluster.client.list(Pod, { namespace: cluster.namespace, labelSelector: `batch.kubernetes.io/job-name=${name}` })).items;

/** A Job whose pods are all there. */
async function running(name: string, parallelism: number): Promise<Job> {
  const { client, namespace } = cluster;
  await client.create(Job, { metadata: { ...at(name), labels: { [name]: 'yes' } }, spec: jobSpec({ parallelism, completions: parallelism }) });
  await using watch = watching(client, Job, { namespace, fieldSelector: `metadata.name=${name}` });
  return await watch.until('CHANGED', ({ status }) => status?.active === parallelism && status.ready === parallelism);
}

describe('[sig-apps] Jobs', () => {
  it('Job should adopt matching orphans and release non-matching pods', async () => {
    const { client } = cluster;
    const name = unique('adopt-release');
    const job = await running(name, 2);
    const [first, second] = (await podsOf(name)).map(({ metadata }) => at(metadata?.name ?? ''));
    if (first === undefined || second === undefined) throw new Error('the job has two pods');
    await client.patch(Pod, first, 'application/merge-patch+json', { metadata: { ownerReferences: null } });
    await eventually(async () => expect((await client.get(Pod, first)).metadata?.ownerReferences).toMatchObject([{ kind: 'Job', uid: job.metadata?.uid, controller: true }]));

    const labels = Object.fromEntries(Object.keys((await client.get(Pod, second)).metadata?.labels ?? {}).map((label) => [label, null]));
    await client.patch(Pod, second, 'application/merge-patch+json', { metadata: { labels } });
    await eventually(async () => expect((await client.get(Pod, second)).metadata?.ownerReferences ?? []).toEqual([]));
    await client.delete(Pod, second);
    await client.delete(Job, at(name), { propagationPolicy: 'Background' });
  });

  it('Job should delete a job', async () => {
    const { client } = cluster;
    const name = unique('foo');
    await running(name, 2);
    expect(await podsOf(name)).toHaveLength(2);
    await client.delete(Job, at(name), { propagationPolicy: 'Background' });
    await expect(client.get(Job, at(name))).rejects.toMatchObject({ code: 404, reason: 'NotFound' });
    await eventually(async () => expect(await podsOf(name)).toEqual([]));
  });

  it('Job should apply changes to a job status', async () => {
    const { client, namespace } = cluster;
    const name = unique('suspend-false-to-true');
    await running(name, 1);
    await using watch = watching(client, Job, { namespace, fieldSelector: `metadata.name=${name}` });
    const patched = await eventually(async () => {
      const { metadata, status } = await client.get(Job, at(name));
      return client.patch(Job, at(name), 'application/merge-patch+json', { metadata: { resourceVersion: metadata?.resourceVersion, annotations: { patchedstatus: 'true' } }, status: { ...status, conditions: [{ type: 'CustomConditionType', status: 'True' }] } }, { subresource: 'status' });
    });
    expect(patched.metadata?.annotations).toMatchObject({ patchedstatus: 'true' });
    await watch.until('CHANGED', ({ metadata }) => metadata?.annotations?.['patchedstatus'] === 'true');
    const condition = { type: 'CustomConditionUpdated', status: 'True' };
    await eventually(async () => {
      const found = await client.get(Job, at(name));
      return client.updateStatus(Job, { ...found, status: { ...found.status, conditions: [...found.status?.conditions ?? [], condition] } });
    });
    const { status } = await client.getSubresource<Job>(Job, at(name), 'status');
    expect(status?.conditions).toEqual(expect.arrayContaining([expect.objectContaining({ type: 'CustomConditionType' }), expect.objectContaining(condition)]));
    await client.delete(Job, at(name), { propagationPolicy: 'Background' });
  });

  it('Job should manage the lifecycle of a job', async () => {
    const { client, namespace } = cluster;
    const name = unique('e2e');
    const labelSelector = `${name}=patched`;
    await client.create(Job, { metadata: { ...at(name), labels: { [name]: 'created' } }, spec: jobSpec({ suspend: true, parallelism: 2, completions: 2 }) });
    await using watch = watching(client, Job, { namespace, fieldSelector: `metadata.name=${name}` });
    await watch.until('CHANGED', ({ status }) => status?.conditions?.some(({ type, status: is }) => type === 'Suspended' && is === 'True') === true);
    const patched = await client.patch(Job, at(name), 'application/strategic-merge-patch+json', { metadata: { labels: { [name]: 'patched' } } });
    expect(patched.metadata?.labels).toMatchObject({ [name]: 'patched' });
    const updated = await eventually(async () => {
      const found = await client.get(Job, at(name));
      return client.update(Job, { ...found, metadata: { ...found.metadata, annotations: { updated: 'true' } } });
    });
    expect(updated.metadata?.annotations).toMatchObject({ updated: 'true' });
    expect((await client.list(Job, { labelSelector })).items.map(({ metadata }) => metadata?.name)).toEqual([name]);
    expect(await podsOf(name)).toEqual([]);
    await client.deleteCollection(Job, { namespace, labelSelector }, { propagationPolicy: 'Background' });
    await watch.until('DELETED');
    expect((await client.list(Job, { labelSelector })).items).toEqual([]);
  });
});

describe('[sig-apps] CronJobs', () => {
  /** Half an hour from now: due last half an hour ago, never during a test. */
  const hourly = () => `${(new Date().getUTCMinutes() + 30) % 60} * * * *`;
  const cronJob = (metadata: ObjectMeta, more: object = {}): CronJob => ({ metadata, spec: { schedule: hourly(), timeZone: 'Etc/UTC', concurrencyPolicy: 'Allow', jobTemplate: { spec: jobSpec() }, ...more } });
  const jobsOf = async (name: string) => (await cluster.client.list(Job, { namespace: cluster.namespace })).items.filter(({ metadata }) => metadata?.ownerReferences?.some((owner) => owner.name === name) === true && metadata.deletionTimestamp === undefined).map(({ metadata }) => metadata?.name);

  /** As of one that ran three hours ago, and was missed since: what is due now is started at once. */
  async function overdue(name: string, more: object): Promise<void> {
    const { client } = cluster;
    await client.create(CronJob, cronJob(at(name), { suspend: true, ...more }));
    await client.patch(CronJob, at(name), 'application/merge-patch+json', { status: { lastScheduleTime: new Date(Date.now() - 3 * 3600_000).toISOString().replace(/\.\d+Z$/, 'Z') } }, { subresource: 'status' });
  }
  const change = (name: string, spec: object) => cluster.client.patch(CronJob, at(name), 'application/merge-patch+json', { spec });

  /** Overdue, and its Job of three hours ago runs still. Goes on when it is no longer suspended. */
  async function withJob(concurrencyPolicy: string): Promise<{ readonly name: string; readonly job: string }> {
    const { client } = cluster;
    const name = unique(concurrencyPolicy.toLowerCase());
    const job = `${name}-before`;
    await overdue(name, { concurrencyPolicy });
    const { status, ...cron } = await client.get(CronJob, at(name));
    const annotations = { 'batch.kubernetes.io/cronjob-scheduled-timestamp': status?.lastScheduleTime ?? '' };
    const { metadata } = await client.create(Job, { metadata: { ...at(job), annotations, ownerReferences: [ownerReference(cron, CronJob)] }, spec: jobSpec() });
    await client.patch(CronJob, at(name), 'application/merge-patch+json', { status: { active: [{ apiVersion: 'batch/v1', kind: 'Job', ...at(job), uid: metadata?.uid }] } }, { subresource: 'status' });
    await eventually(async () => expect((await client.get(Job, at(job))).status?.active).toBe(1));
    return { name, job };
  }

  it('CronJob should support CronJob API operations', async () => {
    const { client, namespace } = cluster;
    await expectDiscovered(CronJob, 'cronjobs', 'cronjobs/status');
    const make = (metadata: ObjectMeta) => cronJob(metadata, { suspend: true });
    await expectOperations(cluster, CronJob, make);
    const where = at((await client.create(CronJob, make({ namespace, generateName: 'cron-' }))).metadata?.name ?? '');
    const patched = await client.patch(CronJob, where, 'application/merge-patch+json', { metadata: { annotations: { patchedstatus: 'true' } }, status: { lastScheduleTime: '2026-01-01T00:00:00Z' } }, { subresource: 'status' });
    expect(patched).toMatchObject({ metadata: { annotations: { patchedstatus: 'true' } }, status: { lastScheduleTime: '2026-01-01T00:00:00Z' } });
    await eventually(async () => {
      const found = await client.get(CronJob, where);
      return client.updateStatus(CronJob, { ...found, status: { ...found.status, lastScheduleTime: '2026-01-01T01:00:00Z' } });
    });
    expect((await client.getSubresource<CronJob>(CronJob, where, 'status')).status).toMatchObject({ lastScheduleTime: '2026-01-01T01:00:00Z' });
    await client.delete(CronJob, where);
  });

  it('CronJob should not schedule jobs when suspended [Slow]', async () => {
    const [suspended, other] = [unique('suspended'), unique('other')];
    await overdue(suspended, {});
    await overdue(other, { suspend: false });
    await eventually(async () => expect(await jobsOf(other)).toHaveLength(1));
    expect(await jobsOf(suspended)).toEqual([]);
    expect((await cluster.client.get(CronJob, at(suspended))).status?.active ?? []).toEqual([]);
    await change(suspended, { suspend: false });
    await eventually(async () => expect(await jobsOf(suspended)).toHaveLength(1));
  });

  it('CronJob should schedule multiple jobs concurrently', async () => {
    const { name, job } = await withJob('Allow');
    await change(name, { suspend: false });
    await eventually(async () => expect((await cluster.client.get(CronJob, at(name))).status?.active).toHaveLength(2));
    expect(await jobsOf(name)).toContain(job);
  });

  it('CronJob should not schedule new jobs when ForbidConcurrent [Slow]', async () => {
    const { name, job } = await withJob('Forbid');
    await change(name, { suspend: false });
    await eventually(async () => {
      const { items } = await cluster.client.list(Event, { namespace: cluster.namespace, fieldSelector: `involvedObject.name=${name}` });
      expect(items.map(({ reason }) => reason)).toContain('JobAlreadyActive');
    });
    expect(await jobsOf(name)).toEqual([job]);
    expect((await cluster.client.get(CronJob, at(name))).status?.active).toHaveLength(1);
  });

  it('CronJob should replace jobs when ReplaceConcurrent', async () => {
    const { name, job } = await withJob('Replace');
    await change(name, { suspend: false });
    await eventually(async () => {
      const jobs = await jobsOf(name);
      expect(jobs).toHaveLength(1);
      expect(jobs).not.toContain(job);
    });
  });
});
