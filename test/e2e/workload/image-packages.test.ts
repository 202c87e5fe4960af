import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, inject, it } from 'vitest';
import { coracle } from '../coracle.ts';
import { pod } from '../manifests.ts';
import { useNamespace } from '../namespace.ts';

const kubectl = useNamespace('image-packages');
const image = 'packages.example/app:1';
const dataDir = () => ['--data-dir', inject('cluster').dataDir] as const;
const find = (text: string) => coracle('image', 'find', text, ...dataDir());

beforeAll(async () => {
  const root = await mkdtemp(join(tmpdir(), 'coracle-root-'));
  try {
    for (const directory of ['bin', 'var/lib/dpkg', 'node_modules/left-pad']) await mkdir(join(root, directory), { recursive: true });
    await copyFile('/bin/busybox', join(root, 'bin/busybox'));
    await writeFile(join(root, 'var/lib/dpkg/status'), 'Package: libboat3\nStatus: install ok installed\nSource: boat (3.0-1)\nVersion: 3.0-1~deb12u2\n');
    await writeFile(join(root, 'node_modules/left-pad/package.json'), '{"name":"left-pad","version":"1.3.0"}');
    expect(await coracle('image', 'build', root, '-t', image, '--cmd', '/bin/busybox sleep 1000', ...dataDir())).toMatchObject({ code: 0, stderr: '' });
  } finally {
    await rm(root, { recursive: true });
  }
});

describe('a package', () => {
  it('is found in what runs, by its own name or its source’s, and by its version', async () => {
    expect((await find('boat')).stdout).toBe("no running container's image has boat\n");
    await kubectl.apply(pod('boat', { container: { image } }));
    await kubectl`wait pod/boat --for=condition=Ready --timeout=30s`;
    const found = /^NAMESPACE +POD +CONTAINER +IMAGE +PACKAGE +VERSION +NODE\nimage-packages +boat +main +packages\.example\/app:1 +libboat3 +3\.0-1~deb12u2 +\S+\n$/;
    for (const text of ['libboat3', 'boat', 'boat<3.0-1']) expect(await find(text)).toMatchObject({ code: 0, stderr: '', stdout: expect.stringMatching(found) });
    expect((await find('left-pad<1.10.0')).stdout).toMatch(/ left-pad +1\.3\.0 /);
    for (const text of ['boat<3.0-1~deb12u2', 'boat>=3.0-1', 'left-pad>1.10.0', 'pad']) expect((await find(text)).stdout).toMatch(/^no running container's image has /);
  });

  it('is listed of an image, by its name and by the beginning of its id', async () => {
    const [, id = ''] = /packages\.example\/app:1 +([0-9a-f]{12}) /.exec((await coracle('image', 'list', ...dataDir())).stdout) ?? [];
    for (const name of [image, id]) expect((await coracle('image', 'packages', name, ...dataDir())).stdout).toMatch(/^NAME +VERSION +KIND +SOURCE\nleft-pad +1\.3\.0 +npm +\nlibboat3 +3\.0-1~deb12u2 +deb +boat\n$/);
  });

  it('that is none is not looked for', async () => {
    expect(await find('boat<')).toMatchObject({ code: 1, stderr: expect.stringContaining('"boat<" is no package') });
  });
});
