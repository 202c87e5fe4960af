import type { V1Deployment, V1DeploymentCondition, V1ReplicaSet, V1ReplicaSetCondition } from '@kubernetes/client-node';
import { defineKind } from './kind.ts';
import type { Wire } from './wire.ts';

export type Deployment = Wire<V1Deployment>;
export const Deployment = defineKind<Deployment>('apps', 'v1', 'Deployment', 'deployments');
export type ReplicaSet = Wire<V1ReplicaSet>;
export const ReplicaSet = defineKind<ReplicaSet>('apps', 'v1', 'ReplicaSet', 'replicasets');

export type DeploymentCondition = Wire<V1DeploymentCondition>;
export type ReplicaSetCondition = Wire<V1ReplicaSetCondition>;
