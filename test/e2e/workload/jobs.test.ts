import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import type { CronJob, Job } from '../../../machinery/kinds/batch.ts';
import { outcome } from '../command.ts';
import { webImage } from '../coracle.ts';
import { eventually } from '../eventually.ts';
import { script } from '../manifests.ts';
import { useNamespace } from '../namespace.ts';

const kubectl = useNamespace('jobs');

function job(name: string, text: string, spec: Partial<Job['spec']> = {}) {
  return { apiVersion: 'batch/v1', kind: 'Job', metadata: { name }, spec: { ...spec, template: template(text) } };
}

function template(text: string, restartPolicy = 'Never') {
  return { spec: { restartPolicy, terminationGracePeriodSeconds: 1, containers: [{ name: 'main', image: webImage, ...script(text) }] } };
}

const ends = (name: string, condition: string) => kubectl`wait job/${name} --for=condition=${condition} --timeout=40s`;
const statusOf = async (name: string) => (await kubectl.object<Job>`get job ${name} -o json`).status;
const podsOf = (name: string, fields: string) => kubectl`get pods -l job-name=${name} --sort-by=.metadata.name -o jsonpath=${fields}`;

describe('a Job', () => {
  it('runs as many pods at a time as it may, until as many have succeeded as it wants', async () => {
    await kubectl.apply(job('plain', 'echo done', { completions: 3, parallelism: 2 }));
    expect(await ends('plain', 'complete')).toBe('job.batch/plain condition met\n');
    expect(await statusOf('plain')).toMatchObject({ succeeded: 3, ready: 0, terminating: 0 });
    expect(await podsOf('plain', '{.items[*].status.phase}')).toBe('Succeeded Succeeded Succeeded');
    expect(await podsOf('plain', '{.items[*].metadata.finalizers}')).toBe('');
    expect(await kubectl`get job plain`).toMatch(/^plain +Complete +3\/3 /m);
    expect(await kubectl`logs job/plain`).toBe('done\n');
    await eventually(async () => expect(await kubectl`describe job plain`).toMatch(/SuccessfulCreate +.* +job-controller +Created pod: plain-[a-z0-9]{5}\n[^]*Completed +.* +job-controller +Job completed/));
  });

  it('tells each pod of an Indexed one its index', async () => {
    await kubectl.apply(job('indexed', 'echo "$JOB_COMPLETION_INDEX on $(hostname)"', { completions: 3, parallelism: 3, completionMode: 'Indexed' }));
    await ends('indexed', 'complete');
    expect(await statusOf('indexed')).toMatchObject({ succeeded: 3, completedIndexes: '0-2' });
    const names = (await podsOf('indexed', '{.items[*].metadata.name}')).split(' ');
    expect(await Promise.all(names.map((name) => kubectl`logs ${name}`))).toEqual(['0', '1', '2'].map((index) => `${index} on indexed-${index}\n`));
  });

  it('fails when it may not try again', async () => {
    await kubectl.apply(job('failing', 'exit 3', { backoffLimit: 0 }));
    await ends('failing', 'failed');
    expect((await statusOf('failing'))?.conditions?.map(({ type, reason }) => [type, reason])).toEqual([['FailureTarget', 'BackoffLimitExceeded'], ['Failed', 'BackoffLimitExceeded']]);
    expect(await statusOf('failing')).toMatchObject({ failed: 1 });
    expect(await podsOf('failing', '{.items[*].status.phase}')).toBe('Failed');
  });

  it('counts restarts within a pod like failed pods', async () => {
    await kubectl.apply({ ...job('restarting', ''), spec: { backoffLimit: 1, template: template('exit 1', 'OnFailure') } });
    await ends('restarting', 'failed');
    expect((await statusOf('restarting'))?.conditions?.at(-1)?.reason).toBe('BackoffLimitExceeded');
    await kubectl`wait pod -l job-name=restarting --for=delete --timeout=20s`;
  });

  it('fails at once for an exit code that is named', async () => {
    const rules = [{ action: 'FailJob', onExitCodes: { operator: 'In', values: [42] } }];
    await kubectl.apply(job('strict', 'exit 42', { podFailurePolicy: { rules } }));
    await ends('strict', 'failed');
    expect((await statusOf('strict'))?.conditions?.at(-1)?.message).toMatch(/^Container main for pod jobs\/strict-[a-z0-9]{5} failed with exit code 42 matching FailJob rule at index 0$/);
  });

  it('runs once it is resumed, and ends its pods when it is suspended', async () => {
    await kubectl.apply(job('paused', 'exec sleep 1000', { suspend: true, parallelism: 2, completions: 2 }));
    await ends('paused', 'suspended');
    expect(await podsOf('paused', '{.items[*].metadata.name}')).toBe('');
    await kubectl`patch job paused --type=merge -p ${JSON.stringify({ spec: { suspend: false } })}`;
    await kubectl`wait job/paused --for=jsonpath={.status.ready}=2 --timeout=40s`;
    await kubectl`patch job paused --type=merge -p ${JSON.stringify({ spec: { suspend: true } })}`;
    await ends('paused', 'suspended');
    await kubectl`wait pod -l job-name=paused --for=delete --timeout=30s`;
    expect(await statusOf('paused')).not.toHaveProperty('failed');
  });

  it('ends pods that are active for too long', async () => {
    await kubectl.apply(job('slow', 'exec sleep 1000', { activeDeadlineSeconds: 2 }));
    await ends('slow', 'failed');
    expect((await statusOf('slow'))?.conditions?.at(-1)).toMatchObject({ reason: 'DeadlineExceeded', message: 'Job was active longer than specified deadline' });
    expect(await statusOf('slow')).toMatchObject({ failed: 1, terminating: 0 });
  });

  it('takes its pods along when it is deleted, or when its time is over', async () => {
    await kubectl.apply(job('deleted', 'exec sleep 1000'), job('brief', 'exit 0', { ttlSecondsAfterFinished: 0 }));
    await kubectl`wait job/deleted --for=jsonpath={.status.ready}=1 --timeout=40s`;
    await kubectl`delete job deleted --cascade=foreground --timeout=30s`;
    expect(await podsOf('deleted', '{.items[*].metadata.name}')).toBe('');
    await kubectl`wait job/brief --for=delete --timeout=30s`;
    await kubectl`wait pod -l job-name=brief --for=delete --timeout=30s`;
  });
});

