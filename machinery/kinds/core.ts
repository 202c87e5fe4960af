import type {
  CoreV1Event, V1Binding, V1ComponentStatus, V1ConfigMap, V1Container, V1ContainerState, V1ContainerStatus, V1Endpoints, V1LimitRange, V1LimitRangeItem,
  V1Namespace, V1Node, V1NodeCondition, V1ObjectReference, V1OwnerReference, V1PersistentVolume, V1PersistentVolumeClaim, V1PersistentVolumeClaimSpec,
  V1Pod, V1PodCondition, V1PodSpec, V1PodStatus, V1PodTemplate, V1PodTemplateSpec, V1Probe, V1ReplicationController, V1ResourceQuota, V1Secret,
  V1SecurityContext, V1Service, V1ServiceAccount, V1Taint, V1Toleration, V1Volume,
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
export type PersistentVolume = Wire<V1PersistentVolume>;
export const PersistentVolume = defineKind<PersistentVolume>('', 'v1', 'PersistentVolume', 'persistentvolumes', 'Cluster');
export type PersistentVolumeClaim = Wire<V1PersistentVolumeClaim>;
export const PersistentVolumeClaim = defineKind<PersistentVolumeClaim>('', 'v1', 'PersistentVolumeClaim', 'persistentvolumeclaims');
export type ResourceQuota = Wire<V1ResourceQuota>;
export const ResourceQuota = defineKind<ResourceQuota>('', 'v1', 'ResourceQuota', 'resourcequotas');
export type LimitRange = Wire<V1LimitRange>;
export const LimitRange = defineKind<LimitRange>('', 'v1', 'LimitRange', 'limitranges');
export type ReplicationController = Wire<V1ReplicationController>;
export const ReplicationController = defineKind<ReplicationController>('', 'v1', 'ReplicationController', 'replicationcontrollers');
export type Endpoints = Wire<V1Endpoints>;
export const Endpoints = defineKind<Endpoints>('', 'v1', 'Endpoints', 'endpoints');
export type PodTemplate = Wire<V1PodTemplate>;
export const PodTemplate = defineKind<PodTemplate>('', 'v1', 'PodTemplate', 'podtemplates');
/** Never stored: POST gives a pod its node. */
export type Binding = Wire<V1Binding>;
export const Binding = defineKind<Binding>('', 'v1', 'Binding', 'bindings');
/** Never stored: answered from the server's own health. */
export type ComponentStatus = Wire<V1ComponentStatus>;
export const ComponentStatus = defineKind<ComponentStatus>('', 'v1', 'ComponentStatus', 'componentstatuses', 'Cluster');

export type Container = Wire<V1Container>;
export type ContainerState = Wire<V1ContainerState>;
export type ContainerStatus = Wire<V1ContainerStatus>;
export type LimitRangeItem = Wire<V1LimitRangeItem>;
export type NodeCondition = Wire<V1NodeCondition>;
export type ObjectReference = Wire<V1ObjectReference>;
export type OwnerReference = Wire<V1OwnerReference>;
export type PersistentVolumeClaimSpec = Wire<V1PersistentVolumeClaimSpec>;
export type PodCondition = Wire<V1PodCondition>;
export type PodSpec = Wire<V1PodSpec>;
export type PodStatus = Wire<V1PodStatus>;
export type PodTemplateSpec = Wire<V1PodTemplateSpec>;
export type Probe = Wire<V1Probe>;
export type SecurityContext = Wire<V1SecurityContext>;
export type Taint = Wire<V1Taint>;
export type Toleration = Wire<V1Toleration>;
export type Volume = Wire<V1Volume>;
