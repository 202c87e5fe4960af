import { isDeepStrictEqual } from 'node:util';
import { Pod, type Node } from '../../machinery/kinds/core.ts';
import type { KubernetesObject } from '../../machinery/kinds/kind.ts';
import { nodeNameOf } from '../access/node-authorizer.ts';
import { refused } from '../access/refused.ts';
import { targetOf, type Admitted, type AdmissionPlugin } from './admission.ts';

/** What a node writes concerns itself and its pods. Source: "Admission controllers", NodeRestriction. */
export const nodeRestriction: AdmissionPlugin = {
  name: 'NodeRestriction',
  handles: ({ operation, user }) => operation !== 'CONNECT' && nodeNameOf(user) !== undefined,
  validate(write, object) {
    const nodeName = nodeNameOf(write.user);
    if (nodeName === undefined) return;
    const why = objection(nodeName, write, object);
    if (why !== undefined) throw refused(targetOf(write), why);
  },
};

function objection(nodeName: string, write: Admitted, object: KubernetesObject | undefined): string | undefined {
  switch (`${write.resource.group}/${write.resource.plural}`) {
    case '/pods':
      return onPod(nodeName, write, object);
    case '/nodes':
      return onNode(nodeName, write, object);
    case 'coordination.k8s.io/leases':
      if (write.namespace !== 'kube-node-lease') return 'can only access leases in the "kube-node-lease" system namespace';
      return write.name === nodeName ? undefined : 'can only access node lease with the same name as the requesting node';
    case 'storage.k8s.io/csinodes':
      return write.name === nodeName ? undefined : `can only ${write.operation === 'CREATE' ? 'create' : 'access'} CSINode with the same name as the requesting node`;
    default:
      return undefined;
  }
}

function onPod(nodeName: string, write: Admitted, object: KubernetesObject | undefined): string | undefined {
  const node = JSON.stringify(nodeName);
  const stored = (write.old ?? write.caches.of(Pod).get(write.namespace, write.name)?.object) as Pod | undefined;
  const own = stored?.spec?.nodeName === nodeName;
  if (write.subresource === 'eviction') return own ? undefined : `node ${node} can only evict pods with spec.nodeName set to itself`;
  if (write.operation === 'CREATE') return `pod does not have "kubernetes.io/config.mirror" annotation, node ${node} can only create mirror pods`;
  if (write.operation === 'DELETE') return own ? undefined : `node ${node} can only delete pods with spec.nodeName set to itself`;
  if (write.subresource !== 'status') return `unexpected pod subresource ${JSON.stringify(write.subresource)}, only 'status' and 'eviction' are allowed`;
  if (!own) return `node ${node} can only update pod status for pods with spec.nodeName set to itself`;
  return isDeepStrictEqual(stored?.metadata?.labels ?? {}, object?.metadata?.labels ?? {}) ? undefined : `node ${node} cannot update labels through pod status`;
}

function onNode(nodeName: string, write: Admitted, object: KubernetesObject | undefined): string | undefined {
  const node = JSON.stringify(nodeName);
  if (write.name !== nodeName) return `node ${node} is not allowed to modify node ${JSON.stringify(write.name)}`;
  const before = write.old as Node | undefined;
  const after = object as Node | undefined;
  if (after === undefined) return undefined;
  if (write.operation === 'UPDATE') {
    if (!isDeepStrictEqual(before?.spec?.taints ?? [], after.spec?.taints ?? [])) return `node ${node} is not allowed to modify taints`;
    if (!isDeepStrictEqual(before?.metadata?.ownerReferences ?? [], after.metadata?.ownerReferences ?? [])) return `node ${node} is not allowed to modify ownerReferences`;
  }
  const labels = changed(before?.metadata?.labels ?? {}, after.metadata?.labels ?? {}).filter(isReserved);
  const verb = write.operation === 'CREATE' ? 'set' : 'modify';
  return labels.length === 0 ? undefined : `is not allowed to ${verb} the following labels: ${labels.toSorted().join(', ')}`;
}

function changed(before: Readonly<Record<string, string>>, after: Readonly<Record<string, string>>): string[] {
  return [...new Set([...Object.keys(before), ...Object.keys(after)])].filter((key) => before[key] !== after[key]);
}

const ownLabels: ReadonlySet<string> = new Set([
  'kubernetes.io/hostname', 'kubernetes.io/arch', 'kubernetes.io/os', 'beta.kubernetes.io/arch', 'beta.kubernetes.io/os',
  'beta.kubernetes.io/instance-type', 'node.kubernetes.io/instance-type', 'topology.kubernetes.io/region', 'topology.kubernetes.io/zone',
  'failure-domain.beta.kubernetes.io/region', 'failure-domain.beta.kubernetes.io/zone',
]);
const ownDomains = ['node.kubernetes.io', 'kubelet.kubernetes.io'];
const reservedDomains = ['kubernetes.io', 'k8s.io'];

/** A label by which pods are steered to nodes that others have vouched for: not the node's to choose. */
function isReserved(label: string): boolean {
  const domain = label.includes('/') ? label.slice(0, label.indexOf('/')) : '';
  const within = (domains: readonly string[]): boolean => domains.some((one) => domain === one || domain.endsWith(`.${one}`));
  return within(reservedDomains) && !ownLabels.has(label) && !within(ownDomains);
}
