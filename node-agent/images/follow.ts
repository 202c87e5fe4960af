import { watch } from 'node:fs';
import { basename, dirname } from 'node:path';
import { once } from 'node:events';
import type { Log } from '../../client/log.ts';
import { indexPath } from './store.ts';

/** Calls `changed` whenever an image came or went, by this process or another, until `signal` aborts. */
export async function followImages(dataDir: string, changed: () => void, log: Log, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  const path = indexPath(dataDir);
  try {
    // The directory is watched: the index is replaced, not changed.
    const watcher = watch(dirname(path), { signal }, (_event, name) => {
      if (name === basename(path)) changed();
    });
    await once(watcher, 'close');
  } catch (error) {
    if (!signal.aborted) log.warn({ err: error, path }, 'images can\'t be watched: the node status lists changes with its next writing');
  }
}
