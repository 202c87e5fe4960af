import { isIPv4 } from 'node:net';
import type { Node } from '../../machinery/kinds/core.ts';
import type { PodNetwork } from '../runtime/runtime.ts';

/** The network that this node should have, from what all nodes say; `undefined` until it has its own share. Pure. */
export function podNetwork(nodes: readonly Node[], nodeName: string, clusterCidr: string): PodNetwork | undefined {
  const own = nodes.find((node) => node.metadata?.name === nodeName)?.spec?.podCIDR;
  if (own === undefined || own === '') return undefined;
  const routes = nodes.flatMap((node) => {
    const cidr = node.spec?.podCIDR;
    const via = addressOf(node);
    return node.metadata?.name === nodeName || cidr === undefined || cidr === '' || via === undefined ? [] : [{ cidr, via }];
  });
  return { podCidr: own, clusterCidr, routes: routes.toSorted((a, b) => (a.cidr < b.cidr ? -1 : 1)) };
}

function addressOf(node: Node): string | undefined {
  return node.status?.addresses?.find((each) => each.type === 'InternalIP' && isIPv4(each.address))?.address;
}
