import { statSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { systemCode } from '../../machinery/thrown.ts';
import type { Pod } from '../../machinery/kinds/core.ts';
import { coracle } from './coracle.ts';
import { eventually } from './eventually.ts';
import { digestOf, exampleLayer, tarOf, writeImage, type Entry } from './image-archive.ts';
import { pod, script } from './manifests.ts';
import { useNamespace } from './namespace.ts';

/** Images made to reach out of their pods: while they are taken in, and while a pod is made from them. */
const kubectl = useNamespace('hostile');
let directory: string;
/** What nothing may change: a directory of the machine. */
let outside: string;
let base: Buffer;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'coracle-hostile-'));
  outside = await mkdtemp(join(tmpdir(), 'coracle-outside-'));
  await writeFile(join(outside, 'marker'), 'as it was', { mode: 0o600 });
  base = await exampleLayer();
});
afterAll(async () => {
  await rm(directory, { recursive: true });
  await rm(outside, { recursive: true });
});

/** Takes in the example image with one layer more; `digests` are of what the example has not. */
async function importImage(name: string, entries: readonly Entry[]) {
  const [archive, layer] = [join(directory, 'image.tar'), await tarOf(entries)];
  const configuration = await writeImage(archive, { name, layers: [base, layer], config: { Cmd: ['sh'] } });
  return { ...await coracle('image', 'import', archive, '--data-dir', inject('cluster').dataDir), digests: [configuration, digestOf(layer)] };
}

async function expectNothingChanged(): Promise<void> {
  expect(await readdir(outside)).toEqual(['marker']);
  expect(await readFile(join(outside, 'marker'), 'utf8')).toBe('as it was');
  expect(statSync(join(outside, 'marker')).mode & 0o7777).toBe(0o600);
  expect(statSync(join(outside, 'marker')).nlink).toBe(1);
}

/** Other files take images in meanwhile, large ones too: the directory as a whole need not stay as it is. */
async function expectNothingStored(name: string, digests: readonly string[]): Promise<void> {
  const images = join(inject('cluster').dataDir, 'images');
  const incoming = await readdir(join(images, 'incoming'));
  const stored = await Promise.all(['blobs/sha256', 'layers', 'packages', 'signatures'].map((place) => readdir(join(images, place)).catch(nothingYet)));
  expect(stored.flat().filter((path) => digests.some((digest) => path.includes(digest)))).toEqual([]);
  expect(await readFile(join(images, 'index.json'), 'utf8')).not.toContain(name);
  await eventually(async () => expect((await readdir(join(images, 'incoming'))).filter((each) => incoming.includes(each))).toEqual([]), othersMs);
}

/** Some of them are made when they are needed. */
function nothingYet(error: unknown): readonly string[] {
  if (systemCode(error) === 'ENOENT') return [];
  throw error;
}

/** What others take in is in by then. */
const othersMs = 120_000;

/** From the root of an image to a directory of the machine: up as far as there is, and down again. */
const upTo = (path: string): string => `${'../'.repeat(40)}${path.slice(1)}`;

describe('an image is refused, and leaves nothing, for', () => {
  it.each<[string, () => readonly Entry[], RegExp]>([
    ['a name that leads out', () => [{ name: `${upTo(outside)}/owned`, content: 'x' }], /\.\./],
    ['a name that leads out from within', () => [{ name: `a/b/${upTo(outside)}/owned`, content: 'x' }], /\.\./],
    ['a hard link to a file of the machine', () => [{ name: 'grabbed', type: 'link', linkname: join(outside, 'marker') }], /grabbed|marker/],
    ['a hard link out by ..', () => [{ name: 'grabbed', type: 'link', linkname: `${upTo(outside)}/marker` }], /\.\./],
    ['a hard link out through a symbolic one', () => [{ name: 'way', type: 'symlink', linkname: outside }, { name: 'grabbed', type: 'link', linkname: 'way/marker' }], /way/],
    ['a file behind a link to what is not there', () => [{ name: 'way', type: 'symlink', linkname: outside }, { name: 'way/owned', content: 'x' }], /way/],
    ['a whiteout of the parent', () => [{ name: 'd/', type: 'directory' }, { name: 'd/.wh...' }], /\.wh\.\.\./],
    ['a whiteout of itself', () => [{ name: 'd/', type: 'directory' }, { name: 'd/.wh..' }], /\.wh\.\./],
    ['a name that no file system takes', () => [{ name: 'n'.repeat(300), content: 'x' }], /a name in the layer is longer than 255 bytes/],
    ['overlay\'s own whiteout', () => [{ name: 'gone', type: 'character-device', devmajor: 0, devminor: 0 }], /gone/],
  ])('%s', async (_what, entries, message) => {
    const { code, stderr, digests } = await importImage('hostile:refused', entries());
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringMatching(message) });
    expect(stderr).not.toContain('defect');
    await expectNothingStored('hostile:refused', digests);
    await expectNothingChanged();
  });
});

