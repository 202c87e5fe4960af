import type { V1RuntimeClass } from '@kubernetes/client-node';
import { defineKind } from './kind.ts';
import type { Wire } from './wire.ts';

export type RuntimeClass = Wire<V1RuntimeClass>;
export const RuntimeClass = defineKind<RuntimeClass>('node.k8s.io', 'v1', 'RuntimeClass', 'runtimeclasses', 'Cluster');
