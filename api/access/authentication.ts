import { failure, type ApiError } from '../../machinery/status.ts';
import type { User } from '../request.ts';
import type { Caches } from '../store/cache.ts';
import type { Authenticator, Authorizer, Credentials } from './access.ts';
import { bootstrapTokenUser } from './bootstrap-tokens.ts';
import { impersonated } from './impersonation.ts';
import type { OidcAuthenticator } from './oidc/authenticator.ts';
import type { Pki } from './pki.ts';
import { remoteUser } from './remote-user.ts';
import { createTokenVerifier, type TokenCheck } from './service-account-tokens.ts';
import { apiAudiences } from './token-claims.ts';
import type { Place } from './token-use.ts';

/** Who calls: client certificate, else bearer token, else nobody in particular; then whom they act as. */

export interface AuthenticationOptions {
  readonly pki: Pick<Pki, 'serviceAccountKeys'>;
  readonly caches: Caches;
  /** Decides about impersonation. */
  readonly authorizer: Authorizer;
  /** Users of an outside issuer. Absent: there is none. */
  readonly oidc?: OidcAuthenticator;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Told of the Secret whose token lets somebody in. */
  readonly usedSecret: (secret: Place) => void;
}

export interface ClusterAuthenticator extends Authenticator {
  /** Whose token this is and which of `audiences` it serves (none asked: the API server's own); what TokenReview answers. */
  reviewToken(token: string, audiences: readonly string[]): Promise<TokenCheck | undefined>;
}

export const anonymous: User = { name: 'system:anonymous', groups: ['system:unauthenticated'] };

/** Certificate users remembered, at most: one object per user keeps the authorizer's memory warm. */
const maxCertificateUsers = 4096;

export function createAuthenticator({ pki, caches, authorizer, oidc, now, usedSecret }: AuthenticationOptions): ClusterAuthenticator {
  const tokens = createTokenVerifier({ pki, caches, now, used: usedSecret });
  const certificateUser = rememberUsers();
  const reviewToken: ClusterAuthenticator['reviewToken'] = async (token, audiences) => {
    const asked = audiences.length === 0 ? apiAudiences : audiences;
    const bootstrap = bootstrapTokenUser(caches, token, now());
    if (bootstrap !== undefined) return forTheServer(bootstrap, asked);
    const check = await tokens.verify(token, asked);
    if (check !== undefined || oidc === undefined) return check;
    const user = await oidc.verify(token);
    return user === undefined ? undefined : forTheServer(user, asked);
  };
  const userOf = async ({ certificate, bearerToken, headers }: Credentials): Promise<User> => {
    if (certificate?.isFrontProxy === true) return remoteUser(certificate.commonName, headers);
    if (certificate !== undefined && certificate.commonName !== '') return certificateUser(certificate);
    if (bearerToken === undefined || bearerToken === '') return anonymous;
    const check = await reviewToken(bearerToken, apiAudiences);
    if (check === undefined) throw unauthorized();
    return check.user;
  };
  return {
    reviewToken,
    async authenticate(credentials) {
      return impersonated(await userOf(credentials), credentials.headers, authorizer);
    },
  };
}

/** Tokens without an audience that the cluster knows speak to the API server only. */
function forTheServer(user: User, asked: readonly string[]): TokenCheck | undefined {
  const audiences = asked.filter((audience) => apiAudiences.includes(audience));
  return audiences.length === 0 ? undefined : { user, audiences };
}

function unauthorized(): ApiError {
  return failure('Unauthorized', 'Unauthorized');
}

type Certificate = NonNullable<Credentials['certificate']>;

function rememberUsers(): (certificate: Certificate) => User {
  const known = new Map<string, User>();
  return ({ commonName, organizations }) => {
    const key = JSON.stringify([commonName, organizations]);
    const found = known.get(key);
    if (found !== undefined) return found;
    if (known.size >= maxCertificateUsers) known.clear();
    const user: User = { name: commonName, groups: [...new Set([...organizations, 'system:authenticated'])] };
    known.set(key, user);
    return user;
  };
}
