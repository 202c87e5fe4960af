import type { Container, Probe } from '../../../machinery/kinds/core.ts';
import type { PodHandle } from '../handle.ts';
import { isEnding } from '../plan.ts';
import { containersOf, hasStarted, isRunning, recordOf, type ContainerRecord, type Health } from '../state.ts';
import { runProbe } from './probe.ts';

/** Keeps every running container's probes going, and its health in the pod's state. */
export interface Prober {
  /** Begins with containers that now run, ends with those that don't. */
  follow(): void;
  /** What came of the probes that were made since the agent began. */
  counts(): readonly ProbeCount[];
  stop(): void;
}

export interface ProbeCount {
  readonly container: string;
  readonly kind: Kind;
  readonly result: 'successful' | 'failed';
  readonly count: number;
}

type Kind = 'startup' | 'liveness' | 'readiness';

const titles: Readonly<Record<Kind, string>> = { startup: 'Startup', liveness: 'Liveness', readiness: 'Readiness' };

export function createProber(handle: PodHandle): Prober {
  /** By container and kind: which run is probed, and how to end it. */
  const probing = new Map<string, { readonly containerId: string; readonly stop: AbortController }>();
  const counts = new Map<string, ProbeCount>();
  const made = (container: string, kind: Kind, result: ProbeCount['result']): void => {
    const key = `${container}/${kind}/${result}`;
    counts.set(key, { container, kind, result, count: (counts.get(key)?.count ?? 0) + 1 });
  };

  function follow(): void {
    for (const { spec: container, role } of containersOf(handle.pod())) {
      if (role === 'init') continue;
      const record = recordOf(handle.state(), container.name);
      const containerId = hasStarted(record) ? record.current?.id : undefined;
      for (const [kind, probe] of probesOf(container)) {
        const key = `${container.name}/${kind}`;
        const wanted = containerId !== undefined && canBeProbed(handle, kind, probe) && !isCondemned(handle, kind, record) && (kind === 'startup' ? !record.health.started : record.health.started) ? containerId : undefined;
        const present = probing.get(key);
        if (present?.containerId === wanted) continue;
        present?.stop.abort();
        probing.delete(key);
        if (wanted === undefined) continue;
        const stop = new AbortController();
        probing.set(key, { containerId: wanted, stop });
        keepProbing(handle, container, wanted, kind, probe, stop.signal, made);
      }
    }
  }

  return {
    follow,
    counts: () => [...counts.values()],
    stop() {
      for (const each of probing.values()) each.stop.abort();
      probing.clear();
    },
  };
}

/** Of a pod whose supervisor is of another version, or silent, nothing can be executed and nothing restarted: it goes on as it is. */
function canBeProbed(handle: PodHandle, kind: Kind, probe: Probe): boolean {
  if (handle.state().sandbox === 'silent') return false;
  return handle.sandbox()?.refusal === undefined || (kind === 'readiness' && probe.exec === undefined);
}

/** What is to be ended is not asked any more whether it lives; whether it is ready, it is until its end. */
function isCondemned(handle: PodHandle, kind: Kind, { stopping, health }: ContainerRecord): boolean {
  return kind !== 'readiness' && (stopping !== undefined || health.failed !== undefined || isEnding(handle.pod(), handle.state()));
}

function probesOf(container: Container): readonly (readonly [Kind, Probe])[] {
  const { startupProbe, livenessProbe, readinessProbe } = container;
  const all: readonly (readonly [Kind, Probe | undefined])[] = [['startup', startupProbe], ['liveness', livenessProbe], ['readiness', readinessProbe]];
  return all.flatMap(([kind, probe]) => (probe === undefined ? [] : [[kind, probe]]));
}

/** One probe after the other, begun `periodSeconds` apart, until `stop` aborts. */
function keepProbing(handle: PodHandle, container: Container, containerId: string, kind: Kind, probe: Probe, stop: AbortSignal, made: (container: string, kind: Kind, result: ProbeCount['result']) => void): void {
  const { clock } = handle.node;
  const periodMs = (probe.periodSeconds ?? 10) * 1000;
  let passes = 0;
  let failures = 0;
  const once = async (): Promise<void> => {
    const begunAt = clock.now();
    const failure = await runProbe(handle, container, containerId, probe, AbortSignal.any([stop, handle.working]));
    // What failed because the container ended meanwhile says nothing of it.
    if (stop.aborted || handle.working.aborted || handle.sandbox()?.exits.has(containerId) === true) return;
    made(container.name, kind, failure === undefined ? 'successful' : 'failed');
    passes = failure === undefined ? passes + 1 : 0;
    failures = failure === undefined ? 0 : failures + 1;
    if (failure !== undefined) handle.event('Warning', 'Unhealthy', `${titles[kind]} probe failed: ${failure}`, container.name);
    const edit = verdict(kind, container.name, probe, passes, failures);
    if (edit !== undefined) changeHealth(handle, container.name, containerId, edit);
    // However long this one took, and whatever the machine's clock was set to meanwhile.
    again(leftOf(periodMs, begunAt));
  };
  const leftOf = (ms: number, since: number): number => Math.min(Math.max(since + ms - clock.now(), 0), ms);
  const again = (ms: number): void => {
    if (stop.aborted) return;
    const cancel = clock.setTimer(ms, () => {
      stop.removeEventListener('abort', cancel);
      void once();
    });
    stop.addEventListener('abort', cancel, { once: true });
  };
  // Counted from the container's start, not from when this probe's turn or a new agent came.
  const startedAt = recordOf(handle.state(), container.name).current?.startedAt ?? clock.now();
  again(leftOf((probe.initialDelaySeconds ?? 0) * 1000, startedAt));
}

/** What so many passes or failures in a row mean; `undefined`: nothing yet. */
export function verdict(kind: Kind, container: string, probe: Probe, passes: number, failures: number): ((health: Health) => Health) | undefined {
  const passed = passes >= (probe.successThreshold ?? 1);
  const failed = failures >= (probe.failureThreshold ?? 3);
  if (kind === 'readiness') {
    if (passed) return (health) => ({ ...health, ready: true });
    return failed ? (health) => ({ ...health, ready: false }) : undefined;
  }
  if (kind === 'startup' && passed) return (health) => ({ ...health, started: true });
  return failed ? (health) => ({ ...health, failed: `Container ${container} failed ${kind} probe, will be restarted`, failedProbe: kind }) : undefined;
}

function changeHealth(handle: PodHandle, name: string, containerId: string, edit: (health: Health) => Health): void {
  const record = recordOf(handle.state(), name);
  // A pod that is ending is not restarted for its health.
  if (record.current?.id !== containerId || !isRunning(record) || isEnding(handle.pod(), handle.state())) return;
  const container = containersOf(handle.pod()).find((each) => each.spec.name === name)?.spec;
  const next = edit(record.health);
  // Once started, a container without a readiness probe is ready.
  const health = next.started && !record.health.started && container?.readinessProbe === undefined ? { ...next, ready: true } : next;
  if (JSON.stringify(health) !== JSON.stringify(record.health)) handle.changeContainer(name, (each) => ({ ...each, health }));
}
