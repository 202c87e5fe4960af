import { describe, expect, it } from 'vitest';
import { timestamp } from '../../machinery/conditions.ts';
import type { Job, JobCondition } from '../../machinery/kinds/batch.ts';
import type { Pod } from '../../machinery/kinds/core.ts';
import { failure } from '../../machinery/status.ts';
import type { Step } from '../steps.ts';
import { plan, planFailure } from './job.ts';
import { plan as planOrphan } from './orphaned-pods.ts';
import { plan as planRemoval } from './ttl-after-finished.ts';

const now = Date.UTC(2026, 0, 1, 12);
const ago = (seconds: number): string => timestamp(now - seconds * 1000);
const finalizer = 'batch.kubernetes.io/job-tracking';
const at = (index: number) => ({ 'batch.kubernetes.io/job-completion-index': String(index) });

type Spec = NonNullable<Job['spec']>;
type Status = NonNullable<Job['status']>;

function job(spec: Partial<Spec> = {}, status: Status = {}, more: Job['metadata'] = {}): Job {
  return {
    metadata: { namespace: 'default', name: 'pi', uid: 'j', ...more }, status: { startTime: ago(60), ...status },
    spec: {
      parallelism: 1, backoffLimit: 6, completionMode: 'NonIndexed', suspend: false, podReplacementPolicy: 'TerminatingOrFailed', selector: { matchLabels: { job: 'j' } },
      template: { metadata: { labels: { job: 'j' } }, spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'a' }] } }, ...spec,
    },
  };
}

const indexed = (completions: number, spec: Partial<Spec> = {}, status: Status = {}): Job => job({ completions, parallelism: completions, completionMode: 'Indexed', ...spec }, status);

interface Shape {
  readonly phase?: string;
  readonly index?: number;
  readonly failures?: number;
  readonly untracked?: boolean;
  readonly deleting?: boolean;
  readonly ready?: boolean;
  readonly exitCode?: number;
  readonly endedAgo?: number;
  readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  readonly restarts?: number;
  readonly stray?: boolean;
  readonly orphan?: boolean;
}

function pod(uid: string, shape: Shape = {}): Pod {
  const { phase = 'Running', index, failures, exitCode = phase === 'Failed' ? 1 : 0, endedAgo = 1000, restarts = 0 } = shape;
  const ended = phase === 'Failed' || phase === 'Succeeded';
  return {
    metadata: {
      namespace: 'default', name: uid, uid, labels: { job: shape.stray === true ? 'other' : 'j' }, creationTimestamp: ago(2000),
      annotations: { ...(index === undefined ? {} : at(index)), ...(failures === undefined ? {} : { 'batch.kubernetes.io/job-index-failure-count': String(failures) }) },
      ...(shape.untracked === true ? {} : { finalizers: [finalizer] }),
      ...(shape.orphan === true ? {} : { ownerReferences: [{ apiVersion: 'batch/v1', kind: 'Job', name: 'pi', uid: 'j', controller: true }] }),
      ...(shape.deleting === true ? { deletionTimestamp: ago(0) } : {}),
    },
    status: {
      phase, conditions: shape.conditions ?? [{ type: 'Ready', status: shape.ready === true ? 'True' : 'False' }],
      containerStatuses: [{ name: 'c', image: 'a', imageID: '', ready: false, restartCount: restarts, ...(ended ? { state: { terminated: { exitCode, finishedAt: ago(endedAgo) } } } : {}) }],
    },
  };
}

const good = (uid: string, shape: Shape = {}): Pod => pod(uid, { phase: 'Succeeded', ...shape });
const bad = (uid: string, shape: Shape = {}): Pod => pod(uid, { phase: 'Failed', ...shape });

function flat(steps: readonly Step[]): readonly Step[] {
  return steps.flatMap((step) => (step.type === 'together' || step.type === 'slowStart' ? flat(step.steps) : [step]));
}

