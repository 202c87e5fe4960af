import { cp, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemCode } from '../../machinery/thrown.ts';
import { allCapabilities, defaultCapabilities } from '../../node-agent/runtime/capabilities.ts';
import { defaultSeccomp } from '../../node-agent/runtime/seccomp.ts';
import { destroyInstance } from '../../node-agent/runtime/teardown.ts';
import type { ContainerSpec, Sandbox } from '../../node-agent/runtime/runtime.ts';
import { lackOfQuota, mountQuotaDisk, projectsOf, unusedOf, type QuotaDisk } from '../quota-disk.ts';
import { buildAttempts } from './attempts.ts';
import { containerSpec, createTestMachine, finished, killed, sandboxSpec, type TestMachine } from './fixture.ts';

/** Limits that the file system itself keeps, on one with project quota. Where there can be none, the tests say so and are left out: the guest of `npm run cgroup-v2` has it. */
const lacks = await lackOfQuota();
const MiB = 2 ** 20;
const limit = 8 * MiB;

let disk: QuotaDisk;
let machine: TestMachine;
let sandbox: Sandbox;
let volume: string;
let neighbour: Waiting;
let limited: Waiting;

interface Waiting {
  readonly id: string;
  /** What a shell command says in it, both streams in one. */
  inside(script: string): Promise<string>;
  end(): Promise<void>;
}

const keeping = () => ({ ...containerSpec(machine, ['true']).security, seccomp: defaultSeccomp(defaultCapabilities, process.arch, 'all') });

async function waiting(where: Sandbox, changes: Partial<ContainerSpec>): Promise<Waiting> {
  const spec = containerSpec(machine, ['sleep', '10000'], { security: keeping(), ...changes });
  await where.start(spec);
  return {
    id: spec.id,
    async inside(script) {
      const [found = where] = [sandboxes.get(where.uid)];
      return (await finished(await found.exec(spec.id, { args: ['sh', '-c', `exec 2>&1; ${script}`], tty: false, stdin: false }))).stdout;
    },
    async end() {
      const [found = where] = [sandboxes.get(where.uid)];
      await killed(machine, found, spec.id);
    },
  };
}
/** As the latest agent has them. */
const sandboxes = new Map<string, Sandbox>();

const mountOf = (source: string) => [{ type: 'bind', source, target: '/data', readOnly: false, propagation: 'private' } as const];

async function limitedVolume(name: string): Promise<string> {
  const directory = join(machine.dataDir, 'pods', 'volumes', name);
  await mkdir(directory, { recursive: true, mode: 0o777 });
  await machine.runtime.limitDirectory(directory, limit);
  return directory;
}

async function meetsLimit(container: Waiting, path: string): Promise<void> {
  const words = await container.inside(`rm -f ${path}; dd if=/dev/zero of=${path} bs=64k count=1024; stat -c 'bytes: %s' ${path}`);
  expect(words).toMatch(/quota exceeded|No space left on device/i);
  const bytes = Number(/bytes: (\d+)/.exec(words)?.[1]);
  expect(bytes).toBeLessThanOrEqual(limit);
  expect(bytes).toBeGreaterThan(limit - MiB);
}

/** None when the machine's state is gone with them. */
const projects = () => projectsOf(machine.dataDir).catch((error: unknown) => {
  if (systemCode(error) === 'ENOENT') return new Map<string, number>();
  throw error;
});
const unused = (ids: Iterable<number>) => unusedOf(disk, ids);

