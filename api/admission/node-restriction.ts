import { isDeepStrictEqual } from 'node:util';
import { Node, Pod } from '../../machinery/kinds/core.ts';
import type { KubernetesObject } from '../../machinery/kinds/kind.ts';
import { isMirror, mirrorAnnotation } from '../../machinery/pod/static.ts';
import { nodeNameOf } from '../access/node-authorizer.ts';
import { configMapsOf, secretsOf } from '../access/pod-references.ts';
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
  if (write.operation === 'CREATE') return onNewPod(nodeName, write, (object ?? {}) as Pod);
  if (write.operation === 'DELETE') return own ? undefined : `node ${node} can only delete pods with spec.nodeName set to itself`;
  if (write.subresource !== 'status') return `unexpected pod subresource ${JSON.stringify(write.subresource)}, only 'status' and 'eviction' are allowed`;
  if (!own) return `node ${node} can only update pod status for pods with spec.nodeName set to itself`;
  if (!isDeepStrictEqual(stored?.metadata?.labels ?? {}, object?.metadata?.labels ?? {})) return `node ${node} cannot update labels through pod status`;
  return isDeepStrictEqual(claimsOf(stored), claimsOf(object)) ? undefined : `node ${node} cannot update resource claim statuses`;
}

/** Claims of devices that were made for the pod: a node may read them. */
function claimsOf(pod: Pod | undefined): readonly object[] {
  return pod?.status?.resourceClaimStatuses ?? [];
}

/** A node shows the static pods that it runs, and with them reaches for nothing that it could not read otherwise. */
function onNewPod(nodeName: string, write: Admitted, pod: Pod): string | undefined {
  const node = JSON.stringify(nodeName);
  if (!isMirror(pod)) return `pod does not have ${JSON.stringify(mirrorAnnotation)} annotation, node ${node} can only create mirror pods`;
  if (pod.spec?.nodeName !== nodeName) return `node ${node} can only create pods with spec.nodeName set to itself`;
  return onOwners(nodeName, write, pod) ?? onReferences(node, pod);
}

function onOwners(nodeName: string, write: Admitted, { metadata }: Pod): string | undefined {
  const node = JSON.stringify(nodeName);
  const [owner, ...others] = metadata?.ownerReferences ?? [];
  if (others.length > 0) return `node ${node} can only create pods with a single owner reference set to itself`;
  if (owner === undefined || owner.apiVersion !== 'v1' || owner.kind !== 'Node' || owner.name !== nodeName) return `node ${node} can only create pods with an owner reference set to itself`;
  if (owner.controller !== true) return `node ${node} can only create pods with a controller owner reference set to itself`;
  if (owner.blockOwnerDeletion === true) return `node ${node} must not set blockOwnerDeletion on an owner reference`;
  const uid = write.caches.of(Node).get(undefined, nodeName)?.object.metadata?.uid;
  if (uid === undefined) return `error looking up node ${nodeName} to verify uid: node ${node} not found`;
  return owner.uid === uid ? undefined : `node ${nodeName} UID mismatch: expected ${owner.uid} got ${uid}`;
}

function onReferences(node: string, pod: Pod): string | undefined {
  const volumes = pod.spec?.volumes ?? [];
  const references = [
    ['a service account', (pod.spec?.serviceAccountName ?? '') !== ''],
    ['secrets', secretsOf(pod).size > 0],
    ['configmaps', configMapsOf(pod).size > 0],
    ['clustertrustbundles', volumes.some(({ projected }) => projected?.sources?.some((source) => source.clusterTrustBundle !== undefined))],
    ['persistentvolumeclaims', volumes.some((volume) => volume.persistentVolumeClaim !== undefined || volume.ephemeral !== undefined)],
    ['resourceclaims', (pod.spec?.resourceClaims ?? []).length > 0],
  ] as const;
  const found = references.find(([, isThere]) => isThere);
  return found === undefined ? undefined : `node ${node} can not create pods that reference ${found[0]}`;
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
