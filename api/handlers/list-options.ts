import { Path, forbidden, invalid, invalidObject, notSupported, required, type FieldError } from '../../machinery/field-path.ts';
import { failure } from '../../machinery/status.ts';
import type { Revision } from '../store/store.ts';
import { revisionOf } from './reader.ts';

/** The options that list and watch share, checked. Source: "Resource versions", API concepts. */
export interface ListOptions {
  readonly revision: Revision | undefined;
  readonly match: 'Exact' | 'NotOlderThan' | undefined;
  /** 0: no limit. */
  readonly limit: number;
  readonly continue: string | undefined;
  readonly sendInitialEvents: boolean | undefined;
  readonly allowWatchBookmarks: boolean;
  readonly timeoutSeconds: number | undefined;
}

const listOptions = { group: 'meta.k8s.io', kind: 'ListOptions' };
const matchPath = new Path('resourceVersionMatch');
const initialPath = new Path('sendInitialEvents');
const supportedMatches = ['Exact', 'NotOlderThan', ''];

/** Throws 400 and 422. */
export function listOptionsOf(query: Readonly<Record<string, string>>, isWatch: boolean): ListOptions {
  const match = query['resourceVersionMatch'] ?? '';
  const options: ListOptions = {
    revision: revisionOf(query['resourceVersion']),
    match: match === 'Exact' || match === 'NotOlderThan' ? match : undefined,
    limit: wholeNumber(query['limit'], 'limit') ?? 0,
    continue: query['continue'] === '' ? undefined : query['continue'],
    sendInitialEvents: truth(query['sendInitialEvents']),
    allowWatchBookmarks: truth(query['allowWatchBookmarks']) ?? false,
    timeoutSeconds: wholeNumber(query['timeoutSeconds'], 'timeoutSeconds'),
  };
  const errors = supportedMatches.includes(match)
    ? isWatch ? watchErrors(options, match) : listErrors(options, match)
    : [notSupported(matchPath, match, supportedMatches)];
  if (errors.length > 0) throw invalidObject(listOptions, '', errors);
  return options;
}

function listErrors(options: ListOptions, match: string): FieldError[] {
  if (options.sendInitialEvents !== undefined) return [forbidden(initialPath, 'sendInitialEvents is forbidden for list')];
  if (match === '') return [];
  const errors: FieldError[] = [];
  if (options.revision === undefined) errors.push(forbidden(matchPath, 'resourceVersionMatch is forbidden unless resourceVersion is provided'));
  if (options.continue !== undefined) errors.push(forbidden(matchPath, 'resourceVersionMatch is forbidden when continue is provided'));
  if (match === 'Exact' && options.revision === 0) {
    errors.push(forbidden(matchPath, 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'));
  }
  return errors;
}

function watchErrors(options: ListOptions, match: string): FieldError[] {
  const errors: FieldError[] = [];
  if (options.sendInitialEvents === undefined) {
    if (match !== '') errors.push(forbidden(matchPath, 'resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided'));
    return errors;
  }
  if (match === '') errors.push(required(matchPath, 'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan'));
  else if (match !== 'NotOlderThan') errors.push(invalid(matchPath, match, 'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan'));
  return errors;
}

function wholeNumber(text: string | undefined, name: string): number | undefined {
  if (text === undefined || text === '') return undefined;
  const number = Number(text);
  if (!/^-?\d+$/.test(text) || !Number.isSafeInteger(number)) {
    throw failure('BadRequest', `unable to decode ${name}: strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
  }
  return Math.max(0, number);
}

/** Kubernetes' booleans of a query: absent and `false` and `0` are false, anything else is true. */
function truth(text: string | undefined): boolean | undefined {
  if (text === undefined) return undefined;
  return text !== 'false' && text !== '0';
}
