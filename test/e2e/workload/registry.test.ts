import { copyFile, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { coracle, webArchive } from '../coracle.ts';
import { eventually } from '../eventually.ts';
import { pod } from '../manifests.ts';
import { useNamespace } from '../namespace.ts';
import { login, startRegistry, type Registry } from '../registry.ts';

const kubectl = useNamespace('registry');
let open: Registry;
let locked: Registry;

beforeAll(async () => {
  [open, locked] = await Promise.all([startRegistry(), startRegistry({ isLocked: true })]);
});
afterAll(async () => {
  await Promise.all([open, locked].map((registry) => registry[Symbol.asyncDispose]()));
});

const ready = (name: string) => kubectl`wait pod/${name} --for=condition=Ready --timeout=30s`;
const events = (name: string) => kubectl`get events --field-selector=involvedObject.name=${name} -o ${'jsonpath={range .items[*]}{.reason}: {.message}{"\\n"}{end}'}`;

describe('an image in a registry', () => {
  it('is pulled for a pod, which knows its digest', async () => {
    const digest = await open.push(webArchive, 'team/web', '1');
    const image = `${open.host}/team/web:1`;
    await kubectl.apply(pod('pulled', { container: { image } }));
    await ready('pulled');
    expect(await kubectl`get pod pulled -o ${'jsonpath={.status.containerStatuses[0].image} {.status.containerStatuses[0].imageID}'}`).toBe(`${image} ${open.host}/team/web@${digest}`);
    await eventually(async () => expect(await events('pulled')).toMatch(new RegExp(`^Pulling: Pulling image "${image}"\\nPulled: Successfully pulled image "${image}" in .*\\(.* including waiting\\)\\. Image size: \\d+ bytes\\.$`, 'm')));
    const names = await eventually(async () => {
      const found = await kubectl`get nodes -o ${'jsonpath={.items[*].status.images[*].names[*]}'}`;
      expect(found).toContain(image);
      return found.split(' ');
    });
    expect(names).toContain(`${open.host}/team/web@${digest}`);
    await kubectl.apply(pod('again', { container: { image: `${open.host}/team/web@${digest}` } }));
    await ready('again');
    await eventually(async () => expect(await events('again')).toContain('already present on machine'));
  });

  it('that is not there is waited for', async () => {
    await kubectl.apply(pod('early', { container: { image: `${open.host}/team/late:1` } }));
    await eventually(async () => expect(await events('early')).toContain(`failed to resolve reference "${open.host}/team/late:1"`));
    expect(await kubectl`get pod early`).toMatch(/ (ErrImagePull|ImagePullBackOff) /);
    await open.push(webArchive, 'team/late', '1');
    await ready('early');
  });

  it('is taken in beforehand by name', async () => {
    await open.push(webArchive, 'team/ahead', '1');
    const image = `${open.host}/team/ahead:1`;
    expect(await coracle('image', 'pull', image, '--data-dir', inject('cluster').dataDir)).toMatchObject({ code: 0, stderr: '', stdout: expect.stringMatching(/^\S+\/team\/ahead:1 [0-9a-f]{12}\n$/) });
    await kubectl.apply(pod('ahead', { container: { image, imagePullPolicy: 'Never' } }));
    await ready('ahead');
    expect(await coracle('image', 'pull', `${open.host}/team/none:1`, '--data-dir', inject('cluster').dataDir)).toMatchObject({ code: 1, stderr: expect.stringContaining('not found') });
  });

  it('is built from a directory, runs, and is pushed for others to run', async () => {
    const root = await mkdtemp(join(tmpdir(), 'coracle-root-'));
    const dataDir = ['--data-dir', inject('cluster').dataDir];
    const target = `${locked.host}/team/built:1`;
    const creds = ['--creds', `${login.username}:${login.password}`];
    try {
      await mkdir(join(root, 'bin'));
      await copyFile('/bin/busybox', join(root, 'bin/busybox'));
      const flags = ['--entrypoint', '/bin/busybox', '--cmd', '["sleep", "1000"]', '--env', 'FROM=build', '--user', '1234:5678'];
      expect(await coracle('image', 'build', root, '-t', 'built.example/app:1', ...flags, ...dataDir)).toMatchObject({ code: 0, stderr: '', stdout: expect.stringMatching(/^built\.example\/app:1 [0-9a-f]{12}\n$/) });
    } finally {
      await rm(root, { recursive: true });
    }
    expect((await coracle('image', 'list', ...dataDir)).stdout).toMatch(/^built\.example\/app:1 +[0-9a-f]{12} +\d+\.\dMB +yes$/m);
    expect(await coracle('image', 'unpin', 'built.example/app:1', ...dataDir)).toMatchObject({ code: 0, stdout: 'unpinned built.example/app:1\n' });
    expect(await coracle('image', 'push', 'built.example/app:1', target, ...dataDir)).toMatchObject({ code: 1, stderr: expect.stringContaining('push access denied') });
    expect(await coracle('image', 'push', 'built.example/app:1', target, ...creds, ...dataDir)).toMatchObject({ code: 0, stderr: '', stdout: expect.stringMatching(/ sha256:[0-9a-f]{64}\n$/) });
    expect(await coracle('image', 'rm', 'built.example/app:1', ...dataDir)).toMatchObject({ code: 0 });
    expect(await coracle('image', 'pull', target, ...creds, ...dataDir)).toMatchObject({ code: 0, stderr: '' });
    await kubectl.apply(pod('built', { container: { image: target } }));
    await ready('built');
    expect(await kubectl`exec built -- /bin/busybox sh -c ${'busybox id -u; busybox id -g; echo $FROM'}`).toBe('1234\n5678\nbuild\n');
  });

  it('that asks who is there is pulled with the pod’s imagePullSecrets, and without them not', async () => {
    await locked.push(webArchive, 'team/web', '1');
    const container = { image: `${locked.host}/team/web:1` };
    await kubectl`create secret docker-registry right --docker-server=${locked.host} --docker-username=${login.username} --docker-password=${login.password}`;
    await kubectl`create secret docker-registry wrong --docker-server=${locked.host} --docker-username=${login.username} --docker-password=guess`;
    await kubectl.apply(pod('stranger', { container }), pod('forger', { spec: { imagePullSecrets: [{ name: 'wrong' }] }, container }));
    for (const name of ['stranger', 'forger']) await eventually(async () => expect(await events(name)).toContain(`pull access denied for ${locked.host}/team/web: authorization failed`));
    await kubectl.apply(pod('known', { spec: { imagePullSecrets: [{ name: 'right' }] }, container }));
    await ready('known');
    // Now it is on the node, but for those who may pull it only.
    await kubectl`create secret docker-registry same --docker-server=${locked.host} --docker-username=${login.username} --docker-password=${login.password}`;
    const never = { ...container, imagePullPolicy: 'Never' };
    await kubectl.apply(pod('later', { container }), pod('never', { container: never }), pod('same', { spec: { imagePullSecrets: [{ name: 'same' }] }, container: never }));
    await ready('same');
    await eventually(async () => expect(await events('later')).toContain(`pull access denied for ${locked.host}/team/web: authorization failed`));
    await eventually(async () => expect(await events('never')).toContain(`ErrImageNeverPull: Container image "${container.image}" is present with pull policy of Never, but was pulled with credentials that the pod does not have`));
  });
});
