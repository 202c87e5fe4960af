import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import type { Container } from '../../../machinery/kinds/core.ts';
import { coracle, webArchive } from '../coracle.ts';
import { exampleLayer, tarOf } from '../image-archive.ts';
import { pod, script } from '../manifests.ts';
import { login, startRegistry, type Registry } from '../registry.ts';
import { takeIn, usePods } from './pods.ts';

/** Images as volumes, by what a container sees of them. */
const pods = usePods('image-volumes');
const { kubectl } = pods;

const merged = 'volumes.example/merged:1';
const single = 'volumes.example/single:1';
let open: Registry;
let locked: Registry;

beforeAll(async () => {
  [open, locked] = await Promise.all([startRegistry(), startRegistry({ isLocked: true })]);
  const low = await tarOf([
    { name: 'both', content: 'low\n' }, { name: 'gone', content: 'x' }, { name: 'data/', type: 'directory' }, { name: 'data/kept', content: 'kept\n', uid: 7 },
    { name: 'out', type: 'symlink', linkname: '/etc' }, { name: 'run', mode: 0o755, content: '#!/bin/sh\necho ran\n' },
  ]);
  const high = await tarOf([{ name: 'both', content: 'high\n' }, { name: '.wh.gone', content: '' }, { name: 'data/new', content: 'new\n' }]);
  await takeIn({ name: merged, layers: [low, high], config: {} });
  await takeIn({ name: single, layers: [low], config: {} });
});
afterAll(async () => {
  await Promise.all([open, locked].map((registry) => registry[Symbol.asyncDispose]()));
});

interface Mounting {
  readonly reference: string;
  readonly pullPolicy?: string;
  readonly mount?: Partial<NonNullable<Container['volumeMounts']>[number]>;
  readonly spec?: object;
  readonly container?: Partial<Container>;
}

const mounting = (name: string, { reference, pullPolicy, mount, spec, container }: Mounting) => pod(name, {
  spec: { ...spec, volumes: [{ name: 'image', image: { reference, ...(pullPolicy === undefined ? {} : { pullPolicy }) } }] },
  container: { ...script('exec sleep 1000'), ...container, volumeMounts: [{ name: 'image', mountPath: '/image', ...mount }] },
});
const inside = (name: string, command: string) => kubectl`exec ${name} -- sh -c ${command}`;

describe('[sig-node] An image as a volume', () => {
  it('ImageVolume should succeed with pod and pull policy of Always [LinuxOnly] [MinimumKubeletVersion:1.35]', async () => {
    const reference = `${open.host}/team/volume:1`;
    await open.push(webArchive, 'team/volume', '1');
    await kubectl.apply(mounting('pulled', { reference, pullPolicy: 'Always' }));
    await pods.ready('pulled');
    expect(await inside('pulled', 'ls /image/bin/busybox')).toBe('/image/bin/busybox\n');
    await using events = kubectl.start`get events --watch --field-selector=involvedObject.name=pulled,reason=Pulling`;
    await events.until(new RegExp(`Pulling image "${reference.replaceAll('.', String.raw`\.`)}"`));
  });

  it.each([['merges its layers', merged, {}, 'high', 'no'], ['may have one layer', single, {}, 'low', 'yes'], ['merges them for users of their own too', merged, { hostUsers: false }, 'high', 'no'], ['has one layer for those', single, { hostUsers: false }, 'low', 'yes']])(
    '%s, and is read-only', async (title, reference, spec, both, gone) => {
      const name = title.replaceAll(/[^a-z]/g, '-');
      await kubectl.apply(mounting(name, { reference, spec }));
      await pods.ready(name);
      expect(await inside(name, 'cat /image/both; [ -e /image/gone ] && echo yes || echo no; stat -c "%u %n" /image/both /image/data/kept; /image/run')).toBe(`${both}\n${gone}\n0 /image/both\n7 /image/data/kept\nran\n`);
      expect(await inside(name, 'for act in "touch /image/x" "rm /image/both" "chmod 777 /image/both" "mount -o remount,rw /image"; do $act 2>/dev/null && echo "$act"; done; true')).toBe('');
    },
  );

  it.each([['merged', merged], ['single', single]])('shows a part of itself (%s)', async (kind, reference) => {
    await kubectl.apply(mounting(`part-${kind}`, { reference, mount: { subPath: 'data' } }), mounting(`file-${kind}`, { reference, mount: { subPath: 'data/kept', mountPath: '/kept' } }), mounting(`none-${kind}`, { reference, mount: { subPath: 'data/none' } }), mounting(`out-${kind}`, { reference, mount: { subPath: 'out' } }));
    await Promise.all([`part-${kind}`, `file-${kind}`].map((name) => pods.ready(name)));
    expect(await inside(`part-${kind}`, 'cat /image/kept')).toBe('kept\n');
    expect(await inside(`file-${kind}`, 'cat /kept')).toBe('kept\n');
    for (const [name, message] of [[`none-${kind}`, 'subPath "data/none" is not in the image'], [`out-${kind}`, 'subPath "out" leads out of the image']] as const) {
      const { status } = await pods.until(name, (each) => each.status?.containerStatuses?.[0]?.state?.waiting?.reason === 'CreateContainerError');
      expect(status?.containerStatuses?.[0]?.state?.waiting?.message).toContain(message);
    }
  });

  it('that is not there, or not for this pod, holds the container back', async () => {
    const late = `${open.host}/team/late-volume:1`;
    const closed = `${locked.host}/team/volume:1`;
    await locked.push(webArchive, 'team/volume', '1');
    await kubectl`create secret docker-registry pull --docker-server=${locked.host} --docker-username=${login.username} --docker-password=${login.password}`;
    await kubectl.apply(
      mounting('never', { reference: 'volumes.example/none:1', pullPolicy: 'Never' }), mounting('late', { reference: late }), mounting('shut', { reference: closed }),
      mounting('let-in', { reference: closed, spec: { imagePullSecrets: [{ name: 'pull' }] } }),
    );
    const waiting = async (name: string, reason: string) => (await pods.until(name, (each) => each.status?.containerStatuses?.[0]?.state?.waiting?.reason === reason)).status?.containerStatuses?.[0]?.state?.waiting?.message;
    expect(await waiting('never', 'ErrImageNeverPull')).toBe('Container image "volumes.example/none:1" is not present with pull policy of Never');
    expect(await waiting('late', 'ImagePullBackOff')).toContain(`Back-off pulling image "${late}"`);
    await pods.ready('let-in');
    expect(await waiting('shut', 'ImagePullBackOff')).toContain(`Back-off pulling image "${closed}"`);
  });

  it('that a running container has mounted is not removed', async () => {
    const reference = 'volumes.example/used:1';
    await takeIn({ name: reference, layers: [await exampleLayer(), await tarOf([{ name: 'own', content: 'used' }])], config: {} });
    // As the container's own root too: both show the same layers.
    await kubectl.apply(mounting('using', { reference, spec: { hostUsers: false }, container: { image: reference } }), mounting('twice', { reference, container: { image: reference } }));
    await Promise.all([pods.ready('using'), pods.ready('twice')]);
    expect(await inside('twice', 'cat /own /image/own')).toBe('usedused');
    expect(await coracle('image', 'rm', reference, '--data-dir', inject('cluster').dataDir)).toMatchObject({ code: 1, stderr: expect.stringContaining('is used by a pod') });
    expect(await inside('using', 'cat /own /image/own')).toBe('usedused');
  });
});
