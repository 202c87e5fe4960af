import { pause, type Clock } from '../../machinery/clock.ts';
import { Lease } from '../../machinery/kinds/cluster.ts';
import { Node } from '../../machinery/kinds/core.ts';
import { apiVersionOf } from '../../machinery/kinds/kind.ts';
import { isReason } from '../../machinery/status.ts';
import type { Client } from '../../client/client.ts';
import type { Log } from '../../client/log.ts';

/** Lease renewals, as Kubernetes' nodes make them ("Node heartbeats"). */
const renewMs = 10_000;
const leaseSeconds = 40;
const leaseNamespace = 'kube-node-lease';
const longestWaitMs = 5000;
const requestDeadlineMs = 8000;

/** Keeps the node's Lease fresh until `signal` aborts. */
export async function beatHeart(client: Client, clock: Clock, log: Log, nodeName: string, signal: AbortSignal): Promise<void> {
  let lease: Lease | undefined;
  let waitMs = 200;
  while (!signal.aborted) {
    try {
      lease = await renew(client, clock, nodeName, lease, AbortSignal.any([signal, AbortSignal.timeout(requestDeadlineMs)]));
      waitMs = 200;
      await pause(clock, renewMs, signal).catch(() => undefined);
    } catch (error) {
      if (signal.aborted) return;
      lease = undefined;
      log.warn({ err: error, node: nodeName }, 'the node lease was not renewed');
      await pause(clock, waitMs, signal).catch(() => undefined);
      waitMs = Math.min(waitMs * 2, longestWaitMs);
    }
  }
}

async function renew(client: Client, clock: Clock, nodeName: string, held: Lease | undefined, signal: AbortSignal): Promise<Lease> {
  const at = { namespace: leaseNamespace, name: nodeName };
  const present = held ?? await client.get(Lease, at, signal).catch((error: unknown) => {
    if (isReason(error, 'NotFound')) return undefined;
    throw error;
  });
  const spec = { holderIdentity: nodeName, leaseDurationSeconds: leaseSeconds, renewTime: `${new Date(clock.now()).toISOString().slice(0, 23)}000Z` };
  if (present !== undefined) return await client.update(Lease, { ...present, spec: { ...present.spec, ...spec } }, { signal });
  const node = await client.get(Node, { name: nodeName }, signal);
  const owner = { apiVersion: apiVersionOf(Node), kind: Node.kind, name: nodeName, uid: node.metadata?.uid ?? '' };
  return await client.create(Lease, { metadata: { ...at, ownerReferences: [owner] }, spec }, { signal });
}
