import { posix } from 'node:path';
import type { Container, Pod } from '../../machinery/kinds/core.ts';
import { unitsOf } from '../../machinery/quantity.ts';
import { ConfigError, expand } from '../environment.ts';
import type { ImageConfig } from '../images/manifest.ts';
import type { CgroupResources, ContainerSpec, Mount, ProcessSecurity } from '../runtime/runtime.ts';
import { defaultMaskedPaths, defaultReadOnlyPaths } from '../runtime/capabilities.ts';

/** What goes into one container, gathered by the worker. */
export interface ContainerParts {
  readonly id: string;
  readonly layers: readonly string[];
  readonly image: ImageConfig;
  /** As the pod's spec makes it; the image's own comes beneath. */
  readonly environment: ReadonlyMap<string, string>;
  readonly hostname: string;
  /** Home directory of the user that it runs as. */
  readonly home: string;
  readonly security: ProcessSecurity;
  /** Volumes by name: where they are on the host. */
  readonly volumePath: (name: string) => string | undefined;
  /** Of volumes that are images: their layers, the lowest first. */
  readonly imageLayers: (name: string) => readonly string[] | undefined;
  /** Files of the pod by their path in the container: /etc/hosts, …; a volume mounted there wins. */
  readonly files: ReadonlyMap<string, string>;
  readonly logPath: string;
  /** What its cgroup is given. */
  readonly resources: CgroupResources;
  /** Whether its pod's runtime makes mounts below read-only ones read-only too. */
  readonly recursiveReadOnly: boolean;
  /** The run of another container whose processes it shares. */
  readonly joins?: string;
}

const logMaxBytes = 10 * 1024 * 1024;
const logMaxFiles = 5;
const defaultPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Puts a container together. Pure. Throws `ConfigError` when the pod asks for what can't be. */
export function containerSpec(pod: Pod, container: Container, parts: ContainerParts): ContainerSpec {
  const { securityContext } = container;
  const args = commandLine(container, parts);
  if (args.length === 0) throw new ConfigError('no command specified');
  const bare = securityContext?.privileged === true || securityContext?.procMount === 'Unmasked';
  return {
    id: parts.id, name: container.name, layers: parts.layers, readOnlyRoot: securityContext?.readOnlyRootFilesystem === true,
    args, env: environmentList(container, parts), workingDir: container.workingDir ?? (parts.image.workingDir === '' ? '/' : parts.image.workingDir),
    mounts: mountsOf(pod, container, parts), maskedPaths: bare ? [] : defaultMaskedPaths, readOnlyPaths: bare ? [] : defaultReadOnlyPaths,
    security: parts.security,
    resources: parts.resources,
    tty: container.tty === true, stdin: container.stdin === true, stdinOnce: container.stdinOnce === true,
    logPath: parts.logPath, logMaxBytes, logMaxFiles, ...(parts.joins === undefined ? {} : { joins: parts.joins }),
    ...diskLimit(container),
  };
}

/** `command` replaces the image's entrypoint and its arguments with it; `args` replaces the arguments only ("Define a Command"). */
function commandLine(container: Container, parts: ContainerParts): readonly string[] {
  const known = (name: string): string | undefined => parts.environment.get(name);
  const command = container.command?.map((each) => expand(each, known)) ?? [];
  const args = container.args?.map((each) => expand(each, known)) ?? [];
  if (command.length > 0) return [...command, ...args];
  return [...parts.image.entrypoint, ...(args.length > 0 ? args : parts.image.command)];
}

function environmentList(container: Container, parts: ContainerParts): readonly string[] {
  const variables = new Map<string, string>([['PATH', defaultPath], ['HOSTNAME', parts.hostname], ...(container.tty === true ? [['TERM', 'xterm'] as const] : [])]);
  for (const entry of parts.image.env) {
    const equals = entry.indexOf('=');
    if (equals > 0) variables.set(entry.slice(0, equals), entry.slice(equals + 1));
  }
  for (const [name, value] of parts.environment) variables.set(name, value);
  // An empty one counts as none, as in runc.
  if ((variables.get('HOME') ?? '') === '') variables.set('HOME', parts.home);
  return [...variables].map(([name, value]) => `${name}=${value}`);
}

