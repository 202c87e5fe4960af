import { constants } from 'node:os';
import type { Container } from '../../../machinery/kinds/core.ts';
import type { PodHandle } from '../handle.ts';
import { runHook } from '../hooks.ts';
import { killPatienceMs } from '../plan.ts';
import { containersOf, isRunning, recordOf } from '../state.ts';
import { messageOf } from '../../../machinery/thrown.ts';

/** What a preStop hook that used up the grace period leaves to the process. */
const leastAfterHookMs = 2000;
const retryMs = 2000;

/** Asks a container to end: preStop hook, then its stop signal. SIGKILL is the plan's, when the grace period is over. */
export async function stopContainer(handle: PodHandle, name: string, graceMs: number, message: string): Promise<void> {
  const container = containersOf(handle.pod()).find((each) => each.spec.name === name)?.spec;
  const run = recordOf(handle.state(), name).current;
  if (container === undefined || run === undefined) return;
  const { clock } = handle.node;
  const since = clock.now();
  handle.changeContainer(name, (record) => ({ ...record, stopping: { since, killAt: since + graceMs, killed: false } }));
  handle.event('Normal', 'Killing', message, name);
  await preStop(handle, container, run.id, graceMs);
  const record = recordOf(handle.state(), name);
  if (!isRunning(record) || record.current?.id !== run.id) return;
  const killAt = Math.max(record.stopping?.killAt ?? 0, clock.now() + leastAfterHookMs);
  if (container.lifecycle?.preStop !== undefined && record.stopping !== undefined) {
    handle.changeContainer(name, (each) => (each.stopping === undefined ? each : { ...each, stopping: { ...each.stopping, killAt } }));
  }
  await send(handle, run.id, await stopSignal(handle, container, run.configId));
}

async function preStop(handle: PodHandle, container: Container, containerId: string, graceMs: number): Promise<void> {
  const hook = container.lifecycle?.preStop;
  if (hook === undefined) return;
  const signal = AbortSignal.any([handle.working, AbortSignal.timeout(graceMs)]);
  try {
    await runHook(handle, container, containerId, hook, signal);
  } catch (error) {
    if (handle.working.aborted) return;
    handle.event('Warning', 'FailedPreStopHook', `PreStopHook failed: ${messageOf(error)}`, container.name);
  }
}

async function stopSignal(handle: PodHandle, container: Container, configId: string): Promise<number> {
  const image = await handle.node.images.resolve(configId).catch(() => undefined);
  return signalNumber(container.lifecycle?.stopSignal ?? image?.config.stopSignal ?? 'SIGTERM') ?? constants.signals.SIGTERM;
}

/** `SIGTERM`, `TERM`, `15`, `SIGRTMIN+3`. */
function signalNumber(text: string): number | undefined {
  if (/^\d+$/.test(text)) return Number(text);
  const name = text.startsWith('SIG') ? text : `SIG${text}`;
  const realTime = /^SIGRTMIN(?:\+(\d+))?$/.exec(name);
  if (realTime !== null) return 34 + Number(realTime[1] ?? 0);
  return Object.entries(constants.signals).find(([each]) => each === name)?.[1];
}

/** SIGKILL; again later for one that it did not reach, or that is still there. */
export async function killContainer(handle: PodHandle, name: string): Promise<void> {
  const run = recordOf(handle.state(), name).current;
  if (run === undefined) return;
  const { clock } = handle.node;
  const again = (ms: number): void => handle.changeContainer(name, (record) => {
    if (!isRunning(record) || record.current?.id !== run.id) return record;
    const now = clock.now();
    return { ...record, stopping: { since: now, killAt: now, ...record.stopping, killed: true, killAgainAt: now + ms } };
  });
  again(killPatienceMs);
  if (!(await send(handle, run.id, constants.signals.SIGKILL))) again(retryMs);
}

/** False: it was not sent. */
async function send(handle: PodHandle, containerId: string, signal: number): Promise<boolean> {
  try {
    await handle.sandbox()?.signal(containerId, signal);
    return true;
  } catch (error) {
    handle.node.log.warn({ err: error, uid: handle.uid, containerId, signal }, 'a container was not signalled');
    return false;
  }
}
