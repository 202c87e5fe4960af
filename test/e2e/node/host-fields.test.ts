import { mkdtemp, readdir, readFile, readlink, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Container, PodSpec } from '../../../machinery/kinds/core.ts';
import { run } from '../command.ts';
import { webImage } from '../coracle.ts';
import { exampleLayer, tarOf } from '../image-archive.ts';
import { pod, script } from '../manifests.ts';
import { takeIn, usePods } from './pods.ts';

/** What a pod asks of Linux that the conformance list does not. */
const pods = usePods('node-host-fields');
const { kubectl } = pods;
const own = 'fields.example/own:1';
const once = (name: string, container: Partial<Container>, spec: Partial<PodSpec> = {}) => pod(name, { spec: { restartPolicy: 'Never', ...spec }, container });
/** Says by which signal it was asked to end; it ignores the others. */
const listening = script("for each in TERM USR1 USR2; do trap \"echo $each > /dev/termination-log; exit 0\" $each; done; while :; do usleep 20000; done");
const whoAmI = script('id -G');
const grouped = (supplementalGroupsPolicy: string) => ({ securityContext: { runAsUser: 1000, supplementalGroups: [60_000], fsGroup: 70_000, supplementalGroupsPolicy } });
const masked = script("grep -c ' /proc/' /proc/self/mountinfo; grep -c ' /proc/sys ro,' /proc/self/mountinfo; true");

let directory: string;
const sees = (mountPropagation: string, privileged = false): readonly [Partial<Container>, Partial<PodSpec>] => [
  { ...script('exec sleep 1000'), securityContext: { privileged }, volumeMounts: [{ name: 'machine', mountPath: '/machine', mountPropagation }] }, { volumes: [{ name: 'machine', hostPath: { path: directory } }] },
];

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'coracle-propagation-'));
  // A mount of this test's own, whose changes others can be told.
  await run('mount', ['-t', 'tmpfs', 'coracle-test', directory]);
  await run('mount', ['--make-shared', directory]);
  const accounts = [{ name: 'etc/passwd', content: 'app:x:1000:1000::/:/bin/sh\n' }, { name: 'etc/group', content: 'app:x:1000:\nextra:x:50000:app\n' }];
  await takeIn({ name: own, layers: [await exampleLayer(), await tarOf(accounts)], config: { Cmd: ['sh'], StopSignal: 'SIGUSR2' } });
  await kubectl.apply(
    pod('term', { spec: { terminationGracePeriodSeconds: 20 }, container: listening }),
    pod('image-signal', { spec: { terminationGracePeriodSeconds: 20 }, container: { ...listening, image: own } }),
    pod('own-signal', { spec: { terminationGracePeriodSeconds: 20, os: { name: 'linux' } }, container: { ...listening, image: own, lifecycle: { stopSignal: 'SIGUSR1' } } }),
    once('merged', { ...whoAmI, image: own }, grouped('Merge')), once('strict', { ...whoAmI, image: own }, grouped('Strict')),
    once('masked', masked, { hostUsers: false }), once('unmasked', { ...masked, securityContext: { procMount: 'Unmasked' } }, { hostUsers: false }),
    once('ipc', script('readlink /proc/self/ns/ipc'), { hostIPC: true }), once('own-ipc', script('readlink /proc/self/ns/ipc')),
    once('fqdn', script('hostname; cat /proc/sys/kernel/hostname; tail -n 1 /etc/hosts'), { hostname: 'ship', subdomain: 'fleet', setHostnameAsFQDN: true }),
    once('short', script('hostname; tail -n 1 /etc/hosts'), { hostname: 'ship', subdomain: 'fleet' }),
    once('resolver', script('cat /etc/resolv.conf'), { dnsPolicy: 'None', dnsConfig: { nameservers: ['192.0.2.53'], searches: ['one.example', 'two.example'], options: [{ name: 'ndots', value: '2' }, { name: 'rotate' }] } }),
    pod('follows', { container: sees('HostToContainer')[0], spec: sees('HostToContainer')[1] }),
    pod('apart', { container: sees('None')[0], spec: sees('None')[1] }),
    pod('tells', { container: sees('Bidirectional', true)[0], spec: sees('Bidirectional', true)[1] }),
  );
});
afterAll(async () => {
  await kubectl.outcome`delete pod follows apart tells --now --ignore-not-found`;
  await run('umount', ['-R', directory]);
  await rm(directory, { recursive: true });
});

