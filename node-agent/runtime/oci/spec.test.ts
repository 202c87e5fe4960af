import { describe, expect, it } from 'vitest';
import type { ContainerSpec, Mount } from '../runtime.ts';
import { capabilitiesIn, numbersOf } from './machine.ts';
import { ociSpec, type OciPlace } from './spec.ts';

const container: ContainerSpec = {
  id: 'x', name: 'main', layers: ['/layer'], readOnlyRoot: false, args: ['serve'], env: ['A=b'], workingDir: '/srv', mounts: [], maskedPaths: ['/proc/kcore'], readOnlyPaths: ['/proc/sys'],
  security: { uid: 5, gid: 6, groups: [7], capabilities: ['CAP_CHOWN', 'CAP_SYS_RESOURCE'], noNewPrivileges: true, privileged: false, seccomp: Buffer.from('filter'), oomScoreAdj: -997 },
  resources: {}, tty: false, stdin: false, stdinOnce: false, logPath: '/log', logMaxBytes: 1, logMaxFiles: 1,
};
const device = { path: '/dev/sda', type: 'b', major: 8, minor: 0, fileMode: 0o660, uid: 0, gid: 6 } as const;
const place: OciPlace = {
  pod: { hostPid: false, hostIpc: false, shareProcessNamespace: false }, sandbox: '/pods/u/sandbox', bundle: '/pods/u/sandbox/c/x', cgroupsPath: '/coracle-i/k/c0',
  capabilities: ['CAP_CHOWN', 'CAP_KILL'], devices: [device], architecture: 'x64',
};
const specOf = (changes: Partial<ContainerSpec> = {}, where: Partial<OciPlace> = {}) => ociSpec({ ...container, ...changes }, { ...place, ...where });
const mountAt = (spec: ReturnType<typeof ociSpec>, destination: string) => spec.mounts.find((mount) => mount.destination === destination);
const privileged: ContainerSpec['security'] = { uid: 0, gid: 0, groups: [], capabilities: ['CAP_KILL'], noNewPrivileges: false, privileged: true, oomScoreAdj: 0 };

