import type {
  CoreV1Event, V1ConfigMap, V1Container, V1ContainerState, V1ContainerStatus, V1Namespace, V1Node, V1NodeCondition, V1ObjectReference,
  V1OwnerReference, V1Pod, V1PodCondition, V1PodSpec, V1PodStatus, V1PodTemplateSpec, V1Probe, V1Secret, V1SecurityContext, V1Service,
  V1ServiceAccount, V1Taint, V1Toleration, V1Volume,
} from '@kubernetes/client-node';
import { defineKind } from './kind.ts';
import type { Wire } from './wire.ts';

export type Namespace = Wire<V1Namespace>;
export const Namespace = defineKind<Namespace>('', 'v1', 'Namespace', 'namespaces', 'Cluster');
export type Node = Wire<V1Node>;
export const Node = defineKind<Node>('', 'v1', 'Node', 'nodes', 'Cluster');
export type Pod = Wire<V1Pod>;
export const Pod = defineKind<Pod>('', 'v1', 'Pod', 'pods');
export type Service = Wire<V1Service>;
export const Service = defineKind<Service>('', 'v1', 'Service', 'services');
export type ConfigMap = Wire<V1ConfigMap>;
export const ConfigMap = defineKind<ConfigMap>('', 'v1', 'ConfigMap', 'configmaps');
export type Secret = Wire<V1Secret>;
export const Secret = defineKind<Secret>('', 'v1', 'Secret', 'secrets');
export type ServiceAccount = Wire<V1ServiceAccount>;
export const ServiceAccount = defineKind<ServiceAccount>('', 'v1', 'ServiceAccount', 'serviceaccounts');
export type Event = Wire<CoreV1Event>;
export const Event = defineKind<Event>('', 'v1', 'Event', 'events');

export type Container = Wire<V1Container>;
export type ContainerState = Wire<V1ContainerState>;
export type ContainerStatus = Wire<V1ContainerStatus>;
export type NodeCondition = Wire<V1NodeCondition>;
export type ObjectReference = Wire<V1ObjectReference>;
export type OwnerReference = Wire<V1OwnerReference>;
export type PodCondition = Wire<V1PodCondition>;
export type PodSpec = Wire<V1PodSpec>;
export type PodStatus = Wire<V1PodStatus>;
export type PodTemplateSpec = Wire<V1PodTemplateSpec>;
export type Probe = Wire<V1Probe>;
export type SecurityContext = Wire<V1SecurityContext>;
export type Taint = Wire<V1Taint>;
export type Toleration = Wire<V1Toleration>;
export type Volume = Wire<V1Volume>;
