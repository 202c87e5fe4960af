import type {
  RbacV1Subject, V1CertificateSigningRequest, V1ClusterRole, V1ClusterRoleBinding, V1Lease, V1LocalSubjectAccessReview, V1PolicyRule, V1PriorityClass, V1Role, V1RoleBinding, V1RoleRef,
  V1SelfSubjectAccessReview, V1SelfSubjectReview, V1SelfSubjectRulesReview, V1SubjectAccessReview, V1TokenReview,
} from '@kubernetes/client-node';
import { defineKind } from './kind.ts';
import type { Wire } from './wire.ts';

export type Lease = Wire<V1Lease>;
export const Lease = defineKind<Lease>('coordination.k8s.io', 'v1', 'Lease', 'leases');
export type PriorityClass = Wire<V1PriorityClass>;
export const PriorityClass = defineKind<PriorityClass>('scheduling.k8s.io', 'v1', 'PriorityClass', 'priorityclasses', 'Cluster');

export type Role = Wire<V1Role>;
export const Role = defineKind<Role>('rbac.authorization.k8s.io', 'v1', 'Role', 'roles');
export type RoleBinding = Wire<V1RoleBinding>;
export const RoleBinding = defineKind<RoleBinding>('rbac.authorization.k8s.io', 'v1', 'RoleBinding', 'rolebindings');
export type ClusterRole = Wire<V1ClusterRole>;
export const ClusterRole = defineKind<ClusterRole>('rbac.authorization.k8s.io', 'v1', 'ClusterRole', 'clusterroles', 'Cluster');
export type ClusterRoleBinding = Wire<V1ClusterRoleBinding>;
export const ClusterRoleBinding = defineKind<ClusterRoleBinding>('rbac.authorization.k8s.io', 'v1', 'ClusterRoleBinding', 'clusterrolebindings', 'Cluster');
export type PolicyRule = Wire<V1PolicyRule>;
export type RoleRef = Wire<V1RoleRef>;
export type Subject = Wire<RbacV1Subject>;

export type CertificateSigningRequest = Wire<V1CertificateSigningRequest>;
export const CertificateSigningRequest = defineKind<CertificateSigningRequest>(
  'certificates.k8s.io', 'v1', 'CertificateSigningRequest', 'certificatesigningrequests', 'Cluster',
);

export type TokenReview = Wire<V1TokenReview>;
export const TokenReview = defineKind<TokenReview>('authentication.k8s.io', 'v1', 'TokenReview', 'tokenreviews', 'Cluster');
export type SelfSubjectReview = Wire<V1SelfSubjectReview>;
export const SelfSubjectReview = defineKind<SelfSubjectReview>('authentication.k8s.io', 'v1', 'SelfSubjectReview', 'selfsubjectreviews', 'Cluster');
export type SubjectAccessReview = Wire<V1SubjectAccessReview>;
export const SubjectAccessReview = defineKind<SubjectAccessReview>('authorization.k8s.io', 'v1', 'SubjectAccessReview', 'subjectaccessreviews', 'Cluster');
export type LocalSubjectAccessReview = Wire<V1LocalSubjectAccessReview>;
export const LocalSubjectAccessReview = defineKind<LocalSubjectAccessReview>('authorization.k8s.io', 'v1', 'LocalSubjectAccessReview', 'localsubjectaccessreviews');
export type SelfSubjectAccessReview = Wire<V1SelfSubjectAccessReview>;
export const SelfSubjectAccessReview = defineKind<SelfSubjectAccessReview>('authorization.k8s.io', 'v1', 'SelfSubjectAccessReview', 'selfsubjectaccessreviews', 'Cluster');
export type SelfSubjectRulesReview = Wire<V1SelfSubjectRulesReview>;
export const SelfSubjectRulesReview = defineKind<SelfSubjectRulesReview>('authorization.k8s.io', 'v1', 'SelfSubjectRulesReview', 'selfsubjectrulesreviews', 'Cluster');
