import type {
  V1ControllerRevision, V1DaemonSet, V1DaemonSetCondition, V1Deployment, V1DeploymentCondition, V1ReplicaSet, V1ReplicaSetCondition, V1StatefulSet, V1StatefulSetCondition,
} from '@kubernetes/client-node';
import { defineKind } from './kind.ts';
import type { Wire } from './wire.ts';

export type Deployment = Wire<V1Deployment>;
export const Deployment = defineKind<Deployment>('apps', 'v1', 'Deployment', 'deployments');
export type ReplicaSet = Wire<V1ReplicaSet>;
export const ReplicaSet = defineKind<ReplicaSet>('apps', 'v1', 'ReplicaSet', 'replicasets');
export type StatefulSet = Wire<V1StatefulSet>;
export const StatefulSet = defineKind<StatefulSet>('apps', 'v1', 'StatefulSet', 'statefulsets');
export type DaemonSet = Wire<V1DaemonSet>;
export const DaemonSet = defineKind<DaemonSet>('apps', 'v1', 'DaemonSet', 'daemonsets');
export type ControllerRevision = Wire<V1ControllerRevision>;
export const ControllerRevision = defineKind<ControllerRevision>('apps', 'v1', 'ControllerRevision', 'controllerrevisions');

export type DeploymentCondition = Wire<V1DeploymentCondition>;
export type ReplicaSetCondition = Wire<V1ReplicaSetCondition>;
export type StatefulSetCondition = Wire<V1StatefulSetCondition>;
export type DaemonSetCondition = Wire<V1DaemonSetCondition>;
