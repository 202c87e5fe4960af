import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, rmdir, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { ContainerSpec, Mount, Sandbox } from '../../node-agent/runtime/runtime.ts';
import { supervisorOf } from '../sandbox-record.ts';
import { childrenCalled, containerSpec, createTestMachine, finished, killed, logText, mighty, outcome, sandboxSpec, sh, type TestMachine } from './fixture.ts';

/** What is mounted below a volume, before and after its container starts. */
const run = promisify(execFile);
let machine: TestMachine;
let sandbox: Sandbox;
let host: string;

beforeAll(async () => {
  machine = await createTestMachine();
  sandbox = await machine.runtime.createSandbox(sandboxSpec('mounts'));
  host = join(machine.dataDir, 'host');
  await mkdir(host);
  await run('mount', ['--bind', host, host]);
  await run('mount', ['--make-shared', host]);
  for (const directory of ['below', 'part', 'part/below', 'later', 'inside']) await mkdir(join(host, directory));
  for (const directory of ['below', 'part/below']) await run('mount', ['-t', 'tmpfs', 'none', join(host, directory)]);
  await writeFile(join(host, 'below/file'), 'there\n');
});
afterAll(async () => {
  try {
    await run('umount', ['--recursive', host]);
  } finally {
    await machine.close();
  }
});

const volume = (changes: Partial<Mount> = {}): Mount => ({ type: 'bind', source: host, target: '/v', readOnly: true, propagation: 'private', ...changes });

async function outputOf(script: string, mount: Mount, where = sandbox, changes: Partial<ContainerSpec> = {}): Promise<string> {
  return (await outcome(machine, where, containerSpec(machine, sh(`exec 2>&1; ${script}`), { mounts: [mount], ...changes }))).log;
}

/** Which of the directories take a file. */
const writable = (...directories: readonly string[]): string => `for directory in ${directories.join(' ')}; do touch $directory/made && echo $directory; done 2>/dev/null; true`;

describe('a volume', () => {
  it('is not mounted on what is of another kind, which is said', async () => {
    await writeFile(join(host, 'single'), '');
    const started = (mount: Mount) => sandbox.start(containerSpec(machine, ['true'], { mounts: [mount] }));
    await expect(started(volume({ target: '/bin/busybox' }))).rejects.toThrow('mounting a directory on /bin/busybox, which is a file (subPath mounts one file of a volume)');
    await expect(started(volume({ source: join(host, 'single'), target: '/bin' }))).rejects.toThrow('mounting a file on /bin, which is a directory');
  });
});

describe('a read-only volume', () => {
  it('leaves what is mounted below it as the machine has it', async () => {
    expect(await outputOf(`cat /v/below/file; ${writable('/v', '/v/below')}`, volume())).toBe('there\n/v/below\n');
  });

  it('is so with all that is mounted below it, where it is to be', async () => {
    expect(await outputOf(`cat /v/below/file; ${writable('/v', '/v/below', '/v/part/below')}`, volume({ recursiveReadOnly: true }))).toBe('there\n');
  });

  it('is so below the part of it that is mounted', async () => {
    expect(await outputOf(writable('/v', '/v/below'), volume({ subPath: 'part' }))).toBe('/v/below\n');
    expect(await outputOf(writable('/v', '/v/below'), volume({ subPath: 'part', recursiveReadOnly: true }))).toBe('');
  });

  it('is so for a pod with users of its own, whose root can\'t change that (where the kernel has these)', async (context) => {
    if ((await machine.runtime.usersRefusal(machine.dataDir)) !== undefined) return context.skip();
    const own = await machine.runtime.createSandbox(sandboxSpec('own-users', { hostUsers: false }));
    const script = `cat /v/below/file; mount -o remount,bind,rw /v/below 2>/dev/null && echo remounted; ${writable('/v', '/v/below')}`;
    expect(await outputOf(script, volume({ recursiveReadOnly: true }), own, mighty(machine))).toBe('there\n');
    await own.destroy();
  });

  it('leaves the machine\'s own mounts as they are', async () => {
    await outputOf('true', volume({ recursiveReadOnly: true }));
    await writeFile(join(host, 'below/own'), 'x');
    await writeFile(join(host, 'own'), 'x');
  });
});