/** Steps in brief: pods made (with their index), removed and let go, events, and when to look again. */
function brief(steps: readonly Step[]): readonly string[] {
  return flat(steps).flatMap((step) => {
    switch (step.type) {
      case 'create': return [`+${step.object.metadata?.annotations?.['batch.kubernetes.io/job-completion-index'] ?? ''}`];
      case 'delete': return [`-${step.at.name}`];
      case 'patch': return [`~${step.at.name}`];
      case 'event': return [step.reason];
      case 'requeueAfter': return [`in ${step.ms}`];
      default: return [];
    }
  });
}

const planned = (object: Job, ...candidates: readonly Pod[]): readonly string[] => brief(plan(object, { candidates }, now));

function told(object: Job, ...candidates: readonly Pod[]): Status {
  const step = plan(object, { candidates }, now).find(({ type }) => type === 'status');
  return step?.type === 'status' ? step.status : {};
}

const verdicts = (status: Status): readonly unknown[] => (status.conditions ?? []).map(({ type, status: is, reason }) => `${type}=${is} ${reason}`);
const condition = (type: string, reason: string, message = '', status = 'True'): JobCondition => ({ type, status, reason, message, lastProbeTime: ago(1), lastTransitionTime: ago(1) });
const met = condition('SuccessCriteriaMet', 'CompletionsReached', 'Reached expected number of succeeded pods');