describe.skipIf(lacks !== '')(`on a file system with project quota${lacks}`, () => {
  beforeAll(async () => {
    disk = await mountQuotaDisk('512M');
    machine = await createTestMachine({ parent: disk.mountPoint });
    await cp(await buildAttempts(), join(machine.layer, 'bin/attempts'));
    sandbox = await machine.runtime.createSandbox(sandboxSpec('limited'));
    volume = await limitedVolume('a');
    limited = await waiting(sandbox, { diskLimitBytes: limit, mounts: mountOf(volume) });
    await mkdir(join(machine.dataDir, 'pods/volumes/free'), { mode: 0o777 });
    neighbour = await waiting(sandbox, { mounts: mountOf(join(machine.dataDir, 'pods/volumes/free')) });
  });
  afterAll(async () => {
    try {
      await machine.close();
    } finally {
      await disk.remove();
    }
  });

  it.each([['a limited volume', '/data/fill'], ['a limited writable layer', '/fill']])('what is written to %s beyond its limit fails at once, and others go on writing', async (_what, path) => {
    expect(machine.runtime.limitsDisk()).toBe(true);
    await meetsLimit(limited, path);
    for (const other of ['/fill', '/data/fill']) expect(await neighbour.inside(`dd if=/dev/zero of=${other} bs=1M count=16 2>/dev/null; stat -c %s ${other}; rm ${other}`)).toBe(`${16 * MiB}\n`);
  });

  it('what is freed may be used again, and the limit shows as the disk\'s size', async () => {
    for (const path of ['/data/fill', '/fill']) await meetsLimit(limited, path);
    expect(await limited.inside("df -k /data | awk 'END { print $2 }'; rm /data/fill /fill")).toBe(`${limit / 1024}\n`);
  });

  it.each(['/data', '/tmp'])('in %s files are renamed, linked and replaced as ever', async (base) => {
    const changes = `cd ${base}; mkdir -p a/b; echo 1 > a/b/file; mv a/b/file moved; mv a/b c; ln moved c/linked; echo 2 > other; mv -f other c/linked; cat moved c/linked; rm -r a c moved`;
    expect(await limited.inside(changes)).toBe('1\n2\n');
  });

  it('files of the image are changed, renamed and removed', async () => {
    expect(await limited.inside('mv /bin/vi /etc/vi; readlink /etc/vi; rm /bin/wc; [ -e /bin/wc ] || echo gone; echo x >> /bin/attempts; mv /bin/attempts /attempts; mv /attempts /bin/attempts')).toBe('busybox\ngone\n');
  });

  it.each([['volume', '/data'], ['layer', '/tmp']])('a container can\'t take what is in its %s out of the limit', async (_what, path) => {
    expect(await limited.inside(`attempts leave-project ${path}`)).toBe('project ok\nset-attributes EPERM\nset-attributes-again EPERM\nget-flags ok\nset-flags EPERM\nfile_setattr ENOSYS\n');
  });

  it('one that no filter holds can, and one that may override the machine\'s limits is not bound by those of an ext4\'s volume', async () => {
    const { seccomp: _none, ...security } = keeping();
    const other = await limitedVolume('b');
    const mighty = await waiting(sandbox, { security: { ...security, capabilities: allCapabilities, privileged: true }, mounts: mountOf(other), diskLimitBytes: limit });
    expect(await mighty.inside('dd if=/dev/zero of=/data/fill bs=1M count=16 2>/dev/null; stat -c %s /data/fill')).toBe(`${16 * MiB}\n`);
    await meetsLimit(mighty, '/fill');
    expect(await mighty.inside('attempts leave-project /data')).toMatch(/^project ok\nset-attributes ok\n/);
    await mighty.end();
    await machine.runtime.removeDirectory(other);
  });

  it('pods with users of their own have limits too, and the kernel keeps them from leaving (where it has such users)', async (context) => {
    if ((await machine.runtime.usersRefusal(machine.dataDir)) !== undefined) return context.skip();
    const own = await machine.runtime.createSandbox(sandboxSpec('own', { hostUsers: false }));
    const { seccomp: _none, ...security } = keeping();
    const directory = await limitedVolume('c');
    const container = await waiting(own, { security: { ...security, capabilities: allCapabilities }, diskLimitBytes: limit, mounts: mountOf(directory) });
    expect(await container.inside('touch /data/own; attempts leave-project /data/own')).toMatch(/^project ok\nset-attributes errno 22\nset-attributes-again errno 22\n/);
    for (const path of ['/data/fill', '/fill']) await meetsLimit(container, path);
    expect(await container.inside('rm /fill; mv /bin/vi /etc/vi; echo x > /a; mv /a /b; cat /b')).toBe('x\n');
    await own.destroy();
    await machine.runtime.removeDirectory(directory);
  });

  it('limits outlive the agent, and no two directories share a project', async () => {
    const before = await projects();
    await machine.reopen();
    for (const each of await machine.runtime.recover()) sandboxes.set(each.uid, each);
    await limitedVolume('d');
    const after = await projects();
    for (const [path, project] of before) expect(after.get(path)).toBe(project);
    expect([after.size, new Set(after.values()).size]).toEqual([before.size + 1, before.size + 1]);
    for (const path of ['/data/fill', '/fill']) await meetsLimit(limited, path);
  });

  it('a limit ends with its container, or its directory', async () => {
    const layer = join(machine.dataDir, 'pods/limited/sandbox/c', limited.id);
    const d = join(machine.dataDir, 'pods/volumes/d');
    const before = await projects();
    const ids = [before.get(layer) ?? 0, before.get(d) ?? 0];
    expect(await unused(ids)).toEqual([]);
    await limited.end();
    await machine.runtime.removeDirectory(d);
    expect([...(await projects()).keys()]).toEqual([volume]);
    expect(await unused(ids)).toEqual(ids);
  });

  it('nothing is left of limits when the instance is gone with its volumes', async () => {
    const found = sandboxes.get('limited') ?? sandbox;
    await waiting(found, { diskLimitBytes: limit });
    const ids = [...(await projects()).values()];
    expect(ids).toHaveLength(2);
    await machine.runtime.close();
    await destroyInstance({ instance: machine.instance, dataDir: machine.dataDir, volumes: true });
    expect([(await projects()).size, await unused(ids)]).toEqual([0, ids]);
    await rm(join(machine.dataDir, 'pods'), { recursive: true, force: true });
  });
});
