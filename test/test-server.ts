import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Pki } from '../api/access/pki.ts';
import { ensureServerToken, openPki } from '../api/access/pki.ts';
import { createApiServer, type ApiServer, type ApiServerOptions } from '../api/server.ts';
import { openEmbedded } from '../api/store/embedded.ts';
import type { Store } from '../api/store/store.ts';
import { createClient, type Client } from '../client/client.ts';
import { httpsTransport, type HttpsTransport } from '../client/https.ts';

/** A real API server on a directory of its own and a free port of the loopback address: the fixture of tests that cross rooms. */
export interface TestServer {
  readonly server: ApiServer;
  readonly store: Store;
  readonly pki: Pki;
  readonly dataDir: string;
  /** Over HTTPS, as a member of `system:masters`. */
  readonly transport: HttpsTransport;
  readonly client: Client;
  /** A transport over HTTPS for somebody else. */
  transportAs(commonName: string, organizations?: readonly string[]): Promise<HttpsTransport>;
  /** Runs the real kubectl; never throws for its exit code. */
  kubectl(...words: readonly string[]): Promise<Ran>;
  /** As `kubectl`, with `input` on its standard input. */
  kubectlWith(input: string, ...words: readonly string[]): Promise<Ran>;
  dispose(): Promise<void>;
}

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

const kubectlPath = join(import.meta.dirname, '..', 'generated', 'bin', 'kubectl');
const kubectlMs = 60_000;

export async function startTestServer(options: Partial<ApiServerOptions> = {}): Promise<TestServer> {
  const dataDir = await mkdtemp(join(tmpdir(), 'coracle-api-'));
  const store = await openEmbedded({ path: join(dataDir, 'store') });
  const pki = await openPki(store, { dataDir, token: await ensureServerToken(dataDir), now: Date.now });
  const problems: string[] = [];
  const server = await createApiServer({
    store, pki, address: '127.0.0.1', port: 0, freeze: true, onError: (what, error) => { problems.push(`${what}: ${String(error instanceof Error ? error.stack : error)}`); },
    ...options,
  });
  const transports: HttpsTransport[] = [];
  const transportAs = async (commonName: string, organizations: readonly string[] = []) => {
    const { certPem: cert, keyPem: key } = await pki.clientCertificate({ commonName, organizations });
    const transport = httpsTransport({ server: server.url, ca: pki.caPem, cert, key, userAgent: 'test/1' });
    transports.push(transport);
    return transport;
  };
  const kubeconfig = join(dataDir, 'admin.kubeconfig');
  await writeFile(kubeconfig, kubeconfigOf(server, await pki.clientCertificate({ commonName: 'admin', organizations: ['system:masters'] })), { mode: 0o600 });
  const transport = await transportAs('admin', ['system:masters']);
  const kubectlWith = (input: string, ...words: readonly string[]) => run(input, dataDir, ['--kubeconfig', kubeconfig, ...words]);
  return {
    server, store, pki, dataDir, transport, transportAs, kubectlWith,
    client: createClient(transport),
    kubectl: (...words) => kubectlWith('', ...words),
    async dispose() {
      for (const each of transports) each.close();
      await server.close();
      await store.close();
      await rm(dataDir, { recursive: true, force: true });
      // What the server calls an internal error is a bug of ours, whichever test met it.
      if (problems.length > 0) throw new Error(problems.join('\n'));
    },
  };
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}

function kubeconfigOf({ url, caPem }: ApiServer, { certPem, keyPem }: { readonly certPem: string; readonly keyPem: string }): string {
  return JSON.stringify({
    apiVersion: 'v1', kind: 'Config', 'current-context': 'test',
    clusters: [{ name: 'test', cluster: { server: url, 'certificate-authority-data': base64(caPem) } }],
    users: [{ name: 'test', user: { 'client-certificate-data': base64(certPem), 'client-key-data': base64(keyPem) } }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'test' } }],
  });
}

function run(input: string, home: string, words: readonly string[]): Promise<Ran> {
  return new Promise((resolve) => {
    const child = execFile(kubectlPath, words, { env: { HOME: home }, timeout: kubectlMs, maxBuffer: 64 << 20 }, (error, out, err) => {
      resolve({ code: error === null ? 0 : typeof error.code === 'number' ? error.code : -1, out, err });
    });
    child.stdin?.end(input);
  });
}
