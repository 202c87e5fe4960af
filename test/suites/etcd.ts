/** A real etcd of a test's own, on loopback: one member or several. */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { tmpdir } from 'node:os';
import { promisify } from 'node:util';

export interface EtcdMember {
  readonly endpoint: string;
  /** Does it lead? Source: etcd's maintenance API. */
  leads(): Promise<boolean>;
  signal(signal: NodeJS.Signals): void;
  /** Ends it at once and resolves when it is gone. */
  kill(): Promise<void>;
  /** Starts it again on its data. Resolves when it answers. */
  start(): Promise<void>;
}

export interface EtcdCluster {
  readonly endpoints: readonly string[];
  readonly members: readonly EtcdMember[];
  dispose(): Promise<void>;
}

const readyMs = 20_000;
/** `CORACLE_TEST_ETCD=/path/to/etcd`: another one than the machine's; see `test/newer-etcd.sh`. */
const program = process.env['CORACLE_TEST_ETCD'] ?? 'etcd';

/**
 * Starts `size` members and resolves when all answer. In memory where there is a memory filesystem: what is tested is not etcd's disk.
 * `through` is put before their command lines: `nsenter --net=… --` has them on the loopback of another network.
 */
export async function startEtcd(size = 1, through: readonly string[] = []): Promise<EtcdCluster> {
  const directory = await mkdtemp(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'etcd-'));
  const ports = await freePorts(size * 2);
  const peers = Array.from({ length: size }, (_, i) => `m${i}=http://127.0.0.1:${ports[size + i]}`).join(',');
  const members = Array.from({ length: size }, (_, i) => createMember({
    name: `m${i}`, directory: join(directory, `m${i}`), endpoint: `http://127.0.0.1:${ports[i]}`, peer: `http://127.0.0.1:${ports[size + i]}`, peers, through,
  }));
  const dispose = async (): Promise<void> => {
    await Promise.all(members.map((member) => member.kill()));
    await rm(directory, { recursive: true, force: true });
  };
  try {
    await Promise.all(members.map((member) => member.start()));
  } catch (error) {
    await dispose();
    throw error;
  }
  return { endpoints: members.map(({ endpoint }) => endpoint), members, dispose };
}

interface MemberOptions {
  readonly name: string;
  readonly directory: string;
  readonly endpoint: string;
  readonly peer: string;
  readonly peers: string;
  readonly through: readonly string[];
}

function createMember({ name, directory, endpoint, peer, peers, through }: MemberOptions): EtcdMember {
  let child: ChildProcess | undefined;

  async function start(): Promise<void> {
    const [command = program, ...flags] = [
      ...through, program, '--name', name, '--data-dir', directory, '--listen-client-urls', endpoint, '--advertise-client-urls', endpoint,
      '--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer, '--initial-cluster', peers, '--initial-cluster-token', 'test',
      '--heartbeat-interval', '20', '--election-timeout', '200', '--logger', 'zap', '--log-level', 'error', '--max-request-bytes', '2097152',
    ];
    const started = spawn(command, flags, { stdio: ['ignore', 'ignore', 'pipe'] });
    child = started;
    let said = '';
    started.stderr.on('data', (text: Buffer) => void (said = (said + text.toString()).slice(-2000)));
    const deadline = Date.now() + readyMs;
    while (!(await isHealthy(endpoint, through))) {
      if (started.exitCode !== null || Date.now() > deadline) throw new Error(`etcd ${name} does not answer: ${said}`);
      await new Promise((resolve) => void setTimeout(resolve, 20));
    }
  }

  return {
    endpoint,
    async leads() {
      const response = await fetch(`${endpoint}/v3/maintenance/status`, { method: 'POST', body: '{}', signal: AbortSignal.timeout(readyMs) });
      const { leader, header } = Object(await response.json()) as { readonly leader?: string; readonly header?: { readonly member_id?: string } };
      return leader !== undefined && leader === header?.member_id;
    },
    signal: (signal) => void child?.kill(signal),
    async kill() {
      if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
    },
    start,
  };
}

/** Can it commit? Asked from where it runs. Source: etcd's `/health`. */
async function isHealthy(endpoint: string, [command, ...flags]: readonly string[]): Promise<boolean> {
  const url = `${endpoint}/health`;
  const script = `fetch('${url}').then(async (response) => process.stdout.write(await response.text()))`;
  try {
    const text = command === undefined
      ? await (await fetch(url, { signal: AbortSignal.timeout(1000) })).text()
      : (await promisify(execFile)(command, [...flags, process.execPath, '-e', script], { timeout: 5000 })).stdout;
    return text.includes('"true"');
  } catch {
    return false;
  }
}

async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(Array.from({ length: count }, async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    return server;
  }));
  return Promise.all(servers.map(async (server) => {
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    await new Promise((resolve) => void server.close(resolve));
    return port;
  }));
}
