import type { Client } from '../../client/client.ts';
import { Node } from '../../machinery/kinds/core.ts';

/** Resolves when the node says that it is Ready. Rejects when `signal` aborts, or the server ends the watch before. */
export async function nodeReady(client: Client, nodeName: string, signal: AbortSignal): Promise<void> {
  for await (const batch of client.watch(Node, { fieldSelector: `metadata.name=${nodeName}`, signal })) {
    const isReady = batch.some(({ object }) => object.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True'));
    if (isReady) return;
  }
  signal.throwIfAborted();
  throw new Error(`the watch for node ${nodeName} ended before it was Ready`);
}
