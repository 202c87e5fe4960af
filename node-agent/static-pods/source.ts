/**
 * Static pods: what a node runs because files say so, whether or not there is an API. This room reads the files (`directory.ts`),
 * makes pods of them (`manifest.ts`), and shows them in the API (`mirrors.ts`). It must not know how a pod runs.
 */
import { join } from 'node:path';
import type { Clock } from '../../machinery/clock.ts';
import type { Pod } from '../../machinery/kinds/core.ts';
import { messageOf } from '../../machinery/thrown.ts';
import type { Recorder } from '../../client/events.ts';
import { keyOf } from '../../client/informer-store.ts';
import type { Log } from '../../client/log.ts';
import { nodeReference } from '../node/reference.ts';
import { followDirectory, readManifests, type Content } from './directory.ts';
import { staticPod } from './manifest.ts';

/** Reads pods as an API server does; both throw what it would answer. */
export interface PodReader {
  /** `warn` is told of what in it counts for nothing. */
  decode(bytes: Buffer, warn: (text: string) => void): Promise<Pod>;
  /** Fills in the defaults, and checks all. */
  complete(pod: Pod): Promise<Pod>;
}

export interface StaticPodOptions {
  readonly directory: string;
  readonly reader: PodReader;
  readonly nodeName: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly recorder: Recorder;
  /** `isComplete`: there is no file whose pod isn't known. */
  readonly desire: (pods: readonly Pod[], isComplete: boolean) => void;
}

/** One manifest as it was read last. */
interface Manifest {
  readonly content: Content;
  /** Of the content, or of the one before when that is wrong: a slip of the pen ends no pod. */
  readonly pod: Pod | undefined;
  readonly isGood: boolean;
}

/** Follows the directory, and says which pods are to run, until `signal` aborts. */
export async function followStaticPods(options: StaticPodOptions, signal: AbortSignal): Promise<void> {
  const { directory, clock } = options;
  let manifests: ReadonlyMap<string, Manifest> = new Map();
  let trouble: string | undefined;
  let last = Promise.resolve();
  const complain = (error: unknown): void => {
    if (messageOf(error) === trouble) return;
    trouble = messageOf(error);
    warn(options, directory, error);
  };
  const read = async (): Promise<void> => {
    if (signal.aborted) return;
    try {
      manifests = await taken(options, directory, manifests, await readManifests(directory));
      trouble = undefined;
    } catch (error) {
      // What it held before counts until it can be read again.
      return complain(error);
    }
    if (signal.aborted) return;
    options.desire([...distinct(manifests).values()], [...manifests.values()].every(({ isGood }) => isGood));
  };
  const changed = (): void => {
    last = last.then(read);
  };
  await followDirectory(directory, { clock, changed, failed: complain }, signal);
  await last;
}

/** The manifests that are there now; those that were read before keep their places. */
async function taken(options: StaticPodOptions, directory: string, before: ReadonlyMap<string, Manifest>, found: ReadonlyMap<string, Content>): Promise<ReadonlyMap<string, Manifest>> {
  const names = new Set([...[...before.keys()].filter((name) => found.has(name)), ...found.keys()]);
  const now = new Map<string, Manifest>();
  for (const name of names) {
    const [known, content] = [before.get(name), found.get(name)];
    if (content === undefined) continue;
    const manifest = known !== undefined && isSame(known.content, content) ? known : await manifestOf(options, join(directory, name), content, known?.pod);
    now.set(name, manifest);
    if (manifest !== known && manifest.pod !== undefined) warnOfTwin(options, directory, name, manifest.pod, now);
  }
  return now;
}

function warnOfTwin(options: StaticPodOptions, directory: string, name: string, pod: Pod, manifests: ReadonlyMap<string, Manifest>): void {
  const twin = [...manifests].find(([file, other]) => file !== name && other.pod !== undefined && keyOf(other.pod) === keyOf(pod));
  if (twin !== undefined) warn(options, join(directory, name), new Error(`pod ${keyOf(pod)} is in ${twin[0]} already`));
}

function isSame(a: Content, b: Content): boolean {
  if ('bytes' in a) return 'bytes' in b && a.bytes.equals(b.bytes);
  return 'problem' in b && a.problem === b.problem;
}

async function manifestOf(options: StaticPodOptions, file: string, content: Content, before: Pod | undefined): Promise<Manifest> {
  const { reader, nodeName, clock } = options;
  try {
    if ('problem' in content) throw new Error(content.problem);
    const written = await reader.decode(content.bytes, (text) => warnOfIdle(options, file, text));
    return { content, pod: await reader.complete(staticPod(written, { file, nodeName, seenAt: clock.now() })), isGood: true };
  } catch (error) {
    warn(options, file, error);
    return { content, pod: before, isGood: false };
  }
}

/** One pod of each name: of two, the one that was there first. */
function distinct(manifests: ReadonlyMap<string, Manifest>): ReadonlyMap<string, Pod> {
  const pods = new Map<string, Pod>();
  for (const { pod } of manifests.values()) if (pod !== undefined && !pods.has(keyOf(pod))) pods.set(keyOf(pod), pod);
  return pods;
}

/** A slip that keeps no pod from running, but is not what somebody meant. */
function warnOfIdle({ log, recorder, nodeName }: StaticPodOptions, file: string, text: string): void {
  log.warn({ file }, `part of the manifest of a static pod is not used: ${text}`);
  recorder.record(nodeReference(nodeName), 'Warning', 'FailedValidation', `Static pod manifest ${file}: not all of it is used: ${text}`);
}

function warn({ log, recorder, nodeName }: StaticPodOptions, file: string, error: unknown): void {
  log.warn({ err: error, file }, 'the manifest of a static pod is not used');
  recorder.record(nodeReference(nodeName), 'Warning', 'FailedValidation', `Error reading static pod manifest ${file}, ignoring: ${messageOf(error)}`);
}
