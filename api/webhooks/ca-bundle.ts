import { X509Certificate } from 'node:crypto';

/** Why the authorities in `bundle` (PEM, in base64) can't be read; undefined: they can, or there are none. Wording: client-go's. */
export function caBundleProblem(bundle: string | undefined): string | undefined {
  const text = Buffer.from(bundle ?? '', 'base64').toString('latin1');
  if (text === '') return undefined;
  const blocks = [...text.matchAll(/-----BEGIN ([^-\n]+)-----[^]*?-----END \1-----/g)];
  const certificates = blocks.filter(([, type]) => type === 'CERTIFICATE').map(([block]) => block);
  if (certificates.some(isCertificate)) return undefined;
  const why = blocks.length === 0 ? 'unable to parse bytes as PEM block' : certificates.length === 0 ? 'no valid certificate authority data seen' : 'failed to parse certificate: x509: malformed certificate';
  return `unable to load root certificates: ${why}`;
}

export function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).raw.length > 0;
  } catch {
    // Whatever OpenSSL dislikes of it.
    return false;
  }
}

/** White space stands for none: who writes the bundle in later has to write something first. */
export function isBlank(bundle: string | undefined): boolean {
  return Buffer.from(bundle ?? '', 'base64').toString('latin1').trim() === '';
}
