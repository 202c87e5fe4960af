/**
 * The API server under load, over HTTP/1.1 with TLS and client certificates, beside what must be reached and what
 * kube-apiserver 1.36 with etcd reached on the same kind of machine. Client and server share the machine.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { openConnection, type Access, type Connection } from './api-client.ts';
import { timeDefinitions } from './definitions.ts';

const runMs = 3000;
const pods = 10_000;
const watchers = 1000;
const watchedWrites = 300;
const closeBrace = 0x7d;
const configMaps = '/api/v1/namespaces/default/configmaps';

// Each on a server of its own, so that what the first leaves in memory is not counted as the second's.
await onServer(async ({ access, control }) => {
  await longestTurn(control);
  for (const [clients, target, peer] of [[1, 2000, 371], [16, 9000, 1544], [64, 10000, 1867]] as const) {
    const rate = await load(access, clients, (connection, id, count) => connection.ask('POST', configMaps, configMap(`c${clients}-${id}-${count}`)), 201);
    await report(control, `create ConfigMap, durable, ${clients} clients`, `${rate.toFixed(0)}/s`, `${target}/s`, `${peer}/s`);
  }
  const gets = await load(access, 64, (connection) => connection.ask('GET', `${configMaps}/c1-0-0`), 200);
  await report(control, 'GET ConfigMap, 64 clients', `${gets.toFixed(0)}/s`, '15000/s', '3233/s');
  const patches = await load(access, 16, (connection, id, count) => connection.ask('PATCH', `${configMaps}/c16-${id}-0`, JSON.stringify({ data: { count: String(count) } })), 200);
  await report(control, 'merge-patch ConfigMap, durable, 16 clients', `${patches.toFixed(0)}/s`, '4500/s', '867/s');
  await definitions(access, control);
});
await onServer(async ({ access, control, pid, dataDir }) => {
  await longestTurn(control);
  await createPods(access);
  await report(control, `${pods} pods: memory of API server and store`, `${await residentMiB(pid)} MiB`, '400 MiB for the control plane', 'with etcd 885 MiB, with controllers and scheduler 1229 MiB');
  await lists(access, control, dataDir);
  await fanOut(access, control);
});

interface Server {
  readonly access: Access;
  readonly control: Connection;
  readonly pid: number;
  readonly dataDir: string;
}

async function onServer(measure: (server: Server) => Promise<void>): Promise<void> {
  const dataDir = await mkdtemp(join(tmpdir(), 'bench-api-'));
  const child = spawn(process.execPath, [join(import.meta.dirname, 'api-server.ts'), dataDir], { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    await Promise.race([once(child.stdout, 'data'), once(child, 'exit').then(() => { throw new Error('the server ended'); })]);
    const access = JSON.parse(await readFile(join(dataDir, 'client.json'), 'utf8')) as Access;
    const control = await openConnection(access);
    await measure({ access, control, pid: child.pid ?? 0, dataDir });
    control.close();
  } finally {
    child.kill('SIGTERM');
    await once(child, 'exit');
    await rm(dataDir, { recursive: true });
  }
}

function configMap(name: string): string {
  return JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { text: 'x'.repeat(350) } });
}

/** Requests per second of so many clients, each with a connection of its own and one request under way. */
async function load(
  access: Access, clients: number, ask: (connection: Connection, id: number, count: number) => Promise<{ readonly code: number }>, expected: number,
): Promise<number> {
  const connections = await Promise.all(Array.from({ length: clients }, () => openConnection(access)));
  let done = 0;
  const start = performance.now();
  await Promise.all(connections.map(async (connection, id) => {
    for (let count = 0; performance.now() - start < runMs; count++) {
      const { code } = await ask(connection, id, count);
      if (code !== expected) throw new Error(`the server answered ${code}`);
      done += 1;
    }
  }));
  const rate = done / ((performance.now() - start) / 1000);
  for (const connection of connections) connection.close();
  return rate;
}

async function createPods(access: Access): Promise<void> {
  const connections = await Promise.all(Array.from({ length: 64 }, () => openConnection(access)));
  // A controller makes it in every namespace; none runs here.
  await connections[0]?.ask('POST', '/api/v1/namespaces/default/serviceaccounts', JSON.stringify({ metadata: { name: 'default' } }));
  let next = 0;
  await Promise.all(connections.map(async (connection) => {
    while (next < pods) {
      const { code, body } = await connection.ask('POST', '/api/v1/namespaces/default/pods', pod(`pod-${next++}`), true);
      if (code !== 201) throw new Error(`the server answered ${code}: ${body.toString()}`);
    }
    connection.close();
  }));
}

function pod(name: string): string {
  const env = Array.from({ length: 8 }, (_, index) => ({ name: `VARIABLE_${index}`, value: 'some value of a usual length' }));
  const resources = { requests: { cpu: '100m', memory: '128Mi' }, limits: { cpu: '500m', memory: '256Mi' } };
  const container = { name: 'web', image: 'registry.example.com/team/web:1.2.3', ports: [{ containerPort: 8080 }], env, resources };
  return JSON.stringify({
    apiVersion: 'v1', kind: 'Pod', metadata: { name, labels: { app: 'web', tier: 'front' } },
    spec: { automountServiceAccountToken: false, containers: [container] },
  });
}

