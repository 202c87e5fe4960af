/**
 * Projects: the ids by which a file system that has project quota counts what a directory holds, and keeps it to a limit. Each is
 * one directory's of this node at a time. `<data-dir>/projects/<id>` is a link to that directory, made before the limit and removed
 * after it: whatever happens in between, none is forgotten, and a link to nothing tells of a directory that is gone.
 */
import { existsSync } from 'node:fs';
import { mkdir, opendir, readdir, readlink, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, systemCode } from '../../machinery/thrown.ts';
import type { Log } from '../../client/log.ts';
import { NativeError } from '../../native/frame.ts';
import type { HostClient } from '../../native/host.ts';
import { projectsDirectory } from './sandbox-record.ts';

export interface Projects {
  /** Whether the data directory's file system keeps projects to limits. */
  areLimited(): boolean;
  /** Finds that out, and which directories have limits. Once, when what an earlier agent left is cleared away. */
  recover(): Promise<void>;
  /**
   * Limits a directory to `bytes`, and answers with its project. `isThere`: it is given to it, if it is empty; else whoever makes it does
   * that. Undefined: it isn't limited. One that has its limit keeps it.
   */
  limit(directory: string, bytes: number, options: { readonly isThere: boolean }): Promise<number | undefined>;
  /** Ends the limits of a directory that is gone, and of all that were below it. */
  release(directory: string): Promise<void>;
}

type Host = Pick<HostClient, 'checkQuota' | 'limitProject'>;

export interface ProjectOptions {
  readonly dataDir: string;
  readonly host: Host;
  readonly log: Log;
  /** From 0 to 1: where it begins to hand out ids. Nodes that share a file system begin at different places, so that they hardly ever meet. */
  readonly start: number;
}

/** Far above those that people, Docker and kubelets hand out. */
export const firstProject = 2 ** 30;
const projectCount = 2 ** 30;
/** Ids that others have, in a row. */
const mostTries = 1000;

interface Held {
  readonly project: number;
  /** Its limit is known to be set. */
  readonly isSet: boolean;
}

export function createProjects({ dataDir, host, log, start }: ProjectOptions): Projects {
  const held = new Map<string, Held>();
  let next = Math.floor(start * projectCount);
  let areLimited = false;

  async function give(directory: string, project: number, bytes: number, isThere: boolean): Promise<boolean> {
    held.set(directory, { project, isSet: false });
    const isDone = await host.limitProject({ directory: isThere ? directory : dataDir, gives: isThere, project, bytes });
    if (isDone) held.set(directory, { project, isSet: true });
    return isDone;
  }

  async function take(directory: string, bytes: number, isThere: boolean): Promise<number> {
    await mkdir(projectsDirectory(dataDir), { recursive: true, mode: 0o700 });
    for (let tries = 0; tries < mostTries; tries += 1) {
      const project = firstProject + next;
      next = (next + 1) % projectCount;
      if (!(await link(dataDir, project, directory))) continue;
      if (await give(directory, project, bytes, isThere)) return project;
      await forget(directory, project);
    }
    throw new NativeError('Unavailable', `no project is free to limit ${directory}`);
  }

  async function forget(directory: string, project: number): Promise<void> {
    held.delete(directory);
    await rm(join(projectsDirectory(dataDir), String(project)), { force: true });
  }

  async function end(directory: string, project: number): Promise<void> {
    await host.limitProject({ directory: dataDir, gives: false, project, bytes: 0 });
    await forget(directory, project);
  }

  return {
    areLimited: () => areLimited,
    async recover() {
      const refusal = await host.checkQuota(dataDir).then(() => undefined, (error: unknown) => error);
      areLimited = refusal === undefined;
      if (refusal !== undefined) return log.debug({ reason: messageOf(refusal) }, 'the file system keeps no directories to limits: what they hold is measured');
      log.info({ dataDir }, 'the file system keeps directories to limits');
      const notEnded = (error: unknown, project: number): void => log.warn({ err: error, project }, 'the limit of a directory that is gone was not ended: the next agent does');
      for (const [project, directory] of await endLimits(host, dataDir, notEnded)) held.set(directory, { project, isSet: false });
    },
    async limit(directory, bytes, { isThere }) {
      if (!areLimited) return undefined;
      const known = held.get(directory);
      if (known?.isSet === true || (known !== undefined && (await give(directory, known.project, bytes, isThere)))) return known.project;
      // An earlier try got no further than the limit.
      if (known !== undefined) await end(directory, known.project);
      // Files that are there would stay uncounted, and could not be renamed to where others are.
      if (isThere && !(await isEmpty(directory))) return undefined;
      return await take(directory, bytes, isThere);
    },
    async release(directory) {
      for (const [each, { project }] of held) {
        if (each !== directory && !each.startsWith(`${directory}/`)) continue;
        held.delete(each);
        await end(each, project).catch((error: unknown) => log.warn({ err: error, project, directory: each }, 'the limit of a directory that is gone was not ended: the next agent does'));
      }
    },
  };
}

/** Ends the limits of directories that are gone, and answers with the others' projects. What can't be ended is told, and left to be tried again. */
export async function endLimits(host: Host, dataDir: string, notEnded: (error: unknown, project: number) => void): Promise<ReadonlyMap<number, string>> {
  const left = new Map<number, string>();
  for (const name of await readdir(projectsDirectory(dataDir)).catch(none)) {
    const path = join(projectsDirectory(dataDir), name);
    const [project, directory] = [Number(name), await readlink(path)];
    if (existsSync(directory)) {
      left.set(project, directory);
      continue;
    }
    try {
      await host.limitProject({ directory: dataDir, gives: false, project, bytes: 0 });
      await rm(path, { force: true });
    } catch (error) {
      notEnded(error, project);
    }
  }
  return left;
}

function none(error: unknown): readonly string[] {
  if (systemCode(error) === 'ENOENT') return [];
  throw error;
}

/** False: there is one of that project already. */
async function link(dataDir: string, project: number, directory: string): Promise<boolean> {
  try {
    await symlink(directory, join(projectsDirectory(dataDir), String(project)));
    return true;
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return false;
    throw error;
  }
}

async function isEmpty(directory: string): Promise<boolean> {
  await using entries = await opendir(directory);
  return (await entries.read()) === null;
}
