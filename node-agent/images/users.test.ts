import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lookUpUser } from './users.ts';

let root: string;
let layers: string[];
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'coracle-users-'));
  layers = ['base', 'top'].map((name) => join(root, name));
  for (const layer of layers) await mkdir(join(layer, 'etc'), { recursive: true });
  await writeFile(join(layers[0] ?? '', 'etc', 'passwd'), 'root:x:0:0::/root:/bin/sh\napp:x:1000:1001::/home/app:/bin/sh\n');
  await writeFile(join(layers[0] ?? '', 'etc', 'group'), 'root:x:0:\nwheel:x:10:app,other\nvideo:x:44:app\nsolo:x:2000:\n');
});
afterEach(() => rm(root, { recursive: true }));

describe('a user of an image', () => {
  it.each([
    ['', { uid: 0, gid: 0, groups: [], home: '/root' }], ['root', { uid: 0, gid: 0, groups: [], home: '/root' }], ['app', { uid: 1000, gid: 1001, groups: [10, 44], home: '/home/app' }],
    ['1000', { uid: 1000, gid: 1001, groups: [10, 44], home: '/home/app' }], ['4711', { uid: 4711, gid: 0, groups: [], home: '/' }],
    ['app:solo', { uid: 1000, gid: 2000, groups: [10, 44], home: '/home/app' }], ['4711:5', { uid: 4711, gid: 5, groups: [], home: '/' }],
  ])('"%s"', async (user, expected) => {
    expect(await lookUpUser(layers, user)).toEqual(expected);
  });

  it.each([['nobody', 'unable to find user nobody: no matching entries in passwd file'], ['app:none', 'unable to find group none: no matching entries in group file']])(
    '"%s" is not there', async (user, message) => {
      await expect(lookUpUser(layers, user)).rejects.toThrow(message);
    },
  );

  it('is the uppermost layer\'s', async () => {
    await writeFile(join(layers[1] ?? '', 'etc', 'passwd'), 'app:x:7:8::/:/bin/sh\n');
    expect(await lookUpUser(layers, 'app')).toMatchObject({ uid: 7, gid: 8 });
  });

  it('is never read from a file of the host that a link names', async () => {
    await writeFile(join(root, 'outside'), 'app:x:666:666::/:/bin/sh\n');
    await symlink(join(root, 'outside'), join(layers[1] ?? '', 'etc', 'passwd'));
    await expect(lookUpUser(layers, 'app')).rejects.toThrow('unable to find user app');
    await rm(join(layers[1] ?? '', 'etc'), { recursive: true });
    await symlink('../../..', join(layers[1] ?? '', 'etc'));
    await expect(lookUpUser(layers, 'app')).rejects.toThrow('unable to find user app');
  });

  it('is found through links inside the image', async () => {
    await mkdir(join(layers[1] ?? '', 'usr'));
    await writeFile(join(layers[1] ?? '', 'usr', 'passwd'), 'app:x:5:6::/:/bin/sh\n');
    await symlink('/usr/passwd', join(layers[1] ?? '', 'etc', 'passwd'));
    expect(await lookUpUser(layers, 'app')).toMatchObject({ uid: 5, gid: 6 });
  });

  it('survives links in a circle', async () => {
    await symlink('group', join(layers[1] ?? '', 'etc', 'passwd'));
    await symlink('passwd', join(layers[1] ?? '', 'etc', 'group'));
    expect(await lookUpUser(layers, '5')).toEqual({ uid: 5, gid: 0, groups: [], home: '/' });
  });
});
