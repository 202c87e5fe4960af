import type { V1IPAddress, V1Ingress, V1IngressClass, V1NetworkPolicy, V1ServiceCIDR } from '@kubernetes/client-node';
import { defineKind } from './kind.ts';
import type { Wire } from './wire.ts';

const group = 'networking.k8s.io';

export type Ingress = Wire<V1Ingress>;
export const Ingress = defineKind<Ingress>(group, 'v1', 'Ingress', 'ingresses');
export type IngressClass = Wire<V1IngressClass>;
export const IngressClass = defineKind<IngressClass>(group, 'v1', 'IngressClass', 'ingressclasses', 'Cluster');
export type NetworkPolicy = Wire<V1NetworkPolicy>;
export const NetworkPolicy = defineKind<NetworkPolicy>(group, 'v1', 'NetworkPolicy', 'networkpolicies');
export type IPAddress = Wire<V1IPAddress>;
export const IPAddress = defineKind<IPAddress>(group, 'v1', 'IPAddress', 'ipaddresses', 'Cluster');
export type ServiceCIDR = Wire<V1ServiceCIDR>;
export const ServiceCIDR = defineKind<ServiceCIDR>(group, 'v1', 'ServiceCIDR', 'servicecidrs', 'Cluster');
