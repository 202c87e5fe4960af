/** Sets of a Job's indexes as text: `1,3-5,7`. Source: "Jobs: completion mode"; wording: Kubernetes' validation. */

type Interval = readonly [first: number, last: number];

/** What is wrong with the text, else how many indexes it names. `completions`: indexes are below it. */
export function countIndexes(text: string, completions: number): number | string {
  const intervals = text === '' ? [] : text.split(',').map((fragment) => intervalOf(fragment, completions));
  let total = 0;
  let previous: number | undefined;
  for (const interval of intervals) {
    if (typeof interval === 'string') return interval;
    const [first, last] = interval;
    if (previous !== undefined && previous >= first) return outOfOrder(previous, first);
    total += last - first + 1;
    previous = last;
  }
  return total;
}

/** The first index that both name; undefined when there is none. Fragments that can't be read are passed over. */
export function firstShared(a: string, b: string, completions: number): number | undefined {
  const [left, right] = [a, b].map((text) => text.split(',').map((fragment) => intervalOf(fragment, completions)).filter((one) => typeof one !== 'string'));
  const shared = (left ?? []).flatMap(([first, last]) => (right ?? []).filter(([from, to]) => first <= to && from <= last).map(([from]) => Math.max(first, from)));
  return shared.length === 0 ? undefined : Math.min(...shared);
}

function intervalOf(fragment: string, completions: number): Interval | string {
  const [from = '', to, ...more] = fragment.split('-');
  if (more.length > 0) return `the fragment ${JSON.stringify(fragment)} violates the requirement that an index interval can have at most two parts separated by '-'`;
  const first = indexOf(from, completions);
  if (typeof first === 'string') return first;
  if (to === undefined) return [first, first];
  const last = indexOf(to, completions);
  if (typeof last === 'string') return last;
  return first >= last ? outOfOrder(first, last) : [first, last];
}

function indexOf(text: string, completions: number): number | string {
  if (!/^\+?\d{1,10}$/.test(text)) return `cannot convert string to integer for index: ${JSON.stringify(text)}`;
  return Number(text) >= completions ? `too large index: ${JSON.stringify(text)}` : Number(text);
}

function outOfOrder(previous: number, current: number): string {
  return `non-increasing order, previous: ${previous}, current: ${current}`;
}
