import type { Pod } from '../../machinery/kinds/core.ts';
import { podTitle } from './plan.ts';

/** Something that a pod asks for and has to do without here: a Warning event, told once. */
export interface Shortcoming {
  readonly reason: string;
  readonly message: string;
}

/** What this node lets a pod run without. Pure. What it must not run without is refused elsewhere, with the reason. */
export function shortcomingsOf(pod: Pod, node: { readonly clusterDns: string | undefined }): readonly Shortcoming[] {
  const { dnsPolicy = 'ClusterFirst', hostNetwork = false } = pod.spec ?? {};
  const wantsClusterDns = dnsPolicy === 'ClusterFirstWithHostNet' || (dnsPolicy === 'ClusterFirst' && !hostNetwork);
  return [...(wantsClusterDns && node.clusterDns === undefined ? [missingClusterDns(pod)] : []), ...(hostNetwork ? [] : unopenedPorts(pod))];
}

/** In the kubelet's words: /etc/resolv.conf is then made from the node's own. */
function missingClusterDns(pod: Pod): Shortcoming {
  return {
    reason: 'MissingClusterDNS',
    message: `pod: "${podTitle(pod)}". kubelet does not have ClusterDNS IP configured and cannot create Pod using "ClusterFirst" policy. Falling back to "Default" policy.`,
  };
}

function unopenedPorts({ spec }: Pod): readonly Shortcoming[] {
  const ports = [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])].flatMap(({ name, ports: own = [] }) => own.flatMap(({ hostPort = 0, protocol = 'TCP' }) => (hostPort === 0 ? [] : [`${hostPort}/${protocol} of container ${name}`])));
  if (ports.length === 0) return [];
  return [{ reason: 'HostPortNotSupported', message: `The node does not open host ports: ${ports.join(', ')}. Reach the pod by its own address or a Service, or give it hostNetwork.` }];
}