async function lists(access: Access, control: Connection, dataDir: string): Promise<void> {
  const connection = await openConnection(access);
  for (const [what, path, target, peer] of [
    [`LIST ${pods} pods`, '/api/v1/pods?resourceVersion=0', '40 ms', '285–672 ms'], ['LIST limit=500', '/api/v1/pods?limit=500', '3 ms', '32–39 ms'],
  ] as const) {
    const { taken, bytes } = await timeList(connection, path);
    await report(control, `${what} (${(bytes / 1e6).toFixed(1)} MB)`, `${taken.toFixed(1)} ms`, target, peer);
    if (bytes > 10e6) await floorOfList(access, dataDir, bytes, taken);
  }
  connection.close();
}

/** The median of some rounds, in milliseconds to the last byte. */
async function timeList(connection: Connection, path: string): Promise<{ taken: number; bytes: number }> {
  const taken: number[] = [];
  let bytes = 0;
  for (let round = 0; round < 20; round++) {
    const start = performance.now();
    ({ bytes } = await connection.ask('GET', path));
    taken.push(performance.now() - start);
  }
  return { taken: median(taken), bytes };
}

/** The same number of bytes from a server that has them ready. */
async function floorOfList(access: Access, dataDir: string, bytes: number, taken: number): Promise<void> {
  const floor = spawn(process.execPath, [join(import.meta.dirname, 'constant-bytes.ts'), dataDir, String(bytes)], { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    const [port] = await once(floor.stdout, 'data');
    const connection = await openConnection({ ...access, port: Number(port) });
    const constant = await timeList(connection, '/');
    connection.close();
    console.log(`… the same number of bytes, constant: ${constant.taken.toFixed(1)} ms; LIST takes ${(taken / constant.taken).toFixed(2)} times that (target 1.5)`);
  } finally {
    floor.kill();
    await once(floor, 'exit');
  }
}

async function residentMiB(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Math.round(Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024);
}

/** Deliveries per second: events that reached watchers, from the first write to the last event. */
async function fanOut(access: Access, control: Connection): Promise<void> {
  const connections = await Promise.all(Array.from({ length: watchers }, () => openConnection(access)));
  const marker = Buffer.from('\n');
  const expected = watchers * watchedWrites;
  let seen = 0;
  let done: (() => void) | undefined;
  const complete = new Promise<void>((resolve) => { done = resolve; });
  for (const connection of connections) {
    let before = 0;
    connection.stream('/api/v1/namespaces/kube-public/configmaps?watch=true&fieldSelector=metadata.name!=cluster-info', (bytes) => {
      for (let at = bytes.indexOf(marker); at >= 0; at = bytes.indexOf(marker, at + 1)) if ((at === 0 ? before : bytes[at - 1]) === closeBrace) seen += 1;
      before = bytes.at(-1) ?? before;
      if (seen >= expected) done?.();
    });
  }
  await waitForWatchers(control);
  const writers = await Promise.all(Array.from({ length: 64 }, () => openConnection(access)));
  await longestTurn(control);
  const start = performance.now();
  let next = 0;
  await Promise.all(writers.map(async (writer) => {
    while (next < watchedWrites) await writer.ask('POST', '/api/v1/namespaces/kube-public/configmaps', configMap(`w${next++}`));
  }));
  await complete;
  const rate = expected / ((performance.now() - start) / 1000);
  await report(control, `watch fan-out, ${watchers} watchers, ${watchedWrites} writes`, `${(rate / 1000).toFixed(0)}k/s`, '600k/s', '76.8k/s');
  for (const connection of [...connections, ...writers]) connection.close();
}

/** One after the other, each of a group of its own. The targets are ours: kube-apiserver's figures were not taken. */
async function definitions(access: Access, control: Connection): Promise<void> {
  const connection = await openConnection(access);
  const { accepted, discovered, documented } = await timeDefinitions(connection, 20);
  await report(control, 'CustomResourceDefinition created to first object accepted', `${median(accepted).toFixed(1)} ms`, '20 ms', 'not taken');
  await report(control, '… to discovery that has it', `${median(discovered).toFixed(1)} ms`, '20 ms', 'not taken');
  await report(control, '… to OpenAPI that has it', `${median(documented).toFixed(1)} ms`, '50 ms', 'not taken');
  connection.close();
}

/** An answer of the server's one thread comes after it has opened the watches that were asked for before. */
async function waitForWatchers(control: Connection): Promise<void> {
  for (let round = 0; round < 100; round++) await control.ask('GET', '/version');
}

async function report(control: Connection, what: string, figure: string, target: string, peer: string): Promise<void> {
  const turn = await longestTurn(control);
  console.log(`${what}: ${figure} (target ${target}, kube-apiserver ${peer}), longest turn of the server's event loop ${turn.toFixed(1)} ms`);
}

/** Milliseconds, since this was last asked. */
async function longestTurn(control: Connection): Promise<number> {
  const { body } = await control.ask('GET', '/metrics', '', true);
  return Number(/^coracle_event_loop_longest_turn_seconds (\S+)$/m.exec(body.toString())?.[1]) * 1000;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
