import type { ResourceV1ResourceClaim, V1Device, V1DeviceClass, V1ResourceClaimTemplate, V1ResourceSlice } from '@kubernetes/client-node';
import { defineKind } from './kind.ts';
import type { Wire } from './wire.ts';

const group = 'resource.k8s.io';

export type DeviceClass = Wire<V1DeviceClass>;
export const DeviceClass = defineKind<DeviceClass>(group, 'v1', 'DeviceClass', 'deviceclasses', 'Cluster');
export type ResourceClaim = Wire<ResourceV1ResourceClaim>;
export const ResourceClaim = defineKind<ResourceClaim>(group, 'v1', 'ResourceClaim', 'resourceclaims');
export type ResourceClaimTemplate = Wire<V1ResourceClaimTemplate>;
export const ResourceClaimTemplate = defineKind<ResourceClaimTemplate>(group, 'v1', 'ResourceClaimTemplate', 'resourceclaimtemplates');
export type ResourceSlice = Wire<V1ResourceSlice>;
export const ResourceSlice = defineKind<ResourceSlice>(group, 'v1', 'ResourceSlice', 'resourceslices', 'Cluster');
export type Device = Wire<V1Device>;