/** 0 is no limit, as with the kubelet. */
function diskLimit({ resources }: Container): Pick<ContainerSpec, 'diskLimitBytes'> {
  const diskLimitBytes = unitsOf(resources?.limits?.['ephemeral-storage']) ?? 0;
  return diskLimitBytes === 0 ? {} : { diskLimitBytes };
}

/** Whether what is mounted below a read-only mount is to be read-only too. Source: "Recursive read-only mounts". */
function isRecursive({ name, readOnly, recursiveReadOnly = 'Disabled' }: VolumeMount, isPossible: boolean): boolean {
  if (recursiveReadOnly === 'Disabled' || readOnly !== true) return false;
  if (recursiveReadOnly === 'Enabled' && !isPossible) {
    throw new ConfigError(`volume "${name}" requested recursive read-only mode, but it is not supported by the runtime: the pod has another runtime handler, or was started by an older version of this one; IfPossible goes without`);
  }
  return isPossible;
}

/** The container's mounts of volumes that are read-only with all that is mounted below them: their paths. */
export function recursiveMounts(container: Container, isPossible: boolean): readonly string[] {
  return (container.volumeMounts ?? []).flatMap((mount) => (isRecursive(mount, isPossible) ? [mount.mountPath] : []));
}

function mountsOf(pod: Pod, container: Container, parts: ContainerParts): readonly Mount[] {
  const volumes = (container.volumeMounts ?? []).map((mount): Mount => {
    const live = pod.spec?.volumes?.find((each) => each.name === mount.name);
    const layers = parts.imageLayers(mount.name);
    const path = layers === undefined ? parts.volumePath(mount.name) : live?.image?.reference ?? '';
    if (path === undefined) throw new ConfigError(`volume "${mount.name}" is not in the pod`);
    const target = posix.resolve('/', mount.mountPath);
    const subPath = subPathOf(mount, parts.environment);
    const alwaysReadOnly = live?.configMap !== undefined || live?.secret !== undefined || live?.projected !== undefined || live?.downwardAPI !== undefined;
    if (layers !== undefined) return { type: 'image', source: path, layers, ...(subPath === '' ? {} : { subPath }), target, readOnly: true, propagation: 'private' };
    return {
      type: 'bind', source: path, ...(subPath === '' ? {} : { subPath }), target, readOnly: mount.readOnly === true || alwaysReadOnly,
      ...(isRecursive(mount, parts.recursiveReadOnly) ? { recursiveReadOnly: true } : {}),
      propagation: mount.mountPropagation === 'Bidirectional' ? 'shared' : mount.mountPropagation === 'HostToContainer' ? 'slave' : 'private',
    };
  });
  const taken = new Set(volumes.map((mount) => mount.target));
  const files = [...parts.files].filter(([target]) => !taken.has(target)).map(([target, source]): Mount => ({ type: 'bind', source, target, readOnly: false, propagation: 'private' }));
  // Outer directories first: an inner mount must not be hidden.
  return [...files, ...volumes].toSorted((a, b) => a.target.split('/').length - b.target.split('/').length);
}

type VolumeMount = NonNullable<Container['volumeMounts']>[number];

/** The part of a volume that a mount asks for: '' is all of it. Whether a link leads it out of the volume is the runtime's to see, as it opens it. */
function subPathOf(mount: VolumeMount, environment: ReadonlyMap<string, string>): string {
  const path = mount.subPathExpr === undefined || mount.subPathExpr === '' ? mount.subPath ?? '' : expand(mount.subPathExpr, (name) => environment.get(name));
  if (path.startsWith('/') || path.split('/').includes('..')) throw new ConfigError(`subPath "${path}" must stay inside the volume`);
  if (path.includes('$(')) throw new ConfigError(`missing value for "${path}"`);
  return path;
}