describe('the pods of a Job', () => {
  it.each<[string, Job, readonly Pod[], readonly string[]]>([
    ['as many as may run', job({ completions: 5, parallelism: 2 }), [], ['+', '+']],
    ['no more than are left to succeed', job({ completions: 3, parallelism: 3 }, { succeeded: 2 }), [], ['+']],
    ['none while enough run', job({ completions: 5, parallelism: 2 }), [pod('a'), pod('b')], []],
    ['fewer when fewer may run', job({ completions: 5, parallelism: 1 }), [pod('a', { ready: true }), pod('b')], ['~b', '-b']],
    ['as many as may run of a queue that nobody found empty', job({ parallelism: 3 }), [pod('a')], ['+', '+']],
    ['none of a queue that somebody found empty', job({ parallelism: 3 }), [good('a'), pod('b')], ['~a']],
    ['none while it is suspended', job({ completions: 2, parallelism: 2, suspend: true }, { conditions: [condition('Suspended', 'JobSuspended', 'Job suspended')] }), [pod('a')], ['~a', '-a']],
    ['none while it is being deleted', job({ completions: 1 }, {}, { deletionTimestamp: ago(0) }), [], []],
    ['another one for one that is being deleted, after a while', job({ completions: 1 }), [pod('a', { deleting: true })], ['in 10000', '~a']],
    ['none for one that is being deleted, when it is to be waited for', job({ completions: 1, podReplacementPolicy: 'Failed' }), [pod('a', { deleting: true })], []],
    ['none for one that just failed', job({ completions: 1 }), [bad('a', { endedAgo: 3 })], ['in 7000', '~a']],
    ['another one when the first back-off is over', job({ completions: 1 }), [bad('a', { endedAgo: 10 })], ['+', '~a']],
    ['none while a longer back-off lasts', job({ completions: 1 }, { failed: 2 }), [bad('a', { endedAgo: 50, untracked: true }), bad('b', { endedAgo: 30, untracked: true }), bad('c', { endedAgo: 10 })], ['in 30000', '~c']],
    ['another one after ten minutes at most', job({ completions: 1, backoffLimit: 99 }, { failed: 20 }), Array.from({ length: 20 }, (_, index) => bad(`p${index}`, { endedAgo: 600, untracked: true })), ['+']],
    ['at once when one has succeeded since', job({ completions: 3 }), [bad('a', { endedAgo: 3, untracked: true }), good('b', { endedAgo: 2, untracked: true })], ['+']],
    ['those with an index that is missing', indexed(4, {}, { completedIndexes: '1' }), [pod('a', { index: 2 })], ['+0', '+3']],
    ['counted again when they lost their finalizer', job({ completions: 2, parallelism: 2 }), [pod('a', { untracked: true })], ['~a']],
    ['the lowest index first', indexed(4, { parallelism: 2 }), [], ['+0', '+1']],
    ['one of each index', indexed(2), [pod('a', { index: 0 }), pod('b', { index: 0, ready: true }), pod('c', { index: 1 })], ['~a', '-a']],
    ['none with an index that there isn’t', indexed(1), [pod('a', { index: 0 }), pod('b', { index: 7 }), pod('c')], ['~b', '~c', '-b', '-c']],
    ['none for an index whose pod is being deleted, when it is to be waited for', indexed(2, { podReplacementPolicy: 'Failed' }), [pod('a', { index: 0, deleting: true })], ['+1']],
  ])('are %s', (_name, object, pods, expected) => {
    expect(planned(object, ...pods)).toEqual(expected);
  });

  it('carry what the Job knows them by', () => {
    const made = flat(plan(indexed(2, { backoffLimitPerIndex: 1 }), { candidates: [] }, now)).find(({ type }) => type === 'create');
    expect(made).toMatchObject({
      object: {
        metadata: {
          generateName: 'pi-0-', finalizers: [finalizer], labels: { job: 'j', ...at(0) }, annotations: { ...at(0), 'batch.kubernetes.io/job-index-failure-count': '0' },
          ownerReferences: [{ kind: 'Job', uid: 'j', controller: true, blockOwnerDeletion: true }],
        },
        spec: { hostname: 'pi-0', containers: [{ env: [{ name: 'JOB_COMPLETION_INDEX' }] }] },
      },
    });
    const long = plan({ ...indexed(1), metadata: { name: 'x'.repeat(63), uid: 'j' } }, { candidates: [] }, now);
    expect(flat(long).find(({ type }) => type === 'create')).toMatchObject({ object: { metadata: { generateName: `${'x'.repeat(55)}-0-` } } });
  });

  it('are adopted with a finalizer, and let go without it, before anything else', () => {
    expect(plan(job({ completions: 3, parallelism: 3 }), { candidates: [pod('found', { orphan: true, untracked: true }), pod('strayed', { stray: true })] }, now)).toMatchObject([
      { type: 'patch', at: { name: 'found' }, body: { metadata: { ownerReferences: [{ uid: 'j' }], finalizers: [finalizer] } }, ifAlive: { uid: 'j' } },
      { type: 'patch', at: { name: 'strayed' }, body: { metadata: { ownerReferences: [{ $patch: 'delete', uid: 'j' }], '$deleteFromPrimitiveList/finalizers': [finalizer] } } },
    ]);
  });
});