function cronJob(name: string, spec: Partial<CronJob['spec']>) {
  return { apiVersion: 'batch/v1', kind: 'CronJob', metadata: { name }, spec: { schedule: '0 0 1 1 *', jobTemplate: { spec: { template: template('echo on time') } }, ...spec } };
}

describe('a CronJob', () => {
  it('makes a Job when it is due', async () => {
    await kubectl.apply(cronJob('soon', { schedule: '@every 2s', concurrencyPolicy: 'Forbid' }));
    const made = await eventually(async () => {
      const [name] = (await kubectl`get jobs -o jsonpath=${'{.items[?(@.metadata.ownerReferences[0].name=="soon")].metadata.name}'}`).split(' ');
      expect(name).toMatch(/^soon-\d{8}$/);
      return name ?? '';
    });
    await ends(made, 'complete');
    expect(await kubectl`logs job/${made}`).toBe('on time\n');
    await kubectl`wait cronjob/soon --for=jsonpath={.status.lastSuccessfulTime} --timeout=20s`;
    await kubectl`patch cronjob soon --type=merge -p ${JSON.stringify({ spec: { suspend: true } })}`;
    expect(await kubectl`get cronjob soon`).toMatch(/^soon +@every 2s +<none> +True +\d /m);
    await eventually(async () => expect(await kubectl`describe cronjob soon`).toMatch(new RegExp(`SuccessfulCreate +.* +cronjob-controller +Created job ${made}\\n`)));
  });

  it('lends its template to a Job of one’s own', async () => {
    await kubectl.apply(cronJob('yearly', {}));
    expect(await kubectl`create job by-hand --from=cronjob/yearly`).toBe('job.batch/by-hand created\n');
    await ends('by-hand', 'complete');
    expect(await kubectl`logs job/by-hand`).toBe('on time\n');
    await kubectl`delete cronjob yearly`;
    await kubectl`wait job/by-hand --for=delete --timeout=30s`;
  });
});

describe('a chart’s hook that is a Job', () => {
  const program = join(import.meta.dirname, '../../../generated/bin/helm');
  const chart = join(import.meta.dirname, '../charts/ledger');
  let home: string;
  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'helm-'));
  });
  afterAll(() => rm(home, { recursive: true }));

  const helm = (...words: readonly string[]) => outcome(program, words, {
    env: { KUBECONFIG: join(inject('cluster').dataDir, 'admin.kubeconfig'), HELM_NAMESPACE: 'jobs', HELM_CACHE_HOME: home, HELM_CONFIG_HOME: home, HELM_DATA_HOME: home }, deadlineMs: 60_000,
  });

  it('is waited for before the rest is installed', async () => {
    const { code, stdout } = await helm('install', 'good', chart, '--wait', '--timeout', '40s');
    expect([code, stdout]).toEqual([0, expect.stringContaining('STATUS: deployed')]);
    expect(await kubectl`logs job/good-migrate`).toBe('migrated\n');
    expect(await kubectl`get configmap good -o name`).toBe('configmap/good\n');
  });

  it('keeps the rest from being installed when it fails', async () => {
    const { code, stderr } = await helm('install', 'bad', chart, '--set', 'exitCode=1', '--timeout', '40s');
    expect([code, stderr]).toEqual([1, expect.stringContaining('resource Job/jobs/bad-migrate not ready. status: Failed')]);
    expect(await kubectl`get configmap bad --ignore-not-found`).toBe('');
  });
});
