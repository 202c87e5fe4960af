import { failure } from '../../machinery/status.ts';
import type { User } from '../request.ts';
import type { Credentials } from './access.ts';

/** Who asks through a front proxy, as it says itself. Source: "Authenticating proxy"; the headers are those of `extension-apiserver-authentication`. */

const extraPrefix = 'x-remote-extra-';
/** Common names that may speak for others. */
const proxies: ReadonlySet<string> = new Set(['front-proxy-client']);

/** Throws 401 when `commonName` is no proxy, or names nobody. */
export function remoteUser(commonName: string, headers: Credentials['headers']): User {
  const all = (name: string): readonly string[] => [headers[name] ?? []].flat();
  const [name = ''] = all('x-remote-user');
  if (!proxies.has(commonName) || name === '') throw failure('Unauthorized', 'Unauthorized');
  const [uid = ''] = all('x-remote-uid');
  const extra = Object.keys(headers).filter((header) => header.startsWith(extraPrefix))
    .map((header): [string, readonly string[]] => [unescaped(header.slice(extraPrefix.length)), all(header)]);
  return {
    name, groups: [...new Set([...all('x-remote-group'), 'system:authenticated'])],
    ...(uid === '' ? {} : { uid }), ...(extra.length === 0 ? {} : { extra: Object.fromEntries(extra) }),
  };
}

function unescaped(key: string): string {
  try {
    return decodeURIComponent(key);
  } catch {
    // Not escaped at all: as it stands.
    return key;
  }
}
