/**
 * How long a sandbox and a container take from request to Running through the real runtime: back to back, one per 500 ms
 * (caches flatter the former), cold, and 50 and 100 at once; exec; what a supervisor weighs. runc and crun beside it.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { messageOf } from '../machinery/thrown.ts';
import { silentLog } from '../client/log.ts';
import { defaultCapabilities, defaultMaskedPaths, defaultReadOnlyPaths } from '../node-agent/runtime/capabilities.ts';
import { openRuntime } from '../node-agent/runtime/native-runtime.ts';
import { defaultSeccomp } from '../node-agent/runtime/seccomp.ts';
import { destroyInstance } from '../node-agent/runtime/teardown.ts';
import type { ContainerSpec, Runtime, Sandbox, SandboxSpec } from '../node-agent/runtime/runtime.ts';

const run = promisify(execFile);
const instance = 'bnchnd';
const rounds = 40;
const seccomp = defaultSeccomp();

const quantile = (values: readonly number[], q: number): number => values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(q * values.length))] ?? Number.NaN;
const shown = (values: readonly number[]): string => `p50 ${quantile(values, 0.5).toFixed(2)} ms, p95 ${quantile(values, 0.95).toFixed(2)} ms`;

const dataDir = await mkdtemp(join(tmpdir(), 'bench-node-'));
const layer = join(dataDir, 'layer');
// As a distribution's root has them.
for (const name of ['bin', 'dev', 'proc', 'sys']) await mkdir(join(layer, name), { recursive: true });
await mkdir(join(dataDir, 'logs'));
await cp('/bin/busybox', join(layer, 'bin/busybox'));

const sandboxSpec = (uid: string, hostNetwork = false): SandboxSpec => ({
  uid, namespace: 'bench', name: uid, hostname: uid, qos: 'BestEffort', resources: {}, hostNetwork, hostPid: false, hostIpc: false, hostUsers: true, shareProcessNamespace: false, sysctls: {},
});
const containerSpec = (id: string): ContainerSpec => ({
  id, name: 'main', layers: [layer], readOnlyRoot: false, args: ['/bin/busybox', 'sleep', '1000'], env: [], workingDir: '/', mounts: [], maskedPaths: defaultMaskedPaths,
  readOnlyPaths: defaultReadOnlyPaths,
  security: { uid: 0, gid: 0, groups: [], capabilities: defaultCapabilities, noNewPrivileges: false, privileged: false, seccomp, oomScoreAdj: 1000 },
  resources: { cpuLimitMillis: 1000, memoryLimitBytes: 64 << 20 }, tty: false, stdin: false, stdinOnce: false, logPath: join(dataDir, 'logs', id), logMaxBytes: 1 << 20, logMaxFiles: 2,
});

interface Taken {
  readonly sandbox: number[];
  readonly container: number[];
  readonly both: number[];
  readonly destroy: number[];
}

let counter = 0;
async function once(runtime: Runtime, taken: Taken, hostNetwork = false): Promise<void> {
  counter += 1;
  const from = performance.now();
  const sandbox = await runtime.createSandbox(sandboxSpec(`p${counter}`, hostNetwork));
  const made = performance.now();
  await sandbox.start(containerSpec(`c${counter}`));
  const running = performance.now();
  taken.sandbox.push(made - from);
  taken.container.push(running - made);
  taken.both.push(running - from);
  await sandbox.destroy();
  taken.destroy.push(performance.now() - running);
}

async function series(runtime: Runtime, title: string, pauseMs: number, hostNetwork = false): Promise<void> {
  const taken: Taken = { sandbox: [], container: [], both: [], destroy: [] };
  for (let round = 0; round < rounds; round += 1) {
    if (pauseMs > 0) await delay(pauseMs);
    await once(runtime, taken, hostNetwork);
  }
  console.log(`${title}: request to Running ${shown(taken.both)} (sandbox ${shown(taken.sandbox)}; container ${shown(taken.container)}); destroyed ${shown(taken.destroy)}`);
}

async function bursts(runtime: Runtime, burst: number): Promise<void> {
  const from = performance.now();
  const sandboxes = await Promise.all(Array.from({ length: burst }, async (_, index) => {
    const sandbox = await runtime.createSandbox(sandboxSpec(`b${index}`));
    await sandbox.start(containerSpec(`b${index}`));
    return sandbox;
  }));
  const running = performance.now();
  const supervisors = await weigh('coracle-pod', 'coracle-zygote');
  const counted = performance.now();
  await Promise.all(sandboxes.map((sandbox) => sandbox.destroy()));
  const destroyed = performance.now();
  const targets = burst === 50 ? [' (target with the agent: 300)', ' (target 150)'] : ['', ''];
  console.log(`${burst} pods at once: Running in ${(running - from).toFixed(0)} ms${targets[0]}, destroyed in ${(destroyed - counted).toFixed(0)} ms${targets[1]}`);
  console.log(`supervision per pod: PSS ${(supervisors / burst / 1024).toFixed(3)} MB (target 0.1; containerd-shim 3.0)`);
}

/** Sum of PSS in KiB of the processes with these names. */
async function weigh(...names: readonly string[]): Promise<number> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const weights = await Promise.all(pids.map(async (pid) => {
    const name = (await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '')).trim();
    if (!names.includes(name) || !(await readFile(`/proc/${pid}/cgroup`, 'utf8').catch(() => '')).includes(`coracle-${instance}`)) return 0;
    return Number(/^Pss:\s+(\d+)/m.exec(await readFile(`/proc/${pid}/smaps_rollup`, 'utf8').catch(() => ''))?.[1] ?? 0);
  }));
  return weights.reduce((sum, weight) => sum + weight, 0);
}