/** A container that waits, and what a command in it writes. */
async function waiting(mount: Mount, changes: Partial<ContainerSpec> = {}) {
  const spec = containerSpec(machine, ['sleep', '1000'], { mounts: [mount], ...changes });
  await sandbox.start(spec);
  return {
    inside: async (script: string) => (await finished(await sandbox.exec(spec.id, { args: sh(script), tty: false, stdin: false }))).stdout,
    end: () => killed(machine, sandbox, spec.id),
  };
}

describe('what is mounted below a volume later', () => {
  it.each<[string, NonNullable<Mount['propagation']>, string]>([['stays out of', 'private', ''], ['shows in', 'slave', 'later\n']])('%s a container (%s)', async (_what, propagation, seen) => {
    const container = await waiting(volume({ propagation, readOnly: false }));
    await run('mount', ['-t', 'tmpfs', 'none', join(host, 'later')]);
    try {
      await writeFile(join(host, 'later/file'), 'later\n');
      expect(await container.inside('cat /v/later/file 2>/dev/null')).toBe(seen);
    } finally {
      await run('umount', [join(host, 'later')]);
      await container.end();
    }
  });

  it.each<[string, NonNullable<Mount['propagation']>, boolean]>([['shows on the machine', 'shared', true], ['does not show there', 'slave', false]])('by a privileged container %s (%s)', async (_what, propagation, shown) => {
    const container = await waiting(volume({ propagation, readOnly: false }), mighty(machine));
    try {
      expect(await container.inside('mount -t tmpfs none /v/inside && touch /v/inside/file && echo done')).toBe('done\n');
      expect(existsSync(join(host, 'inside/file'))).toBe(shown);
      expect((await readFile('/proc/self/mountinfo', 'utf8')).includes(`${host}/inside `)).toBe(shown);
    } finally {
      await container.inside('umount /v/inside');
      await container.end();
    }
  });
});

describe('a container whose /dev could not be made beforehand', () => {
  /** Of a pod: what waits for its next container. */
  async function isParked(uid: string): Promise<boolean> {
    return (await childrenCalled('coracle-parked', await supervisorOf(machine.dataDir, uid))).length > 0;
  }

  it('has its volumes as the machine has them now, not as it had them then', async () => {
    const pod = await machine.runtime.createSandbox(sandboxSpec('unstaged'));
    const own = join(machine.dataDir, 'own');
    await mkdir(own);
    const [first, second] = [containerSpec(machine, ['sleep', '600']), containerSpec(machine, ['cat', '/v/file'], { mounts: [volume({ source: own })] })];
    await pod.start(first);
    await rmdir(join(machine.dataDir, 'pods/unstaged/sandbox/empty'));
    await pod.signal(first.id, 9);
    await machine.exitOf(first.id);
    await vi.waitFor(async () => expect(await isParked('unstaged')).toBe(true), 20_000);
    await run('mount', ['-t', 'tmpfs', 'none', own]);
    try {
      await writeFile(join(own, 'file'), 'mounted later\n');
      await pod.start(second);
      await machine.exitOf(second.id);
      expect(await logText(second.logPath)).toBe('mounted later\n');
    } finally {
      await pod.destroy();
      await run('umount', [own]);
    }
  });
});

/** As on most machines, whose mounts are all shared. */
describe('on a machine that shares its mounts', () => {
  let shared: string;
  let other: TestMachine;
  beforeAll(async () => {
    shared = await mkdtemp(join(tmpdir(), 'coracle-shared-'));
    await run('mount', ['--bind', shared, shared]);
    await run('mount', ['--make-shared', shared]);
    other = await createTestMachine({ parent: shared });
  });
  afterAll(async () => {
    try {
      await other.close();
    } finally {
      await run('umount', ['--recursive', shared]);
      await rm(shared, { recursive: true, force: true });
    }
  });

  it.each([['whose /dev was made beforehand', false], ['whose /dev was not', true]])('a container %s mounts nothing there over what the machine has lent it', async (what, shareProcessNamespace) => {
    const pod = await other.runtime.createSandbox(sandboxSpec(shareProcessNamespace ? 'shares' : 'alone', { shareProcessNamespace }));
    const spec = containerSpec(other, sh('mount -t tmpfs smuggled /dev/shm && grep -o "/dev/shm.*smuggled" /proc/self/mountinfo | wc -l; read -r _'), { ...mighty(other), stdin: true });
    await pod.start(spec);
    await vi.waitFor(async () => expect(await logText(spec.logPath), what).toBe('1\n'), 20_000);
    expect(await readFile('/proc/self/mountinfo', 'utf8')).not.toContain('smuggled');
    await pod.destroy();
  });
});
