import type { APIService } from '../../machinery/kinds/api-registration.ts';
import type { KeyPair } from '../access/certificates.ts';
import type { ProxyTarget, User } from '../request.ts';
import type { Place } from '../webhooks/service-address.ts';

/** How an extension server is asked: as whom, and by which authority it is judged. Source: "Configure the aggregation layer". */

type Spec = NonNullable<APIService['spec']>;
export type ServiceReference = NonNullable<Spec['service']>;

/** By what the extension server knows that it is this server that asks. */
export type FrontProxy = Pick<KeyPair, 'certPem' | 'keyPem'>;

/** Who the caller is: the extension server believes this of the front proxy alone. Node writes headers as Latin-1: these are UTF-8. */
export function remoteHeaders(user: User): Readonly<Record<string, string | readonly string[]>> {
  return {
    'x-remote-user': utf8(user.name),
    ...(user.uid === undefined || user.uid === '' ? {} : { 'x-remote-uid': utf8(user.uid) }),
    'x-remote-group': user.groups.map(utf8),
    ...Object.fromEntries(Object.entries(user.extra ?? {}).map(([key, values]) => [`x-remote-extra-${escapedKey(key)}`, values.map(utf8)])),
  };
}

function utf8(value: string): string {
  return Buffer.from(value).toString('latin1');
}

/** Keys may hold what header names can't. */
function escapedKey(key: string): string {
  return [...Buffer.from(key.toLowerCase())].map((byte) => {
    const character = String.fromCharCode(byte);
    return /[a-z0-9!#$&'*+.^_`|~-]/.test(character) ? character : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }).join('');
}

/** The extension server at `place`, asked for `path`. */
export function extensionTarget(spec: Spec, service: ServiceReference, place: Place, path: string, headers: ProxyTarget['headers'], proxy: FrontProxy): ProxyTarget {
  const serverName = `${service.name ?? ''}.${service.namespace ?? ''}.svc`;
  const { caBundle = '', insecureSkipTLSVerify = false } = spec;
  return {
    ...place, path, headers: { ...headers, host: serverName },
    tls: {
      ...proxy, serverName, isVerified: !insecureSkipTLSVerify, isNameChecked: !insecureSkipTLSVerify,
      ...(caBundle === '' ? {} : { caPem: Buffer.from(caBundle, 'base64').toString() }),
    },
  };
}
