import type { V1FlowSchema, V1PriorityLevelConfiguration } from '@kubernetes/client-node';
import { defineKind } from './kind.ts';
import type { Wire } from './wire.ts';

const group = 'flowcontrol.apiserver.k8s.io';

export type FlowSchema = Wire<V1FlowSchema>;
export const FlowSchema = defineKind<FlowSchema>(group, 'v1', 'FlowSchema', 'flowschemas', 'Cluster');
export type PriorityLevelConfiguration = Wire<V1PriorityLevelConfiguration>;
export const PriorityLevelConfiguration = defineKind<PriorityLevelConfiguration>(group, 'v1', 'PriorityLevelConfiguration', 'prioritylevelconfigurations', 'Cluster');
