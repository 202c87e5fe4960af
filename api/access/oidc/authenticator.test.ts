import { exportJWK, generateKeyPair, SignJWT, type JWTPayload } from 'jose';
import { describe, expect, it } from 'vitest';
import { createOidcAuthenticator } from './authenticator.ts';
import type { OidcOptions } from './claims.ts';

const issuerUrl = 'https://issuer.example';
const now = 1_800_000_000_000;

async function setUp(options: Partial<OidcOptions> = {}) {
  const keys = await generateKeyPair('RS256', { extractable: true });
  const others = await generateKeyPair('RS256', { extractable: true });
  const state = { key: keys, kid: 'one', time: now, fetched: 0, isDown: false };
  const reports: string[] = [];
  const authenticator = createOidcAuthenticator({ issuerUrl, clientId: 'cluster', ...options }, {
    now: () => state.time,
    report: (why) => void reports.push(why),
    async fetchJson(url) {
      if (state.isDown) throw new Error('connection refused');
      state.fetched++;
      if (url === `${issuerUrl}/.well-known/openid-configuration`) return { issuer: issuerUrl, jwks_uri: `${issuerUrl}/keys` };
      return { keys: [{ ...(await exportJWK(state.key.publicKey)), kid: state.kid, alg: 'RS256' }] };
    },
  });
  const token = (claims: JWTPayload = {}, signer = state.key, kid = state.kid): Promise<string> => new SignJWT({ iss: issuerUrl, aud: 'cluster', sub: 'ahab', exp: now / 1000 + 60, ...claims })
    .setProtectedHeader({ alg: 'RS256', kid }).sign(signer.privateKey);
  return { authenticator, token, reports, state, others };
}

describe('a token of an outside issuer', () => {
  it('is a user, named after issuer and subject', async () => {
    const { authenticator, token } = await setUp();
    expect(await authenticator.verify(await token())).toEqual({ name: 'https://issuer.example#ahab', groups: ['system:authenticated'] });
  });

  it.each([
    ['a name without a prefix', { usernamePrefix: '-' }, {}, { name: 'ahab', groups: ['system:authenticated'] }],
    ['a prefix and groups', { usernamePrefix: 'oidc:', groupsClaim: 'groups', groupsPrefix: 'g:' }, { groups: ['a', 'b'] }, { name: 'oidc:ahab', groups: ['g:a', 'g:b', 'system:authenticated'] }],
    ['one group as a text', { usernamePrefix: '-', groupsClaim: 'groups' }, { groups: 'a' }, { name: 'ahab', groups: ['a', 'system:authenticated'] }],
    ['an address as it is', { usernameClaim: 'email' }, { email: 'a@b.example', email_verified: true }, { name: 'a@b.example', groups: ['system:authenticated'] }],
    ['an address of which nothing is said', { usernameClaim: 'email' }, { email: 'a@b.example' }, { name: 'a@b.example', groups: ['system:authenticated'] }],
    ['a required claim', { usernamePrefix: '-', requiredClaims: { hd: 'x' } }, { hd: 'x' }, { name: 'ahab', groups: ['system:authenticated'] }],
  ] as const)('with %s', async (_what, options, claims, user) => {
    const { authenticator, token } = await setUp(options);
    expect(await authenticator.verify(await token(claims as JWTPayload))).toEqual(user);
  });

  it.each([
    ['of another audience', {}, { aud: 'other' }, 'unexpected "aud" claim value'],
    ['that has ended', {}, { exp: now / 1000 - 1 }, '"exp" claim timestamp check failed'],
    ['with an unverified address', { usernameClaim: 'email' }, { email: 'a@b.example', email_verified: false }, 'email not verified'],
    ['without the user claim', { usernameClaim: 'name' }, {}, 'claim name is no text'],
    ['without a required claim', { requiredClaims: { hd: 'x' } }, { hd: 'y' }, 'required claim hd is not "x"'],
    ['with groups that are none', { groupsClaim: 'groups' }, { groups: [1] }, 'claim groups is neither a text nor a list of texts'],
  ] as const)('%s is refused, and why is reported', async (_what, options, claims, why) => {
    const { authenticator, token, reports } = await setUp(options);
    expect(await authenticator.verify(await token(claims as JWTPayload))).toBeUndefined();
    expect(reports).toEqual([expect.stringContaining(why)]);
  });

  it('signed with another key is refused; with a key that is new, once that is fetched, taken', async () => {
    const { authenticator, token, state, others } = await setUp();
    await authenticator.verify(await token());
    expect(await authenticator.verify(await token({}, others))).toBeUndefined();
    Object.assign(state, { key: others, kid: 'two', time: now + 11_000 });
    expect(await authenticator.verify(await token())).toMatchObject({ name: 'https://issuer.example#ahab' });
    expect(state.fetched).toBe(4);
  });

  it('is not looked at when it is somebody else\'s', async () => {
    const { authenticator, token, state } = await setUp();
    expect(await authenticator.verify(await token({ iss: 'https://other.example' }))).toBeUndefined();
    expect(await authenticator.verify('abcdef.0123456789abcdef')).toBeUndefined();
    expect(state.fetched).toBe(0);
  });

  it('is refused while the issuer can\'t be reached, and taken once it can', async () => {
    const { authenticator, token, reports, state } = await setUp();
    state.isDown = true;
    expect(await authenticator.verify(await token())).toBeUndefined();
    expect(reports).toEqual([expect.stringContaining('connection refused')]);
    state.isDown = false;
    expect(await authenticator.verify(await token())).toMatchObject({ name: 'https://issuer.example#ahab' });
  });
});