describe('the count of a Job', () => {
  it.each<[string, Job, readonly Pod[], Status]>([
    ['first names pods that ended', job({ completions: 3, parallelism: 3 }), [good('a'), bad('b'), pod('c')], { uncountedTerminatedPods: { succeeded: ['a'], failed: ['b'] } }],
    ['names each once', job({ completions: 3 }, { uncountedTerminatedPods: { succeeded: ['a'] } }), [good('a')], { uncountedTerminatedPods: { succeeded: ['a'] } }],
    ['counts those that lost their finalizer', job({ completions: 3 }, { uncountedTerminatedPods: { succeeded: ['a'], failed: ['b'] } }), [good('a', { untracked: true })], { succeeded: 1, failed: 1, uncountedTerminatedPods: {} }],
    ['counts none again', job({ completions: 3 }, { succeeded: 1 }), [good('a', { untracked: true })], { succeeded: 1, uncountedTerminatedPods: {} }],
    ['keeps the first word on a pod', job({ completions: 3 }, { uncountedTerminatedPods: { failed: ['a'] } }), [good('a')], { uncountedTerminatedPods: { failed: ['a'] } }],
    ['takes a pod that is being deleted for failed', job({ completions: 3 }), [pod('a', { deleting: true })], { uncountedTerminatedPods: { failed: ['a'] }, terminating: 1 }],
    ['waits for a pod that is being deleted, when it is to be replaced once it failed', job({ completions: 3, podReplacementPolicy: 'Failed' }), [pod('a', { deleting: true })], { uncountedTerminatedPods: {}, terminating: 1 }],
    ['knows indexes by themselves', indexed(5, {}, { completedIndexes: '1', succeeded: 1 }), [good('a', { index: 2 }), good('b', { index: 1 }), good('c', { index: 9 })], { succeeded: 2, completedIndexes: '1,2', uncountedTerminatedPods: {} }],
  ])('%s', (_name, object, pods, expected) => {
    expect(told(object, ...pods)).toMatchObject(expected);
  });

  it('is of at most 500 pods in one go', () => {
    const pods = Array.from({ length: 700 }, (_, index) => good(`p${index}`));
    const first = told(job({ completions: 1000 }), ...pods);
    expect(first.uncountedTerminatedPods?.succeeded).toHaveLength(500);
    const rest = pods.map((one, index) => (index < 500 ? good(`p${index}`, { untracked: true }) : one));
    const second = told(job({ completions: 1000 }, first), ...rest);
    expect([second.succeeded, second.uncountedTerminatedPods?.succeeded?.length]).toEqual([500, 200]);
  });

  it('goes on when pods can’t be made', () => {
    const steps = planFailure(job({ completions: 5, parallelism: 3 }), { candidates: [good('a')] }, failure('Forbidden', 'quota'), now);
    expect(brief(steps)).toEqual(['~a']);
    expect(steps[0]).toMatchObject({ type: 'status', status: { uncountedTerminatedPods: { succeeded: ['a'] } } });
    expect(planFailure(job(), { candidates: [] }, failure('Conflict', 'newer'), now)).toEqual([]);
  });

  it('has what runs beside what ended', () => {
    const status = told(job({ completions: 5, parallelism: 3 }), pod('a', { ready: true }), pod('b'));
    expect(status).toEqual({ startTime: ago(60), active: 3, ready: 1, terminating: 0, uncountedTerminatedPods: {} });
  });
});

const rules = (...list: readonly object[]): Partial<Spec> => ({ podFailurePolicy: { rules: list as NonNullable<Spec['podFailurePolicy']>['rules'] }, podReplacementPolicy: 'Failed' });
const onCode = (action: string, operator: string, ...values: readonly number[]) => ({ action, onExitCodes: { operator, values } });
const onDisruption = { action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] };
const disrupted = { conditions: [{ type: 'DisruptionTarget', status: 'True' }] };

