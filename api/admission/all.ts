import type { ClusterAuthorizer } from '../access/rbac.ts';
import type { AdmissionPlugin } from './admission.ts';
import { certificateRequests } from './certificate-requests.ts';
import { defaultIngressClass, defaultStorageClass } from './default-class.ts';
import { defaultTolerationSeconds } from './default-toleration-seconds.ts';
import { limitRanger } from './limit-ranger.ts';
import { namespaceLifecycle } from './namespace-lifecycle.ts';
import { nodeRestriction } from './node-restriction.ts';
import { persistentVolumeClaimResize } from './persistent-volume-claim-resize.ts';
import { podSecurity } from './pod-security.ts';
import { podTopologyLabels } from './pod-topology-labels.ts';
import { priority } from './priority.ts';
import { rbacEscalation } from './rbac-escalation.ts';
import { resourceClaims } from './resource-claims.ts';
import { runtimeClass } from './runtime-class.ts';
import { serviceAccountAdmission } from './service-account.ts';
import { storageObjectInUseProtection } from './storage-object-in-use-protection.ts';
import { taintNodesByCondition } from './taint-nodes-by-condition.ts';

export interface AdmissionDependencies {
  readonly authorizer: ClusterAuthorizer;
  /** Five random characters. */
  readonly nameSuffix: () => string;
  /** Those that objects of the cluster configure. */
  readonly configured: readonly AdmissionPlugin[];
}

/** The built-in plug-ins in Kubernetes' order; the checks that Kubernetes makes when it stores (roles, claims of devices) come last. */
export function admissionPlugins({ authorizer, nameSuffix, configured }: AdmissionDependencies): readonly AdmissionPlugin[] {
  return [
    namespaceLifecycle,
    limitRanger,
    serviceAccountAdmission(nameSuffix),
    nodeRestriction,
    taintNodesByCondition,
    podSecurity,
    priority,
    defaultTolerationSeconds,
    defaultStorageClass,
    storageObjectInUseProtection,
    persistentVolumeClaimResize,
    runtimeClass,
    certificateRequests(authorizer),
    defaultIngressClass,
    podTopologyLabels,
    rbacEscalation(authorizer),
    resourceClaims(authorizer),
    ...configured,
  ];
}
