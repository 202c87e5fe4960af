import { readFile } from 'node:fs/promises';
import type { Clock } from '../machinery/clock.ts';
import { ImagePolicy } from '../machinery/kinds/image-policy.ts';
import { isReason } from '../machinery/status.ts';
import { messageOf, systemCode } from '../machinery/thrown.ts';
import type { Client } from '../client/client.ts';
import { createInformer } from '../client/informer.ts';
import type { Log } from '../client/log.ts';
import { replaceFile } from './replace-file.ts';

/** The cluster's ImagePolicies, as far as this node can know them. */
export interface ImagePolicySource {
  /** Rejects when they are not known: then no image may run. */
  current(): Promise<readonly ImagePolicy[]>;
  run(signal: AbortSignal): Promise<void>;
}

const listDeadlineMs = 5000;

/**
 * Follows the policies, and writes them to `path`: an agent that starts while the API can't be reached goes by the last that were
 * known. A server of an earlier version, which has no such kind, has no policies.
 */
export function createImagePolicySource(client: Client, clock: Clock, log: Log, path: string): ImagePolicySource {
  const informer = createInformer(client, ImagePolicy, { clock, log });
  let written = '';
  let writing = Promise.resolve();

  function remember(): void {
    writing = writing.then(async () => {
      const text = JSON.stringify(informer.list().map(({ metadata, spec }) => ({ metadata: { name: metadata?.name }, spec })));
      if (text === written) return;
      await replaceFile(path, text);
      written = text;
    }).catch((error: unknown) => log.error({ err: error, path }, 'the image policies were not written down'));
  }

  async function remembered(): Promise<readonly ImagePolicy[] | undefined> {
    const text = await readFile(path, 'utf8').catch((error: unknown) => {
      if (systemCode(error) === 'ENOENT') return undefined;
      throw error;
    });
    // Written by `remember` alone, atomically: its parts are taken on trust.
    return text === undefined ? undefined : JSON.parse(text) as readonly ImagePolicy[];
  }

  return {
    async current() {
      if (informer.synced) return informer.list();
      try {
        return (await client.list(ImagePolicy, { signal: AbortSignal.timeout(listDeadlineMs) })).items;
      } catch (error) {
        const last = await remembered();
        if (last !== undefined) return last;
        if (isReason(error, 'NotFound')) return [];
        throw new Error(`the cluster's image policies can't be read: ${messageOf(error)}`, { cause: error });
      }
    },
    async run(signal) {
      const stop = informer.onChange(remember);
      informer.waitForSync(signal).then(remember, () => undefined);
      await informer.run(signal);
      stop();
      await writing;
    },
  };
}
