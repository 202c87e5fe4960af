import type { Container, Pod, PodSpec } from '../../../../machinery/kinds/core.ts';
import type { Draft } from '../../../../machinery/kinds/wire.ts';
import { isPodLevel, podRequests } from '../../../../machinery/pod/requests.ts';
import { formatQuantity } from '../../../../machinery/quantity.ts';
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
  for (const container of spec.ephemeralContainers ?? []) defaultContainer(container);
  for (const volume of spec.volumes ?? []) defaultVolume(volume);
}

/** Of pods only: a template keeps what its author wrote. */
export function defaultPod(draft: Draft<Pod>): void {
  const spec = (draft.spec ??= { containers: [] });
  defaultPodSpec(spec);
  spec.enableServiceLinks ??= true;
  defaultAddresses(draft);
  for (const container of [...(spec.initContainers ?? []), ...spec.containers]) {
    requestLimits(container);
    if (spec.hostNetwork === true) for (const port of container.ports ?? []) if ((port.hostPort ?? 0) === 0) port.hostPort = port.containerPort;
  }
  requestForPod(spec);
}

/** The single address and the first of the list say the same; nodes may send either. */
function defaultAddresses({ status }: Draft<Pod>): void {
  if (status === undefined) return;
  if (status.podIPs?.[0]?.ip !== undefined) status.podIP = status.podIPs[0].ip;
  else if (status.podIP !== undefined && status.podIP !== '') status.podIPs = [{ ip: status.podIP }];
  if (status.hostIPs?.[0]?.ip !== undefined) status.hostIP = status.hostIPs[0].ip;
  else if (status.hostIP !== undefined && status.hostIP !== '') status.hostIPs = [{ ip: status.hostIP }];
}

/** What a pod as a whole asks when it says so for some resources: what its containers ask together, else its limit. */
function requestForPod(spec: Draft<PodSpec>): void {
  const { resources } = spec;
  if (resources === undefined || Object.keys({ ...resources.limits, ...resources.requests }).length === 0) return;
  const { resources: _own, overhead: _overhead, ...containers } = spec;
  const requests = { ...resources.limits, ...resources.requests };
  for (const [name, sum] of podRequests(containers)) {
    if (isPodLevel(name) && resources.requests?.[name] === undefined) requests[name] = formatQuantity(sum, name === 'cpu' ? 'DecimalSI' : 'BinarySI');
  }
  resources.requests = requests;
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
