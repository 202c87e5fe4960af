/**
 * Makes X.509 certificates (P-256, SHA-256). The only file that loads `@peculiar/x509`, which takes longer than the rest of
 * the server's start: `pki.ts` and `signer.ts` import it at the moment something must be minted. Reading is `node:crypto`'s.
 */
// oxlint-disable-next-line import/no-unassigned-import -- x509 needs Reflect's metadata in place before it loads
import 'reflect-metadata';
import { createPrivateKey, webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import * as x509 from '@peculiar/x509';

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const day = 86_400_000;
/** Clocks of a cluster's machines may differ by this much. Milliseconds. */
const backdate = 300_000;

export interface KeyPair {
  readonly certPem: string;
  /** PKCS #8. */
  readonly keyPem: string;
}

export type Usage = 'server' | 'client';

export interface Subject {
  readonly commonName: string;
  readonly organizations: readonly string[];
}

export interface Leaf extends Subject {
  readonly usages: readonly Usage[];
  /** DNS names and IP addresses. */
  readonly names: readonly string[];
  readonly notAfter: Date;
}

x509.cryptoProvider.set(webcrypto);

/** A self-signed authority, valid for ten years. `now` in milliseconds. */
export async function mintAuthority(commonName: string, now: number): Promise<KeyPair> {
  const keys = await newKeys();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: nameOf({ commonName, organizations: [] }),
    notBefore: new Date(now - backdate),
    notAfter: new Date(now + 3650 * day),
    signingAlgorithm: algorithm,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.digitalSignature | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certPem: pem(certificate), keyPem: await exportKey(keys.privateKey) };
}

/** A new key and its certificate. */
export async function mintLeaf(authority: KeyPair, leaf: Leaf, now: number): Promise<KeyPair> {
  const keys = await newKeys();
  return { certPem: await certify(authority, keys.publicKey, leaf, now), keyPem: await exportKey(keys.privateKey) };
}

/** A certificate for somebody else's key. */
export async function certify(authority: KeyPair, publicKey: x509.PublicKeyType, leaf: Leaf, now: number): Promise<string> {
  const issuer = new x509.X509Certificate(authority.certPem);
  const signingKey = createPrivateKey(authority.keyPem).toCryptoKey(algorithm, false, ['sign']);
  const names = leaf.names.map((value) => ({ type: isIP(value) === 0 ? 'dns' as const : 'ip' as const, value }));
  const certificate = await x509.X509CertificateGenerator.create({
    subject: nameOf(leaf),
    issuer: issuer.subjectName,
    notBefore: new Date(now - backdate),
    notAfter: leaf.notAfter,
    signingAlgorithm: algorithm,
    publicKey,
    signingKey,
    extensions: [
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature | x509.KeyUsageFlags.keyEncipherment, true),
      new x509.ExtendedKeyUsageExtension(leaf.usages.map((usage) => x509.ExtendedKeyUsage[usage === 'server' ? 'serverAuth' : 'clientAuth'])),
      new x509.BasicConstraintsExtension(false, undefined, true),
      await x509.AuthorityKeyIdentifierExtension.create(issuer),
      ...(names.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension(names)]),
    ],
  });
  return pem(certificate);
}

/** What a certificate signing request (PKCS #10) asks for. */
export interface RequestedCertificate extends Subject {
  readonly dnsNames: readonly string[];
  readonly ipAddresses: readonly string[];
  /** Alternative names of other types (e-mail, URI): no Kubernetes signer grants them. */
  readonly otherNames: readonly string[];
  readonly publicKey: x509.PublicKey;
}

/** Throws when the text is no request or its signature is not by its own key. */
export async function readRequest(text: string): Promise<RequestedCertificate> {
  const request = new x509.Pkcs10CertificateRequest(text);
  if (!(await request.verify())) throw new Error("the request is not signed by the key that it holds");
  const extension = request.extensions.find((one) => one instanceof x509.SubjectAlternativeNameExtension);
  const alternative = extension?.names.items ?? [];
  const ofType = (wanted: (type: string) => boolean): string[] => alternative.filter(({ type }) => wanted(type)).map(({ value }) => value);
  return {
    commonName: request.subjectName.getField('CN')[0] ?? '',
    organizations: request.subjectName.getField('O'),
    dnsNames: ofType((type) => type === 'dns'),
    ipAddresses: ofType((type) => type === 'ip'),
    otherNames: ofType((type) => type !== 'dns' && type !== 'ip'),
    publicKey: request.publicKey,
  };
}

/** A new key and a request for its certificate: what an agent sends to join. */
export async function makeRequest(subject: Subject, names: readonly string[]): Promise<{ readonly requestPem: string; readonly keyPem: string }> {
  const keys = await newKeys();
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name: nameOf(subject),
    keys,
    signingAlgorithm: algorithm,
    extensions: names.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension(names.map((value) => ({ type: isIP(value) === 0 ? 'dns' as const : 'ip' as const, value })))],
  });
  return { requestPem: `${request.toString('pem')}\n`, keyPem: await exportKey(keys.privateKey) };
}

/** Generated in libuv's pool. */
async function newKeys() {
  return webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
}

async function exportKey(key: webcrypto.CryptoKey): Promise<string> {
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', key)).toString('base64');
  return `-----BEGIN PRIVATE KEY-----\n${der.replaceAll(/(.{64})(?=.)/g, '$1\n')}\n-----END PRIVATE KEY-----\n`;
}

function nameOf({ commonName, organizations }: Subject) {
  return [...organizations.map((organization) => ({ O: [organization] })), { CN: [commonName] }];
}

function pem(certificate: x509.X509Certificate): string {
  return `${certificate.toString('pem')}\n`;
}
