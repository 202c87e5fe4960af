import type { AuthenticationV1TokenRequest } from '@kubernetes/client-node';
import { defineKind } from './kind.ts';
import type { Wire } from './wire.ts';

/** The body and answer of POST `serviceaccounts/token`. */
export type TokenRequest = Wire<AuthenticationV1TokenRequest>;
export const TokenRequest = defineKind<TokenRequest>('authentication.k8s.io', 'v1', 'TokenRequest', 'tokenrequests');
