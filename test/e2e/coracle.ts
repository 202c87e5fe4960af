import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { outcome, run, start, type Outcome, type Started } from './command.ts';
import { createKubectl, type Kubectl, type KubectlAccess } from './kubectl.ts';
import { leftoversOf } from './leftovers.ts';

/** Starts and removes real clusters by the commands that a user types. */
const root = join(import.meta.dirname, '../..');
export const coracleProgram = join(root, 'bin/coracle');
export const webImage = 'coracle.example/web:1';
export const webArchive = join(root, 'generated/images/web.tar');
const upMs = 60_000;
const downMs = 60_000;

/** What other processes need to reach a cluster. */
export interface ClusterAddress {
  readonly dataDir: string;
  readonly instance: string;
}

/** Runs `coracle …` to its end, whatever its exit code. */
export function coracle(...args: readonly string[]): Promise<Outcome> {
  return outcome(coracleProgram, args, { deadlineMs: upMs });
}

export async function newDataDir(name: string): Promise<string> {
  return mkdtemp(join(tmpdir(), `coracle-${name}-`));
}

/** The machine's disk is not the tests' to judge: they use little of it, and pods must come to nodes however full it is. */
export const nodeFlags = ['--eviction-hard', ''];

/** Starts `coracle up` in the foreground; resolves when its node is Ready. */
export function up(dataDir: string, ...more: readonly string[]): Promise<Started> {
  return startUntil(/^Node \S+: Ready/m, ['up', '--data-dir', dataDir, '--api-port', '0', ...nodeFlags, ...more]);
}

/** Flags by which a cluster keeps its state in the etcd at `endpoints`, apart from the others there; none when there is no endpoint. */
export function storeFlags(dataDir: string, endpoints: readonly string[]): readonly string[] {
  return endpoints.length === 0 ? [] : ['--store', 'etcd', '--etcd-endpoints', endpoints.join(','), '--etcd-prefix', `/${basename(dataDir)}`];
}

/** Starts `coracle …`, by `through` when given (`nsenter --net=…`); resolves when it has printed `pattern`. When that fails, it runs no more. */
export async function startUntil(pattern: RegExp, args: readonly string[], through: readonly string[] = []): Promise<Started> {
  const [program = coracleProgram, ...rest] = [...through, coracleProgram, ...args];
  const running = start(program, rest);
  try {
    await running.until(pattern, upMs);
    return running;
  } catch (error) {
    running.kill('SIGKILL');
    await running.ended;
    throw error;
  }
}

/** The short random name in a data directory by which everything of its cluster is known. */
export async function instanceOf(dataDir: string): Promise<string> {
  const identity: unknown = JSON.parse(await readFile(join(dataDir, 'cluster.json'), 'utf8'));
  return String(Reflect.get(Object(identity), 'instance'));
}

/** Takes in the example image. */
export function importWeb(dataDir: string): Promise<void> {
  return importImage(dataDir, webArchive);
}

/** Takes in the image of an archive. */
export async function importImage(dataDir: string, archive: string): Promise<void> {
  await run(coracleProgram, ['image', 'import', archive, '--data-dir', dataDir]);
}

/** As the administrator, whose credentials are in the data directory. */
export function accessTo(dataDir: string): KubectlAccess {
  return { flags: [`--kubeconfig=${join(dataDir, 'admin.kubeconfig')}`], cacheDir: join(dataDir, 'kubectl-cache') };
}

export function kubectlFor(dataDir: string): Kubectl {
  return createKubectl(accessTo(dataDir));
}

/** For a test run that is ended from outside, which has no time left for what is not done at once. */
export function removeAtExit(dataDir: string): void {
  spawnSync(coracleProgram, ['down', '--purge', '--data-dir', dataDir], { stdio: 'inherit' });
}

/**
 * Removes a cluster (or one node of it) and its data directory by `coracle down --purge`, run through `through` when given.
 * Rejects with all that is left of it on this machine.
 */
export async function remove(dataDir: string, through: readonly string[] = []): Promise<void> {
  const instance = await instanceOf(dataDir).catch(() => undefined);
  const [program = coracleProgram, ...rest] = [...through, coracleProgram, 'down', '--purge', '--data-dir', dataDir];
  const { code, stdout, stderr } = await outcome(program, rest, { deadlineMs: downMs });
  const left = [
    // It complains when it had to kill.
    ...(code === 0 && stderr === '' ? [] : [`'coracle down' ended with exit code ${code}: ${stdout}${stderr}`]),
    ...(instance === undefined ? [] : await leftoversOf({ dataDir, instance })),
  ];
  // What is still mounted there stays: then it is on the list already, and says why.
  await rm(dataDir, { recursive: true, force: true }).catch((error: unknown) => left.push(String(error)));
  if (left.length > 0) throw new Error(`left of the cluster ${instance ?? ''} in ${dataDir}:\n${left.join('\n')}`);
}
