import type { V1Eviction } from '@kubernetes/client-node';
import type { Wire } from './wire.ts';

/** The body of POST `pods/eviction`, policy/v1. */
export type Eviction = Wire<V1Eviction>;
