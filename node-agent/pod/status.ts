import type { ContainerState, ContainerStatus, Pod, PodCondition, PodStatus } from '../../machinery/kinds/core.ts';
import { qosClass } from '../../machinery/pod/qos.ts';
import { grantedTo } from './granted.ts';
import { initFailed, isEnding, isFinished } from './plan.ts';
import { isGranted, unequal } from './resize.ts';
import { containersOf, hasSandbox, hasStarted, recordOf, type ContainerRecord, type PodContainer, type PodState, type Run } from './state.ts';

type Phase = 'Pending' | 'Running' | 'Succeeded' | 'Failed';

export interface NodeFacts {
  readonly hostAddress: string;
}

/** What the API is told about a pod; `before` is what it was told last. Pure. Reasons and order of conditions: "Pod Lifecycle", "Pod conditions". */
export function podStatus(pod: Pod, state: PodState, node: NodeFacts, now: number, before: PodStatus | undefined = pod.status): PodStatus {
  const containers = containersOf(pod);
  const gone = isEnding(pod, state) && state.sandbox === 'absent';
  const statusOf = (container: PodContainer): ContainerStatus => containerStatus(pod, container, state, gone);
  const init = containers.filter((c) => c.role === 'init' || c.role === 'sidecar').map(statusOf);
  const main = containers.filter((c) => c.role === 'main').map(statusOf);
  const ephemeral = containers.filter((c) => c.role === 'ephemeral').map(statusOf);
  const phase = phaseOf(pod, state, main, gone);
  const address = pod.spec?.hostNetwork === true && hasSandbox(state) ? node.hostAddress : state.address;
  return {
    observedGeneration: pod.metadata?.generation ?? 1,
    phase,
    conditions: conditions(pod, state, phase, [...init, ...main], now, before),
    hostIP: node.hostAddress,
    hostIPs: [{ ip: node.hostAddress }],
    ...(address === undefined ? {} : { podIP: address, podIPs: [{ ip: address }] }),
    startTime: rfc3339(state.startTime),
    ...(state.outcome === undefined ? {} : { reason: state.outcome.reason, message: state.outcome.message }),
    ...(state.outcome?.isRejection === true ? {} : { ...listed('initContainerStatuses', init), containerStatuses: main, ...listed('ephemeralContainerStatuses', ephemeral) }),
    qosClass: pod.status?.qosClass ?? qosClass(pod.spec ?? { containers: [] }),
  };
}

function listed(name: 'initContainerStatuses' | 'ephemeralContainerStatuses', statuses: readonly ContainerStatus[]): Pick<PodStatus, typeof name> {
  return statuses.length === 0 ? {} : { [name]: statuses };
}

/** Whole seconds, as Kubernetes writes times. */
export function rfc3339(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}

function phaseOf(pod: Pod, state: PodState, main: readonly ContainerStatus[], gone: boolean): Phase {
  if (state.outcome !== undefined && gone) return state.outcome.phase;
  if (initFailed(pod, state)) return 'Failed';
  const allEnded = main.every((status) => status.state?.terminated !== undefined);
  if (allEnded && (gone || isFinished(pod, state))) return main.every((status) => status.state?.terminated?.exitCode === 0) ? 'Succeeded' : 'Failed';
  const begun = main.every((status) => status.state?.waiting === undefined || status.lastState?.terminated !== undefined);
  return main.length > 0 && begun ? 'Running' : 'Pending';
}

