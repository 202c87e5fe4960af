import type { V1APIService } from '@kubernetes/client-node';
import { defineKind } from './kind.ts';
import type { Wire } from './wire.ts';

export type APIService = Wire<V1APIService>;
export const APIService = defineKind<APIService>('apiregistration.k8s.io', 'v1', 'APIService', 'apiservices', 'Cluster');
