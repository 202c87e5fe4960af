import type { Client } from '../../client/client.ts';
import { pause, systemClock } from '../../machinery/clock.ts';
import { Node } from '../../machinery/kinds/core.ts';
import { isReason } from '../../machinery/status.ts';

/** Resolves when the node says that it is Ready. Rejects when `signal` aborts, or the server ends the watch before. */
export async function nodeReady(client: Client, nodeName: string, signal: AbortSignal): Promise<void> {
  for await (const batch of client.watch(Node, { fieldSelector: `metadata.name=${nodeName}`, signal })) {
    const isReady = batch.some(({ object }) => object.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True'));
    if (isReady) return;
  }
  signal.throwIfAborted();
  throw new Error(`the watch for node ${nodeName} ended before it was Ready`);
}

const readyMs = 60_000;
const retryMs = 1000;

/**
 * The same, however long the API server is out of reach: `unreachable` is told the first time. Rejects when the server answers and the
 * node is not Ready within a minute, when it is refused, or when `signal` aborts.
 */
export async function nodeReadyAtLast(client: Client, nodeName: string, signal: AbortSignal, unreachable: (error: unknown) => void): Promise<void> {
  for (let isTold = false; ; isTold = true) {
    const deadline = AbortSignal.timeout(readyMs);
    try {
      return await nodeReady(client, nodeName, AbortSignal.any([signal, deadline]));
    } catch (error) {
      if (signal.aborted || deadline.aborted || isReason(error, 'Unauthorized', 'Forbidden')) throw error;
      if (!isTold) unreachable(error);
      await pause(systemClock, retryMs, signal);
    }
  }
}
