/**
 * The node agent: what makes a machine a node. It registers it, runs the pods that are bound to it, and serves their logs
 * and streams. It meets the rest of the cluster in the API only; pods go on without it, and without the API.
 */
import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { totalmem } from 'node:os';
import { join } from 'node:path';
import { pause, type Clock } from '../machinery/clock.ts';
import { Node, Pod, Service } from '../machinery/kinds/core.ts';
import { isMirror } from '../machinery/pod/static.ts';
import type { Client } from '../client/client.ts';
import { createRecorder, type Recorder } from '../client/events.ts';
import { createInformer } from '../client/informer.ts';
import type { Log } from '../client/log.ts';
import { createCpuManager, readProcessors, takeOverRefusal, type CpuManager, type CpuSettings } from './cpus/manager.ts';
import { keepStorageLimits } from './eviction/limit-keeper.ts';
import { createEvictionManager } from './eviction/manager.ts';
import { evictionSettings, keptFree, type EvictionSettings } from './eviction/thresholds.ts';
import { readHugePages } from './huge-pages.ts';
import { createImagePolicySource } from './image-policies.ts';
import { defaultGarbagePolicy, type GarbagePolicy } from './images/garbage.ts';
import { followImages } from './images/follow.ts';
import { clearIncoming } from './images/incoming.ts';
import { noRegistrySettings, type RegistrySettings } from './images/registry-settings.ts';
import { openImageStore } from './images/store.ts';
import { createUserLookUp } from './images/users.ts';
import { nodeReference } from './node/reference.ts';
import { beatHeart } from './node/heartbeat.ts';
import type { Reserved } from './node/reserved.ts';
import { createImageGarbage } from './node/image-garbage.ts';
import { nodeImages } from './node/images.ts';
import { lastNetworkIn } from './node/last-network.ts';
import { createNetworkKeeper } from './node/network.ts';
import { createNodeReporter } from './node/register.ts';
import { readNodeFacts } from './node/registration.ts';
import { createObjectSource } from './objects.ts';
import { createClassKeeper } from './pod/class-keeper.ts';
import { noMemoryQos, type MemoryQos } from './pod/memory-qos.ts';
import type { NodeContext } from './pod/handle.ts';
import { imagesInUse, imagesOfContainers, readPodRecords } from './pod/records.ts';
import type { PodState } from './pod/state.ts';
import { createStatusWriter } from './pod/status-writer.ts';
import type { Swap } from './pod/swap.ts';
import { createPodWorkers, type PodWorkers } from './pod/workers.ts';
import { readWhenChanged } from './read-when-changed.ts';
import { createRuntimeClassSource } from './runtime-classes.ts';
import type { RuntimeHandlers } from './runtime/oci/handlers.ts';
import type { Runtime, RuntimeEvents } from './runtime/runtime.ts';
import { defaultSeccomp } from './runtime/seccomp.ts';
import { createLogind } from './shutdown/logind.ts';
import { createShutdownManager, type ShutdownManagerOptions } from './shutdown/manager.ts';
import { readFileSystem, readSwapCapacity } from './stats/machine.ts';
import { createMeter } from './stats/meter.ts';
import { createStaticPods, type PodManifests } from './static-pods/keep.ts';
import { createStreamingServer } from './streaming/server.ts';
import { openMemory } from './volumes/memory.ts';

export interface AgentOptions {
  readonly client: Client;
  /** Opens the machine's runtime, which tells `events` what happens to pods. The agent closes it. */
  readonly runtime: (events: RuntimeEvents) => Promise<Runtime>;
  readonly nodeName: string;
  readonly dataDir: string;
  /** The server's own certificate, and the cluster's CA that its callers must come from. */
  readonly tls: { readonly certPem: string; readonly keyPem: string; readonly caPem: string };
  /** The node's IPv4 address, and where the agent listens; port 0: any. */
  readonly address: string;
  readonly port: number;
  readonly clock: Clock;
  readonly log: Log;
  readonly labels?: Readonly<Record<string, string>>;
  readonly maxPods?: number;
  /** All pods' addresses, where they are not the /16 around this node's. */
  readonly clusterCidr?: string;
  /** Address of the cluster's DNS, once there is one. */
  readonly clusterDns?: string;
  /** Registries that are not where their names say, or not over TLS. */
  readonly registries?: RegistrySettings;
  readonly version?: string;
  /** When pods are ended because the node runs short; absent: Kubernetes' defaults. */
  readonly eviction?: EvictionSettings;
  /** When images that nothing uses are removed; absent: the kubelet's defaults. */
  readonly imageGarbage?: GarbagePolicy;
  /** How pods are ended when the machine goes down; absent: the machine doesn't wait for them. */
  readonly shutdown?: Partial<Pick<ShutdownManagerOptions, 'periods' | 'logind'>>;
  /** What the kernel is told of pods' memory besides limits; absent: nothing. */
  readonly memoryQos?: MemoryQos;
  /** Whether pods swap; absent: they don't. */
  readonly swapBehavior?: Swap['behavior'];
  /** What of the machine pods are not promised; absent: nothing. */
  readonly reserved?: Reserved;
  /** Who runs on which processors; absent: everybody on all. */
  readonly cpus?: CpuSettings;
  /** OCI runtimes by the names that RuntimeClasses have for them; absent: our own runtime alone. */
  readonly runtimeHandlers?: RuntimeHandlers;
  /** Most processes of one container. */
  readonly pidsLimit?: number;
  /** Of pods that run here whether there is an API or not. */
  readonly podManifests?: PodManifests;
}

