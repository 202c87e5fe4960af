import type { Container, Pod, PodSpec } from '../../../../machinery/kinds/core.ts';
import type { Draft } from '../../../../machinery/kinds/wire.ts';
import { defaultContainer } from './container-defaults.ts';
import { defaultVolume } from './volume-defaults.ts';

/** What Kubernetes fills in. Source: "Pod v1 core", defaults of each field. */

export const defaultGraceSeconds = 30;

/** Of pods and of templates alike. */
export function defaultPodSpec(spec: Draft<PodSpec>): void {
  spec.containers ??= [];
  spec.dnsPolicy ??= 'ClusterFirst';
  spec.restartPolicy ??= 'Always';
  spec.terminationGracePeriodSeconds ??= defaultGraceSeconds;
  spec.schedulerName ??= 'default-scheduler';
  spec.securityContext ??= {};
  defaultServiceAccount(spec);
  for (const container of spec.initContainers ?? []) defaultContainer(container);
  for (const container of spec.containers) defaultContainer(container);
  for (const volume of spec.volumes ?? []) defaultVolume(volume);
}

/** Of pods only: a template keeps what its author wrote. */
export function defaultPod(draft: Draft<Pod>): void {
  const spec = (draft.spec ??= { containers: [] });
  defaultPodSpec(spec);
  spec.enableServiceLinks ??= true;
  for (const container of [...(spec.initContainers ?? []), ...spec.containers]) {
    requestLimits(container);
    if (spec.hostNetwork === true) for (const port of container.ports ?? []) if ((port.hostPort ?? 0) === 0) port.hostPort = port.containerPort;
  }
}

/** The deprecated `serviceAccount` always says what `serviceAccountName` says. */
function defaultServiceAccount(spec: Draft<PodSpec>): void {
  const name = spec.serviceAccountName === undefined || spec.serviceAccountName === '' ? spec.serviceAccount : spec.serviceAccountName;
  if (name === undefined || name === '') return;
  spec.serviceAccountName = name;
  spec.serviceAccount = name;
}

/** A limit without a request is a request too. */
function requestLimits({ resources }: Draft<Container>): void {
  if (resources?.limits === undefined) return;
  resources.requests = { ...resources.limits, ...resources.requests };
}
