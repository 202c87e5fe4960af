import { pause } from '../../machinery/clock.ts';
import type { Container } from '../../machinery/kinds/core.ts';
import { httpGet, portOf } from './http-get.ts';
import type { PodHandle } from './handle.ts';
import { runInContainer } from './run-in-container.ts';

type Hook = NonNullable<NonNullable<Container['lifecycle']>['postStart']>;

const answerDeadlineMs = 30_000;

/** Carries out a postStart or preStop hook; rejects with why it failed. Behaviour: "Container Lifecycle Hooks". */
export async function runHook(handle: PodHandle, container: Container, containerId: string, hook: Hook, signal: AbortSignal): Promise<void> {
  if (hook.exec !== undefined) {
    const { exitCode, output } = await runInContainer(handle, containerId, hook.exec.command ?? [], signal);
    if (exitCode !== 0) throw new Error(`command '${(hook.exec.command ?? []).join(' ')}' exited with ${exitCode}: ${output}`);
    return;
  }
  if (hook.sleep !== undefined) return await pause(handle.node.clock, hook.sleep.seconds * 1000, signal);
  if (hook.httpGet === undefined) return;
  const { host, path, port, scheme, httpHeaders } = hook.httpGet;
  const status = await httpGet({
    scheme: scheme ?? 'HTTP', host: host ?? handle.facts().address ?? handle.node.hostAddress, port: portOf(container, port), path: path ?? '/',
    headers: httpHeaders ?? [], deadlineMs: answerDeadlineMs, signal,
  });
  if (status.code >= 400) throw new Error(`HTTP hook answered ${status.code}`);
}