export interface Agent {
  /** Runs until `signal` aborts; pods go on. Rejects when the node can't be (no runtime, port in use). */
  run(signal: AbortSignal): Promise<void>;
  /** Resolves with the port it listens on, once it does. */
  readonly listening: Promise<number>;
}

const defaultMaxPods = 110;
const defaultPidsLimit = 4096;
/** A pod that starts goes before what is told of it. */
const eventsLingerMs = 200;
const lastEventsMs = 1000;

export function createAgent(options: AgentOptions): Agent {
  const listening = Promise.withResolvers<number>();
  // Whoever doesn't ask for the port learns of a failure from `run`.
  listening.promise.catch(() => {});
  return {
    listening: listening.promise,
    async run(signal) {
      const stop = new AbortController();
      const working = AbortSignal.any([signal, stop.signal]);
      try {
        await runAgent(options, working, listening.resolve);
      } catch (error) {
        listening.reject(error);
        throw error;
      } finally {
        stop.abort();
      }
    },
  };
}

/** Exits that the runtime reports before the workers are there wait for them. */
function createRelay(): RuntimeEvents & { connect(workers: RuntimeEvents): void } {
  let target: RuntimeEvents | undefined;
  const early: ((events: RuntimeEvents) => void)[] = [];
  const send = (tell: (events: RuntimeEvents) => void): void => {
    if (target === undefined) early.push(tell);
    else tell(target);
  };
  return {
    exited: (uid, exit) => send((events) => events.exited(uid, exit)),
    lost: (uid) => send((events) => events.lost(uid)),
    answered: (uid, sandbox) => send((events) => events.answered(uid, sandbox)),
    connect(workers) {
      target = workers;
      for (const tell of early.splice(0)) tell(workers);
    },
  };
}

