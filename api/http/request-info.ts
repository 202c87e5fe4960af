import { failure } from '../../machinery/status.ts';
import type { RequestInfo } from '../request.ts';

/**
 * What a request is about, by its method and URL alone.
 * Source: "API overview", resource URIs; the attributes of "Authorization: determine the request verb".
 */
export interface Target {
  readonly info: RequestInfo;
  /** First value of each parameter. */
  readonly query: Readonly<Record<string, string>>;
  /** As it came, without `?`. */
  readonly search: string;
}

const verbOf: Readonly<Record<string, string>> = { GET: 'get', HEAD: 'get', POST: 'create', PUT: 'update', PATCH: 'patch', DELETE: 'delete' };
const namespaceSubresources: ReadonlySet<string> = new Set(['status', 'finalize']);
const noQuery: Readonly<Record<string, string>> = Object.freeze({});

/** Throws 400 when the URL's escapes are malformed. */
export function parseTarget(method: string, url: string): Target {
  const mark = url.indexOf('?');
  const path = mark < 0 ? url : url.slice(0, mark);
  const search = mark < 0 ? '' : url.slice(mark + 1);
  const query = search === '' ? noQuery : firstValues(search);
  return { info: infoOf(method, path, query), query, search };
}

function firstValues(search: string): Readonly<Record<string, string>> {
  const values = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(search)) if (!values.has(name)) values.set(name, value);
  return Object.fromEntries(values);
}

function infoOf(method: string, path: string, query: Readonly<Record<string, string>>): RequestInfo {
  const parts = segments(path);
  const isCore = parts[0] === 'api';
  if ((!isCore && parts[0] !== 'apis') || parts.length < (isCore ? 3 : 4)) return nonResource(method, path);
  const [group, version] = isCore ? ['', parts[1] ?? ''] : [parts[1] ?? '', parts[2] ?? ''];
  let rest = parts.slice(isCore ? 2 : 3);
  const legacyWatch = rest[0] === 'watch' && rest.length > 1;
  if (legacyWatch) rest = rest.slice(1);
  let namespace = '';
  if (rest[0] === 'namespaces' && rest[1] !== undefined) {
    namespace = rest[1];
    if (rest[2] !== undefined && !namespaceSubresources.has(rest[2])) rest = rest.slice(2);
  }
  const [resource = '', name = '', subresource = ''] = rest;
  const verb = legacyWatch ? 'watch' : resourceVerb(method, name, query);
  const { fieldSelector } = query;
  const about = { path, isResource: true, verb, group, version, resource, subresource, namespace, name: name === '' ? nameInSelector(verb, query) : name };
  return fieldSelector === undefined ? about : { ...about, fieldSelector };
}

function segments(path: string): string[] {
  const parts = path.split('/').filter((part) => part !== '');
  if (!path.includes('%')) return parts;
  try {
    return parts.map(decodeURIComponent);
  } catch (cause) {
    throw failure('BadRequest', 'the path of the URL is not properly escaped', undefined, { cause });
  }
}

function nonResource(method: string, path: string): RequestInfo {
  return { path, isResource: false, verb: method.toLowerCase(), group: '', version: '', resource: '', subresource: '', namespace: '', name: '' };
}

function resourceVerb(method: string, name: string, query: Readonly<Record<string, string>>): string {
  const verb = verbOf[method] ?? method.toLowerCase();
  if (name !== '') return verb;
  if (verb === 'get') return isTrue(query['watch']) ? 'watch' : 'list';
  return verb === 'delete' ? 'deletecollection' : verb;
}

function isTrue(text: string | undefined): boolean {
  return text !== undefined && text !== 'false' && text !== '0';
}

const exactName = /^metadata\.name==?([^,=\\!]+)$/;

/** A list or watch of one object, chosen by its name, counts as a request for that name: a role may allow just that. */
export function nameInSelector(verb: string, query: Readonly<Record<string, string>>): string {
  if (verb !== 'list' && verb !== 'watch' && verb !== 'deletecollection') return '';
  for (const term of (query['fieldSelector'] ?? '').split(',')) {
    const match = exactName.exec(term);
    if (match?.[1] !== undefined) return match[1];
  }
  return '';
}
