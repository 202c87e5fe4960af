import { accessSync, constants, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { evictionSettings, type EvictionOptions, type EvictionSettings } from '../../node-agent/eviction/thresholds.ts';
import type { CpuSettings } from '../../node-agent/cpus/manager.ts';
import type { GarbagePolicy } from '../../node-agent/images/garbage.ts';
import type { RegistrySettings } from '../../node-agent/images/registry-settings.ts';
import { nothingReserved, type Reserved } from '../../node-agent/node/reserved.ts';
import type { MemoryQos } from '../../node-agent/pod/memory-qos.ts';
import type { Swap } from '../../node-agent/pod/swap.ts';
import type { RuntimeHandlers } from '../../node-agent/runtime/oci/handlers.ts';
import { shutdownPeriods, type ShutdownPeriod } from '../../node-agent/shutdown/periods.ts';
import { messageOf } from '../../machinery/thrown.ts';
import { CommandFailure } from '../failure.ts';

/** As the user wrote them; see `withNodeOptions`. */
export interface NodeFlags extends GarbageFlags, EvictionFlags, ShutdownFlags, ProcessorFlags, RegistryFlags, MemoryFlags {
  readonly maxPods: number;
  readonly runtimeHandler?: RuntimeHandlers;
  readonly podManifestPath?: string;
}

interface MemoryFlags {
  readonly memoryThrottlingFactor?: number;
  readonly memoryReservationPolicy: string;
  readonly memorySwapBehavior: string;
}

interface ProcessorFlags {
  readonly cpuManagerPolicy: string;
  readonly reservedCpus?: ReadonlySet<number>;
  readonly systemReserved?: Reserved;
}

interface GarbageFlags {
  readonly imageGcHighThreshold: number;
  readonly imageGcLowThreshold: number;
  /** Milliseconds. */
  readonly minimumImageTtlDuration: number;
}

interface EvictionFlags {
  readonly evictionHard?: EvictionOptions['hard'];
  readonly evictionSoft?: EvictionOptions['soft'];
  readonly evictionSoftGracePeriod?: EvictionOptions['softGraceMs'];
  readonly evictionMinimumReclaim?: EvictionOptions['minReclaim'];
  readonly evictionPressureTransitionPeriod?: EvictionOptions['transitionMs'];
  readonly evictionMaxPodGracePeriod: number;
}

interface ShutdownFlags {
  /** Milliseconds. */
  readonly shutdownGracePeriod?: number;
  readonly shutdownGracePeriodCriticalPods?: number;
  readonly shutdownGracePeriodByPodPriority?: readonly ShutdownPeriod[];
}

interface RegistryFlags {
  readonly registryMirror?: readonly { readonly registry: string; readonly url: URL }[];
  readonly insecureRegistry?: readonly string[];
}

export interface NodeSettings {
  readonly maxPods: number;
  /** Absolute; absent: no static pods. */
  readonly podManifestPath?: string;
  readonly registries: RegistrySettings;
  readonly runtimeHandlers: RuntimeHandlers;
  /** When images that nothing uses are removed. */
  readonly imageGarbage: GarbagePolicy;
  /** When pods are ended because the node runs short. */
  readonly eviction: EvictionSettings;
  /** How pods are ended when the machine goes down. */
  readonly shutdown: { readonly periods: readonly ShutdownPeriod[] };
  /** What of the machine pods are not promised. */
  readonly reserved: Reserved;
  /** Who runs on which processors. */
  readonly cpus: CpuSettings;
  /** What the kernel is told of pods' memory besides limits. */
  readonly memoryQos: MemoryQos;
  readonly swapBehavior: Swap['behavior'];
}

/** What the flags mean together. Throws `CommandFailure`. */
export function nodeSettings(flags: NodeFlags): NodeSettings {
  const { maxPods, podManifestPath } = flags;
  return {
    maxPods, ...(podManifestPath === undefined ? {} : { podManifestPath: checkedDirectory(resolve(podManifestPath)) }),
    runtimeHandlers: checkedHandlers(flags.runtimeHandler ?? new Map()), imageGarbage: garbagePolicy(flags), eviction: evictionOf(flags), shutdown: { periods: shutdownOf(flags) }, reserved: reservedOf(flags), cpus: cpusOf(flags), memoryQos: memoryQosOf(flags), swapBehavior: flags.memorySwapBehavior === 'LimitedSwap' ? 'LimitedSwap' : 'NoSwap', registries: registriesOf(flags),
  };
}

function memoryQosOf({ memoryThrottlingFactor: throttlingFactor, memoryReservationPolicy }: MemoryFlags): MemoryQos {
  return { reserves: memoryReservationPolicy === 'TieredReservation', ...(throttlingFactor === undefined ? {} : { throttlingFactor }) };
}

function cpusOf({ cpuManagerPolicy, reservedCpus = new Set() }: ProcessorFlags): CpuSettings {
  const policy = cpuManagerPolicy === 'static' ? 'static' : 'none';
  if (policy === 'static' && reservedCpus.size === 0) throw new CommandFailure('--cpu-manager-policy static needs --reserved-cpus: what is not any container\'s own runs there when all other processors are taken');
  return { policy, reserved: reservedCpus };
}

/** Processors that are named are those that are reserved, however many are asked for besides. Source: the kubelet's `--reserved-cpus`. */
function reservedOf({ reservedCpus = new Set(), systemReserved = nothingReserved }: ProcessorFlags): Reserved {
  return reservedCpus.size === 0 ? systemReserved : { ...systemReserved, cpuMillis: reservedCpus.size * 1000 };
}

function registriesOf({ registryMirror = [], insecureRegistry = [] }: RegistryFlags): RegistrySettings {
  const mirrors = Map.groupBy(registryMirror, ({ registry }) => registry);
  return { insecure: insecureRegistry, mirrors: new Map([...mirrors].map(([registry, each]) => [registry, each.map(({ url }) => url)])) };
}

/** It need not be there yet. */
function checkedDirectory(path: string): string {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === false) throw new CommandFailure(`--pod-manifest-path ${path} is no directory: give the one that the manifest lies in`);
  return path;
}

