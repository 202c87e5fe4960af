import type { Container, ContainerStatus } from '../../machinery/kinds/core.ts';
import type { Run } from './state.ts';

type Granted = Pick<ContainerStatus, 'allocatedResources' | 'resources' | 'volumeMounts' | 'user'>;

/** What a container's status says of what it was started with: resources, mounts, and who it runs as. Pure. Behaviour: the kubelet's of 1.36. */
export function grantedTo(container: Container, run: Run, grant: Container['resources'] | undefined): Granted {
  // The spec's may have been changed since: what it has is what the run began with, or was resized to.
  const resources = run.resources ?? container.resources ?? {};
  const { requests = resources.requests } = grant ?? {};
  const mounts = container.volumeMounts ?? [];
  return {
    ...(requests === undefined ? {} : { allocatedResources: requests }),
    resources,
    ...(mounts.length === 0 ? {} : { volumeMounts: mounts.map((mount) => mountStatus(mount, run.recursiveReadOnly ?? [])) }),
    ...(run.user === undefined ? {} : { user: { linux: { uid: run.user.uid, gid: run.user.gid, supplementalGroups: [...new Set([run.user.gid, ...run.user.groups])] } } }),
  };
}

function mountStatus({ name, mountPath, readOnly }: NonNullable<Container['volumeMounts']>[number], recursive: readonly string[]): NonNullable<ContainerStatus['volumeMounts']>[number] {
  return { name, mountPath, ...(readOnly === true ? { readOnly, recursiveReadOnly: recursive.includes(mountPath) ? 'Enabled' : 'Disabled' } : {}) };
}
