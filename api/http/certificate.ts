import { X509Certificate } from 'node:crypto';
import type { DetailedPeerCertificate, TLSSocket } from 'node:tls';
import { failure } from '../../machinery/status.ts';
import type { Credentials } from '../access/access.ts';

/** SHA-256 of the authorities that sign client certificates, as `X509Certificate` tells it. */
export interface Authorities {
  readonly cluster: string;
  /** Signs proxies that tell who asks through them. */
  readonly frontProxy: string;
}

export function authorities({ caPem, frontProxyCaPem }: { readonly caPem: string; readonly frontProxyCaPem: string }): Authorities {
  return { cluster: new X509Certificate(caPem).fingerprint256, frontProxy: new X509Certificate(frontProxyCaPem).fingerprint256 };
}

/** What a connection's client certificate says; undefined without one. Throws 401 when it is of none of the authorities. */
export function certificateOf(socket: Pick<TLSSocket, 'authorized' | 'authorizationError' | 'getPeerCertificate'>, { cluster, frontProxy }: Authorities): Credentials['certificate'] {
  const certificate = socket.getPeerCertificate(true);
  // Node gives `{}` when there is none.
  const subject: Readonly<Record<string, unknown>> | undefined = Object.hasOwn(certificate, 'subject') ? { ...certificate.subject } : undefined;
  if (subject === undefined) return undefined;
  if (!socket.authorized) throw failure('Unauthorized', 'Unauthorized', undefined, { cause: socket.authorizationError });
  const root = rootOf(certificate);
  // What the front proxy's authority signs is nobody in the cluster, whatever name it has.
  if (root !== cluster && root !== frontProxy) throw failure('Unauthorized', 'Unauthorized');
  const [commonName = ''] = texts(subject['CN']);
  return { commonName, organizations: texts(subject['O']), ...(root === frontProxy ? { isFrontProxy: true } : {}) };
}

/** More links than any chain has that was verified. */
const longestChain = 16;

/** The fingerprint of the authority at the end of a verified chain: it is its own issuer. Undefined: the chain has no such end. */
function rootOf(certificate: DetailedPeerCertificate): string | undefined {
  let one: DetailedPeerCertificate | undefined = certificate;
  for (let link = 0; link < longestChain && one !== undefined; link++) {
    const issuer: DetailedPeerCertificate | undefined = one.issuerCertificate;
    if (issuer === undefined || issuer.fingerprint256 === one.fingerprint256) return one.fingerprint256;
    one = issuer;
  }
  return undefined;
}

/** A name of a subject is absent, a text, or several texts. */
function texts(value: unknown): string[] {
  return [value].flat().filter((one) => typeof one === 'string');
}

const bearer = /^Bearer +(\S+)$/i;

export function bearerTokenOf(authorization: string | undefined): string | undefined {
  return authorization === undefined ? undefined : bearer.exec(authorization)?.[1];
}
