import { Path, invalid, invalidObject, type FieldError } from '../../machinery/field-path.ts';
import type { TokenRequest } from '../../machinery/kinds/authentication.ts';
import { Node, Pod, Secret, ServiceAccount } from '../../machinery/kinds/core.ts';
import type { KubernetesObject, Kind } from '../../machinery/kinds/kind.ts';
import { failure } from '../../machinery/status.ts';
import type { User } from '../request.ts';
import type { Caches } from '../store/cache.ts';
import { nodeNameOf } from './node-authorizer.ts';
import type { Pki } from './pki.ts';
import { refused } from './refused.ts';
import { apiAudiences, claimsOf, issuer, secretTokenClaims, secretTokenIssuer, type Reference, type TokenSubject } from './token-claims.ts';

/** Issues service-account tokens. Source: "TokenRequest", authentication.k8s.io/v1. */

export interface TokenIssuer {
  readonly pki: Pick<Pki, 'serviceAccountKeys'>;
  readonly caches: Caches;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly uuid: () => string;
}

const shortest = 600;
const longest = 2 ** 32;
const usual = 3600;
const spec = new Path('spec');

/**
 * A token for a service account, as POST `serviceaccounts/token` answers it: `request` with `status.token`. Throws 404
 * without the account or what the token is to be bound to, 409 when that has another uid, 422; 403 for a node that asks for
 * more than a pod of its own needs.
 */
export async function issueServiceAccountToken(
  deps: TokenIssuer, { namespace, name }: { readonly namespace: string; readonly name: string }, request: TokenRequest, user: User,
): Promise<TokenRequest> {
  const wish = request.spec ?? {};
  const seconds = wish.expirationSeconds ?? usual;
  const errors = validate(seconds);
  if (errors.length > 0) throw invalidObject({ group: 'authentication.k8s.io', kind: 'TokenRequest' }, '', errors);
  checkNode(deps.caches, user, namespace, name, wish.boundObjectRef);
  const account = found(deps.caches, ServiceAccount, namespace, name);
  const subject: TokenSubject = { namespace, serviceAccount: { name, uid: account.metadata?.uid ?? '' }, ...boundTo(deps.caches, namespace, name, wish.boundObjectRef) };
  const granted = wish.audiences === undefined || wish.audiences.length === 0 ? apiAudiences : wish.audiences;
  const issued = Math.floor(deps.now() / 1000);
  const expires = issued + seconds;
  const { SignJWT } = await import('jose');
  const { keyId, privateKey } = deps.pki.serviceAccountKeys;
  const token = await new SignJWT({ ...claimsOf(subject), aud: [...granted], iss: issuer, iat: issued, nbf: issued, exp: expires, jti: deps.uuid() })
    .setProtectedHeader({ alg: 'ES256', kid: keyId })
    .sign(privateKey);
  return {
    kind: 'TokenRequest',
    apiVersion: 'authentication.k8s.io/v1',
    metadata: { name, namespace, creationTimestamp: rfc3339(issued) },
    spec: { ...wish, audiences: granted, expirationSeconds: seconds },
    status: { token, expirationTimestamp: rfc3339(expires) },
  };
}

/** The token of an account that `secret` is to keep: it has no end of its own. */
export async function signSecretToken({ serviceAccountKeys: { keyId, privateKey } }: Pick<Pki, 'serviceAccountKeys'>, account: ServiceAccount, secret: Secret): Promise<string> {
  const { SignJWT } = await import('jose');
  const { namespace = '', name = '', uid = '' } = account.metadata ?? {};
  const claims = secretTokenClaims({ namespace, serviceAccount: { name, uid }, secretName: secret.metadata?.name ?? '' });
  return new SignJWT({ ...claims, iss: secretTokenIssuer }).setProtectedHeader({ alg: 'ES256', kid: keyId }).sign(privateKey);
}

function validate(seconds: number): FieldError[] {
  const path = spec.child('expirationSeconds');
  if (seconds < shortest) return [invalid(path, seconds, 'may not specify a duration less than 10 minutes')];
  return seconds > longest ? [invalid(path, seconds, 'may not specify a duration larger than 2^32 seconds')] : [];
}

/** Source: "Admission controllers", NodeRestriction. */
function checkNode(caches: Caches, user: User, namespace: string, account: string, bound: Bound): void {
  const nodeName = nodeNameOf(user);
  if (nodeName === undefined) return;
  const refuse = (why: string) => refused({ group: '', resource: 'serviceaccounts', name: account }, why);
  if (bound?.kind !== 'Pod' || (bound.name ?? '') === '') throw refuse('node requested token not bound to a pod');
  if ((bound.uid ?? '') === '') throw refuse('node requested token with a pod binding without a uid');
  if (caches.of(Pod).get(namespace, bound.name ?? '')?.object.spec?.nodeName !== nodeName) throw refuse('node requested token bound to a pod scheduled on a different node');
}

type Bound = NonNullable<TokenRequest['spec']>['boundObjectRef'];

/** The object whose end is the token's end. A pod brings its node along. */
function boundTo(caches: Caches, namespace: string, account: string, bound: Bound): Pick<TokenSubject, 'pod' | 'secret' | 'node'> {
  if (bound === undefined) return {};
  const name = bound.name ?? '';
  const check = (object: KubernetesObject): Reference => {
    const uid = object.metadata?.uid ?? '';
    if (bound.uid !== undefined && bound.uid !== '' && bound.uid !== uid) {
      throw failure('Conflict', `Operation cannot be fulfilled on ${(bound.kind ?? '').toLowerCase()}s ${JSON.stringify(name)}: the UID in the bound object reference (${bound.uid}) does not match the UID in record. The object might have been deleted and then recreated`);
    }
    return { name, uid };
  };
  if (bound.apiVersion === 'v1' && bound.kind === 'Pod') {
    const pod = found(caches, Pod, namespace, name);
    const used = pod.spec?.serviceAccountName ?? '';
    if (used !== account) {
      throw failure('BadRequest', `cannot bind token for serviceaccount ${JSON.stringify(account)} to pod running with different serviceaccount name.`);
    }
    return { pod: check(pod), ...nodeOf(caches, pod.spec?.nodeName) };
  }
  if (bound.apiVersion === 'v1' && bound.kind === 'Secret') return { secret: check(found(caches, Secret, namespace, name)) };
  if (bound.apiVersion === 'v1' && bound.kind === 'Node') return { node: check(found(caches, Node, undefined, name)) };
  throw failure('BadRequest', `cannot bind token to object of type ${bound.apiVersion ?? ''}, Kind=${bound.kind ?? ''}`);
}

function nodeOf(caches: Caches, name: string | undefined): { node?: Reference } {
  const node = name === undefined || name === '' ? undefined : caches.of(Node).get(undefined, name);
  return node === undefined ? {} : { node: { name: node.name, uid: node.uid } };
}

function found<T extends KubernetesObject>(caches: Caches, kind: Kind<T>, namespace: string | undefined, name: string): T {
  const entry = caches.of(kind).get(namespace, name);
  if (entry === undefined) throw failure('NotFound', `${kind.plural} ${JSON.stringify(name)} not found`, { name, kind: kind.plural });
  return entry.object;
}

function rfc3339(seconds: number): string {
  return `${new Date(seconds * 1000).toISOString().slice(0, 19)}Z`;
}