async function runAgent(options: AgentOptions, signal: AbortSignal, listening: (port: number) => void): Promise<void> {
  const { client, clock, log, nodeName, dataDir } = options;
  const settings = options.eviction ?? evictionSettings({});
  await mkdir(join(dataDir, 'pods'), { recursive: true, mode: 0o711 });
  const relay = createRelay();
  const runtime = await options.runtime(relay);
  try {
    const images = await openImageStore({ dataDir, unpack: (request) => runtime.unpack(request), opaqueDirectories: (layer, scratch) => runtime.opaqueDirectories(layer, scratch), inUse: () => imagesInUse(dataDir) });
    await clearIncoming(dataDir);
    const sandboxes = await runtime.recover();
    const records = await readPodRecords(dataDir, (uid, error) => log.error({ err: error, uid }, 'the record of a pod can\'t be read: the pod is begun anew'));
    const cpus = await openCpus(options, () => workers, [...records].flatMap(([uid, { state }]) => (sandboxes.some((each) => each.uid === uid) ? [state] : [])));
    const memoryDir = await openMemory(runtime, dataDir, new Set(records.keys()));
    const nodes = createInformer(client, Node, { clock, log });
    const services = createInformer(client, Service, { clock, log });
    const pods = createInformer(client, Pod, { clock, log, fieldSelector: `spec.nodeName=${nodeName}` });
    const network = createNetworkKeeper({ runtime, nodes, nodeName, clusterCidr: options.clusterCidr, last: lastNetworkIn(dataDir), clock, log, changed: () => reporter.changed() });
    const meter = createMeter({
      runtime, list: () => workers.list(), clock, nodeName, dataDir, log, working: signal,
      imageBytes: async () => (await images.list()).reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    });
    const server = createStreamingServer({ tls: options.tls, log, clock, nodeName, images, find: (namespace, name) => workers.find(namespace, name), list: () => workers.list(), meter });
    const port = await server.listen(options.port, options.address, signal);
    const [hugePages, swapCapacity] = await Promise.all([readHugePages(), readSwapCapacity()]);
    const facts = await readNodeFacts({
      name: nodeName, address: options.address, port, labels: options.labels ?? {}, maxPods: options.maxPods ?? defaultMaxPods, dataDir,
      runtimeVersion: `coracle://${options.version ?? '0.1.0'}`, userNamespaces: (await runtime.usersRefusal(dataDir)) === undefined, hugePages, ...(options.reserved === undefined ? {} : { reserved: options.reserved }), swapCapacity,
      foreignHandlers: [...options.runtimeHandlers?.keys() ?? []],
      kept: (what, capacity) => keptFree(settings, what === 'memory' ? 'memory.available' : 'nodefs.available', capacity),
    });
    const recorder = createRecorder(client, { component: 'kubelet', host: nodeName, clock, log, lingerMs: eventsLingerMs });
    const reporter = createNodeReporter({ client, clock, log, recorder, facts, pressures: () => eviction.pressures(), notReady: () => shutdown.notReady(), networkConfigured: network.configured, images: async () => nodeImages(await images.list()) });
    nodes.onChange((_before, node) => {
      if (node?.metadata?.name === nodeName) reporter.check(node);
    });
    const imageGarbage = createImageGarbage({
      images, inUse: () => imagesOfContainers(dataDir), disk: () => readFileSystem(dataDir), policy: options.imageGarbage ?? defaultGarbagePolicy, clock, log, recorder, nodeName,
    });
    const eviction = createEvictionManager({
      settings, meter, list: () => workers.list(), clock, log, recorder, nodeName, changed: () => reporter.changed(),
      reclaim: [async () => void await Promise.all(workers.list().map((worker) => worker.discardEnded())), () => imageGarbage.removeUnused()],
    });
    const memoryQos = memoryQosHere(options, runtime, recorder);
    const classes = createClassKeeper({ runtime, held: () => workers.held(), memoryQos, clock, log });
    const statuses = createStatusWriter(client, clock, log, signal);
    const shutdown = createShutdownManager({
      periods: [], logind: createLogind(clock), ...options.shutdown, list: () => workers.list(), statuses, clock, log, recorder, nodeName, changed: () => reporter.changed(),
    });
    const objects = createObjectSource(client, clock);
    const imagePolicies = createImagePolicySource(client, clock, log, join(dataDir, 'image-policies.json'));
    const runtimeClasses = createRuntimeClassSource(client, clock, log);
    const context: NodeContext = {
      client, clock, log, runtime, runtimeClasses, images, imagePolicies, users: createUserLookUp(), objects, dataDir, nodeName, hostAddress: options.address,
      recorder, statuses, memoryDir, memoryQos, swap: swapHere(options, runtime, recorder, swapCapacity), cpus, allocatable: () => facts.allocatable, heldChanged: () => classes.changed(), podsBeside: (uid) => workers.beside(uid), services: () => services.list(),
      clusterDns: options.clusterDns, hostResolver: readWhenChanged('/etc/resolv.conf', (text) => text, ''), registries: options.registries ?? noRegistrySettings, defaultSeccomp: createSeccompCache(),
      memoryCapacityBytes: totalmem(), hugePageSizes: hugePages.map(({ sizeBytes }) => sizeBytes), pidsLimit: options.pidsLimit ?? defaultPidsLimit,
      refusal: (pod) => shutdown.refusal() ?? eviction.refusal(pod), networkReady: (each) => network.ready(each), newId: () => randomBytes(32).toString('hex'),
    };
    const staticPods = createStaticPods({ context, workers: () => workers, nodes, pods, manifests: options.podManifests });
    const workers: PodWorkers = createPodWorkers(context, signal, () => staticPods.changed());
    await workers.adoptAll(records, sandboxes);
    relay.connect(workers);
    listening(port);
    log.info({ node: nodeName, adopted: records.size, port }, 'the node agent runs');
    await Promise.all([
      nodes.run(signal), services.run(signal), pods.run(signal), objects.run(signal), imagePolicies.run(signal), runtimeClasses.run(signal), network.run(signal), reporter.run(signal), classes.run(signal), cpus?.run(signal),
      shutdown.run(signal), eviction.run(signal), keepStorageLimits({ storage: meter.storage, list: () => workers.list(), clock, log }, signal),
      imageGarbage.run(signal), followImages(dataDir, () => reporter.changed(), log, signal), reporter.registered.then(() => beatHeart(client, clock, log, nodeName, signal)), followPods(pods, services, workers, signal), staticPods.run(signal), server.closed,
    ]);
    await workers.settled();
    await tellLast(context.recorder, clock);
  } finally {
    await runtime.close();
  }
}

