import { join } from 'node:path';
import { sharesOf } from '../qos-tree.ts';
import type { CgroupResources, ContainerSpec, Mount, SandboxSpec } from '../runtime.ts';
import type { OciDevice } from './machine.ts';
import { ociSeccomp } from './seccomp.ts';

/** Where a container will be, and what the machine lets it have. */
export interface OciPlace {
  readonly pod: Pick<SandboxSpec, 'hostPid' | 'hostIpc' | 'shareProcessNamespace'>;
  /** The sandbox's directory on the host. */
  readonly sandbox: string;
  /** The container's own in it: the bundle. */
  readonly bundle: string;
  /** Below the hierarchies' mounts. */
  readonly cgroupsPath: string;
  /** Capabilities that there are to give. */
  readonly capabilities: readonly string[];
  /** All devices of the machine, for a privileged container. */
  readonly devices: readonly OciDevice[];
  /** `process.arch` */
  readonly architecture: string;
}

export interface OciMount {
  readonly destination: string;
  readonly type: string;
  readonly source: string;
  readonly options: readonly string[];
}

/**
 * A container as config.json of the OCI runtime specification. Pure. What it leaves out is the runtime's own already, because the
 * runtime is started there: the pod's network, IPC and UTS namespaces, and oom_score_adj, which not every machine lets be lowered.
 * Overlay and volumes are mounted for the runtime, at `root` and `volumes/<i>` of the bundle.
 */
export function ociSpec(container: ContainerSpec, place: OciPlace) {
  const { security } = container;
  const { privileged } = security;
  const capabilities = security.capabilities.filter((name) => place.capabilities.includes(name));
  const seccomp = ociSeccomp(security, place.architecture);
  return {
    ociVersion: '1.0.2',
    root: { path: 'root', readonly: container.readOnlyRoot },
    process: {
      terminal: container.tty, user: { uid: security.uid, gid: security.gid, additionalGids: security.groups },
      args: container.args, env: container.env, cwd: container.workingDir, noNewPrivileges: security.noNewPrivileges,
      capabilities: { bounding: capabilities, effective: capabilities, permitted: capabilities },
    },
    mounts: [...kernelMounts(place, privileged), ...container.mounts.map((mount, index) => volumeMount(mount, join(place.bundle, 'volumes', String(index)), privileged))],
    linux: {
      namespaces: [...pidNamespace(container, place), { type: 'mount' }, { type: 'cgroup' }],
      cgroupsPath: place.cgroupsPath,
      resources: { devices: [{ allow: privileged, access: 'rwm' }], ...resourcesOf(container.resources) },
      ...(privileged ? { devices: place.devices } : {}),
      maskedPaths: container.maskedPaths, readonlyPaths: container.readOnlyPaths,
      rootfsPropagation: propagationOf(container.mounts),
      ...(seccomp === undefined ? {} : { seccomp }),
    },
  };
}

function pidNamespace({ joins }: ContainerSpec, { pod, bundle }: OciPlace): readonly { readonly type: 'pid'; readonly path?: string }[] {
  if (pod.hostPid) return [];
  return [{ type: 'pid', ...(pod.shareProcessNamespace || joins !== undefined ? { path: join(bundle, 'pids') } : {}) }];
}

const plain = ['nosuid', 'nodev', 'noexec'];

function kernelMounts({ pod, sandbox }: OciPlace, privileged: boolean): readonly OciMount[] {
  const writable = privileged ? 'rw' : 'ro';
  return [
    { destination: '/proc', type: 'proc', source: 'proc', options: plain },
    { destination: '/dev', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'noexec', 'mode=755', 'size=65536k'] },
    { destination: '/dev/pts', type: 'devpts', source: 'devpts', options: ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', 'gid=5'] },
    { destination: '/dev/mqueue', type: 'mqueue', source: 'mqueue', options: plain },
    { destination: '/dev/shm', type: 'bind', source: pod.hostIpc ? '/dev/shm' : join(sandbox, 'shm'), options: ['rbind', ...plain] },
    { destination: '/sys', type: 'sysfs', source: 'sysfs', options: [...plain, writable] },
    { destination: '/sys/fs/cgroup', type: 'cgroup', source: 'cgroup', options: [...plain, 'relatime', writable] },
  ];
}

const propagations = { private: 'rprivate', slave: 'rslave', shared: 'rshared' } as const;

function volumeMount({ type, source, target, readOnly, sizeBytes, propagation = 'private' }: Mount, at: string, privileged: boolean): OciMount {
  const access = readOnly ? 'ro' : 'rw';
  // Only what the containers of a pod share has a name, and is mounted for the runtime.
  if (type === 'tmpfs' && source === '') return { destination: target, type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'nodev', 'mode=777', ...(sizeBytes === undefined ? [] : [`size=${sizeBytes}`]), access] };
  return { destination: target, type: 'bind', source: at, options: ['rbind', propagations[propagation], ...(privileged ? [] : ['nodev']), access] };
}

/** What is mounted at a volume, on either side, passes through the root of the runtime's mounts. */
function propagationOf(mounts: readonly Mount[]): string {
  const wanted = new Set(mounts.map(({ propagation }) => propagation));
  return wanted.has('shared') ? 'rshared' : wanted.has('slave') ? 'rslave' : 'rprivate';
}

const quotaPeriod = 100_000;

/** The supervisor sets the same (native/pod/cgroup.c); a runtime that isn't the kernel's knows its bounds from here only. */
function resourcesOf({ cpuRequestMillis = 0, cpuLimitMillis, memoryLimitBytes, pidsLimit, cpus }: CgroupResources) {
  return {
    cpu: { shares: sharesOf(cpuRequestMillis), ...(cpuLimitMillis === undefined ? {} : { quota: Math.max(cpuLimitMillis * quotaPeriod / 1000, 1000), period: quotaPeriod }), ...(cpus === undefined ? {} : { cpus }) },
    ...(memoryLimitBytes === undefined ? {} : { memory: { limit: memoryLimitBytes } }),
    ...(pidsLimit === undefined ? {} : { pids: { limit: pidsLimit } }),
  };
}
