import type { V1Endpoint, V1EndpointSlice } from '@kubernetes/client-node';
import { defineKind } from './kind.ts';
import type { Wire } from './wire.ts';

export type EndpointSlice = Wire<V1EndpointSlice>;
export const EndpointSlice = defineKind<EndpointSlice>('discovery.k8s.io', 'v1', 'EndpointSlice', 'endpointslices');

export type Endpoint = Wire<V1Endpoint>;
