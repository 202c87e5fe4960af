import { describe, expect, it } from 'vitest';
import { fieldErrorTexts } from '../../../machinery/field-path.ts';
import type { CronJob, Job } from '../../../machinery/kinds/batch.ts';
import type { Draft } from '../../../machinery/kinds/wire.ts';
import { cronJob } from './cron-job.ts';
import { scheduleFault } from './cron-job/schedule.ts';
import { job } from './job.ts';

type Spec = NonNullable<Job['spec']>;

const now = Date.parse('2026-01-01T01:00:00Z');
const podSpec = { restartPolicy: 'Never', containers: [{ name: 'c', image: 'x:1' }] };

function make(change: Partial<Spec> = {}): Job {
  const draft = { metadata: { name: 'pi', uid: 'u1' }, spec: { template: { spec: structuredClone(podSpec) }, ...structuredClone(change) } } as Draft<Job>;
  job.defaults?.(draft);
  job.prepareForCreate?.(draft);
  return draft as Job;
}

const condition = (type: string) => ({ type, status: 'True' });

describe('a Job', () => {
  it('runs once, six times more at most, and finds its pods by its uid', () => {
    const object = make();
    expect(object.spec).toMatchObject({
      completions: 1, parallelism: 1, backoffLimit: 6, completionMode: 'NonIndexed', suspend: false, manualSelector: false, podReplacementPolicy: 'TerminatingOrFailed',
      selector: { matchLabels: { 'batch.kubernetes.io/controller-uid': 'u1' } },
      template: { metadata: { labels: { 'batch.kubernetes.io/controller-uid': 'u1', 'batch.kubernetes.io/job-name': 'pi', 'controller-uid': 'u1', 'job-name': 'pi' } } },
    });
    expect(object.metadata?.labels).toEqual(object.spec?.template.metadata?.labels);
    expect(fieldErrorTexts(job.validate?.(object))).toEqual([]);
    expect(make({ parallelism: 2 }).spec).not.toHaveProperty('completions');
    expect(make({ backoffLimitPerIndex: 1, completionMode: 'Indexed', completions: 1 }).spec?.backoffLimit).toBe(2 ** 31 - 1);
  });

  const rule = { action: 'FailJob', onExitCodes: { operator: 'In', values: [1] } };
  it.each<[string, Partial<Spec>, string[]]>([
    ['pods that never end', { template: { spec: { containers: podSpec.containers } } }, ['spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"']],
    ['less than none', { parallelism: -1, completions: -1, ttlSecondsAfterFinished: -1 }, [
      'spec.parallelism: Invalid value: -1: must be greater than or equal to 0', 'spec.completions: Invalid value: -1: must be greater than or equal to 0', 'spec.ttlSecondsAfterFinished: Invalid value: -1: must be greater than or equal to 0',
    ]],
    ['indexes of nothing', { completionMode: 'Indexed', parallelism: 1 }, ['spec.completions: Required value: when completion mode is Indexed']],
    ['a limit for each index without indexes', { backoffLimitPerIndex: 1 }, ['spec.backoffLimitPerIndex: Invalid value: 1: requires indexed completion mode']],
    ['failed indexes beyond all', { completionMode: 'Indexed', completions: 2, backoffLimitPerIndex: 1, maxFailedIndexes: 3 }, ['spec.maxFailedIndexes: Invalid value: 3: must be less than or equal to completions']],
    ['exit codes that say nothing', { podFailurePolicy: { rules: [{ action: 'Count', onExitCodes: { operator: 'In', containerName: 'd', values: [2, 0, 2] } }] } }, [
      'spec.podFailurePolicy.rules[0].onExitCodes.containerName: Invalid value: "d": must be one of the container or initContainer names in the pod template',
      'spec.podFailurePolicy.rules[0].onExitCodes.values[1]: Invalid value: 0: must not be 0 for the In operator', 'spec.podFailurePolicy.rules[0].onExitCodes.values[2]: Duplicate value: 2',
      'spec.podFailurePolicy.rules[0].onExitCodes.values: Invalid value: [2,0,2]: must be ordered',
    ]],
    ['an action without a reason', { podFailurePolicy: { rules: [{ action: 'FailIndex' }] } }, [
      'spec.podFailurePolicy.rules[0].action: Invalid value: "FailIndex": requires the backoffLimitPerIndex to be set', 'spec.podFailurePolicy.rules[0]: Invalid value: specifying one of OnExitCodes and OnPodConditions is required',
    ]],
    ['no action', { podFailurePolicy: { rules: [{ ...rule, action: '' }] } }, ['spec.podFailurePolicy.rules[0].action: Required value: valid values: ["Count" "FailIndex" "FailJob" "Ignore"]']],
    ['replacement before the end under a failure policy', { podFailurePolicy: { rules: [rule] }, podReplacementPolicy: 'TerminatingOrFailed' }, ['spec.podReplacementPolicy: Unsupported value: "TerminatingOrFailed": supported values: "Failed"']],
    ['more successes than there are', { completionMode: 'Indexed', completions: 3, successPolicy: { rules: [{ succeededIndexes: '0-1,1', succeededCount: 4 }] } }, [
      'spec.successPolicy.rules[0].succeededIndexes: Invalid value: "0-1,1": error parsing succeededIndexes: non-increasing order, previous: 1, current: 1',
      'spec.successPolicy.rules[0].succeededCount: Invalid value: 4: must be less than or equal to 3 (the number of specified completions)',
      'spec.successPolicy.rules[0].succeededCount: Invalid value: 4: must be less than or equal to 0 (the number of indexes in the specified succeededIndexes field)',
    ]],
    ['a manager without a domain', { managedBy: 'me' }, ['spec.managedBy: Invalid value: "me": must be a domain-prefixed path (such as "acme.io/foo")']],
    ['a selector of its own, unasked', { selector: { matchLabels: { a: 'b' } } }, [
      'spec.template.metadata.labels: Invalid value: {"batch.kubernetes.io/job-name":"pi","job-name":"pi","batch.kubernetes.io/controller-uid":"u1","controller-uid":"u1"}: `selector` does not match template `labels`',
    ]],
  ])('refuses %s', (_name, change, messages) => {
    expect(fieldErrorTexts(job.validate?.(make(change))).filter((line) => !line.startsWith('spec.selector: Invalid value: {'))).toEqual(messages);
  });

  it('keeps its template, but for where pods go while it is suspended', () => {
    const moved = make({ suspend: true, template: { metadata: {}, spec: { ...podSpec, nodeSelector: { a: 'b' } } } });
    expect(fieldErrorTexts(job.validateUpdate?.(moved, make({ suspend: true })))).toEqual([]);
    expect(fieldErrorTexts(job.validateUpdate?.(moved, make())).map((line) => line.slice(0, 30))).toEqual(['spec.template: Invalid value: ']);
    expect(fieldErrorTexts(job.validateUpdate?.(make({ completions: 2 }), make()))).toEqual(['spec.completions: Invalid value: 2: field is immutable']);
    const indexed = (completions: number, parallelism: number) => make({ completionMode: 'Indexed', completions, parallelism });
    expect(fieldErrorTexts(job.validateUpdate?.(indexed(3, 3), indexed(2, 2)))).toEqual([]);
    expect(fieldErrorTexts(job.validateUpdate?.(indexed(3, 2), indexed(2, 2)))).toEqual(['spec.completions: Invalid value: 3: can only be modified in tandem with spec.parallelism']);
  });

  it.each<[string, Job['status'], string[]]>([
    ['success and failure', { startTime: '2026-01-01T00:00:00Z', completionTime: '2026-01-01T00:00:00Z', conditions: ['SuccessCriteriaMet', 'FailureTarget', 'Complete', 'Failed'].map(condition) }, [
      'status.conditions: Invalid value: cannot set Complete=True and Failed=true conditions', 'status.conditions: Invalid value: cannot set Complete=True and FailureTarget=true conditions',
      'status.conditions: Invalid value: cannot set SuccessCriteriaMet=True and Failed=true conditions', 'status.conditions: Invalid value: cannot set SuccessCriteriaMet=True and FailureTarget=true conditions',
    ]],
    ['an end without its cause or time', { conditions: [condition('Complete')], active: 1 }, [
      'status.conditions: Invalid value: cannot set Complete=True condition without the SuccessCriteriaMet=true condition', 'status.completionTime: Required value: completionTime is required for Complete jobs',
      'status.active: Invalid value: 1: active>0 is invalid for finished job', 'status.startTime: Required value: startTime is required for finished job',
    ]],
    ['fewer failures than before', { failed: 0 }, ['status.failed: Invalid value: 0: cannot decrease the failed counter']],
    ['an end that is a good one', { failed: 1, succeeded: 1, startTime: '2026-01-01T00:00:00Z', completionTime: '2026-01-01T00:10:00Z', conditions: [condition('SuccessCriteriaMet'), condition('Complete')] }, []],
  ])('judges what is reported: %s', (_name, status, messages) => {
    const old: Job = { ...make(), status: messages.length === 1 || messages.length === 0 ? { failed: 1 } : {} };
    expect(fieldErrorTexts(job.validateStatusUpdate?.({ ...make(), status: status ?? {} }, old))).toEqual(messages);
  });

  it('lets an Indexed one that shrinks have fewer successes than before, and no other', () => {
    const judge = (spec: Parameters<typeof make>[0]) => fieldErrorTexts(job.validateStatusUpdate?.({ ...make(spec), status: { succeeded: 1 } }, { ...make(spec), status: { succeeded: 2 } }));
    expect(judge({ completionMode: 'Indexed', completions: 2, parallelism: 2 })).toEqual([]);
    for (const spec of [{ completionMode: 'Indexed', completions: 2, parallelism: 1 }, { completions: 2, parallelism: 2 }]) {
      expect(judge(spec)).toEqual(['status.succeeded: Invalid value: 1: cannot decrease the succeeded counter']);
    }
  });

  it('shows how far it is', () => {
    const object: Job = { ...make({ completions: 3 }), status: { succeeded: 2, startTime: '2026-01-01T00:58:00Z' } };
    expect(job.columns.map((column) => [column.name, column.cell(object, now)])).toEqual([
      ['Name', 'pi'], ['Status', 'Running'], ['Completions', '2/3'], ['Duration', '2m'], ['Age', '<unknown>'], ['Containers', 'c'], ['Images', 'x:1'], ['Selector', 'batch.kubernetes.io/controller-uid=u1'],
    ]);
    expect(job.fields['status.successful']?.(object)).toBe('2');
  });
});

