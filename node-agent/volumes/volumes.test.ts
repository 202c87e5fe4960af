import { mkdir, mkdtemp, readdir, readFile, readlink, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { manualClock } from '../../machinery/clock.ts';
import type { ConfigMap, Pod, Secret, Volume } from '../../machinery/kinds/core.ts';
import { createClient } from '../../client/client.ts';
import type { MemoryRequest } from '../runtime/runtime.ts';
import type { Disk, Memory } from './memory.ts';
import { createPodVolumes, type PodVolumes } from './volumes.ts';

let directory: string;
let configMaps: Record<string, ConfigMap>;
let tokens: number;
const clock = manualClock();
const secrets: Record<string, Secret> = { login: { data: { password: Buffer.from('hunter2').toString('base64') } } };
const facts = { nodeName: 'n', hostAddress: '192.0.2.1', address: undefined, allocatable: {} };
const client = createClient({
  async request() {
    tokens += 1;
    return { status: { token: `token-${tokens}`, expirationTimestamp: new Date(clock.now() + 3600_000).toISOString() } } as object;
  },
  async *watch() {},
});

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'coracle-volumes-'));
  configMaps = { settings: { data: { mode: 'fast', 'app.ini': 'x=1' }, binaryData: { raw: Buffer.from([0, 1]).toString('base64') } } };
  tokens = 0;
});
afterEach(() => rm(directory, { recursive: true }));

const podOf = (volume: Partial<Volume>, spec: Partial<NonNullable<Pod['spec']>> = {}): Pod => ({
  metadata: { name: 'web', namespace: 'ns', uid: 'u', labels: { app: 'web', tier: 'front' } },
  spec: { containers: [{ name: 'c', resources: { limits: { memory: '64Mi' } } }], volumes: [{ name: 'v', ...volume }], ...spec },
});

/** What was asked of the machine; a directory stands in for a file system. */
const mounted: MemoryRequest[] = [];
const memory: Memory = {
  async mountMemory(request) {
    await mkdir(request.directory, { recursive: true });
    mounted.push(request);
  },
  removeDirectory: (path) => rm(path, { recursive: true }),
};
/** What was asked of the disk, directories below the pod's. */
const onDisk: string[] = [];
const disk: Disk = {
  limitDirectory: async (path, bytes) => void onDisk.push(`${relative(directory, path)} may hold ${bytes}`),
  async removeDirectory(path) {
    onDisk.push(`${relative(directory, path)} goes`);
    await rm(path, { recursive: true });
  },
};

function volumesOf(pod: Pod): PodVolumes {
  const objects = { configMap: async (name: string) => configMaps[name], secret: async (name: string) => secrets[name], release: () => {} };
  return createPodVolumes(pod, { client, clock, objects, podDir: join(directory, 'pod'), memoryDir: join(directory, 'memory'), memory, disk, usersRefusal: async (path) => (path === '/proc' ? 'no mapping of /proc' : undefined) });
}

async function prepared(pod: Pod): Promise<Record<string, string>> {
  const volumes = volumesOf(pod);
  await volumes.prepare(pod, facts);
  return await contents(volumes.pathOf(pod, 'v') ?? '');
}

