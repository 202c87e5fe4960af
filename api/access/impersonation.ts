import { failure } from '../../machinery/status.ts';
import type { RequestInfo, User } from '../request.ts';
import type { Authorizer, Credentials } from './access.ts';
import { forbidden } from './forbidden.ts';
import { groupsOf, serviceAccountOf } from './token-claims.ts';

/** "Act as": a user who may, becomes another for one request. Source: "User impersonation". */

const extraPrefix = 'impersonate-extra-';

interface Wanted {
  readonly name: string;
  readonly uid: string;
  readonly groups: readonly string[];
  readonly extra: Readonly<Record<string, readonly string[]>>;
}

/** The user that `headers` ask for, or `user`. Throws 403 when `user` may not act so. */
export function impersonated(user: User, headers: Credentials['headers'], authorizer: Authorizer): User {
  const wanted = wantedBy(headers);
  if (wanted === undefined) return user;
  for (const info of checksOf(wanted)) {
    const decision = authorizer.authorize(user, info);
    if (!decision.allowed) throw forbidden(user, info, decision.reason);
  }
  const account = serviceAccountOf(wanted.name);
  const groups = wanted.groups.length === 0 && account !== undefined ? [...groupsOf(account.namespace)] : [...wanted.groups];
  const anonymous = wanted.name === 'system:anonymous';
  const everybody = anonymous ? 'system:unauthenticated' : 'system:authenticated';
  const known = groups.includes('system:authenticated') || groups.includes('system:unauthenticated');
  return {
    name: wanted.name,
    groups: known ? groups : [...groups, everybody],
    ...(wanted.uid === '' ? {} : { uid: wanted.uid }),
    ...(Object.keys(wanted.extra).length === 0 ? {} : { extra: wanted.extra }),
    impersonator: user,
  };
}

function wantedBy(headers: Credentials['headers']): Wanted | undefined {
  const all = (name: string): readonly string[] => [headers[name] ?? []].flat();
  const name = all('impersonate-user')[0] ?? '';
  const uid = all('impersonate-uid')[0] ?? '';
  const groups = all('impersonate-group');
  const extra: Record<string, readonly string[]> = {};
  for (const header of Object.keys(headers)) {
    if (header.startsWith(extraPrefix)) extra[unescaped(header.slice(extraPrefix.length))] = all(header);
  }
  if (name !== '') return { name, uid, groups, extra };
  if (uid === '' && groups.length === 0 && Object.keys(extra).length === 0) return undefined;
  throw failure('BadRequest', `requested ${JSON.stringify({ uid, groups, extra })} without impersonating a user`);
}

function unescaped(key: string): string {
  try {
    return decodeURIComponent(key);
  } catch {
    // Not an escape sequence: the key is meant as it stands.
    return key;
  }
}

/** What the caller must be allowed to `impersonate`. */
function checksOf({ name, uid, groups, extra }: Wanted): RequestInfo[] {
  const account = serviceAccountOf(name);
  const group = 'authentication.k8s.io';
  return [
    account === undefined ? check('users', name) : check('serviceaccounts', account.name, { namespace: account.namespace }),
    ...groups.map((one) => check('groups', one)),
    ...Object.entries(extra).flatMap(([key, values]) => values.map((value) => check('userextras', value, { group, subresource: key }))),
    ...(uid === '' ? [] : [check('uids', uid, { group })]),
  ];
}

function check(resource: string, name: string, more: Partial<RequestInfo> = {}): RequestInfo {
  return { path: '', isResource: true, verb: 'impersonate', group: '', version: 'v1', resource, subresource: '', namespace: '', name, ...more };
}
