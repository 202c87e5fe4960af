import type { JWTPayload } from 'jose';
import { Node, Pod, Secret, ServiceAccount } from '../../machinery/kinds/core.ts';
import type { Kind, KubernetesObject } from '../../machinery/kinds/kind.ts';
import type { User } from '../request.ts';
import type { Caches } from '../store/cache.ts';
import type { Pki } from './pki.ts';
import type { Place } from './token-use.ts';
import { apiAudiences, groupsOf, issuer, secretTokenIssuer, secretTokenSubjectOf, subjectOf, userNameOf, type Reference, type SecretTokenSubject, type TokenSubject } from './token-claims.ts';

/** Checks service-account tokens: signature, audience and time once, and at each use that what they are bound to, or kept in, still lives. */

export interface TokenCheck {
  readonly user: User;
  /** Those asked for that the token is meant for. */
  readonly audiences: readonly string[];
}

export interface TokenVerifier {
  /** Undefined: not a valid token of this cluster for any of `audiences`. */
  verify(token: string, audiences: readonly string[]): Promise<TokenCheck | undefined>;
}

interface Verified {
  readonly user: User;
  readonly audiences: readonly string[];
  /** Do the account and what the token is bound to exist at `time`, the very ones? */
  readonly lives: (caches: Caches, time: number) => boolean;
  /** The Secret that keeps the token. */
  readonly keptIn?: Place;
  /** Milliseconds since the epoch. */
  readonly notBefore: number;
  readonly expires: number;
}

/** Verified tokens remembered, at most. */
const maxRemembered = 4096;

export interface TokenVerifierOptions {
  readonly pki: Pick<Pki, 'serviceAccountKeys'>;
  readonly caches: Caches;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Told of the Secret whose token was found valid. */
  readonly used: (secret: Place) => void;
}

export function createTokenVerifier({ pki, caches, now, used }: TokenVerifierOptions): TokenVerifier {
  const remembered = new Map<string, Verified>();
  const look = async (token: string): Promise<Verified | undefined> => {
    const known = remembered.get(token);
    if (known !== undefined) return known;
    const verified = await checkSignature(token, pki, now());
    if (verified === undefined) return undefined;
    // The oldest goes first: a token that is in use comes back at the price of one signature.
    if (remembered.size >= maxRemembered) remembered.delete(remembered.keys().next().value ?? '');
    remembered.set(token, verified);
    return verified;
  };
  return {
    async verify(token, audiences) {
      const verified = await look(token);
      if (verified === undefined) return undefined;
      const time = now();
      if (verified.expires <= time || verified.notBefore > time) {
        remembered.delete(token);
        return undefined;
      }
      const meant = audiences.filter((audience) => verified.audiences.includes(audience));
      if (meant.length === 0 || !verified.lives(caches, time)) return undefined;
      if (verified.keptIn !== undefined) used(verified.keptIn);
      return { user: verified.user, audiences: meant };
    },
  };
}

async function checkSignature(token: string, pki: Pick<Pki, 'serviceAccountKeys'>, now: number): Promise<Verified | undefined> {
  const { errors, jwtVerify } = await import('jose');
  try {
    const { payload } = await jwtVerify(token, pki.serviceAccountKeys.publicKey, { algorithms: ['ES256'], issuer: [issuer, secretTokenIssuer], currentDate: new Date(now) });
    return payload.iss === secretTokenIssuer ? ofSecret(token, payload) : bound(payload);
  } catch (error) {
    if (error instanceof errors.JOSEError) return undefined;
    throw error;
  }
}

function bound(payload: JWTPayload): Verified | undefined {
  const subject = subjectOf(payload);
  if (subject === undefined || payload.exp === undefined || payload.aud === undefined) return undefined;
  return {
    user: userOf(subject, payload.jti),
    audiences: [payload.aud].flat(),
    lives: (caches, time) => lives(caches, subject, time),
    notBefore: (payload.nbf ?? 0) * 1000,
    expires: payload.exp * 1000,
  };
}

/** A token that names no audience is for the API server, and one that names no end is valid as long as its Secret keeps it. */
function ofSecret(token: string, payload: JWTPayload): Verified | undefined {
  const subject = secretTokenSubjectOf(payload);
  if (subject === undefined) return undefined;
  return {
    user: userOf(subject, undefined),
    audiences: payload.aud === undefined ? apiAudiences : [payload.aud].flat(),
    lives: (caches) => isKept(caches, subject, token),
    keptIn: { namespace: subject.namespace, name: subject.secretName },
    notBefore: (payload.nbf ?? 0) * 1000,
    expires: (payload.exp ?? Infinity) * 1000,
  };
}

/** Since when a token that nobody used is not to be used any more. Source: kube-controller-manager, legacy-service-account-token-cleaner. */
const invalidSince = 'kubernetes.io/legacy-token-invalid-since';

function isKept(caches: Caches, { namespace, serviceAccount, secretName }: SecretTokenSubject, token: string): boolean {
  const secret = caches.of(Secret).get(namespace, secretName)?.object;
  if (secret === undefined || secret.metadata?.deletionTimestamp !== undefined || (secret.metadata?.labels?.[invalidSince] ?? '') !== '') return false;
  if (Buffer.from(secret.data?.['token'] ?? '', 'base64').toString() !== token) return false;
  const account = caches.of(ServiceAccount).get(namespace, serviceAccount.name);
  return account?.uid === serviceAccount.uid && account.object.metadata?.deletionTimestamp === undefined;
}

function userOf({ namespace, serviceAccount, pod, node }: Pick<TokenSubject, 'namespace' | 'serviceAccount' | 'pod' | 'node'>, tokenId: string | undefined): User {
  const extra: Record<string, readonly string[]> = {};
  if (tokenId !== undefined) extra['authentication.kubernetes.io/credential-id'] = [`JTI=${tokenId}`];
  for (const [kind, reference] of [['node', node], ['pod', pod]] as const) {
    if (reference === undefined) continue;
    extra[`authentication.kubernetes.io/${kind}-name`] = [reference.name];
    extra[`authentication.kubernetes.io/${kind}-uid`] = [reference.uid];
  }
  return {
    name: userNameOf(namespace, serviceAccount.name), uid: serviceAccount.uid,
    groups: [...groupsOf(namespace), 'system:authenticated'],
    ...(Object.keys(extra).length === 0 ? {} : { extra }),
  };
}

/** How long a deleted pod's token still works: its containers may be stopping. Milliseconds. Source: kube-apiserver's service-account authenticator. */
const leewayAfterDeletion = 60_000;

function lives(caches: Caches, subject: TokenSubject, now: number): boolean {
  const exists = <T extends KubernetesObject>(kind: Kind<T>, namespace: string | undefined, reference: Reference | undefined): boolean => {
    if (reference === undefined) return true;
    const entry = caches.of(kind).get(namespace, reference.name);
    if (entry === undefined || entry.uid !== reference.uid) return false;
    const deleted = entry.object.metadata?.deletionTimestamp;
    return deleted === undefined || Date.parse(deleted) + leewayAfterDeletion > now;
  };
  // A pod's token names its node for information; the pod is what it is bound to.
  const node = subject.pod === undefined ? subject.node : undefined;
  return exists(ServiceAccount, subject.namespace, subject.serviceAccount)
    && exists(Pod, subject.namespace, subject.pod)
    && exists(Secret, subject.namespace, subject.secret)
    && exists(Node, undefined, node);
}
