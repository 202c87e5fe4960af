import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Pod } from '../../machinery/kinds/core.ts';
import { replaceFile, swapFile } from '../replace-file.ts';
import type { ContainerRecord, PodState, Run } from './state.ts';
import { systemCode } from '../../machinery/thrown.ts';

/**
 * What the agent writes down about a pod, `<data-dir>/pods/<uid>/agent.json`: the object as last seen and the worker's
 * state. Enough to go on with every pod while the API can't be reached.
 */
export interface PodRecord {
  readonly pod: Pod;
  readonly state: PodState;
}

const fileName = 'agent.json';

export function podDirectory(dataDir: string, uid: string): string {
  return join(dataDir, 'pods', uid);
}

/** An agent that is killed loses nothing of it; the machine neither, when `isDurable`. */
export async function writePodRecord(dataDir: string, uid: string, record: PodRecord, isDurable: boolean): Promise<void> {
  const state = { ...record.state, containers: [...record.state.containers.values()] };
  await (isDurable ? replaceFile : swapFile)(join(podDirectory(dataDir, uid), fileName), JSON.stringify({ pod: record.pod, state }));
}

/** Every pod that was written down. A file that can't be read is reported to `broken` and left out. */
export async function readPodRecords(dataDir: string, broken: (uid: string, error: unknown) => void): Promise<ReadonlyMap<string, PodRecord>> {
  const records = new Map<string, PodRecord>();
  const names = await readdir(join(dataDir, 'pods')).catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return [];
    throw error;
  });
  for (const uid of names) {
    try {
      records.set(uid, parseRecord(await readFile(join(podDirectory(dataDir, uid), fileName), 'utf8')));
    } catch (error) {
      if (systemCode(error) !== 'ENOENT') broken(uid, error);
    }
  }
  return records;
}

/** Ids of the images that pods of this data directory run from, or have mounted. */
export async function imagesInUse(dataDir: string): Promise<ReadonlySet<string>> {
  return new Set((await containerRuns(dataDir)).filter((run) => run.exit === undefined).flatMap(imagesOf));
}

/** Ids of the images of all containers that are here, those included that have ended: they may be started again. */
export async function imagesOfContainers(dataDir: string): Promise<ReadonlySet<string>> {
  return new Set((await containerRuns(dataDir)).flatMap(imagesOf));
}

function imagesOf({ configId, volumeImages = [] }: Run): readonly string[] {
  return [configId, ...volumeImages];
}

async function containerRuns(dataDir: string): Promise<readonly Run[]> {
  const records = await readPodRecords(dataDir, (uid, error) => {
    throw new Error(`the record of pod ${uid} can't be read: its images are not known`, { cause: error });
  });
  return [...records.values()].flatMap(({ state }) => [...state.containers.values()].flatMap((each) => [each.pending, each.current].filter((run) => run !== undefined)));
}

function parseRecord(text: string): PodRecord {
  const value: unknown = JSON.parse(text);
  if (typeof value !== 'object' || value === null || !('pod' in value) || !('state' in value)) throw new TypeError('it has another form');
  const { pod, state } = value;
  if (typeof pod !== 'object' || pod === null || typeof state !== 'object' || state === null || !('containers' in state) || !Array.isArray(state.containers)) {
    throw new TypeError('it has another form');
  }
  // Written by `writePodRecord` alone, atomically: its parts are taken on trust.
  const containers = new Map((state.containers as readonly ContainerRecord[]).map((each) => [each.name, each]));
  return { pod: pod as Pod, state: { ...(state as unknown as PodState), containers } };
}
