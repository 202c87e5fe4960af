import { createHash, createPrivateKey, createPublicKey, randomBytes, X509Certificate, type KeyObject } from 'node:crypto';
import { chmod, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { dirname, join } from 'node:path';
import { fieldOf } from '../../machinery/patch/json-value.ts';
import type { Store } from '../store/store.ts';
import type { KeyPair, Leaf, Subject } from './certificates.ts';
import { deriveKey, newSealingKey, OtherClusterError, seal, unseal, WrongTokenError, type Sealed } from './sealing.ts';
import { systemCode } from '../../machinery/thrown.ts';

/**
 * The cluster's keys: its certificate authority, the front proxy's, and the one that signs service-account tokens. They live
 * in the store under `/bootstrap/`, sealed with the cluster's token, written only where nothing was (two servers never mint
 * two authorities); copies for this server are in `<data-dir>/pki`, mode 0600, so that a restart derives and mints nothing.
 */

const names = ['cluster-ca', 'front-proxy-ca', 'service-account'] as const;
type SecretName = (typeof names)[number];
/** Certificates are replaced when less than this is left of them. Milliseconds. */
const renewBefore = 90 * 86_400_000;
const leafLifetime = 365 * 86_400_000;
/** The first address of the service network: what in-cluster clients reach the API at. */
export const serviceAddress = '10.43.0.1';
const serverNames = [
  'localhost', '127.0.0.1', '::1', 'kubernetes', 'kubernetes.default', 'kubernetes.default.svc', 'kubernetes.default.svc.cluster.local', serviceAddress,
];

export interface SigningKey {
  /** Names the key in a token's header: base64url of the public key's SHA-256. */
  readonly keyId: string;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

export interface Pki {
  /** The authority that signs servers and clients, and by which a client certificate is judged. */
  readonly caPem: string;
  /** SHA-256 of the authority's certificate (DER), hex: what a join token pins. */
  readonly caHash: string;
  readonly frontProxyCaPem: string;
  readonly serviceAccountKeys: SigningKey;
  /** The API server's certificate: every name by which it is known, and `extra` DNS names and addresses. Kept on disk. */
  serverCertificate(extra: readonly string[]): Promise<KeyPair>;
  /** Is this a name or address of the API server itself: one that nobody else may serve under? */
  isServerName(name: string): boolean;
  /** Kept on disk, one per common name. */
  clientCertificate(subject: Subject): Promise<KeyPair>;
  /** For an agent's own server: user `system:node:<name>`, to serve and to call. Kept on disk. */
  agentCertificate(nodeName: string, addresses: readonly string[]): Promise<KeyPair>;
  /** By which aggregated servers know the API server. Kept on disk. */
  frontProxyCertificate(): Promise<KeyPair>;
  /** A certificate for the key of a request that has been judged already. `lifetimeMs` is cut at the authority's own end. */
  certify(request: Parameters<typeof import('./certificates.ts').certify>[1], leaf: Omit<Leaf, 'notAfter'>, lifetimeMs: number): Promise<string>;
}

/** What the keys need of a store. */
export type KeyStore = Pick<Store, 'range' | 'commit'>;

export interface PkiOptions {
  readonly dataDir: string;
  /** The cluster's token; see `ensureServerToken`. */
  readonly token: string;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** Opens the cluster's keys, minting them when neither the store nor the data directory has any. Throws `WrongTokenError`, `OtherClusterError`. */
export async function openPki(store: KeyStore, options: PkiOptions): Promise<Pki> {
  const directory = join(options.dataDir, 'pki');
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await chmod(directory, 0o700);
  const secrets = await loadSecrets(store, directory, options);
  return createPki(secrets, directory, options.now);
}

/** The token of this data directory's cluster, drawn at first use: `<data-dir>/server-token`, mode 0600. */
export async function ensureServerToken(dataDir: string): Promise<string> {
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const path = join(dataDir, 'server-token');
  const token = randomBytes(32).toString('hex');
  try {
    await writeFile(path, `${token}\n`, { flag: 'wx', mode: 0o600 });
    return token;
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error;
    return (await readFile(path, 'utf8')).trim();
  }
}

/** A secret in its plain form. The service-account key has no certificate: `certPem` is then ''. */
type Secrets = Readonly<Record<SecretName, KeyPair>>;

interface SealedRecord {
  readonly fingerprint: string;
  readonly sealed: Sealed;
}

async function loadSecrets(store: KeyStore, directory: string, { token, now }: PkiOptions): Promise<Secrets> {
  let records = await readRecords(store);
  await requireSameCluster(directory, records);
  if (records === undefined) {
    const minted = await mintSecrets(now());
    if (await insertSecrets(store, token, minted)) {
      await Promise.all(names.map((name) => savePair(directory, name, minted[name])));
      return minted;
    }
    records = await readRecords(store);
    if (records === undefined) throw new Error('the store lost the cluster keys that another server was writing');
  }
  const keys = new Map<string, Promise<Buffer>>();
  const open = async (name: SecretName, record: SealedRecord): Promise<KeyPair> => {
    const kept = await readPair(directory, name);
    if (kept !== undefined && fingerprintOf(kept) === record.fingerprint) return kept;
    const { salt, cost } = record.sealed;
    const key = keys.get(salt) ?? deriveKey(token, Buffer.from(salt, 'base64'), cost);
    keys.set(salt, key);
    const pair = pairFrom(unseal(await key, name, record.sealed));
    await savePair(directory, name, pair);
    return pair;
  };
  const found = records;
  const [cluster, frontProxy, serviceAccount] = await Promise.all(names.map((name) => open(name, found[name])));
  if (cluster === undefined || frontProxy === undefined || serviceAccount === undefined) throw new Error('a cluster key is missing');
  return { 'cluster-ca': cluster, 'front-proxy-ca': frontProxy, 'service-account': serviceAccount };
}

/** Nodes would end the pods of the cluster that this directory is of, which another one does not know. */
async function requireSameCluster(directory: string, records: Readonly<Record<SecretName, SealedRecord>> | undefined): Promise<void> {
  const kept = await readPair(directory, 'cluster-ca');
  if (kept === undefined || records?.['cluster-ca'].fingerprint === fingerprintOf(kept)) return;
  throw new OtherClusterError(dirname(directory), records === undefined ? 'none' : 'another');
}

async function mintSecrets(now: number): Promise<Secrets> {
  const { mintAuthority } = await import('./certificates.ts');
  const [cluster, frontProxy, serviceAccount] = await Promise.all([
    mintAuthority('coracle-ca', now), mintAuthority('coracle-front-proxy-ca', now), mintAuthority('service-account', now),
  ]);
  return { 'cluster-ca': cluster, 'front-proxy-ca': frontProxy, 'service-account': { certPem: '', keyPem: serviceAccount.keyPem } };
}

const keyOf = (name: SecretName): string => `/bootstrap/${name}`;

/** False: another server was first. */
async function insertSecrets(store: KeyStore, token: string, secrets: Secrets): Promise<boolean> {
  const sealingKey = await newSealingKey(token);
  const result = await store.commit({
    compares: names.map((name) => ({ key: keyOf(name), revision: 0 })),
    writes: names.map((name) => {
      const record: SealedRecord = { fingerprint: fingerprintOf(secrets[name]), sealed: seal(sealingKey, name, JSON.stringify(secrets[name])) };
      return { type: 'put', key: keyOf(name), value: Buffer.from(JSON.stringify(record)) };
    }),
  });
  return result.committed;
}

async function readRecords(store: KeyStore): Promise<Readonly<Record<SecretName, SealedRecord>> | undefined> {
  const { items } = await store.range({ from: '/bootstrap/', to: '/bootstrap0' });
  const read = (name: SecretName): SealedRecord | undefined => {
    const item = items.find(({ key }) => key === keyOf(name));
    return item === undefined ? undefined : recordFrom(item.value, item.key);
  };
  const [cluster, frontProxy, serviceAccount] = names.map(read);
  if (cluster === undefined || frontProxy === undefined || serviceAccount === undefined) return undefined;
  return { 'cluster-ca': cluster, 'front-proxy-ca': frontProxy, 'service-account': serviceAccount };
}

function recordFrom(value: Buffer, key: string): SealedRecord {
  const record: unknown = JSON.parse(value.toString('utf8'));
  const sealed = fieldOf(record, 'sealed');
  const text = (from: unknown, name: string): string => {
    const found = fieldOf(from, name);
    if (typeof found !== 'string') throw new Error(`${key} in the store is damaged: it has no ${name}`);
    return found;
  };
  const cost = fieldOf(sealed, 'cost');
  if (typeof cost !== 'number') throw new Error(`${key} in the store is damaged: it has no cost`);
  return {
    fingerprint: text(record, 'fingerprint'),
    sealed: { salt: text(sealed, 'salt'), cost, iv: text(sealed, 'iv'), tag: text(sealed, 'tag'), data: text(sealed, 'data') },
  };
}

function pairFrom(text: string): KeyPair {
  const value: unknown = JSON.parse(text);
  const certPem = fieldOf(value, 'certPem');
  const keyPem = fieldOf(value, 'keyPem');
  if (typeof certPem !== 'string' || typeof keyPem !== 'string') throw new WrongTokenError();
  return { certPem, keyPem };
}

/** Of the public part only: it is stored in the clear. */
function fingerprintOf({ certPem, keyPem }: KeyPair): string {
  const key = createPublicKey(createPrivateKey(keyPem)).export({ type: 'spki', format: 'der' });
  return createHash('sha256').update(key).update(certPem).digest('hex');
}

/** Key and certificate in `<name>.key` and `<name>.crt`; undefined when they are absent, unreadable or don't fit each other. */
async function readPair(directory: string, name: string): Promise<KeyPair | undefined> {
  try {
    const [certPem, keyPem] = await Promise.all([readFile(join(directory, `${name}.crt`), 'utf8'), readFile(join(directory, `${name}.key`), 'utf8')]);
    if (certPem !== '' && !new X509Certificate(certPem).checkPrivateKey(createPrivateKey(keyPem))) return undefined;
    return { certPem, keyPem };
  } catch {
    // Absent, torn or foreign: what the caller does next replaces it.
    return undefined;
  }
}

async function savePair(directory: string, name: string, { certPem, keyPem }: KeyPair): Promise<void> {
  await saveFile(join(directory, `${name}.key`), keyPem);
  await saveFile(join(directory, `${name}.crt`), certPem);
}

async function saveFile(path: string, text: string): Promise<void> {
  const unfinished = `${path}.${randomBytes(4).toString('hex')}`;
  await writeFile(unfinished, text, { mode: 0o600, flag: 'wx' });
  await rename(unfinished, path);
}

function createPki(secrets: Secrets, directory: string, now: () => number): Pki {
  const authority = secrets['cluster-ca'];
  const frontProxy = secrets['front-proxy-ca'];
  const authorityEnd = new X509Certificate(authority.certPem).validToDate.getTime();
  const kept = async (issuer: KeyPair, file: string, leaf: Omit<Leaf, 'notAfter'>): Promise<KeyPair> => {
    const old = await readPair(directory, file);
    if (old !== undefined && serves(old, issuer, leaf, now())) return old;
    const { mintLeaf } = await import('./certificates.ts');
    const pair = await mintLeaf(issuer, { ...leaf, notAfter: new Date(now() + leafLifetime) }, now());
    await savePair(directory, file, pair);
    return pair;
  };
  const known = new Set(serverNames);
  return {
    caPem: authority.certPem,
    caHash: createHash('sha256').update(new X509Certificate(authority.certPem).raw).digest('hex'),
    frontProxyCaPem: frontProxy.certPem,
    serviceAccountKeys: signingKey(secrets['service-account'].keyPem),
    serverCertificate(extra) {
      for (const name of extra) known.add(name);
      return kept(authority, 'apiserver', { commonName: 'kube-apiserver', organizations: [], usages: ['server'], names: [...known] });
    },
    isServerName: (name) => known.has(name),
    clientCertificate: (subject) => kept(authority, `client-${fileName(subject.commonName)}`, { ...subject, usages: ['client'], names: [] }),
    agentCertificate: (nodeName, addresses) => kept(authority, `agent-${fileName(nodeName)}`, {
      commonName: `system:node:${nodeName}`, organizations: ['system:nodes'], usages: ['server', 'client'], names: [...new Set([nodeName, ...addresses])],
    }),
    frontProxyCertificate: () => kept(frontProxy, 'front-proxy-client', { commonName: 'front-proxy-client', organizations: [], usages: ['client'], names: [] }),
    async certify(publicKey, leaf, lifetimeMs) {
      const { certify } = await import('./certificates.ts');
      return certify(authority, publicKey, { ...leaf, notAfter: new Date(Math.min(now() + lifetimeMs, authorityEnd)) }, now());
    },
  };
}

function signingKey(keyPem: string): SigningKey {
  const privateKey = createPrivateKey(keyPem);
  const publicKey = createPublicKey(privateKey);
  const keyId = createHash('sha256').update(publicKey.export({ type: 'spki', format: 'der' })).digest('base64url');
  return { keyId, privateKey, publicKey };
}

function fileName(text: string): string {
  return text.replaceAll(/[^A-Za-z0-9.]+/g, '-');
}

/** Is a certificate on disk still what would be minted: same authority, subject and names, and long enough to live? */
function serves({ certPem }: KeyPair, issuer: KeyPair, leaf: Omit<Leaf, 'notAfter'>, now: number): boolean {
  const certificate = new X509Certificate(certPem);
  if (certificate.validToDate.getTime() - now < renewBefore) return false;
  if (!certificate.verify(createPublicKey(issuer.certPem))) return false;
  const { O: organization = [], CN: commonName } = subjectOf(certificate);
  const organizations = [organization].flat();
  if (commonName !== leaf.commonName || organizations.join('\n') !== leaf.organizations.join('\n')) return false;
  return leaf.names.every((name) => (isIP(name) === 0 ? certificate.checkHost(name, { subject: 'never' }) : certificate.checkIP(name)) !== undefined);
}

function subjectOf(certificate: X509Certificate): { readonly O?: string | readonly string[]; readonly CN?: string } {
  const { O, CN } = certificate.toLegacyObject().subject as { O?: string | string[]; CN?: string };
  return { ...(O === undefined ? {} : { O }), ...(CN === undefined ? {} : { CN }) };
}
