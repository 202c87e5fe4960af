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
  // tcpSocket too, which the API takes for old clients' sake: "lifecycle hooks will fail at runtime when it is specified".
  if (hook.httpGet === undefined) throw new Error(`invalid handler: ${JSON.stringify(hook)}`);
  const { host, path, port, scheme, httpHeaders } = hook.httpGet;
  // Any answer will do, as with the kubelet.
  await httpGet({
    scheme: scheme ?? 'HTTP', host: host ?? handle.facts().address ?? handle.node.hostAddress, port: portOf(container, port), path: path ?? '/',
    headers: httpHeaders ?? [], deadlineMs: answerDeadlineMs, signal,
  });
}