function containerStatus(pod: Pod, container: PodContainer, state: PodState, gone: boolean): ContainerStatus {
  const record = recordOf(state, container.spec.name);
  const now = stateOf(pod, container, record, state, gone);
  const shown = record.current ?? record.previous;
  const last = now.waiting !== undefined && record.current?.exit !== undefined ? record.current : record.previous;
  const completedInit = container.role === 'init' && now.terminated?.exitCode === 0;
  const running = now.running !== undefined;
  return {
    name: container.spec.name,
    state: now,
    lastState: last?.exit === undefined ? {} : { terminated: terminated(last) },
    ready: completedInit || (running && (container.role === 'main' || container.role === 'sidecar') && record.health.ready),
    restartCount: record.restartCount,
    image: shown?.image ?? container.spec.image ?? '',
    imageID: shown?.imageId ?? '',
    ...(shown === undefined ? {} : { containerID: `coracle://${shown.id}`, ...grantedTo(container.spec, shown, state.grants?.[container.spec.name]) }),
    ...(container.role === 'ephemeral' ? {} : { started: running && (container.role === 'init' || record.health.started) }),
  };
}

function stateOf(pod: Pod, container: PodContainer, record: ContainerRecord, state: PodState, gone: boolean): ContainerState {
  const run = record.current;
  if (hasStarted(record) && run?.startedAt !== undefined) return { running: { startedAt: rfc3339(run.startedAt) } };
  const ended = run?.exit === undefined ? undefined : run;
  if (ended !== undefined && (record.waiting === undefined || isEnding(pod, state))) return { terminated: terminated(ended) };
  // A pod that was never initialised has nothing that could have been lost.
  if (gone && !initFailed(pod, state)) return { terminated: neverSeen };
  return { waiting: record.waiting ?? { reason: waitingReason(pod, container, state) } };
}

/** Kubernetes' answer for a container of a pod that ended before the container could run. */
const neverSeen = {
  exitCode: 137, reason: 'ContainerStatusUnknown', message: 'The container could not be located when the pod was terminated',
};

function waitingReason(pod: Pod, container: PodContainer, state: PodState): string {
  const hasInit = (pod.spec?.initContainers ?? []).length > 0;
  const initialising = hasInit && (container.role !== 'main' || !isInitialised(pod, state));
  return initialising ? 'PodInitializing' : 'ContainerCreating';
}

function isInitialised(pod: Pod, state: PodState): boolean {
  return incompleteInit(pod, state).length === 0;
}

function incompleteInit(pod: Pod, state: PodState): readonly string[] {
  return containersOf(pod).filter((c) => {
    const record = recordOf(state, c.spec.name);
    if (c.role === 'init') return record.current?.exit?.exitCode !== 0;
    return c.role === 'sidecar' && !(hasStarted(record) && record.health.started) && record.current?.exit === undefined;
  }).map((c) => c.spec.name);
}

function terminated(run: Run): NonNullable<ContainerState['terminated']> {
  const { exit } = run;
  return {
    exitCode: exit?.exitCode ?? 137,
    ...(exit?.signal === undefined ? {} : { signal: exit.signal }),
    reason: exit?.reason ?? 'Error',
    ...(exit?.message === undefined ? {} : { message: exit.message }),
    startedAt: rfc3339(run.startedAt ?? 0),
    finishedAt: rfc3339(exit?.finishedAt ?? 0),
    containerID: `coracle://${run.id}`,
  };
}

interface Verdict {
  readonly status: 'True' | 'False';
  readonly reason?: string;
  readonly message?: string;
}

const yes: Verdict = { status: 'True' };

function conditions(
  pod: Pod, state: PodState, phase: Phase, statuses: readonly ContainerStatus[], now: number, before: PodStatus | undefined,
): readonly PodCondition[] {
  const containersReady = containersReadyOf(pod, phase, statuses);
  const verdicts: readonly (readonly [string, Verdict])[] = [
    ['PodReadyToStartContainers', hasSandbox(state) ? yes : { status: 'False' }],
    ['Initialized', initialised(pod, state, phase)],
    ['Ready', readyOf(pod, containersReady)],
    ['ContainersReady', containersReady],
    ['PodScheduled', yes],
    ...restartingAllCondition(pod, state, phase),
    ...resizeConditions(pod, state),
    ...(state.outcome?.isDisruption === true ? [['DisruptionTarget', { status: 'True', reason: 'TerminationByKubelet', message: state.outcome.message }] as const] : []),
  ];
  // Conditions of others are theirs to write: what is known of them here may be old.
  return verdicts.map(([type, verdict]) => condition(pod, type, verdict, now, before));
}

