import { CronJob, Job } from '../../machinery/kinds/batch.ts';
import { ownerReference } from '../../machinery/owner-references.ts';

/** The Jobs that a CronJob makes. Their names are locks: there is one for each time. Source: "CronJob: CronJob limitations", "Job templates". */

const scheduledAt = 'batch.kubernetes.io/cronjob-scheduled-timestamp';

/** `at`: the time it is for (milliseconds). */
export function jobFor(cronJob: CronJob, at: number): Job {
  const { metadata, spec } = cronJob.spec?.jobTemplate ?? {};
  const { namespace } = cronJob.metadata ?? {};
  return {
    metadata: {
      name: nameFor(cronJob, at), ...(namespace === undefined ? {} : { namespace }),
      labels: { ...metadata?.labels },
      annotations: { ...metadata?.annotations, [scheduledAt]: zonedTimestamp(at, cronJob.spec?.timeZone ?? 'UTC') },
      ownerReferences: [ownerReference(cronJob, CronJob)],
    },
    ...(spec === undefined ? {} : { spec }),
  };
}

export function nameFor({ metadata }: CronJob, at: number): string {
  return `${metadata?.name}-${Math.floor(at / 60_000)}`;
}

/** The time that a Job is for (milliseconds); undefined: this CronJob's controller hasn't made it. */
export function timeOf(job: Job, cronJob: CronJob): number | undefined {
  const at = Date.parse(job.metadata?.annotations?.[scheduledAt] ?? '');
  return !Number.isNaN(at) && job.metadata?.name === nameFor(cronJob, at) ? at : undefined;
}

/** RFC 3339 with whole seconds and the zone's offset. */
function zonedTimestamp(at: number, timeZone: string): string {
  const zoned = Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(timeZone);
  return `${zoned.toPlainDateTime().toString({ smallestUnit: 'second' })}${zoned.offset === '+00:00' ? 'Z' : zoned.offset}`;
}
