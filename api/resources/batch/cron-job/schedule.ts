/** What is wrong with a schedule in Cron format. Grammar: "CronJob: schedule syntax"; wording: robfig/cron v3, as observed. */
import { cronDescriptors, cronFields, cronRange, type CronField } from '../../../../machinery/cron.ts';
import { parseDuration } from '../../../../machinery/duration.ts';

const every = '@every ';

/** Undefined: it is fine. `TZ=…` before the fields is passed over: who may use it is another rule. */
export function scheduleFault(schedule: string): string | undefined {
  const spec = schedule.replace(/^(?:CRON_)?TZ=\S*\s*/, '').trim();
  if (spec === '') return 'empty spec string';
  if (spec.startsWith('@')) return descriptorFault(spec);
  const parts = spec.split(/\s+/);
  if (parts.length !== cronFields.length) return `expected exactly ${cronFields.length} fields, found ${parts.length}: [${parts.join(' ')}]`;
  return parts.map((part, index) => fieldFault(part, cronFields[index] ?? { min: 0, max: 0 })).find((fault) => fault !== undefined);
}

function descriptorFault(spec: string): string | undefined {
  if (Object.hasOwn(cronDescriptors, spec)) return undefined;
  if (!spec.startsWith(every)) return `unrecognized descriptor: ${spec}`;
  const duration = spec.slice(every.length);
  return parseDuration(duration) !== undefined ? undefined : `failed to parse duration ${spec}: time: invalid duration ${JSON.stringify(duration)}`;
}

function fieldFault(field: string, bounds: CronField): string | undefined {
  return field.split(',').filter((one) => one !== '').map((one) => cronRange(one, bounds)).find((range) => typeof range === 'string');
}
