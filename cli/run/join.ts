import { createHash, randomBytes, X509Certificate } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { once } from 'node:events';
import { request } from 'node:https';
import { json } from 'node:stream/consumers';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { parse } from 'yaml';
import { makeRequest, type KeyPair } from '../../api/access/certificates.ts';
import { createClient, type Client } from '../../client/client.ts';
import { httpsTransport } from '../../client/https.ts';
import { bootstrapTokenOf, parseJoinToken, type JoinToken } from '../../machinery/join-token.ts';
import { CertificateSigningRequest } from '../../machinery/kinds/cluster.ts';
import { isReason } from '../../machinery/status.ts';
import { replaceFile } from '../../node-agent/replace-file.ts';
import { CommandFailure } from '../failure.ts';
import { messageOf, systemCode } from '../../machinery/thrown.ts';

/**
 * How a machine becomes a node: it fetches the cluster's authority and holds it against the hash in its token, then asks
 * with the token for a certificate of its own, and with that for one to serve under. Source: "TLS bootstrapping".
 */
export interface JoinOptions {
  readonly dataDir: string;
  readonly server: string;
  /** Needed while there is no certificate. */
  readonly token: string | undefined;
  readonly nodeName: string;
  readonly address: string;
  readonly signal: AbortSignal;
}

export interface Joined {
  readonly caPem: string;
  readonly client: KeyPair;
  readonly serving: KeyPair;
}

const signMs = 30_000;
const fetchMs = 10_000;
/** A certificate is asked for anew when less than this part of its life is left. */
const renewBelow = 1 / 3;

/** The node's certificates: kept in `<data-dir>/pki`, asked for when missing or soon to end. Throws `CommandFailure`. */
export async function joinCluster(options: JoinOptions): Promise<Joined> {
  const pki = join(options.dataDir, 'pki');
  await mkdir(pki, { recursive: true, mode: 0o700 });
  const caPem = await authority(pki, options);
  const { nodeName, address, server } = options;
  const subject = { commonName: `system:node:${nodeName}`, organizations: ['system:nodes'] };
  const client = await kept(pki, 'node-client', async () => {
    const token = tokenOf(options);
    return ask(options, { server, ca: caPem, token: bootstrapTokenOf(token) }, 'kubernetes.io/kube-apiserver-client-kubelet', 'client auth', subject, []);
  });
  const serving = await kept(pki, 'node-serving', async () => {
    await requireOwnAddress(options, caPem);
    return ask(options, { server, ca: caPem, cert: client.certPem, key: client.keyPem }, 'kubernetes.io/kubelet-serving', 'server auth', subject, [nodeName, address]);
  }, [address]);
  return { caPem, client, serving };
}

/** Who serves under an address of the API server's could pass for it: no node gets a certificate for one. */
async function requireOwnAddress({ server, address, signal }: JoinOptions, caPem: string): Promise<void> {
  const { hostname, port } = new URL(server);
  const socket = connect({ host: hostname, port: port === '' ? 443 : Number(port), ca: caPem });
  try {
    await once(socket, 'secureConnect', { signal: AbortSignal.any([signal, AbortSignal.timeout(fetchMs)]) });
    if (socket.getPeerX509Certificate()?.checkIP(address) === undefined) return;
  } catch {
    // What is wrong with the way there, the request that follows says.
    return;
  } finally {
    socket.destroy();
  }
  throw new CommandFailure(`${address} is an address of the API server's machine, where no node can be beside it: run 'coracle up' for a cluster on one machine, or the agent on another (or with a --node-address of its own)`);
}

function tokenOf({ token, dataDir }: JoinOptions): JoinToken {
  if (token === undefined) throw new CommandFailure(`${dataDir} has not joined a cluster yet: give --token, the text of the server's <data-dir>/join-token`);
  const parsed = parseJoinToken(token);
  if (parsed === undefined) throw new CommandFailure("--token is not a join token: it looks like K<64 hex digits>::<id>.<secret>, the text of the server's <data-dir>/join-token");
  return parsed;
}

/** The pinned authority; a token for another cluster's is refused. */
async function authority(pki: string, options: JoinOptions): Promise<string> {
  const file = join(pki, 'cluster-ca.crt');
  const present = await readIfThere(file);
  const wanted = options.token === undefined && present !== undefined ? undefined : tokenOf(options).caHash;
  if (present !== undefined) {
    if (wanted !== undefined && hashOf(present) !== wanted) throw new CommandFailure(`${options.dataDir} belongs to another cluster than --token: choose another --data-dir, or remove that one with 'coracle down --purge'`);
    return present;
  }
  const fetched = await fetchAuthority(options.server, options.signal);
  if (hashOf(fetched) !== wanted) throw new CommandFailure(`${options.server} is not the cluster of this token (its authority has another hash): check --server and --token`);
  await replaceFile(file, fetched, 0o644);
  return fetched;
}

