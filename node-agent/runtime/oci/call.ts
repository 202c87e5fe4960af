import { join } from 'node:path';
import type { RuntimeCall } from '../../../native/container.ts';
import { instanceCgroup } from '../cgroups.ts';
import type { ContainerSpec, SandboxSpec } from '../runtime.ts';
import { runtimeOf, type RuntimeHandlers } from './handlers.ts';
import { machineDevices, ownCapabilities } from './machine.ts';
import { ociSpec } from './spec.ts';

/** A sandbox of a handler's, as `SandboxFacts` has it. */
export interface HandledSandbox {
  readonly machine: { readonly instance: string; readonly handlers: RuntimeHandlers };
  readonly spec: SandboxSpec;
  /** Below the instance's cgroup. */
  readonly cgroup: string;
  readonly directory: string;
}

/** How a container is run by its pod's handler. Rejects where this node has lost it. */
export async function runtimeCall({ machine: { instance, handlers }, spec, cgroup: own, directory }: HandledSandbox, handler: string, container: ContainerSpec): Promise<RuntimeCall> {
  const runtime = runtimeOf(handlers, handler);
  const [capabilities, devices] = await Promise.all([ownCapabilities(), container.security.privileged ? machineDevices() : []]);
  // Only the supervisor knows the container's cgroup: its name takes the place of this, which nobody can have written, ids being random.
  const cgroup = `cgroup-of-${container.id}`;
  const config = ociSpec(container, {
    pod: spec, sandbox: directory, bundle: join(directory, 'c', container.id), cgroupsPath: `/${instanceCgroup(instance)}/${own}/${cgroup}`,
    capabilities, devices, architecture: process.arch,
  });
  return { command: [runtime], config: JSON.stringify(config).split(cgroup) };
}
