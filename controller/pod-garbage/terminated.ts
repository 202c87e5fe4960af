import { Pod } from '../../machinery/kinds/core.ts';
import { isTerminal } from '../../machinery/pod/readiness.ts';
import { keyOf } from '../../client/informer-store.ts';
import { createWorkQueue } from '../../client/work-queue.ts';
import { carryOut } from '../carry-out.ts';
import { unlessAborted, type Controller } from '../define.ts';
import { at, type Step } from '../steps.ts';

/** Keeps the number of ended pods below a threshold, the oldest going first. Source: "Pod garbage collection". */

const defaultThreshold = 12_500;
const sweep = 'sweep';

export function terminatedPodController({ threshold = defaultThreshold }: { readonly threshold?: number } = {}): Controller {
  return {
    name: 'terminated-pods',
    async run({ informers, client, clock, random, log, recorder }, signal) {
      const pods = informers.informer(Pod);
      await pods.waitForSync(signal).catch(unlessAborted(signal));
      if (signal.aborted) return;
      const ended = new Map<string, Pod>();
      const queue = createWorkQueue({ clock, random, failed: (_key, err, waitMs) => log.warn({ err, waitMs }, 'ended pods could not be removed') });
      const unsubscribe = pods.onChange((before, after) => {
        const object = after ?? before;
        if (object === undefined) return;
        if (after !== undefined && isTerminal(after)) ended.set(keyOf(after), after);
        else ended.delete(keyOf(object));
        if (ended.size > threshold) queue.add(sweep);
      });
      const tools = { client, recorder: recorder('pod-garbage-collector') };
      await queue.run(1, async () => {
        const { failure } = await carryOut(plan([...ended.values()], threshold), tools);
        if (failure !== undefined) throw failure;
      }, signal);
      unsubscribe();
    },
  };
}

export function plan(ended: readonly Pod[], threshold: number): readonly Step[] {
  const surplus = ended.length - threshold;
  if (surplus <= 0) return [];
  const oldest = ended.toSorted((a, b) => (a.metadata?.creationTimestamp ?? '').localeCompare(b.metadata?.creationTimestamp ?? '')).slice(0, surplus);
  return oldest.map((pod): Step => ({ type: 'delete', kind: Pod, at: at(pod), uid: pod.metadata?.uid ?? '', gracePeriodSeconds: 0 }));
}
