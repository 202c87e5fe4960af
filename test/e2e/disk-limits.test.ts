import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { lackOfQuota, mountQuotaDisk, projectsOf, unusedOf, type QuotaDisk } from '../quota-disk.ts';
import { buildAttempts } from '../runtime/attempts.ts';
import type { Started } from './command.ts';
import { importImage, importWeb, kubectlFor, remove, up } from './coracle.ts';
import { eventually } from './eventually.ts';
import { exampleLayer, tarOf, writeImage } from './image-archive.ts';
import { list, type Kubectl } from './kubectl.ts';
import { pod, script, type PodOptions } from './manifests.ts';

/**
 * Limits that the file system itself keeps, as a pod's spec asks for them: a node whose data directory is on an ext4 with project quota.
 * test/runtime/disk-limits.test.ts has the machine's side. Where there can be none, the tests say so and are left out: the guest of `npm run cgroup-v2` has it.
 */
const MiB = 2 ** 20;
const limit = 8 * MiB;
const image = 'coracle.example/attempts:1';

const lacks = await lackOfQuota();

let disk: QuotaDisk;
let dataDir: string;
let running: Started | undefined;
let kubectl: Kubectl;

const inside = (name: string, command: string) => kubectl`exec ${name} -- sh -c ${command}`;
/** Without what kubectl reads to check them: an emulated machine is too slow with it for kubectl. */
const apply = (...objects: readonly object[]) => kubectl.with({ input: list(objects) })`apply --validate=false -f -`;
async function ready(...names: readonly string[]): Promise<void> {
  for (const name of names) await kubectl`wait pod/${name} --for=condition=Ready --timeout=60s`;
}
const waiting = (name: string, { container, ...options }: PodOptions = {}) => pod(name, { ...options, container: { image, ...script('exec sleep 1000'), ...container } });
/** A pod whose volume at /data is limited, and one whose writable layer is. */
const volumeHog = (name: string) => waiting(name, {
  spec: { volumes: [{ name: 'data', emptyDir: { sizeLimit: String(limit) } }] }, container: { volumeMounts: [{ name: 'data', mountPath: '/data' }] },
});
const layerHog = (name: string) => waiting(name, {
  container: { ...script('until [ -e /end ]; do sleep 0.2; done'), resources: { limits: { 'ephemeral-storage': String(limit) } } },
});

/** Writes until it can't; what was said then, and how many bytes there are. */
async function fill(name: string, path: string): Promise<{ readonly words: string; readonly bytes: number }> {
  const words = await inside(name, `rm -f ${path}; dd if=/dev/zero of=${path} bs=64k count=1024 2>&1; true`);
  return { words, bytes: Number(await inside(name, `stat -c %s ${path}`)) };
}

async function meetsLimit(name: string, path: string): Promise<void> {
  const { words, bytes } = await fill(name, path);
  expect(words).toMatch(/quota exceeded|No space left on device/i);
  expect(bytes).toBeLessThanOrEqual(limit);
  expect(bytes).toBeGreaterThan(limit - MiB);
}

const projects = () => projectsOf(dataDir);
const unused = (ids: Iterable<number>) => unusedOf(disk, ids);

describe.skipIf(lacks !== '')(`on a file system with project quota${lacks}`, () => {
  beforeAll(async () => {
    disk = await mountQuotaDisk('1G');
    dataDir = join(disk.mountPoint, 'data');
    running = await up(dataDir);
    kubectl = kubectlFor(dataDir);
    const archive = join(disk.mountPoint, 'image.tar');
    await writeImage(archive, { name: image, layers: [await exampleLayer(), await tarOf([{ name: 'bin/attempts', mode: 0o755, content: await readFile(await buildAttempts()) }])], config: { Cmd: ['sh'] } });
    await Promise.all([importWeb(dataDir), importImage(dataDir, archive)]);
    await apply(volumeHog('volume'), layerHog('layer'), waiting('neighbour', { spec: { volumes: [{ name: 'data', emptyDir: {} }] }, container: { volumeMounts: [{ name: 'data', mountPath: '/data' }] } }));
    await ready('volume', 'layer', 'neighbour');
  });

  afterAll(async () => {
    try {
      if (running !== undefined) await remove(dataDir);
    } finally {
      await disk.remove();
    }
  });

  it.each([['an emptyDir', 'volume', '/data/fill'], ['a container\'s writable layer', 'layer', '/fill']])('what is written to %s beyond its limit fails at once, and others go on writing', async (_what, name, path) => {
    await meetsLimit(name, path);
    for (const other of ['/fill', '/data/fill']) expect(await inside('neighbour', `dd if=/dev/zero of=${other} bs=1M count=16 2>/dev/null && stat -c %s ${other} && rm ${other}`)).toBe(`${16 * MiB}\n`);
  });

  it.each([['volume', '/data'], ['layer', '/']])('a container can\'t take what is in its %s out of the limit', async (name, path) => {
    expect(await inside(name, `attempts leave-project ${path}`)).toBe('project ok\nset-attributes EPERM\nset-attributes-again EPERM\nget-flags ok\nset-flags EPERM\nfile_setattr ENOSYS\n');
  });

  it('a container without limits can\'t charge others\' for its files', async () => {
    expect(await inside('neighbour', 'attempts leave-project /data')).toMatch(/^project ok\nset-attributes EPERM\nset-attributes-again EPERM\nget-flags ok\nset-flags ok\n/);
  });

  it('a container that is started again begins with an empty layer and a limit of its own', async () => {
    const layers = async (): Promise<readonly number[]> => [...(await projects())].flatMap(([path, project]) => (path.includes('/sandbox/c/') ? [project] : []));
    const before = await layers();
    await inside('layer', 'rm /fill; touch /end');
    await kubectl`wait pod/layer --for=jsonpath={.status.containerStatuses[0].restartCount}=1 --timeout=60s`;
    await ready('layer');
    await meetsLimit('layer', '/fill');
    const [ended] = await eventually(async () => {
      const now = await layers();
      const gone = before.filter((project) => !now.includes(project));
      expect([now.length, gone.length]).toEqual([before.length, 1]);
      return gone;
    });
    expect(await unused([ended ?? 0])).toEqual([ended]);
  });

  it('nothing is left of limits when the pods are gone', async () => {
    const ids = [...(await projects()).values()];
    expect(await unused(ids)).toEqual([]);
    await kubectl`delete pods --all --now`;
    await eventually(async () => expect(await readdir(join(dataDir, 'projects'))).toEqual([]));
    expect(await unused(ids)).toEqual(ids);
  });
});
