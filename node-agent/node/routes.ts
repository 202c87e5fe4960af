import { isIPv4 } from 'node:net';
import type { Node } from '../../machinery/kinds/core.ts';
import type { PodNetwork } from '../runtime/runtime.ts';

/**
 * The network that this node should have, from what all nodes say; `undefined` until it has its own share. Without `clusterCidr`
 * the cluster's addresses are the /16 around that share, as the server gives them out. Pure.
 */
export function podNetwork(nodes: readonly Node[], nodeName: string, clusterCidr: string | undefined): PodNetwork | undefined {
  const own = nodes.find((node) => node.metadata?.name === nodeName)?.spec?.podCIDR;
  if (own === undefined || own === '') return undefined;
  const routes = nodes.flatMap((node) => {
    const cidr = node.spec?.podCIDR;
    const via = addressOf(node);
    return node.metadata?.name === nodeName || cidr === undefined || cidr === '' || via === undefined ? [] : [{ cidr, via }];
  });
  return { podCidr: own, clusterCidr: clusterCidr ?? `${own.split('.').slice(0, 2).join('.')}.0.0/16`, routes: routes.toSorted((a, b) => (a.cidr < b.cidr ? -1 : 1)) };
}

function addressOf(node: Node): string | undefined {
  return node.status?.addresses?.find((each) => each.type === 'InternalIP' && isIPv4(each.address))?.address;
}
