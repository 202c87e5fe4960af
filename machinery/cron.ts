/** The fields of a schedule in Cron format. Pure. Grammar: "CronJob: schedule syntax"; wording: robfig/cron v3, as observed. */

/** What a field may hold. */
export interface CronField {
  readonly min: number;
  readonly max: number;
  /** Of the numbers from `min` on. */
  readonly names?: readonly string[];
}

/** Minute, hour, day of the month, month, day of the week. */
export const cronFields: readonly CronField[] = [
  { min: 0, max: 59 }, { min: 0, max: 23 }, { min: 1, max: 31 },
  { min: 1, max: 12, names: ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'] },
  { min: 0, max: 6, names: ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] },
];

/** Schedules that have a name, and the fields that they stand for. */
export const cronDescriptors: Readonly<Record<string, string>> = {
  '@yearly': '0 0 1 1 *', '@annually': '0 0 1 1 *', '@monthly': '0 0 1 * *', '@weekly': '0 0 * * 0', '@daily': '0 0 * * *', '@midnight': '0 0 * * *', '@hourly': '0 * * * *',
};

/** Every `pace`th number from `from` to `to`. */
export interface CronRange {
  readonly from: number;
  readonly to: number;
  readonly pace: number;
  /** Written as `*` or `?`: any value will do, every `pace`th of them. */
  readonly isAny: boolean;
}

/** One of a field's ranges, which commas part: `5`, `1-5`, `mon-fri`, `*`, `0-30/10`; or the text that says what is wrong with it. */
export function cronRange(expression: string, { min, max, names = [] }: CronField): CronRange | string {
  const [range = '', step, ...tooManySlashes] = expression.split('/');
  const [low = '', high, ...tooManyHyphens] = range.split('-');
  if (tooManyHyphens.length > 0) return `too many hyphens: ${expression}`;
  if (tooManySlashes.length > 0) return `too many slashes: ${expression}`;
  const isAny = low === '*' || low === '?';
  const from = isAny ? min : numberOf(low, names, min);
  if (typeof from === 'string') return from;
  const to = isAny ? max : high === undefined ? (step === undefined ? from : max) : numberOf(high, names, min);
  if (typeof to === 'string') return to;
  const pace = step === undefined ? 1 : numberOf(step, [], min);
  if (typeof pace === 'string') return pace;
  if (from < min) return `beginning of range (${from}) below minimum (${min}): ${expression}`;
  if (to > max) return `end of range (${to}) above maximum (${max}): ${expression}`;
  if (from > to) return `beginning of range (${from}) beyond end of range (${to}): ${expression}`;
  return pace === 0 ? `step of range should be a positive number: ${expression}` : { from, to, pace, isAny };
}

/** A number, or what is wrong with the text. `first`: the number of the first name. */
function numberOf(text: string, names: readonly string[], first: number): number | string {
  const named = names.indexOf(text.toLowerCase());
  if (named >= 0) return named + first;
  if (!/^[+-]?\d{1,18}$/.test(text)) return `failed to parse int from ${text}: strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`;
  const number = Number(text);
  return number < 0 ? `negative number (${number}) not allowed: ${text}` : number;
}
