import { timingSafeEqual } from 'node:crypto';
import { Secret } from '../../machinery/kinds/core.ts';
import type { User } from '../request.ts';
import type { Caches } from '../store/cache.ts';

/** Bootstrap tokens `<id>.<secret>`, by which new nodes first speak. Source: "Authenticating with Bootstrap Tokens". */

export const bootstrapTokenType = 'bootstrap.kubernetes.io/token';
const form = /^([a-z0-9]{6})\.([a-z0-9]{16})$/;
const extraGroup = /^system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]$/;

/** Undefined: no such token, expired, or not for authentication. `now` in milliseconds. */
export function bootstrapTokenUser(caches: Caches, token: string, now: number): User | undefined {
  const [, id, secret] = form.exec(token) ?? [];
  if (id === undefined || secret === undefined) return undefined;
  const object = caches.of(Secret).get('kube-system', `bootstrap-token-${id}`)?.object;
  if (object === undefined || object.type !== bootstrapTokenType || object.metadata?.deletionTimestamp !== undefined) return undefined;
  const data = (name: string): string => Buffer.from(object.data?.[name] ?? '', 'base64').toString('utf8');
  if (data('token-id') !== id || !same(data('token-secret'), secret)) return undefined;
  const expiration = data('expiration');
  // A time that can't be read is over.
  if (expiration !== '' && !(Date.parse(expiration) > now)) return undefined;
  if (data('usage-bootstrap-authentication') !== 'true') return undefined;
  const extra = data('auth-extra-groups').split(',').filter((group) => group !== '');
  if (!extra.every((group) => extraGroup.test(group))) return undefined;
  return { name: `system:bootstrap:${id}`, groups: ['system:bootstrappers', ...extra, 'system:authenticated'] };
}

function same(left: string, right: string): boolean {
  const [a, b] = [Buffer.from(left), Buffer.from(right)];
  return a.length === b.length && timingSafeEqual(a, b);
}