describe('a container that is to end', () => {
  it.each([['SIGTERM, when nobody says otherwise', 'term', 'TERM'], ['the signal that its image names', 'image-signal', 'USR2'], ['the signal that its pod names, above the image’s', 'own-signal', 'USR1']])('is sent %s', async (_what, name, signal) => {
    await pods.ready(name);
    await kubectl`delete pod ${name} --wait=false`;
    await pods.gone(name);
    expect(pods.states(name).map(({ status }) => status?.containerStatuses?.[0]?.state?.terminated).filter((each) => each !== undefined)).toContainEqual(expect.objectContaining({ exitCode: 0, message: `${signal}\n` }));
  });
});

describe('a container’s groups', () => {
  it('are those of its pod, and with the policy Merge those of its user in the image too', async () => {
    const groups = async (name: string) => (await pods.output(name)).trim().split(' ').map(Number).toSorted((a, b) => a - b);
    expect(await groups('merged')).toEqual([1000, 50_000, 60_000, 70_000]);
    expect(await groups('strict')).toEqual([1000, 60_000, 70_000]);
  });
});

describe('a container’s /proc', () => {
  it('is masked, or not where its pod has users of its own and asks for that', async () => {
    expect(await pods.output('unmasked')).toBe('0\n0\n');
    const [masks, readOnly] = (await pods.output('masked')).trim().split('\n').map(Number);
    expect(masks).toBeGreaterThan(3);
    expect(readOnly).toBe(1);
  });
});

describe('a pod’s IPC', () => {
  it('is the machine’s with hostIPC, and its own without', async () => {
    expect((await pods.output('ipc')).trim()).toBe(await readlink('/proc/self/ns/ipc'));
    expect((await pods.output('own-ipc')).trim()).not.toBe(await readlink('/proc/self/ns/ipc'));
  });
});

describe('a pod’s names', () => {
  it('are its host name, and its full one where it asks for that', async () => {
    const full = `ship.fleet.${pods.namespace}.svc.cluster.local`;
    const ip = async (name: string) => (await pods.ended(name)).status?.podIP ?? '';
    expect(await pods.output('fqdn')).toBe(`${full}\n${full}\n${await ip('fqdn')}\t${full}\tship\n`);
    expect(await pods.output('short')).toBe(`ship\n${await ip('short')}\t${full}\tship\n`);
  });

  it('are looked up where its own configuration says, with dnsPolicy None', async () => {
    expect(await pods.output('resolver')).toBe('search one.example two.example\nnameserver 192.0.2.53\noptions ndots:2 rotate\n');
  });
});

describe('mounts below a hostPath', () => {
  it('that the machine makes later are seen with HostToContainer and Bidirectional, and not without', async () => {
    await Promise.all(['follows', 'apart', 'tells'].map((name) => pods.ready(name)));
    const later = join(directory, 'later');
    await run('mkdir', [later]);
    await run('mount', ['-t', 'tmpfs', 'coracle-test', later]);
    await writeFile(join(later, 'file'), 'there\n');
    for (const name of ['follows', 'tells']) expect(await kubectl`exec ${name} -- cat /machine/later/file`).toBe('there\n');
    expect((await kubectl.outcome`exec apart -- cat /machine/later/file`).stderr).toContain('No such file or directory');
  });

  it('that a container makes are seen on the machine and in others with Bidirectional, and end there with a umount', async () => {
    await kubectl`exec tells -- sh -c ${'mkdir /machine/made && mount -t tmpfs none /machine/made && touch /machine/made/file'}`;
    expect(await readdir(join(directory, 'made'))).toEqual(['file']);
    expect(await kubectl`exec follows -- ls /machine/made`).toBe('file\n');
    expect(await kubectl`exec apart -- ls /machine/made`).toBe('');
    await kubectl`exec tells -- umount /machine/made`;
    expect(await readdir(join(directory, 'made'))).toEqual([]);
    // One that it leaves is the machine's, and goes with the rest of this test.
    await kubectl`exec tells -- mount -t tmpfs none /machine/made`;
    await kubectl`delete pod tells --now`;
    expect(await readFile('/proc/self/mountinfo', 'utf8')).toContain(` ${join(directory, 'made')} `);
  });

  it('are the container’s own business with None, and refused to Bidirectional that is not privileged', async () => {
    const refused = await kubectl.with({ input: JSON.stringify(pod('sly', { container: { image: webImage, volumeMounts: [{ name: 'machine', mountPath: '/machine', mountPropagation: 'Bidirectional' }] }, spec: { volumes: [{ name: 'machine', hostPath: { path: directory } }] } })) }).refused`create -f -`;
    expect(refused).toContain('Bidirectional mount propagation is available only to privileged containers');
  });
});
