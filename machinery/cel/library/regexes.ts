import type { RE2JS } from 're2js';
import { pattern } from '../cost.ts';
import { define, type Overload } from '../functions.ts';
import { withPattern } from '../regex.ts';
import { ListValue } from '../values.ts';

const find = withPattern((compiled: RE2JS, text: string) => {
  const matcher = compiled.matcher(text);
  return matcher.find() ? matcher.group() ?? '' : '';
});

/** At most `limit` matches; below 0 all of them. */
function allOf(compiled: RE2JS, text: string, limit: unknown): ListValue {
  const most = typeof limit === 'bigint' && limit >= 0n ? Number(limit) : Infinity;
  const matcher = compiled.matcher(text);
  const found: string[] = [];
  while (found.length < most && matcher.find()) found.push(matcher.group() ?? '');
  return ListValue.of(found);
}

const findAll = withPattern((compiled: RE2JS, text: string, limit?: unknown) => allOf(compiled, text, limit));

/** Kubernetes' regular expression functions. */
export const regexes: readonly Overload[] = [
  define('string::find(string): string', find.run, { cost: pattern, prepare: find.prepare }),
  define('string::findAll(string): list<string>', findAll.run, { cost: pattern, prepare: findAll.prepare }),
  define('string::findAll(string, int): list<string>', findAll.run, { cost: pattern, prepare: findAll.prepare }),
];
