import type { Job, JobSpec } from '../../../../machinery/kinds/batch.ts';
import type { Draft } from '../../../../machinery/kinds/wire.ts';
import { defaultTemplate } from '../../core/pod/template.ts';

/** Retries of a Job as a whole; with a limit for each index there is none for all. */
const backoffLimit = 6;
const noLimit = 2 ** 31 - 1;

export const controllerUidLabel = 'batch.kubernetes.io/controller-uid';
export const jobNameLabel = 'batch.kubernetes.io/job-name';
/** The same two as they were called before they had a prefix. */
export const legacyControllerUidLabel = 'controller-uid';
export const legacyJobNameLabel = 'job-name';

/** Source: "Job v1 batch", defaults. */
export function defaultJob(draft: Draft<Job>): void {
  const spec = (draft.spec ??= { template: {} });
  if (spec.completions === undefined && spec.parallelism === undefined) spec.completions = 1;
  spec.parallelism ??= 1;
  spec.backoffLimit ??= spec.backoffLimitPerIndex === undefined ? backoffLimit : noLimit;
  spec.completionMode ??= 'NonIndexed';
  spec.suspend ??= false;
  spec.manualSelector ??= false;
  spec.podReplacementPolicy ??= spec.podFailurePolicy === undefined ? 'TerminatingOrFailed' : 'Failed';
  defaultJobTemplate(spec);
  labelLikeTemplate(draft);
}

/** What a template of Jobs has, too. */
export function defaultJobTemplate(spec: Draft<JobSpec>): void {
  defaultTemplate(spec);
  for (const rule of spec.podFailurePolicy?.rules ?? []) for (const pattern of rule.onPodConditions ?? []) if ((pattern.status ?? '') === '') pattern.status = 'True';
}

function labelLikeTemplate({ metadata, spec }: Draft<Job>): void {
  const labels = spec?.template?.metadata?.labels;
  if (metadata !== undefined && labels !== undefined && Object.keys(metadata.labels ?? {}).length === 0) metadata.labels = { ...labels };
}

/** A Job finds its pods by its own uid, unless its author chose a selector. Labels that are there already are validated, not replaced. */
export function generateSelector(draft: Draft<Job>): void {
  const { metadata = {}, spec } = draft;
  if (spec === undefined || spec.manualSelector === true) return;
  const { uid = '', name = '' } = metadata;
  const template = (spec.template ??= {});
  const own = { [jobNameLabel]: name, [legacyJobNameLabel]: name, [controllerUidLabel]: uid, [legacyControllerUidLabel]: uid };
  template.metadata = { ...template.metadata, labels: { ...own, ...template.metadata?.labels } };
  spec.selector = { ...spec.selector, matchLabels: { [controllerUidLabel]: uid, ...spec.selector?.matchLabels } };
  labelLikeTemplate(draft);
}
