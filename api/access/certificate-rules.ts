import type { CertificateSigningRequest } from '../../machinery/kinds/cluster.ts';
import type { RequestedCertificate } from './certificates.ts';
import { superuserGroup } from './rules.ts';

/** Which certificates a signer grants, and which need nobody's approval. Pure. Source: "Certificates and certificate signing requests", Kubernetes signers; "TLS bootstrapping". */

export const clientSigner = 'kubernetes.io/kube-apiserver-client';
export const nodeClientSigner = 'kubernetes.io/kube-apiserver-client-kubelet';
export const nodeServingSigner = 'kubernetes.io/kubelet-serving';
export const ourSigners: ReadonlySet<string> = new Set([clientSigner, nodeClientSigner, nodeServingSigner]);

type Asked = Omit<RequestedCertificate, 'publicKey'>;
type Spec = CertificateSigningRequest['spec'];
const nodePrefix = 'system:node:';

/** Why the signer refuses a request that was approved; undefined: it signs. */
export function objection({ signerName, usages = [] }: Spec, asked: Asked): string | undefined {
  switch (signerName) {
    case nodeClientSigner:
      return nodeObjection(asked) ?? (namesOf(asked).length > 0 ? 'DNS, IP, email and URI subjectAltNames are not allowed' : undefined) ?? usageObjection(usages, 'client auth');
    case nodeServingSigner:
      if (asked.otherNames.length > 0) return 'email and URI subjectAltNames are not allowed';
      return nodeObjection(asked) ?? (namesOf(asked).length === 0 ? 'DNS or IP subjectAltName is required' : undefined) ?? usageObjection(usages, 'server auth');
    case clientSigner:
      return asked.organizations.includes(superuserGroup) ? `use of ${signerName} signer with ${superuserGroup} group is not allowed` : usageObjection(usages, 'client auth');
    default:
      return `no signer named ${signerName}`;
  }
}

function nodeObjection({ commonName, organizations }: Asked): string | undefined {
  if (organizations.length !== 1 || organizations[0] !== 'system:nodes') return 'subject organization is not system:nodes';
  return commonName.startsWith(nodePrefix) && commonName.length > nodePrefix.length ? undefined : 'subject common name does not begin with system:node:';
}

function namesOf({ dnsNames, ipAddresses, otherNames }: Asked): readonly string[] {
  return [...dnsNames, ...ipAddresses, ...otherNames];
}

function usageObjection(usages: readonly string[], purpose: 'client auth' | 'server auth'): string | undefined {
  const allowed = ['digital signature', 'key encipherment', purpose];
  return usages.includes(purpose) && usages.includes('digital signature') && usages.every((usage) => allowed.includes(usage))
    ? undefined
    : `usages did not match ${JSON.stringify(allowed)}`;
}

/** What must hold for a request to be approved by itself. */
export interface Approval {
  /** Whether the requester may create this subresource of certificatesigningrequests; undefined: only `names` count. */
  readonly permission: 'nodeclient' | 'selfnodeclient' | undefined;
  readonly message: string;
  /** Names and addresses that must be free for this node to serve under. */
  readonly names: readonly string[];
}

/**
 * Under what conditions a request approves itself; undefined: a person decides. Clients: as Kubernetes does. Serving
 * certificates, which Kubernetes leaves to people: a node for itself, under its own name and addresses that are nobody else's.
 */
export function automaticApproval(spec: Spec, asked: Asked): Approval | undefined {
  if (objection(spec, asked) !== undefined) return undefined;
  const own = spec.username === asked.commonName;
  if (spec.signerName === nodeClientSigner) {
    return own
      ? { permission: 'selfnodeclient', message: 'Auto approving self kubelet client certificate after SubjectAccessReview.', names: [] }
      : { permission: 'nodeclient', message: 'Auto approving kubelet client certificate after SubjectAccessReview.', names: [] };
  }
  if (spec.signerName !== nodeServingSigner || !own || spec.groups?.includes('system:nodes') !== true) return undefined;
  const nodeName = asked.commonName.slice(nodePrefix.length);
  if (asked.dnsNames.some((name) => name !== nodeName)) return undefined;
  return { permission: undefined, message: 'Auto approving a node\'s own serving certificate.', names: [...asked.dnsNames, ...asked.ipAddresses] };
}