function hashOf(certificatePem: string): string {
  return createHash('sha256').update(new X509Certificate(certificatePem).raw).digest('hex');
}

function at(value: unknown, ...path: readonly (string | number)[]): unknown {
  return path.reduce<unknown>((inner, key) => (typeof inner === 'object' && inner !== null ? Reflect.get(inner, key) : undefined), value);
}

/** From `cluster-info` in `kube-public`, which everybody may read. Not trusted yet: the caller holds its hash against the token. */
async function fetchAuthority(server: string, signal: AbortSignal): Promise<string> {
  const url = new URL('/api/v1/namespaces/kube-public/configmaps/cluster-info', server);
  const body = await new Promise<unknown>((resolve, reject) => {
    const sent = request(url, { rejectUnauthorized: false, signal: AbortSignal.any([signal, AbortSignal.timeout(fetchMs)]) }, (response) => {
      json(response).then(resolve, reject);
    });
    sent.once('error', reject).end();
  }).catch((error: unknown) => {
    throw new CommandFailure(`cannot reach the API server at ${server}: check the address, the port and firewalls`, { cause: error });
  });
  const text = at(body, 'data', 'kubeconfig');
  const data = typeof text === 'string' ? at(parse(text), 'clusters', 0, 'cluster', 'certificate-authority-data') : undefined;
  if (typeof data !== 'string') throw new CommandFailure(`${server} does not answer as a cluster's API server does (no cluster-info)`);
  return Buffer.from(data, 'base64').toString('utf8');
}

/** A key pair on disk, or a new one by `make` when it is missing, near its end, or lacks an address of `names`. */
async function kept(pki: string, name: string, make: () => Promise<KeyPair>, addresses: readonly string[] = []): Promise<KeyPair> {
  const [certPath, keyPath] = [join(pki, `${name}.crt`), join(pki, `${name}.key`)];
  const [certPem, keyPem] = await Promise.all([readIfThere(certPath), readIfThere(keyPath)]);
  if (certPem !== undefined && keyPem !== undefined && isGood(certPem, addresses)) return { certPem, keyPem };
  const made = await make();
  await replaceFile(keyPath, made.keyPem, 0o600);
  await replaceFile(certPath, made.certPem, 0o644);
  return made;
}

function isGood(certPem: string, addresses: readonly string[]): boolean {
  const certificate = new X509Certificate(certPem);
  const [from, to] = [certificate.validFromDate.getTime(), certificate.validToDate.getTime()];
  return to - Date.now() > (to - from) * renewBelow && addresses.every((address) => certificate.checkIP(address) !== undefined);
}

async function readIfThere(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  });
}

/** Sends a certificate signing request and waits for the answer. */
async function ask(
  { nodeName, signal }: JoinOptions, access: Parameters<typeof httpsTransport>[0], signerName: string, usage: string,
  subject: Parameters<typeof makeRequest>[0], names: readonly string[],
): Promise<KeyPair> {
  const { requestPem, keyPem } = await makeRequest(subject, names);
  const transport = httpsTransport({ ...access, userAgent: 'coracle-agent' });
  try {
    const client = createClient(transport);
    const name = `node-csr-${nodeName}-${randomBytes(4).toString('hex')}`;
    await client.create(CertificateSigningRequest, {
      metadata: { name }, spec: { signerName, usages: ['digital signature', usage], request: Buffer.from(requestPem).toString('base64') },
    }, { signal });
    return { certPem: await signed(client, name, AbortSignal.any([signal, AbortSignal.timeout(signMs)])), keyPem };
  } catch (error) {
    if (messageOf(error).includes('altnames')) throw new CommandFailure(`${access.server} is not a name that the server's certificate has: start the server with --advertise and that name or address`, { cause: error });
    if (isReason(error, 'Unauthorized')) throw new CommandFailure('the API server does not accept the token: it may have expired; take the text of <data-dir>/join-token on the server', { cause: error });
    throw error;
  } finally {
    transport.close();
  }
}

async function signed(client: Client, name: string, signal: AbortSignal): Promise<string> {
  for await (const batch of client.watch(CertificateSigningRequest, { fieldSelector: `metadata.name=${name}`, signal })) {
    for (const { object: { status } } of batch) {
      const refused = status?.conditions?.find(({ type }) => type === 'Denied' || type === 'Failed');
      if (refused !== undefined) throw new CommandFailure(`the cluster refused this node's certificate request ${name}: ${refused.message ?? refused.reason ?? refused.type}`);
      if (status?.certificate !== undefined) return Buffer.from(status.certificate, 'base64').toString('utf8');
    }
  }
  throw new CommandFailure(`the cluster did not sign this node's certificate request ${name} in time: if another machine has this node's name, choose one with --node-name or delete that node; 'kubectl get csr ${name}' shows the request`);
}
