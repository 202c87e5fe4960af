/** What is wrong with a schedule in Cron format. Grammar: "CronJob: schedule syntax"; wording: robfig/cron v3, as observed. */

interface Bounds {
  readonly min: number;
  readonly max: number;
  readonly names?: readonly string[];
}

const fields: readonly Bounds[] = [
  { min: 0, max: 59 }, { min: 0, max: 23 }, { min: 1, max: 31 },
  { min: 1, max: 12, names: ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'] },
  { min: 0, max: 6, names: ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] },
];
const descriptors: ReadonlySet<string> = new Set(['@yearly', '@annually', '@monthly', '@weekly', '@daily', '@midnight', '@hourly']);
const every = '@every ';

/** Undefined: it is fine. `TZ=…` before the fields is passed over: who may use it is another rule. */
export function scheduleFault(schedule: string): string | undefined {
  const spec = schedule.replace(/^(?:CRON_)?TZ=\S*\s*/, '').trim();
  if (spec === '') return 'empty spec string';
  if (spec.startsWith('@')) return descriptorFault(spec);
  const parts = spec.split(/\s+/);
  if (parts.length !== fields.length) return `expected exactly ${fields.length} fields, found ${parts.length}: [${parts.join(' ')}]`;
  return parts.map((part, index) => fieldFault(part, fields[index] ?? { min: 0, max: 0 })).find((fault) => fault !== undefined);
}

function descriptorFault(spec: string): string | undefined {
  if (descriptors.has(spec)) return undefined;
  if (!spec.startsWith(every)) return `unrecognized descriptor: ${spec}`;
  const duration = spec.slice(every.length);
  return /^(?:\d+(?:\.\d*)?(?:ns|us|µs|ms|s|m|h))+$/.test(duration) ? undefined : `failed to parse duration ${spec}: time: invalid duration ${JSON.stringify(duration)}`;
}

function fieldFault(field: string, bounds: Bounds): string | undefined {
  return field.split(',').filter((one) => one !== '').map((one) => rangeFault(one, bounds)).find((fault) => fault !== undefined);
}

function rangeFault(expression: string, { min, max, names = [] }: Bounds): string | undefined {
  const [range = '', step, ...tooManySlashes] = expression.split('/');
  const [low = '', high, ...tooManyHyphens] = range.split('-');
  if (tooManyHyphens.length > 0) return `too many hyphens: ${expression}`;
  if (tooManySlashes.length > 0) return `too many slashes: ${expression}`;
  const isStar = low === '*' || low === '?';
  const start = isStar ? min : numberOf(low, names, min);
  if (typeof start === 'string') return start;
  const end = isStar ? max : high === undefined ? (step === undefined ? start : max) : numberOf(high, names, min);
  if (typeof end === 'string') return end;
  const pace = step === undefined ? 1 : numberOf(step, [], min);
  if (typeof pace === 'string') return pace;
  if (start < min) return `beginning of range (${start}) below minimum (${min}): ${expression}`;
  if (end > max) return `end of range (${end}) above maximum (${max}): ${expression}`;
  if (start > end) return `beginning of range (${start}) beyond end of range (${end}): ${expression}`;
  return pace === 0 ? `step of range should be a positive number: ${expression}` : undefined;
}

/** A number, or what is wrong with the text. `first`: the number of the first name. */
function numberOf(text: string, names: readonly string[], first: number): number | string {
  const named = names.indexOf(text.toLowerCase());
  if (named >= 0) return named + first;
  if (!/^[+-]?\d{1,18}$/.test(text)) return `failed to parse int from ${text}: strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`;
  const number = Number(text);
  return number < 0 ? `negative number (${number}) not allowed: ${text}` : number;
}
