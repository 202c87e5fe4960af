import type { V1HTTPGetAction } from '@kubernetes/client-node';
import { forbidden, invalid, required, type FieldError, type Path } from '../../../../machinery/field-path.ts';
import type { Container, Probe } from '../../../../machinery/kinds/core.ts';
import type { Wire } from '../../../../machinery/kinds/wire.ts';
import { httpHeaderName, portName, portNumber } from '../../../../machinery/names.ts';
import { faults, notNegative, oneOf } from '../../checks.ts';

/** Probes and lifecycle hooks. Source: "Configure liveness, readiness and startup probes", "Container lifecycle hooks". */

type Lifecycle = NonNullable<Container['lifecycle']>;
type Handler = NonNullable<Lifecycle['preStop']> & Pick<Probe, 'grpc'>;

export function validateLiveness(probe: Probe | undefined, path: Path): FieldError[] {
  if (probe === undefined) return [];
  return [...validateProbe(probe, path), ...mustSucceedOnce(probe, path)];
}

export const validateStartup = validateLiveness;

export function validateReadiness(probe: Probe | undefined, path: Path): FieldError[] {
  if (probe === undefined) return [];
  const grace = probe.terminationGracePeriodSeconds;
  const misplaced = grace === undefined ? [] : [invalid(path.child('terminationGracePeriodSeconds'), grace, 'must not be set for readinessProbes')];
  return [...validateProbe(probe, path), ...misplaced];
}

function mustSucceedOnce({ successThreshold }: Probe, path: Path): FieldError[] {
  return successThreshold === 1 ? [] : [invalid(path.child('successThreshold'), successThreshold, 'must be 1')];
}

function validateProbe(probe: Probe, path: Path): FieldError[] {
  const grace = probe.terminationGracePeriodSeconds;
  const numbers = ['initialDelaySeconds', 'timeoutSeconds', 'periodSeconds', 'successThreshold', 'failureThreshold'] as const;
  return [
    ...validateHandler(probe, undefined, path),
    ...numbers.flatMap((name) => notNegative(path.child(name), probe[name])),
    ...(grace !== undefined && grace <= 0 ? [invalid(path.child('terminationGracePeriodSeconds'), grace, 'must be greater than 0')] : []),
  ];
}

/** `graceSeconds`: of the pod; a sleep must end within it. */
export function validateLifecycle(lifecycle: Lifecycle | undefined, graceSeconds: number | undefined, path: Path): FieldError[] {
  return (['postStart', 'preStop'] as const).flatMap((name) => {
    const handler = lifecycle?.[name];
    return handler === undefined ? [] : validateHandler(handler, graceSeconds, path.child(name));
  });
}

function validateHandler(handler: Handler, graceSeconds: number | undefined, path: Path): FieldError[] {
  const { exec, httpGet, tcpSocket, grpc, sleep } = handler;
  const checks: [name: string, check: (() => FieldError[]) | undefined][] = [
    ['exec', exec && (() => ((exec.command ?? []).length === 0 ? [required(path.child('exec', 'command'))] : []))],
    ['httpGet', httpGet && (() => validateHttp(httpGet, path.child('httpGet')))],
    ['tcpSocket', tcpSocket && (() => validatePort(tcpSocket.port, path.child('tcpSocket', 'port')))],
    ['grpc', grpc && (() => validatePort(grpc.port, path.child('grpc', 'port')))],
    ['sleep', sleep && (() => validateSleep(sleep.seconds, graceSeconds, path.child('sleep')))],
  ];
  const [first, ...more] = checks.filter(([, check]) => check !== undefined);
  if (first === undefined) return [required(path, 'must specify a handler type')];
  return [...(first[1]?.() ?? []), ...more.map(([name]) => forbidden(path.child(name), 'may not specify more than 1 handler type'))];
}

function validateSleep(seconds: number, graceSeconds: number | undefined, path: Path): FieldError[] {
  if (graceSeconds === undefined || (seconds >= 0 && seconds <= graceSeconds)) return [];
  return [invalid(path, seconds, `must be non-negative and less than terminationGracePeriodSeconds (${graceSeconds})`)];
}

function validateHttp(get: Wire<V1HTTPGetAction>, path: Path): FieldError[] {
  return [
    ...((get.path ?? '') === '' ? [required(path.child('path'))] : []),
    ...validatePort(get.port, path.child('port')),
    ...oneOf(path.child('scheme'), get.scheme ?? '', ['HTTP', 'HTTPS']),
    ...(get.httpHeaders ?? []).flatMap((header) => faults(path.child('httpHeaders'), header.name, httpHeaderName(header.name ?? ''))),
  ];
}

/** A port's number, or the name of one of the container's ports. */
export function validatePort(port: number | string | undefined, path: Path): FieldError[] {
  return typeof port === 'string' ? faults(path, port, portName(port)) : faults(path, port ?? 0, portNumber(port ?? 0));
}
