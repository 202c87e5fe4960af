import type {
  V1MatchCondition, V1MatchResources, V1MutatingAdmissionPolicy, V1MutatingAdmissionPolicyBinding, V1MutatingWebhook, V1MutatingWebhookConfiguration, V1NamedRuleWithOperations,
  V1ParamKind, V1ParamRef, V1RuleWithOperations, V1ValidatingAdmissionPolicy, V1ValidatingAdmissionPolicyBinding, V1ValidatingWebhook, V1ValidatingWebhookConfiguration,
} from '@kubernetes/client-node';
import { defineKind } from './kind.ts';
import type { Wire } from './wire.ts';

const group = 'admissionregistration.k8s.io';

export type MutatingWebhookConfiguration = Wire<V1MutatingWebhookConfiguration>;
export const MutatingWebhookConfiguration = defineKind<MutatingWebhookConfiguration>(group, 'v1', 'MutatingWebhookConfiguration', 'mutatingwebhookconfigurations', 'Cluster');
export type ValidatingWebhookConfiguration = Wire<V1ValidatingWebhookConfiguration>;
export const ValidatingWebhookConfiguration = defineKind<ValidatingWebhookConfiguration>(group, 'v1', 'ValidatingWebhookConfiguration', 'validatingwebhookconfigurations', 'Cluster');
export type MutatingWebhook = Wire<V1MutatingWebhook>;
export type ValidatingWebhook = Wire<V1ValidatingWebhook>;

export type ValidatingAdmissionPolicy = Wire<V1ValidatingAdmissionPolicy>;
export const ValidatingAdmissionPolicy = defineKind<ValidatingAdmissionPolicy>(group, 'v1', 'ValidatingAdmissionPolicy', 'validatingadmissionpolicies', 'Cluster');
export type ValidatingAdmissionPolicyBinding = Wire<V1ValidatingAdmissionPolicyBinding>;
export const ValidatingAdmissionPolicyBinding = defineKind<ValidatingAdmissionPolicyBinding>(
  group, 'v1', 'ValidatingAdmissionPolicyBinding', 'validatingadmissionpolicybindings', 'Cluster',
);
export type MutatingAdmissionPolicy = Wire<V1MutatingAdmissionPolicy>;
export const MutatingAdmissionPolicy = defineKind<MutatingAdmissionPolicy>(group, 'v1', 'MutatingAdmissionPolicy', 'mutatingadmissionpolicies', 'Cluster');
export type MutatingAdmissionPolicyBinding = Wire<V1MutatingAdmissionPolicyBinding>;
export const MutatingAdmissionPolicyBinding = defineKind<MutatingAdmissionPolicyBinding>(
  group, 'v1', 'MutatingAdmissionPolicyBinding', 'mutatingadmissionpolicybindings', 'Cluster',
);

export type MatchCondition = Wire<V1MatchCondition>;
export type MatchResources = Wire<V1MatchResources>;
export type RuleWithOperations = Wire<V1RuleWithOperations>;
export type NamedRuleWithOperations = Wire<V1NamedRuleWithOperations>;
export type ParamKind = Wire<V1ParamKind>;
export type ParamRef = Wire<V1ParamRef>;