/** A path with a slip in it is found now, and not with the first pod. */
function checkedHandlers(handlers: RuntimeHandlers): RuntimeHandlers {
  for (const [name, path] of handlers) {
    try {
      accessSync(path, constants.X_OK);
    } catch (error) {
      throw new CommandFailure(`--runtime-handler ${name}=${path}: ${messageOf(error)}: install the runtime, or leave the handler out`, { cause: error });
    }
  }
  return handlers;
}

function garbagePolicy({ imageGcHighThreshold, imageGcLowThreshold, minimumImageTtlDuration }: GarbageFlags): GarbagePolicy {
  if (imageGcLowThreshold >= imageGcHighThreshold) throw new CommandFailure(`--image-gc-low-threshold (${imageGcLowThreshold}) must be below --image-gc-high-threshold (${imageGcHighThreshold})`);
  return { highThresholdPercent: imageGcHighThreshold === 100 ? Infinity : imageGcHighThreshold, lowThresholdPercent: imageGcLowThreshold, minimumAgeMs: minimumImageTtlDuration };
}

function evictionOf(flags: EvictionFlags): EvictionSettings {
  const { evictionHard: hard, evictionSoft: soft, evictionSoftGracePeriod: softGraceMs, evictionMinimumReclaim: minReclaim, evictionPressureTransitionPeriod: transitionMs } = flags;
  try {
    return evictionSettings({
      maxPodGraceSeconds: flags.evictionMaxPodGracePeriod, ...(transitionMs === undefined ? {} : { transitionMs }),
      ...(hard === undefined ? {} : { hard }), ...(soft === undefined ? {} : { soft }), ...(softGraceMs === undefined ? {} : { softGraceMs }), ...(minReclaim === undefined ? {} : { minReclaim }),
    });
  } catch (error) {
    throw new CommandFailure(`--eviction-soft: ${messageOf(error)} (--eviction-soft-grace-period)`, { cause: error });
  }
}

function shutdownOf({ shutdownGracePeriod: graceMs, shutdownGracePeriodCriticalPods: criticalMs, shutdownGracePeriodByPodPriority: byPriority }: ShutdownFlags): readonly ShutdownPeriod[] {
  try {
    return shutdownPeriods({ ...(graceMs === undefined ? {} : { graceMs }), ...(criticalMs === undefined ? {} : { criticalMs }), ...(byPriority === undefined ? {} : { byPriority }) });
  } catch (error) {
    throw new CommandFailure(messageOf(error), { cause: error });
  }
}