describe('a container as an OCI runtime gets it', () => {
  it('is the process that the pod describes', () => {
    expect(specOf()).toMatchObject({
      root: { path: 'root', readonly: false },
      process: {
        terminal: false, user: { uid: 5, gid: 6, additionalGids: [7] }, args: ['serve'], env: ['A=b'], cwd: '/srv', noNewPrivileges: true,
        // The machine has no CAP_SYS_RESOURCE to give.
        capabilities: { bounding: ['CAP_CHOWN'], effective: ['CAP_CHOWN'], permitted: ['CAP_CHOWN'] },
      },
      linux: { cgroupsPath: '/coracle-i/k/c0', maskedPaths: ['/proc/kcore'], readonlyPaths: ['/proc/sys'], resources: { devices: [{ allow: false, access: 'rwm' }] } },
    });
    expect(specOf({ readOnlyRoot: true, tty: true })).toMatchObject({ root: { readonly: true }, process: { terminal: true } });
  });

  it.each<[string, Partial<ContainerSpec>, Partial<OciPlace['pod']>, readonly object[]]>([
    ['its own', {}, {}, [{ type: 'pid' }]],
    ["the pod's", {}, { shareProcessNamespace: true }, [{ type: 'pid', path: '/pods/u/sandbox/c/x/pids' }]],
    ["another container's", { joins: 'y' }, {}, [{ type: 'pid', path: '/pods/u/sandbox/c/x/pids' }]],
    ["the machine's", {}, { hostPid: true }, []],
    ["the machine's, whatever it joins", { joins: 'y' }, { hostPid: true, shareProcessNamespace: true }, []],
  ])('has %s processes, and the namespaces that the runtime is in', (_name, changes, pod, pids) => {
    expect(specOf(changes, { pod: { ...place.pod, ...pod } }).linux.namespaces).toEqual([...pids, { type: 'mount' }, { type: 'cgroup' }]);
  });

  it.each<[string, Mount, object]>([
    ['a volume', { type: 'bind', source: '/v', target: '/data', readOnly: false, propagation: 'private' }, { type: 'bind', source: '/pods/u/sandbox/c/x/volumes/0', options: ['rbind', 'rprivate', 'nodev', 'rw'] }],
    ['a part of one', { type: 'bind', source: '/v', subPath: 'a', target: '/data', readOnly: true, propagation: 'slave' }, { type: 'bind', source: '/pods/u/sandbox/c/x/volumes/0', options: ['rbind', 'rslave', 'nodev', 'ro'] }],
    ['an image', { type: 'image', source: 'i', layers: ['/l'], target: '/data', readOnly: true }, { type: 'bind', source: '/pods/u/sandbox/c/x/volumes/0', options: ['rbind', 'rprivate', 'nodev', 'ro'] }],
    ['memory', { type: 'tmpfs', source: '', target: '/data', readOnly: false, sizeBytes: 9 }, { type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'nodev', 'mode=777', 'size=9', 'rw'] }],
  ])('is shown %s', (_name, mount, expected) => {
    expect(mountAt(specOf({ mounts: [mount] }), '/data')).toEqual({ destination: '/data', ...expected });
  });

  it.each([[[], 'rprivate'], [['private', 'slave'], 'rslave'], [['slave', 'shared'], 'rshared']] as const)('lets mounts at its volumes (%j) pass: %s', (propagations, expected) => {
    const mounts = propagations.map((propagation, index): Mount => ({ type: 'bind', source: '/v', target: `/${index}`, readOnly: false, propagation }));
    expect(specOf({ mounts }).linux.rootfsPropagation).toBe(expected);
  });

  it('shares memory with its pod, or the machine', () => {
    expect(mountAt(specOf(), '/dev/shm')?.source).toBe('/pods/u/sandbox/shm');
    expect(mountAt(specOf({}, { pod: { ...place.pod, hostIpc: true } }), '/dev/shm')?.source).toBe('/dev/shm');
  });

  it.each<[string, ContainerSpec['resources'], object]>([
    ['nothing is asked for', {}, { cpu: { shares: 2 } }],
    ['all is', { cpuRequestMillis: 250, cpuLimitMillis: 1500, memoryLimitBytes: 64, pidsLimit: 9, cpus: '0-1' }, { cpu: { shares: 256, quota: 150_000, period: 100_000, cpus: '0-1' }, memory: { limit: 64 }, pids: { limit: 9 } }],
    ['it is very little', { cpuRequestMillis: 1, cpuLimitMillis: 1 }, { cpu: { shares: 2, quota: 1000, period: 100_000 } }],
  ])('is bounded, when %s', (_name, resources, expected) => {
    const { devices: _devices, ...bounds } = specOf({ resources }).linux.resources;
    expect(bounds).toEqual(expected);
  });

  it('has everything of the machine when it is privileged', () => {
    const spec = specOf({ security: privileged, mounts: [{ type: 'bind', source: '/v', target: '/data', readOnly: false, propagation: 'private' }] });
    expect(spec.linux).toMatchObject({ devices: [device], resources: { devices: [{ allow: true, access: 'rwm' }] } });
    expect(spec.linux.seccomp).toBeUndefined();
    expect(['/sys', '/sys/fs/cgroup', '/data'].map((path) => mountAt(spec, path)?.options.at(-1))).toEqual(['rw', 'rw', 'rw']);
    expect(mountAt(spec, '/data')?.options).not.toContain('nodev');
  });

  it('is filtered by the profile that the pod asks for', () => {
    const text = JSON.stringify({ defaultAction: 'SCMP_ACT_LOG' });
    const { seccomp: _none, ...unconfined } = container.security;
    expect(specOf().linux.seccomp).toMatchObject({ defaultAction: 'SCMP_ACT_ERRNO' });
    expect(specOf({ security: { ...container.security, seccompProfile: text } }).linux.seccomp).toEqual({ defaultAction: 'SCMP_ACT_LOG' });
    expect('seccomp' in specOf({ security: unconfined }).linux).toBe(false);
  });
});

it.each([[0x801, 8, 1], [0x103, 1, 3], [0xfff0_0fe0, 15, 0xfffe0]])('the device %i is %i:%i', (rdev, major, minor) => {
  expect(numbersOf(rdev)).toEqual({ major, minor });
});

it('the capabilities that there are to give are those of the bounding set', () => {
  expect(capabilitiesIn('CapEff:\t000001ffffffffff\nCapBnd:\t0000000000000021\n')).toEqual(['CAP_CHOWN', 'CAP_KILL']);
  expect(capabilitiesIn('CapBnd:\t000001fffeffffff\n')).not.toContain('CAP_SYS_RESOURCE');
});
