import { constants } from 'node:os';
import { join } from 'node:path';
import type { PodContainer, PodRunning } from '../../native/container.ts';
import { NativeError } from '../../native/frame.ts';
import type { PodClient, PodEvents } from '../../native/pod.ts';
import { capabilityMask } from './capabilities.ts';
import { nativeResources } from './cgroup-files.ts';
import { slotPaths } from './cgroups.ts';
import { runtimeCall } from './oci/call.ts';
import type { Machine } from './sandboxes.ts';
import { translated } from './translate.ts';
import type { ContainerExit, ContainerSpec, Sandbox, SandboxSpec, StartedContainer } from './runtime.ts';

/** A sandbox as the runtime holds it: what the pod workers see, and what only the runtime may do. */
export interface SandboxHandle {
  /** Below the instance's. */
  readonly cgroup: string;
  readonly sandbox: Sandbox;
  readonly events: PodEvents;
  /** The name of a running container's cgroup below the sandbox's. */
  cgroupOf(containerId: string): string | undefined;
  /** Closes the connection; the pod goes on. */
  release(): void;
}

export interface SandboxFacts {
  readonly machine: Machine;
  readonly spec: SandboxSpec;
  readonly client: PodClient;
  readonly cgroup: string;
  readonly directory: string;
  readonly address: string | undefined;
}

export interface SandboxHooks {
  exited(exit: ContainerExit): void;
  lost(): void;
  /** The first container has been started or refused, or never will be. */
  settled(): void;
  /** Ends the sandbox and all it has. */
  end(): Promise<void>;
  /** Kills what a dead supervisor left: only hostPID pods can have anything. */
  killRest(): Promise<void>;
  failed(error: unknown): void;
}

function nativeSpec(version: 1 | 2, spec: ContainerSpec): PodContainer {
  const { security } = spec;
  return {
    ...spec, resources: nativeResources(version, spec.resources), uid: security.uid, gid: security.gid, groups: security.groups, capabilities: capabilityMask(security.capabilities), noNewPrivileges: security.noNewPrivileges,
    privileged: security.privileged, seccomp: security.seccomp ?? Buffer.alloc(0), oomScoreAdj: security.oomScoreAdj,
  };
}

/** What runs and what has ended in one sandbox, kept up to date by answers and events in whatever order they come. */
function createContainers(client: PodClient) {
  const running = new Map<string, StartedContainer>();
  const indexes = new Map<string, number>();
  const exits = new Map<string, ContainerExit>(client.state.exits.map((exit) => [exit.containerId, exit]));
  const started = ({ cgroupIndex, ...container }: PodRunning): StartedContainer => {
    indexes.set(container.containerId, cgroupIndex);
    if (!exits.has(container.containerId)) running.set(container.containerId, container); // its exit may overtake the answer
    return container;
  };
  for (const container of client.state.running) started(container);
  return {
    running, exits, started,
    ended(exit: ContainerExit) {
      exits.set(exit.containerId, exit);
      running.delete(exit.containerId);
    },
    forget(containerId: string) {
      exits.delete(containerId);
      indexes.delete(containerId);
    },
    cgroupOf(containerId: string): string | undefined {
      const index = indexes.get(containerId);
      return index === undefined ? undefined : `c${index}`;
    },
    /** Whether a cgroup is another container's. */
    isOthers: (index: number, containerId: string): boolean => [...indexes].some(([id, each]) => each === index && id !== containerId),
  };
}

/** Frees what an ended container has left. Files before cgroup: dead memory cgroups would linger on the files' pages. */
async function removeContainer({ client, machine, cgroup, directory }: SandboxFacts, { isOthers }: Pick<ReturnType<typeof createContainers>, 'isOthers'>, containerId: string): Promise<void> {
  const own = join(directory, 'c', containerId);
  const index = await client.remove(containerId).catch((error: unknown) => {
    if (error instanceof NativeError && error.code === 'NotFound') return undefined;
    throw error;
  });
  // Of a container that failed before it had one, supervisors before version 7 name the first container's.
  const cgroups = index === undefined || isOthers(index, containerId) ? [] : slotPaths(machine.layout, machine.instance, cgroup).map((slot) => join(slot, `c${index}`));
  await machine.host.destroy({ directory: own, cgroups });
  await machine.projects.release(own);
}

/** The project that limits the writable layer to be. A supervisor that can't make it so leaves the limit to who measures. */
async function layerProject({ client, machine, directory }: SandboxFacts, { id, diskLimitBytes }: ContainerSpec): Promise<{ readonly project?: number }> {
  if (diskLimitBytes === undefined || !client.knows('project')) return {};
  const project = await machine.projects.limit(join(directory, 'c', id), diskLimitBytes, { isThere: false });
  return project === undefined ? {} : { project };
}

export function createSandboxHandle(facts: SandboxFacts, hooks: SandboxHooks): SandboxHandle {
  const { spec, client, cgroup, address, machine: { layout: { version } } } = facts;
  const containers = createContainers(client);
  let destroyed: Promise<void> | undefined;
  let gone = false;
  /** One that is there although its start was given up is killed, and removed when its exit is told. */
  const endLater = async (containerId: string, failure: unknown): Promise<void> => {
    hooks.failed(failure);
    await client.signal(containerId, constants.signals.SIGKILL).catch(hooks.failed);
  };
  const start = async (container: ContainerSpec): Promise<StartedContainer> => {
    if (client.refusal !== undefined) throw new NativeError('Incompatible', client.refusal);
    try {
      const runtime = spec.handler === undefined ? {} : { runtime: await runtimeCall(facts, spec.handler, container) };
      return containers.started(await client.start({ ...nativeSpec(version, container), ...runtime, ...(await layerProject(facts, container)) }));
    } catch (error) {
      if (!gone) await removeContainer(facts, containers, container.id).catch((failure: unknown) => endLater(container.id, failure));
      throw error;
    } finally {
      hooks.settled();
    }
  };
  const remove = async (containerId: string): Promise<void> => {
    await removeContainer(facts, containers, containerId);
    containers.forget(containerId);
  };
  const destroy = (): Promise<void> => {
    gone = true;
    hooks.settled();
    destroyed ??= hooks.end().catch((error: unknown) => {
      destroyed = undefined;
      throw error;
    });
    return destroyed;
  };
  const sandbox: Sandbox = {
    uid: spec.uid, spec, address, refusal: client.refusal, recursiveReadOnly: client.knows('recursiveReadOnly') && spec.handler === undefined, running: containers.running, exits: containers.exits,
    get answers() {
      return !gone;
    },
    start: (container) => translated(() => start(container)),
    signal: (containerId, signal) => translated(() => client.signal(containerId, signal)),
    resize: (containerId, resources) => translated(() => client.resize(containerId, nativeResources(version, resources))),
    exec: (containerId, request) => translated(() => client.exec(containerId, request)),
    attach: (containerId, request) => translated(() => client.attach(containerId, request)),
    remove: (containerId) => translated(() => remove(containerId)),
    dial: (port) => translated(() => client.dial(port)),
    destroy: () => translated(destroy),
  };
  const events: PodEvents = {
    exited(exit) {
      containers.ended(exit);
      hooks.exited(exit);
    },
    lost() {
      if (gone) return;
      gone = true;
      hooks.settled();
      containers.running.clear();
      hooks.killRest().catch(hooks.failed).finally(() => hooks.lost());
    },
  };
  const release = (): void => {
    gone = true;
    client.close();
  };
  return { cgroup, sandbox, events, cgroupOf: containers.cgroupOf, release };
}
