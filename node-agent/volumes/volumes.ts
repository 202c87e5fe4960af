/**
 * A pod's volumes on this node, filled before its containers start, kept up to date while it runs, taken away with it: what a
 * pod writes and ConfigMaps on disk, `<pod dir>/volumes/<name>`; Secrets, tokens and what the pod is told of itself in memory. Knows pods and files; mounting into containers is the runtime's.
 */
import { chmod, chown, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../machinery/clock.ts';
import type { Pod, Volume } from '../../machinery/kinds/core.ts';
import type { Client } from '../../client/client.ts';
import type { PodFacts } from '../downward.ts';
import { isInHugePages, pageSizeOf } from '../huge-pages.ts';
import type { HeldObjects } from '../objects.ts';
import { writeAtomically, type Ownership } from './atomic-writer.ts';
import { checkHostPath } from './host-path.ts';
import { diskSize, hugeSize, isMemory, memorySize, type Disk, type Memory } from './memory.ts';
import { onlyUserOf, payloadOf } from './payload.ts';
import { createPodTokens } from './service-account-token.ts';
import { messageOf } from '../../machinery/thrown.ts';

/** A volume can't be had; the message is the FailedMount event's. */
export class VolumeError extends Error {
  override readonly name = 'VolumeError';
}

export interface VolumeContext {
  readonly client: Client;
  readonly clock: Clock;
  readonly objects: HeldObjects;
  /** `<data-dir>/pods/<uid>`. */
  readonly podDir: string;
  /** Where this pod's volumes in memory are. */
  readonly memoryDir: string;
  readonly memory: Memory;
  readonly disk: Disk;
  /** `Runtime.usersRefusal` */
  readonly usersRefusal: (path: string) => Promise<string | undefined>;
}

export interface PodVolumes {
  /** Makes and fills everything. Safe to repeat, also before an earlier one has ended; after `remove` it does nothing. Throws `VolumeError`. */
  prepare(pod: Pod, facts: PodFacts): Promise<void>;
  /** Where a volume's content is on the host; an image's is in its layers. */
  pathOf(pod: Pod, name: string): string | undefined;
  /** When `prepare` is due again because of a token; `undefined`: only when an object changes. */
  refreshAt(): number | undefined;
  /** Takes everything away, once what is under way has ended. */
  remove(): Promise<void>;
}

/** Whether what a volume shows may change while the pod runs. */
export function isLive(volume: Volume): boolean {
  return volume.configMap !== undefined || volume.secret !== undefined || volume.downwardAPI !== undefined || volume.projected !== undefined;
}

/** Only ConfigMaps are shown from the disk: all else that is shown may be secret. */
function isInMemory(volume: Volume): boolean {
  return isMemory(volume) || (isLive(volume) && volume.configMap === undefined);
}

export function createPodVolumes(first: Pod, context: VolumeContext): PodVolumes {
  const tokens = createPodTokens(context.client, context.clock, first);
  const directoryOf = (volume: Volume): string => join(isInMemory(volume) ? context.memoryDir : join(context.podDir, 'volumes'), volume.name);
  const inMemory = (first.spec?.volumes ?? []).filter(isInMemory);
  const onDisk = (first.spec?.volumes ?? []).filter((volume) => volume.hostPath === undefined && volume.image === undefined && !isInMemory(volume));

  async function prepareOne(pod: Pod, volume: Volume, facts: PodFacts): Promise<void> {
    // Pulled for each container that mounts it, as the container's own is.
    if (volume.image !== undefined) return;
    if (volume.hostPath !== undefined) return await prepareHostPath(pod, volume.hostPath);
    const directory = directoryOf(volume);
    const { fsGroup } = pod.spec?.securityContext ?? {};
    if (isMemory(volume)) return await mountEmptyDir(pod, volume, directory, facts);
    if (volume.emptyDir !== undefined) return await limitedEmptyDir(volume, directory, fsGroup);
    const claim = claimOf(pod, volume);
    if (claim !== undefined) throw new Error(`persistentvolumeclaim "${claim}" can't be attached: the cluster has neither a volume provisioner nor an attacher. Use an emptyDir, or a hostPath of the node`);
    if (!isLive(volume)) throw new Error(`no volume plugin matched: volume "${volume.name}" is of a kind that this node doesn't have`);
    const payload = await payloadOf(volume, { pod, objects: context.objects, facts, token: tokens.token });
    if (payload === undefined) return;
    await mkdir(directory, { recursive: true, mode: 0o755 });
    const stamp = new Date(context.clock.now()).toISOString().slice(0, 19).replace(/[-T:]/g, '_');
    const grouped = fsGroup === undefined ? payload : new Map([...payload].map(([path, file]) => [path, { ...file, mode: file.mode | 0o440 }]));
    await writeAtomically(directory, grouped, ownerOf(pod, volume, fsGroup), stamp);
  }

  async function prepareHostPath({ spec }: Pod, { path, type = '' }: NonNullable<Volume['hostPath']>): Promise<void> {
    await checkHostPath(path, type);
    const refusal = spec?.hostUsers === false ? await context.usersRefusal(path) : undefined;
    if (refusal !== undefined) throw new Error(refusal);
  }

  async function mountEmptyDir(pod: Pod, volume: Volume, directory: string, facts: PodFacts): Promise<void> {
    const { fsGroup } = pod.spec?.securityContext ?? {};
    const pageBytes = isInHugePages(volume) ? pageSizeOf(pod, volume) : undefined;
    const sizeBytes = pageBytes === undefined ? memorySize(pod, volume, facts.allocatable) : hugeSize(volume, pageBytes);
    await mkdir(context.memoryDir, { recursive: true, mode: 0o755 });
    const rights = fsGroup === undefined ? { mode: 0o777, gid: 0 } : { mode: 0o2777, gid: fsGroup };
    await context.memory.mountMemory({ directory, ...rights, ...(sizeBytes === undefined ? {} : { sizeBytes }), ...(pageBytes === undefined ? {} : { pageBytes }) });
  }

  async function limitedEmptyDir(volume: Volume, directory: string, fsGroup: number | undefined): Promise<void> {
    await makeEmptyDir(directory, fsGroup);
    const sizeBytes = diskSize(volume);
    if (sizeBytes !== undefined) await context.disk.limitDirectory(directory, sizeBytes);
  }

  async function prepareAll(pod: Pod, facts: PodFacts): Promise<void> {
    const volumes = pod.spec?.volumes ?? [];
    // All have ended before one's failure is told: what follows it may take them away.
    const results = await Promise.allSettled(volumes.map((volume) => prepareOne(pod, volume, facts)));
    for (const [index, result] of results.entries()) {
      if (result.status === 'fulfilled') continue;
      throw new VolumeError(`MountVolume.SetUp failed for volume "${volumes[index]?.name ?? ''}" : ${messageOf(result.reason)}`, { cause: result.reason });
    }
  }

  async function removeAll(): Promise<void> {
    const directory = join(context.podDir, 'volumes');
    if (onDisk.some((volume) => diskSize(volume) !== undefined)) await context.disk.removeDirectory(directory);
    else if (onDisk.length > 0) await rm(directory, { recursive: true, force: true });
    if (inMemory.some(isMemory)) await context.memory.removeDirectory(context.memoryDir);
    else if (inMemory.length > 0) await rm(context.memoryDir, { recursive: true, force: true });
  }

  /** The latest work on the pod's volumes, which the next waits for: two at once take each other's files away, or bring them back. */
  let latest: Promise<void> = Promise.resolve();
  let isRemoved = false;
  const next = (work: () => Promise<void>): Promise<void> => {
    const done = latest.then(work);
    latest = done.catch(() => undefined);
    return done;
  };

  return {
    prepare: (pod, facts) => next(async () => {
      if (!isRemoved) await prepareAll(pod, facts);
    }),
    pathOf(pod, name) {
      const volume = pod.spec?.volumes?.find((each) => each.name === name);
      return volume === undefined || volume.image !== undefined ? undefined : volume.hostPath?.path ?? directoryOf(volume);
    },
    refreshAt: () => tokens.refreshAt(),
    remove() {
      isRemoved = true;
      return next(removeAll);
    },
  };
}

/** The claim that a volume stands for: one of the user's, or one made for the pod ("Generic ephemeral volumes"). */
function claimOf(pod: Pod, volume: Volume): string | undefined {
  if (volume.persistentVolumeClaim !== undefined) return volume.persistentVolumeClaim.claimName;
  return volume.ephemeral === undefined ? undefined : `${pod.metadata?.name ?? ''}-${volume.name}`;
}

/** A token is read by the pod's one user when all its containers have the same and there is no group (as Kubernetes does). */
function ownerOf(pod: Pod, volume: Volume, fsGroup: number | undefined): Ownership {
  if (fsGroup !== undefined) return { uid: 0, gid: fsGroup, sharesDirectories: true };
  const hasToken = volume.projected?.sources?.some((source) => source.serviceAccountToken !== undefined) === true;
  return { uid: hasToken ? onlyUserOf(pod) ?? 0 : 0, gid: 0, sharesDirectories: false };
}

/** World-writable, as Kubernetes makes it; with fsGroup it belongs to the group, and what is made inside inherits it. */
async function makeEmptyDir(directory: string, fsGroup: number | undefined): Promise<void> {
  const made = await mkdir(directory, { recursive: true });
  if (made === undefined) return;
  await chmod(directory, 0o777);
  if (fsGroup === undefined) return;
  await chown(directory, 0, fsGroup);
  await chmod(directory, 0o2777);
}
