import type { ContainerStatus, Pod } from '../../../../machinery/kinds/core.ts';
import { none, text, timed } from '../../columns.ts';
import { age, name, since, type Column } from '../../define.ts';

/** What `kubectl get pods` shows. Source: kubectl's output, "Pod lifecycle", "Debug init containers: pod status". */

interface Summary {
  readonly status: string;
  readonly ready: number;
  readonly total: number;
  readonly restarts: number;
  /** When the last container that restarted had ended. */
  readonly lastRestart: string | undefined;
}

/** How far initialization got; undefined once it is over. */
interface Initialization {
  readonly status: string | undefined;
  readonly ready: number;
}

const isTrue = (pod: Pod, type: string): boolean => (pod.status?.conditions ?? []).some((one) => one.type === type && one.status === 'True');

function sidecars(pod: Pod): ReadonlySet<string> {
  return new Set((pod.spec?.initContainers ?? []).filter((container) => container.restartPolicy === 'Always').map((container) => container.name));
}

function initialization(pod: Pod, restartable: ReadonlySet<string>): Initialization {
  let ready = 0;
  for (const [index, { name: own, state, started, ready: isReady }] of (pod.status?.initContainerStatuses ?? []).entries()) {
    const ended = state?.terminated;
    if (ended?.exitCode === 0) continue;
    if (restartable.has(own) && started === true) {
      if (isReady) ready += 1;
      continue;
    }
    if (ended !== undefined) return { status: `Init:${endedText(ended)}`, ready };
    const waiting = state?.waiting?.reason ?? '';
    if (waiting !== '' && waiting !== 'PodInitializing') return { status: `Init:${waiting}`, ready };
    return { status: `Init:${index}/${pod.spec?.initContainers?.length ?? 0}`, ready };
  }
  return { status: undefined, ready };
}

function endedText({ reason = '', signal = 0, exitCode }: { readonly reason?: string; readonly signal?: number; readonly exitCode: number }): string {
  if (reason !== '') return reason;
  return signal === 0 ? `ExitCode:${exitCode}` : `Signal:${signal}`;
}

/** Why a container doesn't run; undefined when it does, or says nothing. */
function trouble({ state }: ContainerStatus): string | undefined {
  const waiting = state?.waiting?.reason ?? '';
  if (waiting !== '') return waiting;
  return state?.terminated === undefined ? undefined : endedText(state.terminated);
}

function restartsOf(statuses: readonly ContainerStatus[]): Pick<Summary, 'restarts' | 'lastRestart'> {
  const ends = statuses.map((status) => status.lastState?.terminated?.finishedAt).filter((time) => time !== undefined).toSorted();
  return { restarts: statuses.reduce((sum, status) => sum + status.restartCount, 0), lastRestart: ends.at(-1) };
}

export function summary(pod: Pod): Summary {
  const restartable = sidecars(pod);
  const { containerStatuses = [], initContainerStatuses = [], phase = '' } = pod.status ?? {};
  const total = (pod.spec?.containers ?? []).length + restartable.size;
  const gated = (pod.status?.conditions ?? []).some((one) => one.type === 'PodScheduled' && one.reason === 'SchedulingGated');
  const first = gated ? 'SchedulingGated' : (pod.status?.reason || phase);
  const { status: initializing, ready: readySidecars } = initialization(pod, restartable);
  if (initializing !== undefined && !isTrue(pod, 'Initialized')) {
    return { status: ending(pod, initializing), ready: readySidecars, total, ...restartsOf(initContainerStatuses) };
  }
  const running = containerStatuses.filter((status) => trouble(status) === undefined && status.ready && status.state?.running !== undefined);
  // The first container in trouble names the pod's state.
  let status = containerStatuses.map(trouble).find((reason) => reason !== undefined) ?? initializing ?? first;
  if (status === 'Completed' && running.length > 0) status = isTrue(pod, 'Ready') ? 'Running' : 'NotReady';
  const counted = [...initContainerStatuses.filter((one) => restartable.has(one.name)), ...containerStatuses];
  return { status: ending(pod, status), ready: readySidecars + running.length, total, ...restartsOf(counted) };
}

function ending(pod: Pod, status: string): string {
  if (pod.metadata?.deletionTimestamp === undefined) return status;
  if (pod.status?.reason === 'NodeLost') return 'Unknown';
  const { phase } = pod.status ?? {};
  return phase === 'Succeeded' || phase === 'Failed' ? status : 'Terminating';
}

function restartsText(pod: Pod, now: number): string {
  const { restarts, lastRestart } = summary(pod);
  return restarts === 0 || lastRestart === undefined ? String(restarts) : `${restarts} (${since(lastRestart, now)} ago)`;
}

function gatesText(pod: Pod): string {
  const gates = pod.spec?.readinessGates ?? [];
  return gates.length === 0 ? none : `${gates.filter((gate) => isTrue(pod, gate.conditionType)).length}/${gates.length}`;
}

export const podColumns: readonly Column<Pod>[] = [
  name(),
  text('Ready', 'Ready containers of all.', (pod) => {
    const { ready, total } = summary(pod);
    return `${ready}/${total}`;
  }),
  text('Status', 'What the pod is doing, or what keeps it from running.', (pod) => summary(pod).status),
  timed('Restarts', 'How often its containers were restarted, and when last.', restartsText),
  age(),
  text('IP', "The pod's address.", (pod) => pod.status?.podIPs?.[0]?.ip || none, 1),
  text('Node', 'Where it runs.', (pod) => pod.spec?.nodeName || none, 1),
  text('Nominated Node', 'Where it may run once others have made room.', (pod) => pod.status?.nominatedNodeName || none, 1),
  text('Readiness Gates', 'True readiness gates of all.', gatesText, 1),
];
