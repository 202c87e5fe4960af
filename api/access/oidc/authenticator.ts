/** Users who show a token of an outside issuer (OpenID Connect). Source: "OpenID Connect Tokens", Authenticating. */
import { messageOf } from '../../../machinery/thrown.ts';
import type { User } from '../../request.ts';
import { ClaimsRefused, userOfClaims, type OidcOptions } from './claims.ts';
import { createIssuer, httpsJson, type FetchJson, type KeySet } from './issuer.ts';

export interface OidcAuthenticator {
  /** Undefined: the token is not this issuer's, has ended, or does not do; why is reported. */
  verify(token: string): Promise<User | undefined>;
}

export interface OidcDependencies {
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Told why a token of the issuer was refused, or that the issuer could not be asked. Never of the token itself. */
  readonly report: (why: string) => void;
  readonly fetchJson?: FetchJson;
}

export function createOidcAuthenticator(options: OidcOptions, { now, report, fetchJson = httpsJson(options.caPem) }: OidcDependencies): OidcAuthenticator {
  const issuer = createIssuer({ url: options.issuerUrl, fetchJson, now });

  async function verified(token: string): Promise<User | undefined> {
    const jose = await import('jose');
    const check = async (keys: KeySet): Promise<User> => {
      const { payload } = await jose.jwtVerify(token, jose.createLocalJWKSet({ keys: [...keys.keys] }), {
        issuer: options.issuerUrl, audience: options.clientId, algorithms: [...(options.signingAlgorithms ?? ['RS256'])],
        currentDate: new Date(now()), requiredClaims: ['exp', 'aud'],
      });
      return userOfClaims(options, payload);
    };
    const keys = await issuer.keys(false);
    try {
      return await check(keys);
    } catch (error) {
      // The issuer may have new keys since.
      if (!(error instanceof jose.errors.JWKSNoMatchingKey)) throw error;
      return check(await issuer.keys(true));
    }
  }

  return {
    async verify(token) {
      if (issuerOf(token) !== options.issuerUrl) return undefined;
      try {
        return await verified(token);
      } catch (error) {
        report(error instanceof ClaimsRefused ? `a token of ${options.issuerUrl} was refused: ${error.message}` : `a token of ${options.issuerUrl} could not be verified: ${messageOf(error)}`);
        return undefined;
      }
    },
  };
}

/** Whose token it claims to be; nothing is believed yet. */
function issuerOf(token: string): unknown {
  const [, payload] = token.split('.', 3);
  if (payload === undefined) return undefined;
  try {
    const claims: unknown = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'));
    return typeof claims === 'object' && claims !== null ? Reflect.get(claims, 'iss') : undefined;
  } catch {
    // No token of that form: some other authenticator's.
    return undefined;
  }
}
