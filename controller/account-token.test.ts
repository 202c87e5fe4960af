import { describe, expect, it } from 'vitest';
import type { Secret, ServiceAccount } from '../machinery/kinds/core.ts';
import { plan } from './account-token.ts';

const base64 = (text: string): string => Buffer.from(text).toString('base64');
const account: ServiceAccount = { metadata: { name: 'bot', namespace: 'a', uid: 'bot-uid' } };
const annotations = { 'kubernetes.io/service-account.name': 'bot' };
const secret = (more: Partial<Secret> = {}, metadata: Secret['metadata'] = {}): Secret => (
  { type: 'kubernetes.io/service-account-token', metadata: { name: 's', namespace: 'a', uid: 's-uid', annotations, ...metadata }, ...more }
);
const whole = { 'ca.crt': base64('CA'), namespace: base64('a'), token: base64('t') };

describe('a Secret for an account\'s token', () => {
  it.each<[string, Secret, { token?: string }, Record<string, string>]>([
    ['is filled', secret(), { token: 't' }, whole],
    ['keeps what else is in it, and the token that it has', secret({ data: { more: 'x', token: base64('old') } }), {}, { ...whole, token: base64('old'), more: 'x' }],
    ['gets the authority of today', secret({ data: { ...whole, 'ca.crt': base64('old') } }), {}, whole],
    ['gets a token again when it lost it', secret({ data: { ...whole, token: '' } }), { token: 't' }, whole],
  ])('%s', (_name, before, more, data) => {
    const [step] = plan(before, { account, ...more }, 'CA');
    expect(step).toMatchObject({ type: 'update', object: { data, metadata: { annotations: { ...annotations, 'kubernetes.io/service-account.uid': 'bot-uid' } } } });
  });

  it('goes with its account', () => {
    expect(plan(secret({ data: whole }), { account: undefined }, 'CA')).toMatchObject([{ type: 'delete', at: { namespace: 'a', name: 's' }, uid: 's-uid' }]);
  });

  it.each<[string, Secret, ServiceAccount | undefined]>([
    ['is left alone when nothing is missing', secret({ data: whole }), account],
    ['is left alone when it may not change', secret({ immutable: true }), account],
    ['is left alone while it goes', secret({}, { deletionTimestamp: '2026-01-01T00:00:00Z' }), account],
    ['is deleted once', secret({}, { deletionTimestamp: '2026-01-01T00:00:00Z' }), undefined],
    ['of another type is none', secret({ type: 'Opaque' }), undefined],
    ['that names nobody is none', secret({}, { annotations: {} }), undefined],
  ])('%s', (_name, before, found) => {
    expect(plan(before, { account: found, token: 't' }, 'CA')).toEqual([]);
  });
});
