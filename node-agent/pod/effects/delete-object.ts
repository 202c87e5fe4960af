import { pause } from '../../../machinery/clock.ts';
import { Pod } from '../../../machinery/kinds/core.ts';
import { isReason } from '../../../machinery/status.ts';
import type { PodHandle } from '../handle.ts';

const retryMs = 2000;
const deadlineMs = 15_000;

/** The last status first, then the object: whoever waits for the pod sees how it ended. */
export async function deleteObject(handle: PodHandle): Promise<void> {
  const { node, uid } = handle;
  handle.change((before) => ({ ...before, deleting: true }));
  // The change above is planned and reported on in the next microtask; only then is the last status on its way.
  await Promise.resolve();
  // A status that the API goes on refusing must not keep the pod.
  const enough = new AbortController();
  await Promise.race([node.statuses.flush(uid), pause(node.clock, deadlineMs, AbortSignal.any([handle.working, enough.signal])).catch(() => undefined)]);
  enough.abort();
  const { namespace = '', name = '' } = handle.pod().metadata ?? {};
  try {
    const signal = AbortSignal.any([handle.working, AbortSignal.timeout(deadlineMs)]);
    await node.client.delete(Pod, { namespace, name }, { gracePeriodSeconds: 0, preconditions: { uid }, signal });
  } catch (error) {
    if (handle.working.aborted || isReason(error, 'NotFound', 'Conflict')) return;
    node.log.warn({ err: error, namespace, name, uid }, 'a pod was not deleted: it is tried again');
    node.clock.setTimer(retryMs, () => handle.change((before) => ({ ...before, deleting: false })));
  }
}