describe('the end of a Job', () => {
  it.each<[string, Job, readonly Pod[], readonly string[]]>([
    ['success, first announced', job({ completions: 1 }), [good('a')], ['SuccessCriteriaMet=True CompletionsReached']],
    ['success, once all are counted', job({ completions: 1 }, { conditions: [met], uncountedTerminatedPods: { succeeded: ['a'] } }), [good('a', { untracked: true })],
      ['SuccessCriteriaMet=True CompletionsReached', 'Complete=True CompletionsReached']],
    ['success, not before the last pod is gone', job({ completions: 1 }, { succeeded: 1, conditions: [met] }), [pod('a', { deleting: true, untracked: true })], ['SuccessCriteriaMet=True CompletionsReached']],
    ['success of nothing', job({ completions: 0 }), [], ['SuccessCriteriaMet=True CompletionsReached', 'Complete=True CompletionsReached']],
    ['success of a queue when its last pod ended', job({ parallelism: 2 }), [good('a'), bad('b')], ['SuccessCriteriaMet=True CompletionsReached']],
    ['nothing of a queue while a pod runs', job({ parallelism: 2 }), [good('a'), pod('b')], []],
    ['failure beyond the limit', job({ completions: 1, backoffLimit: 1 }, { failed: 1 }), [bad('a')], ['FailureTarget=True BackoffLimitExceeded']],
    ['no failure at the limit', job({ completions: 1, backoffLimit: 1 }), [bad('a')], []],
    ['failure, once all are counted', job({ completions: 1, backoffLimit: 0 }, { failed: 1, conditions: [condition('FailureTarget', 'BackoffLimitExceeded')] }), [bad('a', { untracked: true })], ['FailureTarget=True BackoffLimitExceeded', 'Failed=True BackoffLimitExceeded']],
    ['failure by restarts', job({ completions: 1, backoffLimit: 2, template: { spec: { restartPolicy: 'OnFailure', containers: [] } } }), [pod('a', { restarts: 2 })], ['FailureTarget=True BackoffLimitExceeded']],
    ['failure when time is over', job({ completions: 1, activeDeadlineSeconds: 60 }), [pod('a')], ['FailureTarget=True DeadlineExceeded']],
    ['no end of time while it is suspended', job({ completions: 1, activeDeadlineSeconds: 1, suspend: true }), [], ['Suspended=True JobSuspended']],
    ['failure by an exit code', job({ completions: 1, ...rules(onDisruption, onCode('FailJob', 'In', 3, 4)) }), [bad('a', { exitCode: 4 })], ['FailureTarget=True PodFailurePolicy']],
    ['no failure by another exit code', job({ completions: 1, ...rules(onCode('FailJob', 'In', 3, 4)) }), [bad('a', { exitCode: 5 })], []],
    ['failure by any exit code but some', job({ completions: 1, ...rules(onCode('FailJob', 'NotIn', 3)) }), [bad('a', { exitCode: 5 })], ['FailureTarget=True PodFailurePolicy']],
    ['no failure by what the first rule ignores', job({ completions: 1, backoffLimit: 0, ...rules(onDisruption, onCode('FailJob', 'In', 1)) }), [bad('a', disrupted)], []],
    ['failure by what counts', job({ completions: 1, backoffLimit: 0, ...rules(onCode('Count', 'In', 1), onCode('Ignore', 'NotIn', 0)) }), [bad('a')], ['FailureTarget=True BackoffLimitExceeded']],
    ['failure of the last index', indexed(2, { backoffLimitPerIndex: 0 }), [bad('a', { index: 0, failures: 0 }), good('b', { index: 1 })], ['FailureTarget=True FailedIndexes']],
    ['nothing while other indexes go on', indexed(2, { backoffLimitPerIndex: 0 }), [bad('a', { index: 0, failures: 0 }), pod('b', { index: 1 })], []],
    ['failure of too many indexes', indexed(9, { backoffLimitPerIndex: 0, maxFailedIndexes: 1 }), [bad('a', { index: 0 }), bad('b', { index: 1 })], ['FailureTarget=True MaxFailedIndexesExceeded']],
    ['success by the indexes that matter', indexed(9, { successPolicy: { rules: [{ succeededIndexes: '5-8' }, { succeededIndexes: '0,2-3' }] } }, { completedIndexes: '2-3' }), [good('a', { index: 0 })], ['SuccessCriteriaMet=True SuccessPolicy']],
    ['success by enough of them', indexed(9, { successPolicy: { rules: [{ succeededIndexes: '0-4', succeededCount: 2 }] } }, { completedIndexes: '4-6' }), [good('a', { index: 0 })], ['SuccessCriteriaMet=True SuccessPolicy']],
    ['nothing before enough of them', indexed(9, { successPolicy: { rules: [{ succeededCount: 3 }] } }, { completedIndexes: '4' }), [good('a', { index: 0 })], []],
  ])('is %s', (_name, object, pods, expected) => {
    expect(verdicts(told(object, ...pods))).toEqual(expected);
  });

  it.each<[string, Job, readonly Pod[], readonly string[]]>([
    ['ends what runs', job({ completions: 2, parallelism: 2, backoffLimit: 0 }), [bad('a'), pod('b')], ['-b', '~a', '~b']],
    ['keeps pods that are counted until that is written', job({ completions: 1 }), [good('a')], ['~a']],
    ['is told to users', job({ completions: 1 }, { succeeded: 1, conditions: [met] }), [], ['Completed']],
    ['is told to users when it is a failure', job({ completions: 1 }, { failed: 7, conditions: [condition('FailureTarget', 'BackoffLimitExceeded', 'm')] }), [], ['BackoffLimitExceeded']],
    ['is told with surprise when there was too much success', job({ completions: 1 }, { succeeded: 2, conditions: [met] }), [], ['TooManySucceededPods', 'Completed']],
    ['is the end', job({ completions: 1 }, { conditions: [condition('Complete', '')] }), [good('a'), pod('b')], []],
    ['is for others to bring about', job({ completions: 1, managedBy: 'example.com/other' }), [], []],
    ['is awaited', job({ completions: 1, activeDeadlineSeconds: 100 }), [pod('a')], ['in 40000']],
  ])('%s', (_name, object, pods, expected) => {
    expect(planned(object, ...pods)).toEqual(expected);
  });

  it('counts pods that had not ended as failed, after a failure only', () => {
    const failing = job({ completions: 2, parallelism: 2, activeDeadlineSeconds: 1 });
    expect(told(failing, pod('a'))).toMatchObject({ uncountedTerminatedPods: { failed: ['a'] }, terminating: 1, ready: 0 });
    const succeeding = indexed(2, { successPolicy: { rules: [{ succeededIndexes: '0' }] } });
    expect(told(succeeding, good('a', { index: 0 }), pod('b', { index: 1 }))).toMatchObject({ uncountedTerminatedPods: {}, terminating: 1, completedIndexes: '0' });
  });

  it('has a time, a reason and a message', () => {
    const status = told(job({ completions: 1 }, { succeeded: 1, conditions: [met] }));
    expect(status.completionTime).toBe(ago(0));
    expect(status.conditions?.[1]).toEqual({ type: 'Complete', status: 'True', reason: 'CompletionsReached', message: 'Reached expected number of succeeded pods', lastProbeTime: ago(0), lastTransitionTime: ago(0) });
    expect(told(job({ completions: 1, ...rules(onCode('FailJob', 'In', 3)) }), bad('a', { exitCode: 3 })).conditions?.[0]?.message).toBe('Container c for pod default/a failed with exit code 3 matching FailJob rule at index 0');
    const onCondition = { action: 'FailJob', onPodConditions: [{ type: 'ConfigIssue', status: 'True' }] };
    expect(told(job({ completions: 1, ...rules(onCondition) }), bad('a', { conditions: [{ type: 'ConfigIssue', status: 'True' }] })).conditions?.[0]?.message)
      .toBe('Pod default/a has condition ConfigIssue matching FailJob rule at index 0');
  });
});

