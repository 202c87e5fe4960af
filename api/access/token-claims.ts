import { fieldOf } from '../../machinery/patch/json-value.ts';

/** What a service-account token says. Pure. Source: "Managing service accounts", bound token claims. */

/** Issuer of the cluster's tokens, and the audience that the API server itself accepts. */
export const issuer = 'https://kubernetes.default.svc.cluster.local';
export const apiAudiences: readonly string[] = [issuer];

export interface Reference {
  readonly name: string;
  readonly uid: string;
}

export interface TokenSubject {
  readonly namespace: string;
  readonly serviceAccount: Reference;
  readonly pod?: Reference;
  readonly secret?: Reference;
  readonly node?: Reference;
}

/** The private claim that holds the subject. */
const claim = 'kubernetes.io';

export function claimsOf(subject: TokenSubject): Record<string, unknown> {
  const { namespace, serviceAccount, pod, secret, node } = subject;
  return {
    sub: userNameOf(namespace, serviceAccount.name),
    [claim]: {
      namespace,
      ...(node === undefined ? {} : { node }),
      ...(pod === undefined ? {} : { pod }),
      ...(secret === undefined ? {} : { secret }),
      serviceaccount: serviceAccount,
    },
  };
}

/** Undefined: these are not the claims of a service-account token. */
export function subjectOf(claims: Readonly<Record<string, unknown>>): TokenSubject | undefined {
  const own = claims[claim];
  const namespace = fieldOf(own, 'namespace');
  const serviceAccount = reference(fieldOf(own, 'serviceaccount'));
  if (typeof namespace !== 'string' || serviceAccount === undefined) return undefined;
  if (claims['sub'] !== userNameOf(namespace, serviceAccount.name)) return undefined;
  const pod = reference(fieldOf(own, 'pod'));
  const secret = reference(fieldOf(own, 'secret'));
  const node = reference(fieldOf(own, 'node'));
  return {
    namespace, serviceAccount,
    ...(pod === undefined ? {} : { pod }), ...(secret === undefined ? {} : { secret }), ...(node === undefined ? {} : { node }),
  };
}

/** Issuer of tokens that are kept in Secrets. */
export const secretTokenIssuer = 'kubernetes/serviceaccount';

/** Whose token a Secret keeps. */
export interface SecretTokenSubject {
  readonly namespace: string;
  readonly serviceAccount: Reference;
  readonly secretName: string;
}

const secretClaims = {
  namespace: 'kubernetes.io/serviceaccount/namespace', secretName: 'kubernetes.io/serviceaccount/secret.name',
  name: 'kubernetes.io/serviceaccount/service-account.name', uid: 'kubernetes.io/serviceaccount/service-account.uid',
} as const;

export function secretTokenClaims({ namespace, serviceAccount: { name, uid }, secretName }: SecretTokenSubject): Record<string, unknown> {
  return {
    sub: userNameOf(namespace, name),
    [secretClaims.namespace]: namespace, [secretClaims.secretName]: secretName, [secretClaims.name]: name, [secretClaims.uid]: uid,
  };
}

/** Undefined: these are not the claims of a token that a Secret keeps. */
export function secretTokenSubjectOf(claims: Readonly<Record<string, unknown>>): SecretTokenSubject | undefined {
  const [namespace = '', secretName = '', name = '', uid = ''] = [secretClaims.namespace, secretClaims.secretName, secretClaims.name, secretClaims.uid].map((key) => {
    const value = claims[key];
    return typeof value === 'string' ? value : '';
  });
  if ([namespace, secretName, name, uid].includes('') || claims['sub'] !== userNameOf(namespace, name)) return undefined;
  return { namespace, secretName, serviceAccount: { name, uid } };
}

export function userNameOf(namespace: string, serviceAccount: string): string {
  return `system:serviceaccount:${namespace}:${serviceAccount}`;
}

/** Namespace and name of the service account that a user is; undefined for others. */
export function serviceAccountOf(userName: string): { readonly namespace: string; readonly name: string } | undefined {
  const match = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(userName);
  const [, namespace, name] = match ?? [];
  return namespace === undefined || name === undefined ? undefined : { namespace, name };
}

export function groupsOf(namespace: string): readonly string[] {
  return ['system:serviceaccounts', `system:serviceaccounts:${namespace}`];
}

function reference(value: unknown): Reference | undefined {
  const name = fieldOf(value, 'name');
  const uid = fieldOf(value, 'uid');
  return typeof name === 'string' && typeof uid === 'string' ? { name, uid } : undefined;
}
