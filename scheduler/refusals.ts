import type { PodClass } from './classes/pod-class.ts';
import { diagnose, type Diagnosis } from './diagnosis.ts';
import { fitMessage, type Preemption } from './fit-message.ts';
import type { Nodes } from './nodes/nodes.ts';
import type { Priorities } from './priorities.ts';
import type { Waiting } from './queue/waiting.ts';

/** What to say of a pod that no node takes. */
export interface Refused {
  readonly message: string;
  /** The same was said of the pod a short while ago. */
  readonly told: boolean;
  /** The set of events that may help. */
  readonly wakeOn: number;
}

/** Holds while no row has changed. */
interface Diagnosed {
  readonly at: number;
  readonly diagnosis: Diagnosis;
  readonly messages: Map<Preemption, string>;
}

/** Milliseconds after which a pod is told the same again, so that its events don't all expire. */
const tellAgainMs = 300_000;

/** Says why pods are refused; all nodes are asked once per class and state of the cluster, however many pods wait. */
export function createRefusals(nodes: Nodes, priorities: Priorities): (waiting: Waiting, now: number) => Refused {
  const kept = new WeakMap<PodClass, Diagnosed>();
  const diagnosed = (podClass: PodClass): Diagnosed => {
    const known = kept.get(podClass);
    if (known !== undefined && known.at === nodes.changes.head) return known;
    const made: Diagnosed = { at: nodes.changes.head, diagnosis: diagnose(podClass, nodes), messages: new Map() };
    kept.set(podClass, made);
    return made;
  };
  return (waiting, now) => {
    const { diagnosis, messages } = diagnosed(waiting.podClass);
    const preemption = preemptionFor(waiting, priorities);
    const message = messages.get(preemption) ?? fitMessage(diagnosis, preemption);
    messages.set(preemption, message);
    const told = waiting.told?.message === message && now - waiting.told.at < tellAgainMs;
    if (!told) waiting.told = { message, at: now };
    return { message, told, wakeOn: diagnosis.wakeOn };
  };
}

/** Preempting is not among what this scheduler does; it is only said of it what holds for certain. */
function preemptionFor({ pod, priority }: Waiting, priorities: Priorities): Preemption {
  if (pod.spec?.preemptionPolicy === 'Never') return 'never';
  return priorities.lowest >= priority ? 'no-victims' : 'not-judged';
}
