import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Container } from '../../../machinery/kinds/core.ts';
import { unitsOf } from '../../../machinery/quantity.ts';
import { qosClass } from '../../../machinery/pod/qos.ts';
import { ConfigError, environmentOf } from '../../environment.ts';
import { parseReference, referenceKey, repositoryOf } from '../../images/reference.ts';
import type { StoredImage } from '../../images/store.ts';
import { kernelNameOf } from '../../pod-files.ts';
import { RuntimeError, type ContainerSpec, type Sandbox } from '../../runtime/runtime.ts';
import { serviceLinks } from '../../service-links.ts';
import { afterAttempt } from '../back-off.ts';
import { containerSpec, recursiveMounts } from '../container-spec.ts';
import { logPathOf, makeTerminationFile, podFiles, removeRunFiles, terminationFile } from '../files.ts';
import type { PodHandle } from '../handle.ts';
import { runHook } from '../hooks.ts';
import { isNodeCritical } from '../priority.ts';
import { givenToContainer } from '../resources.ts';
import { keptProjects, lastToDie, oomScoreAdjOf, securityOf } from '../security.ts';
import { containersOf, firstHealth, isRunning, recordOf, withExit, withStarted, withoutActivity, withoutPending, type ContainerRecord, type Run } from '../state.ts';
import { localhostSeccomp as loadSeccomp } from '../localhost-seccomp.ts';
import { clearRun, notCleared } from '../unowned.ts';
import { ensureImage } from './ensure-image.ts';
import { sandboxWasLost } from './sandbox.ts';
import { StartFailure } from './start-failure.ts';
import { verifyImage } from './verify-image.ts';
import { ensureVolumeImages } from './volume-images.ts';
import { messageOf } from '../../../machinery/thrown.ts';

const configRetryMs = 10_000;
/** Kubernetes' runtimes answer a command that can't be executed with this. */
const startErrorExitCode = 128;

/** Image, configuration, process, postStart hook. Never rejects for what the pod asked: that ends in its state and events. */
export async function startContainer(handle: PodHandle, name: string): Promise<void> {
  const container = containersOf(handle.pod()).find((each) => each.spec.name === name)?.spec;
  if (container === undefined || handle.state().sandbox !== 'ready') return;
  // One of another version takes no containers from us; with nothing left in it, it makes room for one that does.
  const sandbox = handle.sandbox();
  if (sandbox?.refusal !== undefined && sandbox.running.size === 0) return sandboxWasLost(handle);
  // Its end is about to be told, and planned on.
  if (isGone(sandbox)) return;
  handle.changeContainer(name, (record) => ({ ...record, activity: 'starting' }));
  try {
    const volumeImages = await ensureVolumeImages(handle, container);
    const image = await ensureImage(handle, container);
    await verifyImage(handle, container, image);
    const run = runOf(handle, container, image, volumeImages);
    handle.changeContainer(name, (record) => ({ ...record, pending: run }));
    // Written down first: a crash between here and the answer must not leave a process that nobody knows.
    const [spec] = await Promise.all([configure(handle, container, { image, volumeImages }, run), handle.persist()]);
    handle.starting.throwIfAborted();
    await launch(handle, container, spec);
  } catch (error) {
    if (handle.starting.aborted || isGone(sandbox)) handle.changeContainer(name, (record) => withoutActivity(withoutPending(record)));
    else fail(handle, container, error);
  }
}

function isGone(sandbox: Sandbox | undefined): boolean {
  return sandbox?.answers === false;
}

function fail(handle: PodHandle, container: Container, error: unknown): void {
  const failure = error instanceof StartFailure ? error
    : error instanceof ConfigError ? new StartFailure('CreateContainerConfigError', error.message, 'Failed', `Error: ${error.message}`)
      : new StartFailure('CreateContainerError', messageOf(error), 'Failed', `Error: ${messageOf(error)}`);
  handle.event('Warning', failure.eventReason, failure.eventMessage, container.name);
  const now = handle.node.clock.now();
  handle.changeContainer(container.name, (record) => {
    const pullFailed = failure.reason === 'ErrImagePull';
    const pullBackOff = pullFailed ? afterAttempt(record.pullBackOff, now, now) : record.pullBackOff;
    const retryAt = now + (pullFailed ? pullBackOff?.delayMs ?? configRetryMs : configRetryMs);
    return {
      ...withoutActivity(withoutPending(record)), waiting: { reason: failure.reason, message: failure.message }, failedAt: now, retryAt,
      ...(pullBackOff === undefined ? {} : { pullBackOff }), ...(failure.image === undefined ? {} : { failedImage: failure.image }),
    };
  });
}

