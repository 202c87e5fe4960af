import type { Clock } from '../../machinery/clock.ts';
import type { Pod, Service } from '../../machinery/kinds/core.ts';
import type { Client } from '../../client/client.ts';
import type { EventType, Recorder } from '../../client/events.ts';
import type { Log } from '../../client/log.ts';
import type { CpuManager } from '../cpus/manager.ts';
import type { PodFacts } from '../downward.ts';
import type { ImagePolicySource } from '../image-policies.ts';
import type { RegistrySettings } from '../images/registry-settings.ts';
import type { ImageStore } from '../images/store.ts';
import type { UserLookUp } from '../images/users.ts';
import type { HeldObjects, ObjectSource } from '../objects.ts';
import type { RuntimeClassSource } from '../runtime-classes.ts';
import type { Runtime, Sandbox } from '../runtime/runtime.ts';
import type { KeptProjects } from '../runtime/seccomp.ts';
import type { PodVolumes } from '../volumes/volumes.ts';
import type { MemoryQos } from './memory-qos.ts';
import type { ContainerRecord, PodState } from './state.ts';
import type { Swap } from './swap.ts';
import type { StatusWriter } from './status-writer.ts';

/** What every pod worker of a node shares. */
export interface NodeContext {
  readonly client: Client;
  readonly clock: Clock;
  readonly log: Log;
  readonly runtime: Runtime;
  readonly images: ImageStore;
  readonly runtimeClasses: Pick<RuntimeClassSource, 'handlerOf'>;
  readonly imagePolicies: Pick<ImagePolicySource, 'current'>;
  readonly users: UserLookUp;
  readonly objects: ObjectSource;
  readonly recorder: Recorder;
  readonly statuses: StatusWriter;
  readonly dataDir: string;
  /** On a file system in memory: each pod has a directory in it by its uid. */
  readonly memoryDir: string;
  readonly nodeName: string;
  readonly hostAddress: string;
  readonly allocatable: () => Readonly<Record<string, string>>;
  /** What the kernel is told of pods' memory besides their limits. */
  readonly memoryQos: MemoryQos;
  readonly swap: Swap;
  /** Hands out processors; undefined: every container may use all. */
  readonly cpus: CpuManager | undefined;
  /** What pods hold of the node has changed. */
  readonly heldChanged: () => void;
  /** The node's other pods, with what they are granted. */
  readonly podsBeside: (uid: string) => readonly Pod[];
  readonly services: () => readonly Service[];
  readonly clusterDns: string | undefined;
  /** The node's own /etc/resolv.conf; '' when it has none. */
  readonly hostResolver: () => Promise<string>;
  readonly registries: RegistrySettings;
  readonly defaultSeccomp: (capabilities: readonly string[], projects: KeptProjects) => Buffer;
  readonly memoryCapacityBytes: number;
  /** Bytes: those that this node has huge pages of. */
  readonly hugePageSizes: readonly number[];
  readonly pidsLimit: number | undefined;
  /** Why the node doesn't let a pod in at the moment; undefined: it does. */
  refusal(pod: Pod): Refusal | undefined;
  /** Resolves when pods can have addresses. */
  networkReady(signal: AbortSignal): Promise<void>;
  /** 64 hex digits, never the same twice. */
  newId(): string;
}

/** Why a pod is not let in: its status's reason, and its event's. */
export interface Refusal {
  readonly reason: string;
  readonly message: string;
}

/** One pod, as the effects of its worker see it. */
export interface PodHandle {
  readonly node: NodeContext;
  readonly uid: string;
  readonly directory: string;
  /** With what its containers are granted. */
  pod(): Pod;
  /** As the API has it: it may ask for something else. */
  asked(): Pod;
  state(): PodState;
  /** Replaces the state, and has it written down and planned on. */
  change(edit: (state: PodState) => PodState): void;
  changeContainer(name: string, edit: (record: ContainerRecord) => ContainerRecord): void;
  /** Resolves when the state is on disk. */
  persist(): Promise<void>;
  sandbox(): Sandbox | undefined;
  setSandbox(sandbox: Sandbox | undefined): void;
  readonly volumes: PodVolumes;
  readonly objects: HeldObjects;
  facts(): PodFacts;
  /** `container`: the event is about that part of the pod. */
  event(type: EventType, reason: string, message: string, container?: string): void;
  /** Nothing of the pod is left here: ends the worker. */
  forget(): Promise<void>;
  /** Aborts when nothing may be started any more. */
  readonly starting: AbortSignal;
  /** Aborts when the agent stops: the pod goes on, its worker doesn't. */
  readonly working: AbortSignal;
}