const wrong = (object: CronJob) => fieldErrorTexts([...(cronJob.validate?.(object) ?? []), ...(cronJob.validateCreate?.(object) ?? [])]);

describe('a CronJob', () => {
  function cron(change: Partial<NonNullable<CronJob['spec']>> = {}, name = 'c'): CronJob {
    const draft = { metadata: { name }, spec: { schedule: '*/5 * * * *', jobTemplate: { spec: { template: { spec: structuredClone(podSpec) } } }, ...change } } as Draft<CronJob>;
    cronJob.defaults?.(draft);
    return draft as CronJob;
  }

  it('keeps three good Jobs and a bad one, and leaves their counts to the Jobs', () => {
    expect(cron().spec).toMatchObject({ concurrencyPolicy: 'Allow', suspend: false, successfulJobsHistoryLimit: 3, failedJobsHistoryLimit: 1 });
    expect(cron().spec?.jobTemplate.spec).not.toHaveProperty('completions');
    expect(wrong(cron({ timeZone: 'Europe/Berlin' }))).toEqual([]);
    expect(cronJob.columns.slice(0, 7).map((column) => column.cell(cron(), now))).toEqual(['c', '*/5 * * * *', '<none>', 'False', 0, '<none>', '<unknown>']);
  });

  it.each<[string, CronJob, string[]]>([
    ['no schedule', cron({ schedule: '' }), ['spec.schedule: Required value']],
    ['a schedule that is none', cron({ schedule: '61 * * * *' }), ['spec.schedule: Invalid value: "61 * * * *": end of range (61) above maximum (59): 61']],
    ['a zone in the schedule', cron({ schedule: 'TZ=UTC 0 * * * *' }), ['spec.schedule: Invalid value: "TZ=UTC 0 * * * *": cannot use TZ or CRON_TZ in schedule, use timeZone field instead']],
    ['an unknown zone', cron({ timeZone: 'Mars/Olympus' }), ['spec.timeZone: Invalid value: "Mars/Olympus": unknown time zone Mars/Olympus']],
    ['this machine’s zone', cron({ timeZone: 'local' }), ['spec.timeZone: Invalid value: "local": timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones']],
    ['a policy that is none', cron({ concurrencyPolicy: 'Some' }), ['spec.concurrencyPolicy: Unsupported value: "Some": supported values: "Allow", "Forbid", "Replace"']],
    ['a name without room for the time', cron({}, 'x'.repeat(53)), [`metadata.name: Invalid value: "${'x'.repeat(53)}": must be no more than 52 characters`]],
    ['a selector', cron({ jobTemplate: { spec: { selector: {}, manualSelector: true, template: { spec: podSpec } } } }), [
      'spec.jobTemplate.spec.selector: Invalid value: {}: `selector` will be auto-generated', 'spec.jobTemplate.spec.manualSelector: Unsupported value: true: supported values: "nil", "false"',
    ]],
  ])('refuses %s', (_name, object, messages) => {
    expect(wrong(object)).toEqual(messages);
  });

  it.each<[string, string | undefined]>([
    ['0 0 1 1 sun', undefined], ['@hourly', undefined], ['@every 1h30m', undefined], ['0-10/5,20 * ? jan-mar 1-5', undefined], ['@often', 'unrecognized descriptor: @often'],
    ['* * * *', 'expected exactly 5 fields, found 4: [* * * *]'], ['x * * * *', 'failed to parse int from x: strconv.Atoi: parsing "x": invalid syntax'], ['*/0 * * * *', 'step of range should be a positive number: */0'],
    ['5-1 * * * *', 'beginning of range (5) beyond end of range (1): 5-1'], ['* * 0 * *', 'beginning of range (0) below minimum (1): 0'], ['1-2-3 * * * *', 'too many hyphens: 1-2-3'],
  ])('reads %s', (schedule, fault) => {
    expect(scheduleFault(schedule)).toBe(fault);
  });
});