async function execs(sandbox: Sandbox): Promise<void> {
  await sandbox.start(containerSpec('exec'));
  const taken: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const from = performance.now();
    const streams = await sandbox.exec('exec', { args: ['/bin/busybox', 'true'], tty: false, stdin: false });
    await streams.exit;
    taken.push(performance.now() - from);
  }
  console.log(`exec to the exit of true: ${shown(taken)} (spike 1.5)`);
  await sandbox.destroy();
}

/** What others take for `run true` of the same root, to its exit: they make no network, and crun no cgroup either. */
const peers: readonly { readonly title: string; readonly program: string; readonly options: readonly string[] }[] = [
  { title: 'runc', program: 'runc', options: [] },
  { title: 'crun --cgroup-manager=disabled (no cgroups)', program: 'crun', options: ['--cgroup-manager=disabled'] },
];

async function timePeer(path: string, args: readonly string[], pauseMs: number): Promise<number[]> {
  const taken: number[] = [];
  for (let round = 0; round < 20; round += 1) {
    if (pauseMs > 0) await delay(pauseMs);
    counter += 1;
    const from = performance.now();
    await run(path, [...args, `${instance}-${counter}`]);
    taken.push(performance.now() - from);
  }
  return taken;
}

async function beside(): Promise<void> {
  const bundle = join(dataDir, 'bundle');
  await mkdir(bundle);
  for (const { title, program, options } of peers) {
    const path = ['/usr/bin', '/usr/sbin'].map((directory) => join(directory, program)).find((each) => existsSync(each));
    if (path === undefined) {
      console.log(`${title}: not installed ('apt-get install ${program}')`);
      continue;
    }
    await rm(join(bundle, 'config.json'), { force: true });
    await run(path, ['spec', '--bundle', bundle], { cwd: bundle });
    const config = JSON.parse(await readFile(join(bundle, 'config.json'), 'utf8')) as { process: { terminal: boolean; args: string[] }; root: { path: string } };
    config.process.terminal = false;
    config.process.args = ['/bin/busybox', 'true'];
    config.root.path = layer;
    await writeFile(join(bundle, 'config.json'), JSON.stringify(config));
    try {
      for (const [how, pauseMs] of [['one per 500 ms', 500], ['back to back', 0]] as const) console.log(`${title} run true, to exit, ${how}: ${shown(await timePeer(path, [...options, 'run', '--bundle', bundle], pauseMs))}`);
    } catch (error) {
      console.log(`${title}: can't run here: ${messageOf(error).trim().split('\n').at(-1)}`);
    }
  }
}

const turns = monitorEventLoopDelay({ resolution: 1 });
const runtime = await openRuntime({ dataDir, instance, log: silentLog });
try {
  await runtime.recover();
  await runtime.configureNetwork({ podCidr: '10.212.7.0/24', clusterCidr: '10.212.7.0/24', routes: [] });
  await delay(500);
  turns.enable();
  console.log('target: container start <= 2.5 ms inside host and supervisor at one per 500 ms (spike 1.5-1.9, cold 19.2); runc 30-40 ms');
  await series(runtime, 'one per 500 ms', 500);
  await series(runtime, 'back to back', 0);
  await series(runtime, 'cold (host network), one per 500 ms', 500, true);
  await execs(await runtime.createSandbox(sandboxSpec('execs')));
  await delay(500);
  await bursts(runtime, 50);
  await delay(500);
  await bursts(runtime, 100);
  await beside();
  console.log(`longest turn of the event loop: ${(turns.max / 1e6).toFixed(1)} ms (target 20)`);
} finally {
  await runtime.close();
  await destroyInstance({ instance, dataDir });
  await rm(dataDir, { recursive: true, force: true });
}
