import { accountNameAnnotation, accountTokenType, accountUidAnnotation } from '../machinery/account-token-secret.ts';
import { Secret, ServiceAccount } from '../machinery/kinds/core.ts';
import { isReason } from '../machinery/status.ts';
import { keyOf } from '../client/informer-store.ts';
import { defineController, watching, type Controller, type ObserveContext } from './define.ts';
import { at, update, type Step } from './steps.ts';

/** Fills Secrets that ask for a lasting token of a ServiceAccount, and deletes those whose account is gone. Source: "Managing Service Accounts", token controller. */

/** The token that a Secret is to hold for an account. */
export type SignToken = (account: ServiceAccount, secret: Secret) => Promise<string>;

interface Observed {
  /** The account that the Secret names; undefined: there is none, or another of its name. */
  readonly account: ServiceAccount | undefined;
  /** Signed for a Secret without one. */
  readonly token?: string;
}

export function accountTokenController(signToken: SignToken, caPem: string): Controller {
  return defineController<Secret, Observed>({
    name: 'serviceaccount-token',
    component: 'serviceaccount-token-controller',
    primary: Secret,
    selects: isTokenSecret,
    watches: [watching(
      ServiceAccount,
      ({ metadata }, { of }) => of(Secret).inNamespace(metadata?.namespace ?? '').filter((secret) => isTokenSecret(secret) && accountNameOf(secret) === metadata?.name).map(keyOf),
      (before, after) => before?.metadata?.uid !== after?.metadata?.uid,
    )],
    async observe(secret, context) {
      const account = await accountOf(secret, context);
      const isWanted = account !== undefined && isFillable(secret) && (secret.data?.['token'] ?? '') === '';
      return isWanted ? { account, token: await signToken(account, secret) } : { account };
    },
    plan: (secret, observed) => plan(secret, observed, caPem),
  });
}

function isTokenSecret({ type }: Secret): boolean {
  return type === accountTokenType;
}

function accountNameOf({ metadata }: Secret): string {
  return metadata?.annotations?.[accountNameAnnotation] ?? '';
}

function isFillable({ type, immutable, metadata }: Secret): boolean {
  return type === accountTokenType && immutable !== true && metadata?.deletionTimestamp === undefined;
}

/** Absence is not taken from a cache: what was made before its Secret may be seen after it. */
async function accountOf(secret: Secret, { caches, client, signal }: ObserveContext): Promise<ServiceAccount | undefined> {
  const name = accountNameOf(secret);
  const { namespace = '', annotations } = secret.metadata ?? {};
  const uid = annotations?.[accountUidAnnotation] ?? '';
  const isIt = (account: ServiceAccount | undefined): boolean => account !== undefined && (uid === '' || account.metadata?.uid === uid);
  const known = caches.of(ServiceAccount).get(namespace, name);
  if (name === '' || isIt(known)) return known;
  try {
    const live = await client.get(ServiceAccount, { namespace, name }, signal);
    return isIt(live) ? live : undefined;
  } catch (error) {
    if (isReason(error, 'NotFound')) return undefined;
    throw error;
  }
}

/** Kubernetes' words for the keys. */
export function plan(secret: Secret, { account, token }: Observed, caPem: string): readonly Step[] {
  if (!isTokenSecret(secret) || accountNameOf(secret) === '') return [];
  const { metadata, data = {} } = secret;
  if (account === undefined) {
    return metadata?.deletionTimestamp === undefined ? [{ type: 'delete', kind: Secret, at: at(secret), uid: metadata?.uid ?? '' }] : [];
  }
  if (!isFillable(secret)) return [];
  const wanted = {
    'ca.crt': base64(caPem),
    ...((data['namespace'] ?? '') === '' ? { namespace: base64(metadata?.namespace ?? '') } : {}),
    ...(token === undefined ? {} : { token: base64(token) }),
  };
  if (Object.entries(wanted).every(([key, value]) => data[key] === value)) return [];
  const annotations = { ...metadata?.annotations, [accountUidAnnotation]: account.metadata?.uid ?? '' };
  return [update(Secret, { ...secret, metadata: { ...metadata, annotations }, data: { ...data, ...wanted } })];
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}
