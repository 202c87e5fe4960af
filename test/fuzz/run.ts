/** Throws odd requests at a real server for a while and looks at what becomes of it. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { Agent, request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import fc from 'fast-check';
import { requests, type FuzzRequest, type ServedPath } from './requests.ts';

export interface FuzzOptions {
  readonly seconds: number;
  readonly seed: number;
  /** How long the server rests before its memory is measured again. */
  readonly restSeconds: number;
}

export interface FuzzReport {
  readonly sent: number;
  /** How many answers there were of each code. */
  readonly codes: Readonly<Record<string, number>>;
  /** Requests that were answered by 500, not at all, or not in time. */
  readonly failures: readonly { readonly request: FuzzRequest; readonly what: string }[];
  /** What the server itself complained about. */
  readonly complaints: string;
  /** MiB beyond what the server held once it was warm. */
  readonly grownMib: number;
}

const lanes = 8;
const answerMs = 20_000;
const warmUpRequests = 2000;
const mostFailures = 20;

interface Target {
  readonly port: number;
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

export async function fuzz({ seconds, seed, restSeconds }: FuzzOptions): Promise<FuzzReport> {
  const dataDir = await mkdtemp(join(tmpdir(), 'fuzz-'));
  const server = spawn(process.execPath, [join(import.meta.dirname, 'server.ts'), dataDir], { stdio: ['ignore', 'pipe', 'pipe'] });
  let complaints = '';
  server.stderr.on('data', (text: Buffer) => void (complaints = (complaints + text.toString()).slice(-20_000)));
  try {
    await once(server.stdout, 'data');
    const target = JSON.parse(await readFile(join(dataDir, 'client.json'), 'utf8')) as Target;
    const run = createRun(target, await servedBy(target), seed);
    await run.send(() => run.sent < warmUpRequests);
    await run.cleanUp();
    const before = await residentMib(server);
    const until = performance.now() + seconds * 1000;
    await run.send(() => performance.now() < until && run.failures.length < mostFailures);
    await run.cleanUp();
    await pause(restSeconds * 1000);
    const grownMib = (await residentMib(server)) - before;
    run.close();
    return { sent: run.sent, codes: run.codes, failures: run.failures, complaints, grownMib };
  } finally {
    if (server.exitCode === null) {
      server.kill('SIGKILL');
      await once(server, 'exit');
    }
    await rm(dataDir, { recursive: true, force: true });
  }
}

function createRun(target: Target, served: readonly ServedPath[], seed: number) {
  const agent = new Agent({ keepAlive: true, maxSockets: lanes * 2, ca: target.ca, cert: target.cert, key: target.key });
  const run = { sent: 0, codes: {} as Record<string, number>, failures: [] as { request: FuzzRequest; what: string }[], send, cleanUp, close: () => agent.destroy() };
  let batch: FuzzRequest[] = [];
  let batches = 0;
  const arbitrary = requests(served);

  function next(): FuzzRequest {
    if (batch.length === 0) batch = fc.sample(arbitrary, { numRuns: 500, seed: seed + batches++ });
    const found = batch.pop();
    if (found === undefined) throw new Error('nothing was generated');
    return found;
  }

  async function send(more: () => boolean): Promise<void> {
    await Promise.all(Array.from({ length: lanes }, async () => {
      while (more()) {
        const asked = next();
        run.sent++;
        const { code, text } = await ask(agent, target, asked);
        run.codes[code] = (run.codes[code] ?? 0) + 1;
        if (code === '500' || code === 'none') run.failures.push({ request: asked, what: `${code}: ${text.slice(0, 500)}` });
      }
    }));
  }

  /** What was made is state, not a leak. */
  async function cleanUp(): Promise<void> {
    for (const { collection } of served) {
      if (/\/(nodes|namespaces|clusterroles|clusterrolebindings|flowschemas|prioritylevelconfigurations|priorityclasses|apiservices|events|componentstatuses|.*reviews)$/.test(collection)) continue;
      await ask(agent, target, { method: 'DELETE', path: `${collection}?gracePeriodSeconds=0`, headers: {}, body: Buffer.alloc(0) });
    }
  }

  return run;
}

/** The code, and for 500 what was said; `none` when no whole answer came in time. */
function ask(agent: Agent, { port }: Target, { method, path, headers, body }: FuzzRequest): Promise<{ readonly code: string; readonly text: string }> {
  return new Promise((resolve) => {
    const signal = AbortSignal.timeout(answerMs);
    const failed = (error: Error): void => resolve({ code: 'none', text: error.message });
    const asking = request({ host: '127.0.0.1', port, method, path, agent, signal, headers: { ...headers, 'content-length': body.length } }, (answer) => {
      const parts: Buffer[] = [];
      answer.on('data', (part: Buffer) => void (answer.statusCode === 500 && parts.push(part)));
      answer.on('error', failed);
      answer.on('end', () => resolve({ code: String(answer.statusCode), text: Buffer.concat(parts).toString() }));
    });
    asking.on('error', failed);
    asking.end(body);
  });
}

async function servedBy(target: Target): Promise<ServedPath[]> {
  const agent = new Agent({ ca: target.ca, cert: target.cert, key: target.key });
  const get = async (path: string): Promise<unknown> => JSON.parse(await new Promise<string>((resolve, reject) => {
    request({ host: '127.0.0.1', port: target.port, path, agent }, (answer) => {
      const parts: Buffer[] = [];
      answer.on('data', (part: Buffer) => void parts.push(part)).on('end', () => resolve(Buffer.concat(parts).toString())).on('error', reject);
    }).on('error', reject).end();
  }));
  const groups = await get('/apis') as { groups: { preferredVersion: { groupVersion: string } }[] };
  const bases = ['/api/v1', ...groups.groups.map(({ preferredVersion }) => `/apis/${preferredVersion.groupVersion}`)];
  const lists = await Promise.all(bases.map(async (base) => ({ base, resources: (await get(base) as { resources: { name: string; namespaced: boolean; kind: string }[] }).resources })));
  agent.destroy();
  const served = lists.flatMap(({ base, resources }) => resources.filter(({ name }) => !name.includes('/')).map(({ name, namespaced, kind }): ServedPath => ({
    kind: `${base.replace(/^\/apis?\//, '')} ${kind}`,
    collection: namespaced ? `${base}/namespaces/default/${name}` : `${base}/${name}`,
    subresources: resources.filter((other) => other.name.startsWith(`${name}/`)).map((other) => other.name.slice(name.length + 1)),
  })));
  return [...served, { kind: 'fuzz.example/v1 Boat', collection: '/apis/fuzz.example/v1/namespaces/default/boats', subresources: ['status'] }];
}

async function residentMib(server: ChildProcess): Promise<number> {
  const status = await readFile(`/proc/${server.pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024;
}
