import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, inject } from 'vitest';
import { createClient, type Client } from '../../../client/client.ts';
import { httpsTransport, type HttpsTransport } from '../../../client/https.ts';
import { readKubeconfig } from '../../../client/kubeconfig.ts';
import { Pod } from '../../../machinery/kinds/core.ts';
import { isReady } from '../../../machinery/pod/readiness.ts';
import { messageOf } from '../../../machinery/thrown.ts';
import { patience } from '../../patience.ts';
import { patienceMs } from '../command.ts';
import { importImage } from '../coracle.ts';
import { writeImage, type Image } from '../image-archive.ts';
import type { Kubectl } from '../kubectl.ts';
import { useNamespace } from '../namespace.ts';

/** Pods of one namespace, followed by one watch: a file makes many at once, and takes as long as its slowest. */
export interface NodePods {
  readonly namespace: string;
  readonly kubectl: Kubectl;
  readonly client: Client;
  /** The pod as soon as it is as wanted. Rejects with its state when the deadline passes before. */
  until(name: string, wanted: (pod: Pod) => boolean, deadlineMs?: number): Promise<Pod>;
  ready(name: string): Promise<Pod>;
  /** Once it has Succeeded or Failed. */
  ended(name: string): Promise<Pod>;
  /** Resolves when the object is gone. */
  gone(name: string): Promise<void>;
  /** Every state of it that the API has told, the latest last. */
  states(name: string): readonly Pod[];
  /** All that the pod's one container has written by its end, when it has Succeeded. */
  output(name: string): Promise<string>;
}

/** To be called at the top of a file; the fields may be read inside tests and hooks. */
export function usePods(namespace: string): NodePods {
  const kubectl = useNamespace(namespace);
  const told = new Map<string, Pod[]>();
  const deleted = new Set<string>();
  const stop = new AbortController();
  let wake = Promise.withResolvers<void>();
  let transport: HttpsTransport | undefined;
  let client: Client | undefined;
  let watching: Promise<void> | undefined;
  let over: string | undefined;
  const changed = (): void => {
    wake.resolve();
    wake = Promise.withResolvers();
  };

  async function follow(from: Client): Promise<void> {
    try {
      for await (const batch of from.watch(Pod, { namespace, signal: stop.signal })) {
        for (const { type, object } of batch) {
          const name = object.metadata?.name ?? '';
          if (type === 'DELETED') deleted.add(name);
          else told.set(name, [...told.get(name) ?? [], object]);
        }
        changed();
      }
      over = 'the watch ended';
    } catch (error) {
      over = messageOf(error);
    }
    changed();
  }

  beforeAll(async () => {
    transport = httpsTransport(await readKubeconfig(join(inject('cluster').dataDir, 'admin.kubeconfig')));
    client = createClient(transport);
    watching = follow(client);
  });
  afterAll(async () => {
    stop.abort();
    await watching;
    transport?.close();
  });

  const states = (name: string): readonly Pod[] => told.get(name) ?? [];

  async function wait(name: string, what: string, holds: () => boolean, deadlineMs = patienceMs): Promise<void> {
    const deadline = AbortSignal.timeout(deadlineMs * patience);
    deadline.addEventListener('abort', changed, { once: true });
    while (!holds()) {
      if (over !== undefined || deadline.aborted) {
        throw new Error(`${name} was not ${what}: ${over ?? `${deadlineMs * patience / 1000} s have passed`}; its status: ${JSON.stringify(states(name).at(-1)?.status)}`);
      }
      await wake.promise;
    }
  }

  async function until(name: string, wanted: (pod: Pod) => boolean, deadlineMs?: number): Promise<Pod> {
    await wait(name, 'as wanted', () => states(name).slice(-1).some(wanted), deadlineMs);
    const pod = states(name).at(-1);
    if (pod === undefined) throw new Error(`${name} was never told`);
    return pod;
  }

  const ended = (name: string): Promise<Pod> => until(name, ({ status }) => status?.phase === 'Succeeded' || status?.phase === 'Failed');

  return {
    namespace,
    kubectl,
    get client() {
      if (client === undefined) throw new Error('the client is there inside tests and hooks only');
      return client;
    },
    until,
    ready: (name) => until(name, isReady),
    ended,
    gone: (name) => wait(name, 'gone', () => deleted.has(name)),
    states,
    async output(name) {
      const { status } = await ended(name);
      const text = await kubectl`logs ${name}`;
      if (status?.phase !== 'Succeeded') throw new Error(`${name} has ${status?.phase}: ${JSON.stringify(status)}\n${text}`);
      return text;
    },
  };
}

/** Makes an image that the example's does not serve for, and gives it to the shared cluster's node. */
export async function takeIn(image: Image): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'coracle-image-'));
  try {
    const archive = join(directory, 'image.tar');
    await writeImage(archive, image);
    await importImage(inject('cluster').dataDir, archive);
  } finally {
    await rm(directory, { recursive: true });
  }
}