describe('indexes with limits of their own', () => {
  const perIndex = (status: Status = {}, spec: Partial<Spec> = {}): Job => indexed(2, { backoffLimitPerIndex: 2, ...spec }, status);

  it.each<[string, Job, readonly Pod[], readonly string[]]>([
    ['keep a failed pod until its replacement knows of it', perIndex(), [bad('a', { index: 0, failures: 0 }), pod('b', { index: 1 })], ['+0']],
    ['let it go when the replacement is there', perIndex(), [bad('a', { index: 0, failures: 0 }), pod('b', { index: 1 }), pod('c', { index: 0, failures: 1 })], ['~a']],
    ['wait each by itself', perIndex(), [bad('a', { index: 0, failures: 0, endedAgo: 4 })], ['+1', 'in 6000']],
    ['wait longer after more failures', perIndex(), [bad('a', { index: 0, failures: 1, endedAgo: 4 }), pod('b', { index: 1 })], ['in 16000']],
    ['fail at their limit', perIndex(), [bad('a', { index: 0, failures: 2 }), pod('b', { index: 1 })], ['~a']],
    ['fail when a rule says so', perIndex({}, rules(onCode('FailIndex', 'In', 9))), [bad('a', { index: 0, failures: 0, exitCode: 9 }), pod('b', { index: 1 })], ['~a']],
  ])('%s', (_name, object, pods, expected) => {
    expect(planned(object, ...pods)).toEqual(expected);
  });

  it('are told, also when none has failed', () => {
    expect(told(perIndex(), pod('a', { index: 0 })).failedIndexes).toBe('');
    expect(told(perIndex({ failedIndexes: '1' }), bad('a', { index: 0, failures: 2 })).failedIndexes).toBe('0,1');
  });

  it('hand their failures on, those that were ignored beside', () => {
    const annotations = (object: Job, failed: Pod): unknown => {
      const made = flat(plan(object, { candidates: [failed, pod('b', { index: 1 })] }, now)).find(({ type }) => type === 'create');
      return made?.type === 'create' ? made.object.metadata?.annotations : undefined;
    };
    expect(annotations(perIndex(), bad('a', { index: 0, failures: 1 }))).toEqual({ ...at(0), 'batch.kubernetes.io/job-index-failure-count': '2' });
    expect(annotations(perIndex({}, rules(onDisruption)), bad('a', { index: 0, failures: 1, ...disrupted }))).toEqual({
      ...at(0), 'batch.kubernetes.io/job-index-failure-count': '1', 'batch.kubernetes.io/job-index-ignored-failure-count': '1',
    });
  });
});

