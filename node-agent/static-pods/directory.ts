import { constants, watch, type FSWatcher } from 'node:fs';
import { open, readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { pause, type Clock } from '../../machinery/clock.ts';
import { messageOf, systemCode } from '../../machinery/thrown.ts';

/** A directory of manifests: what lies in it, and word of every change by the kernel's events. */

/** What a file holds, or why that can't be known. */
export type Content = { readonly bytes: Buffer } | { readonly problem: string };

const extensions = /\.(yaml|yml|json)$/;
/** More than an API server takes of an object. */
const mostBytes = 3 * 1024 * 1024;

/** The manifests by file name, in the order of their names; hidden files and others are left alone. None without the directory. */
export async function readManifests(directory: string): Promise<ReadonlyMap<string, Content>> {
  const names = await readdir(directory).catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return [];
    throw error;
  });
  const found = new Map<string, Content>();
  for (const name of names.filter((each) => !each.startsWith('.') && extensions.test(each)).toSorted()) {
    const content = await contentOf(join(directory, name));
    if (content !== undefined) found.set(name, content);
  }
  return found;
}

/** Undefined: it is gone again. */
async function contentOf(path: string): Promise<Content | undefined> {
  try {
    // A pipe would keep whoever opens it waiting.
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const info = await file.stat();
      if (!info.isFile()) return { problem: 'it is no file' };
      if (info.size > mostBytes) return { problem: `it is larger than ${mostBytes} bytes` };
      return { bytes: await file.readFile() };
    } finally {
      await file.close();
    }
  } catch (error) {
    return systemCode(error) === 'ENOENT' ? undefined : { problem: messageOf(error) };
  }
}

/** A file that is being written tells of itself many times: it is read when it has been quiet for so long, or for the longest. */
const quietMs = 100;
const longestMs = 2000;
/** As often as the kubelet: of a link's target, a directory further up that was moved, and changes made on another machine there are no events. */
const lookAgainMs = 20_000;

export interface Follower {
  readonly clock: Clock;
  /** Something may be different. */
  readonly changed: () => void;
  /** It can't be watched: until it can, it is looked at now and then. */
  readonly failed: (error: unknown) => void;
}

/**
 * Calls `changed` at first, after every change of the directory and every 20 seconds, until `signal` aborts. It need not be there yet,
 * and may be moved away and made again, as may what it is in: that is watched too. Whoever is called lists the directory anew, so that
 * an event that is lost costs nothing.
 */
export async function followDirectory(directory: string, { clock, changed, failed }: Follower, signal: AbortSignal): Promise<void> {
  const tell = settled(clock, changed);
  try {
    while (!signal.aborted) {
      try {
        await followOnce(directory, tell, clock, signal);
      } catch (error) {
        if (signal.aborted) return;
        // It came or went while the watch was set up.
        const isRace = systemCode(error) === 'ENOENT';
        if (!isRace) {
          failed(error);
          tell.now();
        }
        await pause(clock, isRace ? quietMs : lookAgainMs, signal).catch(() => undefined);
      }
    }
  } finally {
    tell.cancel();
  }
}

/** Until what is at the path is another directory, or none, or one at last, or it is time to look again. */
async function followOnce(directory: string, { now, soon }: Teller, clock: Clock, signal: AbortSignal): Promise<void> {
  const place = await nearest(directory);
  const over = Promise.withResolvers<void>();
  over.promise.catch(() => undefined);
  const watchers: FSWatcher[] = [];
  const follow = (path: string, listener: (name: string | null) => void): void => {
    watchers.push(watch(path, (_event, name) => listener(name)).on('error', over.reject));
  };
  const end = (): void => over.resolve();
  signal.addEventListener('abort', end, { once: true });
  const cancel = clock.setTimer(lookAgainMs, end);
  try {
    const { path, next } = place;
    // What is moved or removed itself is told by its own name.
    const above = next === undefined ? dirname(path) : path;
    if (next === undefined) follow(path, soon);
    follow(above, (name) => { if (name === (next ?? basename(path)) || name === basename(above)) end(); });
    now();
    const { path: again, ino } = await nearest(directory);
    // Who was told to stop before anybody listened is not told again.
    if (again === path && ino === place.ino && !signal.aborted) await over.promise;
  } finally {
    cancel();
    signal.removeEventListener('abort', end);
    for (const watcher of watchers) watcher.close();
  }
}

interface Place {
  readonly path: string;
  readonly ino: bigint;
  /** What is missing in it on the way to the directory; undefined: it is the directory. */
  readonly next?: string;
}

/** The directory, or the nearest above it that is there. */
async function nearest(directory: string, next?: string): Promise<Place> {
  const info = await stat(directory, { bigint: true }).catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT' && dirname(directory) !== directory) return undefined;
    throw error;
  });
  if (info === undefined) return await nearest(dirname(directory), basename(directory));
  return { path: directory, ino: info.ino, ...(next === undefined ? {} : { next }) };
}

interface Teller {
  readonly now: () => void;
  /** Once for calls in quick succession. */
  readonly soon: () => void;
  readonly cancel: () => void;
}

function settled(clock: Clock, act: () => void): Teller {
  let since: number | undefined;
  let cancelTimer: (() => void) | undefined;
  const cancel = (): void => {
    cancelTimer?.();
    since = cancelTimer = undefined;
  };
  const now = (): void => {
    cancel();
    act();
  };
  return {
    now, cancel,
    soon() {
      since ??= clock.now();
      cancelTimer?.();
      cancelTimer = clock.setTimer(Math.min(quietMs, Math.max(since + longestMs - clock.now(), 0)), now);
    },
  };
}
