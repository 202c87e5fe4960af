import { Node, Pod, Secret, ServiceAccount } from '../../machinery/kinds/core.ts';
import type { Kind, KubernetesObject } from '../../machinery/kinds/kind.ts';
import type { User } from '../request.ts';
import type { Caches } from '../store/cache.ts';
import type { Pki } from './pki.ts';
import { groupsOf, issuer, subjectOf, userNameOf, type Reference, type TokenSubject } from './token-claims.ts';

/** Checks service-account tokens: signature, audience and time once, and at each use that what they are bound to still lives. */

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
  readonly subject: TokenSubject;
  readonly user: User;
  readonly audiences: readonly string[];
  /** Milliseconds since the epoch. */
  readonly notBefore: number;
  readonly expires: number;
}

/** Verified tokens remembered, at most. */
const maxRemembered = 4096;

export function createTokenVerifier({ pki, caches, now }: { pki: Pick<Pki, 'serviceAccountKeys'>; caches: Caches; now: () => number }): TokenVerifier {
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
      return meant.length > 0 && lives(caches, verified.subject, time) ? { user: verified.user, audiences: meant } : undefined;
    },
  };
}

async function checkSignature(token: string, pki: Pick<Pki, 'serviceAccountKeys'>, now: number): Promise<Verified | undefined> {
  const { errors, jwtVerify } = await import('jose');
  try {
    const { payload } = await jwtVerify(token, pki.serviceAccountKeys.publicKey, { algorithms: ['ES256'], issuer, currentDate: new Date(now), requiredClaims: ['exp', 'aud'] });
    const subject = subjectOf(payload);
    if (subject === undefined) return undefined;
    return {
      subject,
      user: userOf(subject, payload.jti),
      audiences: [payload.aud ?? []].flat(),
      notBefore: (payload.nbf ?? 0) * 1000,
      expires: (payload.exp ?? 0) * 1000,
    };
  } catch (error) {
    if (error instanceof errors.JOSEError) return undefined;
    throw error;
  }
}

function userOf({ namespace, serviceAccount, pod, node }: TokenSubject, tokenId: string | undefined): User {
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

/** Do the account and what the token is bound to exist, the very ones? */
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