type VolumeImages = ReadonlyMap<string, StoredImage>;

function runOf(handle: PodHandle, container: Container, image: StoredImage, volumeImages: VolumeImages): Run {
  const record = recordOf(handle.state(), container.name);
  const attempt = record.current === undefined ? record.restartCount : record.restartCount + 1;
  return { id: handle.node.newId(), ...namesOf(image, container.image ?? ''), configId: image.id, ...(volumeImages.size === 0 ? {} : { volumeImages: [...volumeImages.values()].map(({ id }) => id) }), resources: container.resources ?? {}, ...recursiveOf(handle, container), logPath: logPathOf(handle, container.name, attempt) };
}

function recursiveOf(handle: PodHandle, container: Container): Pick<Run, 'recursiveReadOnly'> {
  const recursiveReadOnly = recursiveMounts(container, handle.sandbox()?.recursiveReadOnly === true);
  return recursiveReadOnly.length === 0 ? {} : { recursiveReadOnly };
}

interface Images {
  readonly image: StoredImage;
  readonly volumeImages: VolumeImages;
}

async function configure(handle: PodHandle, container: Container, { image, volumeImages }: Images, { id, logPath }: Run): Promise<ContainerSpec> {
  const pod = handle.pod();
  const { node } = handle;
  const links = serviceLinks(node.services(), pod.metadata?.namespace ?? '', pod.spec?.enableServiceLinks !== false);
  const facts = handle.facts();
  const { objects, volumes } = handle;
  const sources = { configMap: objects.configMap, secret: objects.secret, volumePath: (name: string) => volumes.pathOf(pod, name) };
  const environment = await environmentOf(pod, container, sources, links, facts);
  const wanted = container.securityContext?.runAsUser ?? pod.spec?.securityContext?.runAsUser;
  const user = await node.users(image.layers, wanted === undefined ? image.config.user : String(wanted)).catch((error: unknown) => {
    throw new ConfigError(messageOf(error), { cause: error });
  });
  const qos = qosClass(pod.spec ?? { containers: [] });
  const oomScoreAdj = isNodeCritical(pod) ? lastToDie : oomScoreAdjOf(qos, unitsOf(container.resources?.requests?.['memory']) ?? 0, node.memoryCapacityBytes);
  const cpus = await node.cpus?.cpusFor(handle.state().cpus?.[container.name]);
  const localhostSeccomp = await loadSeccomp(node.dataDir, pod, container);
  const projects = keptProjects(pod, node.runtime.limitsDisk());
  const joins = joinedBy(handle, container.name);
  const termination = terminationFile(handle, id);
  const spec = containerSpec(pod, container, {
    id, layers: image.layers, image: image.config, environment, hostname: kernelNameOf(pod), home: user.home,
    security: securityOf(pod, container, { user, imageUser: image.config.user, defaultSeccomp: (capabilities) => node.defaultSeccomp(capabilities, projects), localhostSeccomp, oomScoreAdj }),
    volumePath: (name) => handle.volumes.pathOf(pod, name), imageLayers: (name) => volumeImages.get(name)?.layers,
    files: new Map([...podFiles(handle), [container.terminationMessagePath ?? '/dev/termination-log', termination]]),
    logPath, resources: { ...givenToContainer(handle, container), ...(cpus === undefined ? {} : { cpus }), ...(node.pidsLimit === undefined ? {} : { pidsLimit: node.pidsLimit }) }, recursiveReadOnly: handle.sandbox()?.recursiveReadOnly === true, ...(joins === undefined ? {} : { joins }),
  });
  await Promise.all([mkdir(dirname(logPath), { recursive: true, mode: 0o755 }), makeTerminationFile(termination)]);
  return spec;
}

/** The run whose processes a container shares that was made to look into another one (`kubectl debug --target`). */
function joinedBy(handle: PodHandle, name: string): string | undefined {
  const target = handle.pod().spec?.ephemeralContainers?.find((each) => each.name === name)?.targetContainerName ?? '';
  if (target === '') return undefined;
  const record = recordOf(handle.state(), target);
  if (!isRunning(record)) throw new ConfigError(`unable to find target container "${target}"`);
  return record.current?.id;
}