/** `running`: what is known of the pods that an earlier agent started. */
async function openCpus({ cpus: settings = { policy: 'none', reserved: new Set() }, clock, log }: AgentOptions, workers: () => PodWorkers, running: readonly PodState[]): Promise<CpuManager | undefined> {
  const processors = await readProcessors(settings);
  const refusal = takeOverRefusal(settings.policy, processors, running);
  if (refusal !== undefined) throw new Error(refusal);
  return processors === undefined || settings.policy === 'none' ? undefined : createCpuManager({ processors, assignments: () => workers().assignments(), confine: (list) => workers().confine(list), clock, log });
}

/** A machine without the files for it goes without, which is told once on its node: no pod fails for it. */
function memoryQosHere(options: AgentOptions, { cgroupVersion }: Runtime, recorder: Recorder): MemoryQos {
  const { memoryQos = noMemoryQos } = options;
  if (cgroupVersion === 2 || (!memoryQos.reserves && memoryQos.throttlingFactor === undefined)) return memoryQos;
  tellOfCgroupV1(options, recorder, '--memory-throttling-factor and --memory-reservation-policy have no effect: cgroup v1 has no memory.high, memory.min and memory.low');
  return noMemoryQos;
}

function swapHere(options: AgentOptions, { cgroupVersion }: Runtime, recorder: Recorder, swapBytes: number): Swap {
  if (options.swapBehavior !== 'LimitedSwap') return { behavior: 'NoSwap' };
  if (cgroupVersion === 2) return { behavior: 'LimitedSwap', memoryBytes: totalmem(), swapBytes };
  tellOfCgroupV1(options, recorder, '--memory-swap-behavior LimitedSwap has no effect: on cgroup v1, pods are kept from swapping as far as they have limits of memory');
  return { behavior: 'NoSwap' };
}

function tellOfCgroupV1({ nodeName, log }: AgentOptions, recorder: Recorder, what: string): void {
  const message = `${what}. Have the machine use cgroup v2, or leave this out.`;
  log.warn({ node: nodeName }, message);
  recorder.record(nodeReference(nodeName), 'Warning', 'CgroupV1', message);
}

/** What was recorded last is told, but not at any price: the API may be gone. */
async function tellLast(recorder: Recorder, clock: Clock): Promise<void> {
  const told = new AbortController();
  await Promise.race([recorder.drain(), pause(clock, lastEventsMs, told.signal).catch(() => undefined)]);
  told.abort();
}

/** A filter is the same for the same capabilities, and most containers have the same. */
function createSeccompCache(): NodeContext['defaultSeccomp'] {
  const filters = new Map<string, Buffer>();
  return (capabilities, projects) => {
    const key = [projects, ...capabilities.toSorted()].join(',');
    const filter = filters.get(key) ?? defaultSeccomp(capabilities, process.arch, projects);
    if (filters.size < seccompKept) filters.set(key, filter);
    return filter;
  };
}

const seccompKept = 64;

/** Pods are followed from a complete list on: until then, what was written down goes on. Services first: their variables go into containers. */
async function followPods(
  pods: ReturnType<typeof createInformer<Pod>>, services: ReturnType<typeof createInformer<Service>>, workers: PodWorkers, signal: AbortSignal,
): Promise<void> {
  try {
    await Promise.all([pods.waitForSync(signal), services.waitForSync(signal)]);
  } catch (error) {
    if (signal.aborted) return;
    throw error;
  }
  workers.keepOnly(pods.list().filter((pod) => !isMirror(pod)));
  pods.onChange((before, after) => workers.changed(toRun(before), toRun(after)));
}

/** What only shows a static pod is nothing to be run, and its deletion ends nothing. */
function toRun(pod: Pod | undefined): Pod | undefined {
  return pod === undefined || isMirror(pod) ? undefined : pod;
}
