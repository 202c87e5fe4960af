import type { Service } from '../../../../machinery/kinds/core.ts';
import type { Draft } from '../../../../machinery/kinds/wire.ts';

type Spec = NonNullable<Draft<Service>['spec']>;

/** Affinity to a client lasts three hours. */
const affinitySeconds = 10_800;

/** Source: "Service v1 core", defaults. */
export function defaultService(draft: Draft<Service>): void {
  const spec = (draft.spec ??= {});
  spec.type ??= 'ClusterIP';
  spec.sessionAffinity ??= 'None';
  if (spec.sessionAffinity === 'None') delete spec.sessionAffinityConfig;
  else if (spec.sessionAffinity === 'ClientIP') spec.sessionAffinityConfig = { ...spec.sessionAffinityConfig, clientIP: { timeoutSeconds: affinitySeconds, ...spec.sessionAffinityConfig?.clientIP } };
  defaultPorts(spec);
  if (spec.type === 'ExternalName') return;
  spec.internalTrafficPolicy ??= 'Cluster';
  if (spec.type === 'NodePort' || spec.type === 'LoadBalancer') spec.externalTrafficPolicy ??= 'Cluster';
  if (spec.type === 'LoadBalancer') spec.allocateLoadBalancerNodePorts ??= true;
  defaultAddresses(spec);
}

function defaultPorts(spec: Spec): void {
  for (const port of spec.ports ?? []) {
    port.protocol ??= 'TCP';
    if (port.targetPort === undefined || port.targetPort === 0 || port.targetPort === '') port.targetPort = port.port;
  }
}

/** `clusterIP` and the first of `clusterIPs` say the same; a headless Service has its families at once, others with their address. */
function defaultAddresses(spec: Spec): void {
  const { clusterIP = '' } = spec;
  if (clusterIP !== '' && (spec.clusterIPs ?? []).length === 0) spec.clusterIPs = [clusterIP];
  spec.ipFamilyPolicy ??= 'SingleStack';
  if ((spec.ipFamilies ?? []).length === 0) spec.ipFamilies = ['IPv4'];
}