async function launch(handle: PodHandle, container: Container, spec: ContainerSpec): Promise<void> {
  const { name } = container;
  const { clock } = handle.node;
  const sandbox = handle.sandbox();
  if (sandbox === undefined) throw new StartFailure('CreateContainerError', 'the pod sandbox is gone');
  handle.changeContainer(name, (record) => withBackOff(withGiven(record, spec), clock.now()));
  const { current: ended, previous } = recordOf(handle.state(), name);
  let startedAt: number;
  try {
    ({ startedAt } = await sandbox.start(spec));
  } catch (error) {
    await removeRunFiles(handle, spec.id).catch((failure: unknown) => notCleared(handle, spec.id, failure));
    await startFailed(handle, container, error);
    return;
  }
  handle.event('Normal', 'Created', 'Container created', name);
  handle.event('Normal', 'Started', 'Container started', name);
  // It may have ended before this answer came: then its exit is in the record already.
  handle.changeContainer(name, (record) => (record.pending?.id === spec.id
    ? { ...withStarted(record, startedAt), activity: 'postStart', health: firstHealth(container) } : withoutActivity(record)));
  await Promise.all([
    ended === undefined ? undefined : clearRun(handle, ended, previous),
    isRunning(recordOf(handle.state(), name)) ? afterStart(handle, container, spec.id) : undefined,
  ]);
}

/** Of an image's names those that the pod asked for it by, where it has them. */
function namesOf(image: StoredImage, asked: string): { readonly image: string; readonly imageId: string } {
  const reference = parseReference(asked);
  const name = reference === undefined ? undefined : image.references.find((each) => each === referenceKey(reference));
  const digest = reference === undefined ? undefined : image.repoDigests.find((each) => each.startsWith(`${repositoryOf(reference)}@`));
  return { image: name ?? image.references[0] ?? asked, imageId: digest ?? image.repoDigests[0] ?? image.id };
}

function withGiven(record: ContainerRecord, { id, security: { uid, gid, groups }, resources: { cpus } }: ContainerSpec): ContainerRecord {
  return record.pending?.id === id ? { ...record, pending: { ...record.pending, user: { uid, gid, groups }, ...(cpus === undefined ? {} : { cpus }) } } : record;
}

function withBackOff(record: ContainerRecord, now: number): ContainerRecord {
  const endedAt = record.current?.exit?.finishedAt;
  return endedAt === undefined ? record : { ...record, restartBackOff: afterAttempt(record.restartBackOff, endedAt, now) };
}

async function afterStart(handle: PodHandle, container: Container, id: string): Promise<void> {
  const hook = container.lifecycle?.postStart;
  const failure = hook === undefined ? undefined : await runHook(handle, container, id, hook, handle.working).then(() => undefined, messageOf);
  if (failure !== undefined && !handle.working.aborted) handle.event('Warning', 'FailedPostStartHook', `PostStartHook failed: ${failure}`, container.name);
  handle.changeContainer(container.name, (record) => {
    const rest = withoutActivity(record);
    if (failure === undefined || record.current?.id !== id) return rest;
    return { ...rest, health: { ...rest.health, failed: 'FailedPostStartHook' } };
  });
}

/** A command that can't be executed counts as a run that ended at once, as Kubernetes' runtimes report it. */
async function startFailed(handle: PodHandle, container: Container, error: unknown): Promise<void> {
  const isCommand = error instanceof RuntimeError && (error.code === 'CommandNotFound' || error.code === 'CommandNotExecutable');
  const message = messageOf(error);
  if (!isCommand) throw new StartFailure('CreateContainerError', message, 'Failed', `Error: ${message}`);
  const now = handle.node.clock.now();
  handle.event('Normal', 'Created', 'Container created', container.name);
  handle.event('Warning', 'Failed', `Error: ${message}`, container.name);
  handle.changeContainer(container.name, (record) => ({
    ...withExit(withStarted(record, 0), { exitCode: startErrorExitCode, reason: 'StartError', message, finishedAt: now }),
    waiting: { reason: 'RunContainerError', message },
  }));
}
