import type { SigningKey } from './pki.ts';
import { issuer } from './token-claims.ts';

/**
 * What others need to check this cluster's service-account tokens by themselves: `/.well-known/openid-configuration` and
 * `/openid/v1/jwks`. `server` is where the API is reached, `https://10.0.0.1:6443`.
 * Source: "Service account issuer discovery"; RFC 7517.
 */
export function issuerDocuments({ keyId, publicKey }: Pick<SigningKey, 'keyId' | 'publicKey'>, server: string): { readonly discovery: object; readonly keys: object } {
  const key = publicKey.export({ format: 'jwk' });
  return {
    discovery: {
      issuer, jwks_uri: `${server}/openid/v1/jwks`,
      response_types_supported: ['id_token'], subject_types_supported: ['public'], id_token_signing_alg_values_supported: ['ES256'],
    },
    keys: { keys: [{ use: 'sig', ...key, kid: keyId, alg: 'ES256' }] },
  };
}
