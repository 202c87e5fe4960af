import type { TLSSocket } from 'node:tls';
import { failure } from '../../machinery/status.ts';
import type { Credentials } from '../access/access.ts';

/** What a connection's client certificate says; undefined without one. Throws 401 when it is not the cluster's. */
export function certificateOf(socket: Pick<TLSSocket, 'authorized' | 'authorizationError' | 'getPeerCertificate'>): Credentials['certificate'] {
  const certificate = socket.getPeerCertificate();
  // Node gives `{}` when there is none.
  const subject: Readonly<Record<string, unknown>> | undefined = Object.hasOwn(certificate, 'subject') ? { ...certificate.subject } : undefined;
  if (subject === undefined) return undefined;
  if (!socket.authorized) throw failure('Unauthorized', 'Unauthorized', undefined, { cause: socket.authorizationError });
  const [commonName = ''] = texts(subject['CN']);
  return { commonName, organizations: texts(subject['O']) };
}

/** A name of a subject is absent, a text, or several texts. */
function texts(value: unknown): string[] {
  return [value].flat().filter((one) => typeof one === 'string');
}

const bearer = /^Bearer +(\S+)$/i;

export function bearerTokenOf(authorization: string | undefined): string | undefined {
  return authorization === undefined ? undefined : bearer.exec(authorization)?.[1];
}