describe('a pod from an image', () => {
  it('whose links lead out has everything inside', async () => {
    const { code, stderr } = await importImage('hostile:links', [
      { name: `${outside.slice(1)}/`, type: 'directory' }, { name: 'abs', type: 'symlink', linkname: outside }, { name: 'abs/owned', content: 'absolute' }, { name: 'abs/marker', content: 'mine', mode: 0o4777 },
      { name: 'up', type: 'symlink', linkname: upTo(outside) }, { name: 'up/owned-too', content: 'relative' },
      { name: 'abs/.wh.marker' },
      { name: `deep/${'d'.repeat(200)}/${'e'.repeat(200)}/${'f'.repeat(255)}`, content: 'deep' },
    ]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    await expectNothingChanged();
    await kubectl.apply(pod('links', { container: { image: 'hostile:links', ...script('cat /abs/owned /up/owned-too /deep/*/*/*; echo more > /abs/more; rm -f /abs/owned; ls -a /abs/') }, spec: { restartPolicy: 'Never' } }));
    await kubectl`wait pod/links --for=jsonpath={.status.phase}=Succeeded --timeout=30s`;
    expect(await kubectl`logs links`).toBe('absoluterelativedeep.\n..\nmarker\nmore\nowned-too\n');
    await expectNothingChanged();
  });

  it('that puts links where a pod’s own files and volumes are mounted reaches nothing outside', async () => {
    const { code, stderr } = await importImage('hostile:mounts', [
      ...['etc/hosts', 'etc/hostname', 'etc/resolv.conf', 'termination'].map((name): Entry => ({ name, type: 'symlink', linkname: join(outside, 'marker') })),
      { name: 'data', type: 'symlink', linkname: upTo(outside) }, { name: 'fresh', type: 'symlink', linkname: join(outside, 'made', 'here') },
    ]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    await kubectl.apply(pod('mounts', {
      container: {
        image: 'hostile:mounts', ...script('echo x > /data/x; echo y > /fresh/y; echo z > /etc/hosts; echo done > /termination; ls /data/ /fresh/'), terminationMessagePath: '/termination',
        volumeMounts: [{ name: 'data', mountPath: '/data' }, { name: 'fresh', mountPath: '/fresh' }],
      },
      spec: { restartPolicy: 'Never', volumes: [{ name: 'data', emptyDir: {} }, { name: 'fresh', emptyDir: {} }] },
    }));
    const status = await outcomeOf('mounts');
    await expectNothingChanged();
    // Mounted where the links lead inside, as other runtimes do; all three files share one place then.
    expect(status).toMatchObject({ phase: 'Succeeded' });
    expect(await kubectl`logs mounts`).toContain('x');
  });

  it.each(['proc', 'dev', 'sys', 'dev/shm'])('that has a link in place of /%s reaches nothing outside', async (name) => {
    const image = `hostile:${name.replace('/', '-')}`;
    const { code } = await importImage(image, [...(name.includes('/') ? [{ name: 'dev/', type: 'directory' as const }] : [{ name: `.wh.${name}` }]), { name, type: 'symlink', linkname: outside }]);
    expect(code).toBe(0);
    const of = `link-${name.replace('/', '-')}`;
    await kubectl.apply(pod(of, { container: { image, ...script(`echo x > /${name}/owned; exit 0`) }, spec: { restartPolicy: 'Never' } }));
    await outcomeOf(of);
    await expectNothingChanged();
  });

  it('that brings devices of the machine can\'t use them', async () => {
    const entries: Entry[] = [
      { name: 'kmem', type: 'character-device', devmajor: 1, devminor: 2, mode: 0o666 }, { name: 'mem', type: 'character-device', devmajor: 1, devminor: 1, mode: 0o666 },
      { name: 'disk', type: 'block-device', devmajor: 254, devminor: 0, mode: 0o666 }, { name: 'disk8', type: 'block-device', devmajor: 8, devminor: 0, mode: 0o666 }, { name: 'kmsg', type: 'character-device', devmajor: 1, devminor: 11, mode: 0o666 },
    ];
    expect((await importImage('hostile:devices', entries)).code).toBe(0);
    await kubectl.apply(pod('devices', {
      container: { image: 'hostile:devices', ...script('for each in kmem mem disk disk8 kmsg; do if dd if=/$each of=/dev/null bs=1 count=1 2>/dev/null; then echo read $each; fi; done; mknod /own c 1 11 && dd if=/own of=/dev/null bs=1 count=1 2>/dev/null && echo made one; echo over') }, spec: { restartPolicy: 'Never' },
    }));
    await kubectl`wait pod/devices --for=jsonpath={.status.phase}=Succeeded --timeout=30s`;
    expect(await kubectl`logs devices`).toMatch(/^(mknod: .*\n)?over\n$/);
  });
});

/** However a pod ends, or can't begin. */
async function outcomeOf(name: string): Promise<Pod['status']> {
  // By a selector: of one named object kubectl leaves out what changes between its first look and its watch.
  await using events = kubectl.start`get pods --field-selector=metadata.name=${name} --watch --no-headers`;
  await events.until(/Completed|Error|StartError|RunContainerError|CreateContainerError|Failed/);
  return (await kubectl.object<Pod>`get pod ${name} -o json`).status;
}