/** Of pods that one of their containers can have begin anew. */
function restartingAllCondition(pod: Pod, state: PodState, phase: Phase): readonly (readonly [string, Verdict])[] {
  if (!containersOf(pod).some(({ spec }) => spec.restartPolicyRules?.some(({ action }) => action === 'RestartAllContainers'))) return [];
  const verdict: Verdict = phase === 'Succeeded' ? { status: 'False', reason: 'PodCompleted' }
    : phase === 'Failed' ? { status: 'False', reason: 'PodFailed' }
      : state.restartingAll === true ? { status: 'True', reason: 'RestartAllContainersStarted', message: 'container exited with restart policy rule' } : { status: 'False' };
  return [['AllContainersRestarting', verdict]];
}

/** They are there only while a resize waits, or goes on. */
function resizeConditions(pod: Pod, state: PodState): readonly (readonly [string, Verdict])[] {
  const { grants, resizeRefusal, resizing } = state;
  const verdicts: (readonly [string, Verdict])[] = [];
  if (resizeRefusal !== undefined && grants !== undefined && !isGranted(pod, grants)) {
    verdicts.push(['PodResizePending', { status: 'True', reason: resizeRefusal.reason, message: resizeRefusal.message }]);
  }
  if (!isEnding(pod, state) && (resizing !== undefined || unequal(pod, state).length > 0)) {
    verdicts.push(['PodResizeInProgress', resizing?.error === undefined ? yes : { status: 'True', reason: 'Error', message: resizing.error }]);
  }
  return verdicts;
}

/** A condition keeps the time of its last change. */
function condition(pod: Pod, type: string, verdict: Verdict, now: number, before: PodStatus | undefined): PodCondition {
  const last = before?.conditions?.find((each) => each.type === type);
  const since = last?.status === verdict.status ? last.lastTransitionTime : undefined;
  return { type, ...verdict, observedGeneration: pod.metadata?.generation ?? 1, lastTransitionTime: since ?? rfc3339(now) };
}

function initialised(pod: Pod, state: PodState, phase: Phase): Verdict {
  if (phase === 'Succeeded') return { status: 'True', reason: 'PodCompleted' };
  const incomplete = incompleteInit(pod, state);
  if (incomplete.length === 0) return yes;
  return { status: 'False', reason: 'ContainersNotInitialized', message: `containers with incomplete status: [${incomplete.join(' ')}]` };
}

function containersReadyOf(pod: Pod, phase: Phase, statuses: readonly ContainerStatus[]): Verdict {
  if (phase === 'Succeeded') return { status: 'False', reason: 'PodCompleted' };
  if (phase === 'Failed') return { status: 'False', reason: 'PodFailed' };
  const counted = new Set(containersOf(pod).filter((c) => c.role !== 'init').map((c) => c.spec.name));
  const unready = statuses.filter((status) => counted.has(status.name) && !status.ready).map((status) => status.name);
  if (unready.length === 0) return yes;
  return { status: 'False', reason: 'ContainersNotReady', message: `containers with unready status: [${unready.join(' ')}]` };
}

function readyOf(pod: Pod, containersReady: Verdict): Verdict {
  if (containersReady.status === 'False') return containersReady;
  const messages = (pod.spec?.readinessGates ?? []).flatMap(({ conditionType }) => {
    const gate = pod.status?.conditions?.find((each) => each.type === conditionType);
    if (gate === undefined) return [`corresponding condition of pod readiness gate "${conditionType}" does not exist.`];
    return gate.status === 'True' ? [] : [`the status of pod readiness gate "${conditionType}" is not "True", but ${gate.status}`];
  });
  return messages.length === 0 ? yes : { status: 'False', reason: 'ReadinessGatesNotReady', message: messages.join(', ') };
}
