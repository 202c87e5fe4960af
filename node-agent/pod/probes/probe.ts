import { connect } from 'node:net';
import type { Container, Probe } from '../../../machinery/kinds/core.ts';
import type { PodHandle } from '../handle.ts';
import { httpGet, portOf } from '../http-get.ts';
import { runInContainer } from '../run-in-container.ts';
import { checkHealth } from './grpc.ts';
import { messageOf, systemCode } from '../../../machinery/thrown.ts';

/** Why a probe failed; `undefined`: it passed. */
export type ProbeAnswer = string | undefined;

/** One probe of a running container, in Kubernetes' words. Behaviour: "Configure Liveness, Readiness and Startup Probes". */
export async function runProbe(handle: PodHandle, container: Container, containerId: string, probe: Probe, signal: AbortSignal): Promise<ProbeAnswer> {
  const timeoutMs = (probe.timeoutSeconds ?? 1) * 1000;
  try {
    if (probe.exec !== undefined) return await execProbe(handle, containerId, probe.exec.command ?? [], timeoutMs, signal);
    const address = handle.pod().spec?.hostNetwork === true ? handle.node.hostAddress : handle.facts().address ?? '';
    if (probe.httpGet !== undefined) return await httpProbe(container, probe.httpGet, address, timeoutMs, signal);
    if (probe.tcpSocket !== undefined) return await tcpProbe(probe.tcpSocket.host ?? address, portOf(container, probe.tcpSocket.port), timeoutMs, signal);
    if (probe.grpc !== undefined) return await checkHealth({ host: address, port: probe.grpc.port, service: probe.grpc.service ?? '', timeoutMs, signal });
    return 'missing probe handler';
  } catch (error) {
    return messageOf(error);
  }
}

async function execProbe(handle: PodHandle, containerId: string, command: readonly string[], timeoutMs: number, signal: AbortSignal): Promise<ProbeAnswer> {
  const late = AbortSignal.timeout(timeoutMs);
  try {
    const { exitCode, output } = await runInContainer(handle, containerId, command, AbortSignal.any([signal, late]));
    return exitCode === 0 ? undefined : output;
  } catch (error) {
    if (late.aborted) return `command timed out: ${JSON.stringify(command.join(' '))} timed out after ${timeoutMs / 1000}s`;
    throw error;
  }
}

type HttpGetAction = NonNullable<Probe['httpGet']>;

async function httpProbe(container: Container, action: HttpGetAction, address: string, timeoutMs: number, signal: AbortSignal): Promise<ProbeAnswer> {
  const host = action.host ?? address;
  const port = portOf(container, action.port);
  const path = action.path ?? '/';
  try {
    const { code } = await httpGet({ scheme: action.scheme ?? 'HTTP', host, port, path, headers: action.httpHeaders ?? [], deadlineMs: timeoutMs, signal });
    return code >= 200 && code < 400 ? undefined : `HTTP probe failed with statuscode: ${code}`;
  } catch (error) {
    const cause = error instanceof Error && error.name === 'TimeoutError' ? 'context deadline exceeded (Client.Timeout exceeded while awaiting headers)' : connectFailure(error, host, port);
    return `Get "${(action.scheme ?? 'HTTP').toLowerCase()}://${host}:${port}${path}": ${cause}`;
  }
}

function connectFailure(error: unknown, host: string, port: number): string {
  const refused = systemCode(error) === 'ECONNREFUSED';
  if (refused) return `dial tcp ${host}:${port}: connect: connection refused`;
  return messageOf(error);
}

function tcpProbe(host: string, port: number, timeoutMs: number, signal: AbortSignal): Promise<ProbeAnswer> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: timeoutMs, signal });
    const answer = (result: ProbeAnswer): void => {
      socket.destroy();
      resolve(result);
    };
    socket.on('connect', () => answer(undefined));
    socket.on('timeout', () => answer(`dial tcp ${host}:${port}: i/o timeout`));
    socket.on('error', (error) => answer(connectFailure(error, host, port)));
  });
}