describe('a Job that is suspended and resumed', () => {
  it('says so once, and counts its time anew', () => {
    const suspended = job({ completions: 1, suspend: true });
    expect(planned(suspended)).toEqual(['Suspended']);
    expect(verdicts(told(suspended))).toEqual(['Suspended=True JobSuspended']);
    const resumed = job({ completions: 1 }, { conditions: [condition('Suspended', 'JobSuspended', 'Job suspended')] });
    expect(planned(resumed)).toEqual(['+', 'Resumed']);
    expect(told(resumed)).toMatchObject({ startTime: ago(0), conditions: [{ type: 'Suspended', status: 'False', reason: 'JobResumed' }] });
    expect(told({ ...suspended, status: {} })).not.toHaveProperty('startTime');
  });
});

describe('what a Job leaves', () => {
  it('goes when its time is over', () => {
    const ended = (seconds: number): Job => ({ ...job({ ttlSecondsAfterFinished: seconds }, { conditions: [condition('Failed', 'DeadlineExceeded')] }), metadata: { namespace: 'default', name: 'pi', uid: 'j', resourceVersion: '7' } });
    expect(planRemoval(ended(31), now)).toEqual([{ type: 'requeueAfter', ms: 30_000 }]);
    expect(planRemoval(ended(1), now)).toMatchObject([{ type: 'delete', at: { namespace: 'default', name: 'pi' }, uid: 'j', resourceVersion: '7', propagationPolicy: 'Foreground' }]);
    expect(planRemoval(job({ ttlSecondsAfterFinished: 0 }), now)).toEqual([]);
    expect(planRemoval(job({}, { conditions: [condition('Complete', '')] }), now)).toEqual([]);
  });

  it.each<[string, Pod, Job | undefined, boolean]>([
    ['its Job is gone', pod('a'), undefined, true],
    ['nobody manages it', pod('a', { orphan: true }), undefined, true],
    ['its Job is over', pod('a'), job({}, { conditions: [condition('Failed', '')] }), true],
    ['its Job goes on', pod('a'), job(), false],
    ['its Job is another controller’s', pod('a'), job({ managedBy: 'example.com/other' }, { conditions: [condition('Failed', '')] }), false],
    ['it was let go already', pod('a', { untracked: true }), undefined, false],
  ])('is let go or not when %s', (_name, one, owner, goes) => {
    expect(brief(planOrphan(one, { job: owner }))).toEqual(goes ? ['~a'] : []);
  });
});