async function contents(path: string): Promise<Record<string, string>> {
  const data = join(path, '..data');
  const entries = (await readdir(data, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
  const root = join(path, await readlink(data));
  return Object.fromEntries(await Promise.all(entries.map(async (entry) => {
    const file = join(entry.parentPath, entry.name).replace(data, root);
    return [file.slice(root.length + 1), `${((await stat(file)).mode & 0o777).toString(8)} ${await readFile(file, 'utf8')}`];
  })));
}

describe('an emptyDir on the disk', () => {
  it.each<[string, Volume['emptyDir'], readonly string[]]>([
    ['with a limit is held to it, until it is gone', { sizeLimit: '1Mi' }, ['pod/volumes/v may hold 1048576', 'pod/volumes goes']],
    ['without one may hold what there is', {}, []],
    ['whose limit is nothing has none', { sizeLimit: '0' }, []],
    ['is not one in memory', { sizeLimit: '1Mi', medium: 'Memory' }, []],
  ])('%s', async (_name, emptyDir, asked) => {
    const pod = podOf(emptyDir === undefined ? {} : { emptyDir });
    const volumes = volumesOf(pod);
    await volumes.prepare(pod, facts);
    await volumes.remove();
    expect(onDisk.splice(0)).toEqual(asked);
  });
});

describe('volumes that are prepared twice at once', () => {
  it('are filled one after the other', async () => {
    const pod = podOf({ configMap: { name: 'settings' } });
    const volumes = volumesOf(pod);
    await Promise.all([volumes.prepare(pod, facts), volumes.prepare(pod, facts)]);
    configMaps = { settings: { data: { mode: 'slow' } } };
    await Promise.all([volumes.prepare(pod, facts), volumes.prepare(pod, facts)]);
    const path = volumes.pathOf(pod, 'v') ?? '';
    expect(await contents(path)).toEqual({ mode: '644 slow' });
    expect((await readdir(path)).toSorted()).toEqual([await readlink(join(path, '..data')), '..data', 'mode'].toSorted());
  });

  it('are filled by the second when the first fails', async () => {
    const pod = podOf({ configMap: { name: 'later' } });
    const volumes = volumesOf(pod);
    const first = volumes.prepare(pod, facts);
    const failure = expect(first).rejects.toThrow('MountVolume.SetUp failed for volume "v"');
    const second = first.catch(() => { configMaps = { later: { data: { a: 'b' } } }; }).then(() => volumes.prepare(pod, facts));
    await Promise.all([failure, second]);
    expect(await contents(volumes.pathOf(pod, 'v') ?? '')).toEqual({ a: '644 b' });
  });
});

describe('a volume', () => {
  it.each<[string, Partial<Volume>, Record<string, string>]>([
    ['of a ConfigMap has a file for each key', { configMap: { name: 'settings' } }, { mode: '644 fast', 'app.ini': '644 x=1', raw: '644 \u0000\u0001' }],
    ['of a ConfigMap has the items asked for', { configMap: { name: 'settings', defaultMode: 0o400, items: [{ key: 'mode', path: 'etc/deep/mode' }, { key: 'raw', path: 'r', mode: 0o600 }] } }, { 'etc/deep/mode': '400 fast', r: '600 \u0000\u0001' }],
    ['of an optional ConfigMap is empty without it', { configMap: { name: 'no', optional: true } }, {}],
    ['of a Secret is decoded', { secret: { secretName: 'login' } }, { password: '644 hunter2' }],
    ['of the downward API knows the pod', {
      downwardAPI: { items: [{ path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } }, { path: 'memory', resourceFieldRef: { containerName: 'c', resource: 'limits.memory', divisor: '1Mi' } }] },
    }, { labels: '644 app="web"\ntier="front"', memory: '644 64' }],
    ['that is projected has all its sources', {
      projected: { defaultMode: 0o440, sources: [{ serviceAccountToken: { path: 'token' } }, { configMap: { name: 'settings', items: [{ key: 'mode', path: 'mode' }] } }, { secret: { name: 'login' } }] },
    }, { token: '440 token-1', mode: '440 fast', password: '440 hunter2' }],
  ])('%s', async (_name, volume, files) => {
    expect(await prepared(podOf(volume))).toEqual(files);
  });

  it.each<[string, Partial<NonNullable<Pod['spec']>>, string]>([
    ['everybody in the pod, when only images say who that is', {}, '644'], ['its one user', { securityContext: { runAsUser: 5 } }, '600'], ['its group', { securityContext: { fsGroup: 5 } }, '640'],
    ['each of its users', { containers: [{ name: 'a', securityContext: { runAsUser: 5 } }, { name: 'b', securityContext: { runAsUser: 6 } }] }, '644'],
  ])('lets read a token: %s', async (_name, spec, mode) => {
    expect(await prepared(podOf({ projected: { sources: [{ serviceAccountToken: { path: 'token' } }] } }, spec))).toEqual({ token: `${mode} token-1` });
  });

  it.each<[string, Partial<Volume>, string]>([
    ['a missing ConfigMap', { configMap: { name: 'no' } }, 'MountVolume.SetUp failed for volume "v" : configmap "no" not found'],
    ['a missing key', { configMap: { name: 'settings', items: [{ key: 'k', path: 'k' }] } }, 'MountVolume.SetUp failed for volume "v" : references non-existent configmap key: k in ns/settings'],
    ['a path that leads out', { configMap: { name: 'settings', items: [{ key: 'mode', path: '../../mode' }] } }, 'invalid path ../../mode'],
    ['a hostPath of another type', { hostPath: { path: '/etc/passwd', type: 'Directory' } }, 'hostPath type check failed: /etc/passwd is not a directory'],
    ['a claim', { persistentVolumeClaim: { claimName: 'data' } }, 'MountVolume.SetUp failed for volume "v" : persistentvolumeclaim "data" can\'t be attached: the cluster has neither a volume provisioner nor an attacher'],
    ['a claim of the pod\'s own', { ephemeral: {} }, 'persistentvolumeclaim "web-v" can\'t be attached'],
    ['a kind it does not have', { nfs: { server: 's', path: '/' } }, 'no volume plugin matched'],
  ])('refuses %s', async (_name, volume, message) => {
    await expect(prepared(podOf(volume))).rejects.toThrow(message);
  });

  it.each([[true, '/proc', undefined], [false, '/etc', undefined], [false, '/proc', 'MountVolume.SetUp failed for volume "v" : no mapping of /proc']])('lets a pod with hostUsers %s have a hostPath %s, or says: %s', async (hostUsers, path, message) => {
    const pod = podOf({ hostPath: { path } }, { hostUsers });
    expect(await volumesOf(pod).prepare(pod, facts).catch((error: Error) => error.message)).toBe(message);
  });

  it('makes the directory of a hostPath of no type', async () => {
    const path = join(directory, 'host', 'data');
    const pod = podOf({ hostPath: { path } });
    await volumesOf(pod).prepare(pod, facts);
    expect((await stat(path)).isDirectory()).toBe(true);
  });

  it('follows its object by one swap, and leaves alone what has not changed', async () => {
    const pod = podOf({ configMap: { name: 'settings' } });
    const volumes = volumesOf(pod);
    await volumes.prepare(pod, facts);
    const path = volumes.pathOf(pod, 'v') ?? '';
    const before = await readlink(join(path, '..data'));
    await volumes.prepare(pod, facts);
    expect(await readlink(join(path, '..data'))).toBe(before);
    configMaps['settings'] = { data: { mode: 'slow' } };
    await volumes.prepare(pod, facts);
    expect(await readlink(join(path, '..data'))).not.toBe(before);
    expect((await readdir(path)).filter((name) => !name.startsWith('..'))).toEqual(['mode']);
    expect(await readFile(join(path, 'mode'), 'utf8')).toBe('slow');
  });

  it('asks for a new token when 80 % of its life is over', async () => {
    const pod = podOf({ projected: { sources: [{ serviceAccountToken: { path: 'token' } }] } });
    const volumes = volumesOf(pod);
    await volumes.prepare(pod, facts);
    expect(volumes.refreshAt()).toBe(clock.now() + 2880_000);
    clock.advance(2879_000);
    await volumes.prepare(pod, facts);
    expect(tokens).toBe(1);
    clock.advance(1000);
    await volumes.prepare(pod, facts);
    expect(await readFile(join(volumes.pathOf(pod, 'v') ?? '', 'token'), 'utf8')).toBe('token-2');
  });

  it.each<[string, Partial<Volume>, string]>([
    ['of a ConfigMap', { configMap: { name: 'settings' } }, 'pod/volumes/v'],
    ['that is empty', { emptyDir: {} }, 'pod/volumes/v'],
    ['of a Secret', { secret: { secretName: 'login' } }, 'memory/v'],
    ['of the downward API', { downwardAPI: { items: [{ path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } }] } }, 'memory/v'],
    ['with a token', { projected: { sources: [{ serviceAccountToken: { path: 'token' } }] } }, 'memory/v'],
  ])('%s is where it may be', async (_name, volume, path) => {
    const pod = podOf(volume);
    const volumes = volumesOf(pod);
    await volumes.prepare(pod, facts);
    expect(volumes.pathOf(pod, 'v')).toBe(join(directory, path));
    expect((await stat(join(directory, path))).isDirectory()).toBe(true);
    await volumes.remove();
    await expect(stat(join(directory, path))).rejects.toThrow('ENOENT');
  });

  it.each<[string, string | undefined, string | undefined, number]>([
    ['its own limit', '8Mi', '64Mi', 8 * 1024 ** 2],
    ['its pod\'s limit', '128Mi', '64Mi', 64 * 1024 ** 2],
    ['its pod\'s limit, without one of its own', undefined, '64Mi', 64 * 1024 ** 2],
    ['what the node has', undefined, undefined, 1024 ** 3],
  ])('in memory is bounded by %s', async (_name, sizeLimit, limit, sizeBytes) => {
    const containers = [{ name: 'c', ...(limit === undefined ? {} : { resources: { limits: { memory: limit } } }) }];
    const pod = podOf({ emptyDir: { medium: 'Memory', ...(sizeLimit === undefined ? {} : { sizeLimit }) } }, { containers, securityContext: { fsGroup: 2000 } });
    mounted.length = 0;
    await volumesOf(pod).prepare(pod, { ...facts, allocatable: { memory: '1Gi' } });
    expect(mounted).toEqual([{ directory: join(directory, 'memory/v'), mode: 0o2777, gid: 2000, sizeBytes }]);
  });

  it('is not filled again by what was under way when its pod went', async () => {
    const pod = podOf({ secret: { secretName: 'login' } });
    const volumes = volumesOf(pod);
    await Promise.all([volumes.prepare(pod, facts), volumes.remove(), volumes.prepare(pod, facts)]);
    await expect(stat(join(directory, 'memory'))).rejects.toThrow('ENOENT');
  });

  it.each<[string, Partial<Volume>]>([
    ['of a ConfigMap', { configMap: { name: 'settings', items: [{ key: 'mode', path: 'etc/deep/mode' }, { key: 'raw', path: 'etc/raw' }] } }],
    ['of a Secret', { secret: { secretName: 'login', items: [{ key: 'password', path: 'etc/deep/mode' }, { key: 'password', path: 'etc/raw' }] } }],
    ['that is projected', { projected: { sources: [{ serviceAccountToken: { path: 'etc/deep/mode' } }, { configMap: { name: 'settings', items: [{ key: 'raw', path: 'etc/raw' }] } }] } }],
  ])('%s belongs to the pod\'s group with its directories, also once it has changed', async (_name, volume) => {
    const pod = podOf(volume, { securityContext: { fsGroup: 2000 } });
    const volumes = volumesOf(pod);
    await volumes.prepare(pod, facts);
    const path = volumes.pathOf(pod, 'v') ?? '';
    const rights = async () => Promise.all(['.', '..data/', 'etc', 'etc/deep', 'etc/deep/mode', 'etc/raw'].map(async (name) => {
      const { gid, mode } = await stat(join(path, name));
      return `${gid} ${(mode & 0o7770).toString(8)}`;
    }));
    const ofDirectories = '2000 2750';
    expect(await rights()).toEqual([...Array<string>(4).fill(ofDirectories), '2000 640', '2000 640']);
    configMaps['settings'] = { data: { mode: 'slow', raw: 'new' } };
    await volumes.prepare(pod, facts);
    expect(await rights()).toEqual([...Array<string>(4).fill(ofDirectories), '2000 640', '2000 640']);
  });

  it('that is empty belongs to the pod\'s group, is kept on repetition, and goes with the pod', async () => {
    const pod = podOf({ emptyDir: {} }, { securityContext: { fsGroup: 2000 } });
    const volumes = volumesOf(pod);
    await volumes.prepare(pod, facts);
    const path = volumes.pathOf(pod, 'v') ?? '';
    const info = await stat(path);
    expect([info.gid, (info.mode & 0o7777).toString(8)]).toEqual([2000, '2777']);
    await volumes.remove();
    await expect(stat(path)).rejects.toThrow('ENOENT');
  });
});
