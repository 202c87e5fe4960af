import { copyFile, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ContainerSpec, Sandbox } from '../../node-agent/runtime/runtime.ts';
import { buildAttempts } from './attempts.ts';
import { containerSpec, createTestMachine, finished, killed, outcome, sandboxSpec, sh, type TestMachine } from './fixture.ts';

/** What one container changes while another is made, or something executed: the moment between a look and the deed. */
let machine: TestMachine;
let sandbox: Sandbox;
/** Of the machine: what a link leads to. */
let outside: string;

beforeAll(async () => {
  machine = await createTestMachine();
  await copyFile(await buildAttempts(), join(machine.layer, 'bin/attempts'));
  outside = join(machine.dataDir, 'outside');
  await mkdir(outside);
  await writeFile(join(outside, 'file'), 'of the machine\n');
  sandbox = await machine.runtime.createSandbox(sandboxSpec('racing'));
});
afterAll(() => machine.close());

/** Starts one container that makes `real` and `link` of the directory change places without end; answers how to end it. */
async function exchanging(directory: string, target: string): Promise<() => Promise<void>> {
  const spec = containerSpec(machine, ['attempts', 'exchange', `${target}/real`, `${target}/link`], { mounts: [{ type: 'bind', source: directory, target, readOnly: false }] });
  await sandbox.start(spec);
  return async () => {
    const { exitCode } = await killed(machine, sandbox, spec.id);
    expect(exitCode).toBe(137); // it was at it until then
  };
}

/** So often, and until each of `wanted` is how an outcome begins: who wins a race is nobody's to say. */
async function outcomes(times: number, once: () => Promise<string>, wanted: readonly string[]): Promise<Set<string>> {
  const seen = new Set<string>();
  for (let time = 0; time < times || !wanted.every((begin) => [...seen].some((each) => each.startsWith(begin))); time++) seen.add(await once().catch((error: unknown) => `refused: ${String(Reflect.get(Object(error), 'message'))}`));
  return seen;
}

const logOf = async (spec: ContainerSpec): Promise<string> => (await outcome(machine, sandbox, spec)).log;

describe('a container that swaps a directory for a link to the machine, without end,', () => {
  it('leads no other out by the part of a volume that it mounts', async () => {
    const volume = join(machine.dataDir, 'volume');
    await mkdir(join(volume, 'real'), { recursive: true });
    await writeFile(join(volume, 'real/file'), 'inside\n');
    await symlink(outside, join(volume, 'link'));
    const stop = await exchanging(volume, '/volume');
    const part = (subPath: string) => ({ mounts: [{ type: 'bind' as const, source: volume, subPath, target: '/part', readOnly: false }] });
    const inside = ['inside\n', 'refused: subPath "real" leads out of its volume'];
    expect([...await outcomes(40, () => logOf(containerSpec(machine, ['cat', '/part/file'], part('real'))), inside)].toSorted()).toEqual(inside);
    // What is made when missing is made inside, too.
    const made = ['new\n', 'refused: subPath "real/made" leads out of its volume'];
    expect([...await outcomes(30, () => logOf(containerSpec(machine, sh('echo written > /part/new; ls /part'), part('real/made'))), made)].toSorted()).toEqual(made);
    await stop();
    expect(await readdir(outside)).toEqual(['file']);
    expect(await readFile(join(outside, 'file'), 'utf8')).toBe('of the machine\n');
  });

  it('leads nothing out that is executed in it while its working directory moves', async () => {
    const spec = containerSpec(machine, sh('mkdir /work/real; ln -s /proc/self/fd/5 /work/link; echo inside > /work/real/file; exec attempts exchange /work/real /work/link'), { workingDir: '/work/real' });
    await mkdir(join(machine.layer, 'work'));
    await sandbox.start(spec);
    const seen = await outcomes(100, async () => {
      const { stdout, stderr } = await finished(await sandbox.exec(spec.id, { args: sh('ls; cat ../../../../../../outside/file'), tty: false, stdin: false }));
      return stdout + stderr;
    }, ['file\n', 'refused: ']);
    expect((await killed(machine, sandbox, spec.id)).exitCode).toBe(137);
    for (const each of seen) expect(each).toMatch(/^(file\n|)cat: can't open '..\/..\/..\/..\/..\/..\/outside\/file': No such file or directory\n$|^refused: /);
  });
});
