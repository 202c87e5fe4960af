import type {
  V1CustomResourceColumnDefinition, V1CustomResourceConversion, V1CustomResourceDefinition, V1CustomResourceDefinitionNames, V1CustomResourceDefinitionVersion, V1CustomResourceSubresourceScale,
} from '@kubernetes/client-node';
import { defineKind } from './kind.ts';
import type { Wire } from './wire.ts';

export type CustomResourceDefinition = Wire<V1CustomResourceDefinition>;
export const CustomResourceDefinition = defineKind<CustomResourceDefinition>('apiextensions.k8s.io', 'v1', 'CustomResourceDefinition', 'customresourcedefinitions', 'Cluster');
export type DefinitionNames = Wire<V1CustomResourceDefinitionNames>;
export type DefinitionVersion = Wire<V1CustomResourceDefinitionVersion>;
export type DefinitionConversion = Wire<V1CustomResourceConversion>;
export type DefinitionScale = Wire<V1CustomResourceSubresourceScale>;
export type PrinterColumn = Wire<V1CustomResourceColumnDefinition>;
