import type { V1CSIDriver, V1CSINode, V1CSIStorageCapacity, V1StorageClass, V1VolumeAttachment, V1VolumeAttributesClass } from '@kubernetes/client-node';
import { defineKind } from './kind.ts';
import type { Wire } from './wire.ts';

const group = 'storage.k8s.io';

export type StorageClass = Wire<V1StorageClass>;
export const StorageClass = defineKind<StorageClass>(group, 'v1', 'StorageClass', 'storageclasses', 'Cluster');
export type VolumeAttachment = Wire<V1VolumeAttachment>;
export const VolumeAttachment = defineKind<VolumeAttachment>(group, 'v1', 'VolumeAttachment', 'volumeattachments', 'Cluster');
export type VolumeAttributesClass = Wire<V1VolumeAttributesClass>;
export const VolumeAttributesClass = defineKind<VolumeAttributesClass>(group, 'v1', 'VolumeAttributesClass', 'volumeattributesclasses', 'Cluster');
export type CSIDriver = Wire<V1CSIDriver>;
export const CSIDriver = defineKind<CSIDriver>(group, 'v1', 'CSIDriver', 'csidrivers', 'Cluster');
export type CSINode = Wire<V1CSINode>;
export const CSINode = defineKind<CSINode>(group, 'v1', 'CSINode', 'csinodes', 'Cluster');
export type CSIStorageCapacity = Wire<V1CSIStorageCapacity>;
export const CSIStorageCapacity = defineKind<CSIStorageCapacity>(group, 'v1', 'CSIStorageCapacity', 'csistoragecapacities');
