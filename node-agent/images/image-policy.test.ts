import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { ImagePolicy, ImageRule } from '../../machinery/kinds/image-policy.ts';
import { allowsUnsigned, demandsOn, refusalOf } from './image-policy.ts';
import type { Signature } from './signatures.ts';

const repository = 'registry.example/team/app';
const digest = `sha256:${'a'.repeat(64)}`;
const pairs = {
  ecdsa: generateKeyPairSync('ec', { namedCurve: 'prime256v1' }), other: generateKeyPairSync('ec', { namedCurve: 'prime256v1' }),
  rsa: generateKeyPairSync('rsa', { modulusLength: 2048 }), ed25519: generateKeyPairSync('ed25519'),
  'p-384': generateKeyPairSync('ec', { namedCurve: 'secp384r1' }), 'rsa of 1024 bits': generateKeyPairSync('rsa', { modulusLength: 1024 }),
};
type Name = keyof typeof pairs;
const pem = (name: Name): string => pairs[name].publicKey.export({ type: 'spki', format: 'pem' }).toString();

interface Claim {
  readonly digest?: string;
  readonly name?: string;
  readonly type?: string;
}

function signed(by: KeyObject, claim: Claim = {}, tamper = ''): Signature {
  const critical = { identity: { 'docker-reference': claim.name ?? repository }, image: { 'docker-manifest-digest': claim.digest ?? digest }, type: claim.type ?? 'cosign container image signature' };
  const payload = Buffer.from(JSON.stringify({ critical, optional: null }));
  const signature = sign(by.asymmetricKeyType === 'ed25519' ? null : 'sha256', payload, by);
  return { payload: Buffer.concat([payload, Buffer.from(tamper)]), signature };
}

interface Statement {
  readonly digests?: readonly string[];
  readonly type?: string;
  readonly predicate?: string;
  readonly payloadType?: string;
}

/** As cosign 3 signs: an in-toto statement in an envelope. */
function statedBy(name: Name, { digests = [digest], type = 'https://in-toto.io/Statement/v1', predicate = 'https://sigstore.dev/cosign/sign/v1', payloadType = 'application/vnd.in-toto+json' }: Statement = {}): Signature {
  const payload = Buffer.from(JSON.stringify({ _type: type, subject: digests.map((each) => ({ digest: { sha256: each.slice('sha256:'.length) }, annotations: {} })), predicateType: predicate, predicate: {} }));
  const signature = sign(name === 'ed25519' ? null : 'sha256', Buffer.from(`DSSEv1 ${payloadType.length} ${payloadType} ${payload.length} ${payload.toString()}`), pairs[name].privateKey);
  return { payload, signature, payloadType };
}

const signedBy = (name: Name, claim?: Claim, tamper?: string): Signature => signed(pairs[name].privateKey, claim, tamper);
const demand = (rule: Omit<ImageRule, 'image'>) => ({ name: 'rule 1', rule: { image: '**', ...rule } });
const otherDigest = `sha256:${'b'.repeat(64)}`;

describe('a rule with public keys', () => {
  it.each<Name>(['ecdsa', 'rsa', 'ed25519'])('is met by a signature of its key (%s), in either form', (name) => {
    for (const signature of [signedBy(name), statedBy(name)]) expect(refusalOf(demand({ publicKeys: [pem(name)] }), [signature], [digest], repository)).toBeUndefined();
  });

  it('is met by one of several signatures, of one of several keys, for one of several digests', () => {
    const signatures = [signedBy('other'), signedBy('rsa', { digest: otherDigest }), signedBy('ed25519')];
    expect(refusalOf(demand({ publicKeys: [pem('ecdsa'), pem('ed25519')] }), signatures, [otherDigest, digest], repository)).toBeUndefined();
  });

  it.each<[string, Omit<ImageRule, 'image'>, readonly Signature[], readonly string[], RegExp]>([
    ['no signature', { publicKeys: [pem('ecdsa')] }, [], [digest], /^no signature was found for sha256:a+$/],
    ['a signature of another key', { publicKeys: [pem('ecdsa')] }, [signedBy('other')], [digest], /made with another key/],
    ['a signature of another image', { publicKeys: [pem('ecdsa')] }, [signedBy('ecdsa', { digest: otherDigest })], [digest], /a signature is of sha256:b+$/],
    ['a signature for another repository', { publicKeys: [pem('ecdsa')] }, [signedBy('ecdsa', { name: 'registry.example/team/old' })], [digest], /a signature is for registry\.example\/team\/old/],
    ['a payload that was changed', { publicKeys: [pem('ecdsa')] }, [signedBy('ecdsa', {}, ' ')], [digest], /made with another key/],
    ['a signature of something else', { publicKeys: [pem('ecdsa')] }, [signedBy('ecdsa', { type: 'attestation' })], [digest], /not one of a container image/],
    ['a signature for no name', { publicKeys: [pem('ecdsa')] }, [signedBy('ecdsa', { name: '' })], [digest], /which names no image/],
    ['bytes that are no signature', { publicKeys: [pem('ed25519')] }, [{ payload: Buffer.from('{}'), signature: Buffer.from('x') }], [digest], /made with another key/],
    ['a statement of another key', { publicKeys: [pem('ecdsa')] }, [statedBy('other')], [digest], /made with another key/],
    ['a statement on other images', { publicKeys: [pem('ecdsa')] }, [statedBy('ecdsa', { digests: [otherDigest, ''] })], [digest], /^a signature is of sha256:b+, sha256:$/],
    ['a statement on none', { publicKeys: [pem('ecdsa')] }, [statedBy('ecdsa', { digests: [] })], [digest], /^a signature is of $/],
    ['a statement that says something else of the image', { publicKeys: [pem('ecdsa')] }, [statedBy('ecdsa', { predicate: 'https://slsa.dev/provenance/v1' })], [digest], /not one of a container image/],
    ['a statement of an unknown version', { publicKeys: [pem('ecdsa')] }, [statedBy('ecdsa', { type: 'https://in-toto.io/Statement/v2' })], [digest], /not one of a container image/],
    ['an envelope of something else', { publicKeys: [pem('ecdsa')] }, [statedBy('ecdsa', { payloadType: 'text/plain' })], [digest], /not one of a container image/],
    ['a statement outside of its envelope', { publicKeys: [pem('ecdsa')] }, [{ ...statedBy('ecdsa'), payloadType: 'application/vnd.in-toto+jsonx' }], [digest], /made with another key/],
    ['a name in an envelope', { publicKeys: [pem('ecdsa')] }, [{ ...signedBy('ecdsa'), payloadType: 'application/vnd.in-toto+json' }], [digest], /made with another key/],
    ['an image that no registry has', { publicKeys: [pem('ecdsa')] }, [signedBy('ecdsa')], [], /has no digest that a signature could be of/],
    ['a key that is none', { publicKeys: ['-----BEGIN PUBLIC KEY-----'] }, [signedBy('ecdsa')], [digest], /^key 1 of the rule can't be used: it is no public key in PEM/],
    ['a curve that is not known here', { publicKeys: [pem('ecdsa'), pem('p-384')] }, [signedBy('ecdsa')], [digest], /^key 2 of the rule can't be used: it is neither/],
    ['a weak key', { publicKeys: [pem('rsa of 1024 bits')] }, [signedBy('rsa of 1024 bits')], [digest], /it is neither/],
    ['no keys at all', {}, [signedBy('ecdsa')], [digest], /the rule has no public keys/],
  ])('is not met by %s', (_name, rule, signatures, digests, reason) => {
    expect(refusalOf(demand(rule), signatures, digests, repository)).toMatch(reason);
  });

  it('takes a statement, which names no repository, wherever the image is, unless it asks for a name', () => {
    const refusal = (rule: Omit<ImageRule, 'image'>) => refusalOf(demand({ publicKeys: [pem('ecdsa')], ...rule }), [statedBy('ecdsa')], [digest], 'mirror.example/app');
    expect(refusal({})).toBeUndefined();
    expect(refusal({ signedAs: '**' })).toBeUndefined();
    expect(refusal({ signedAs: 'docker.io/**' })).toBe('a signature names no repository, and the rule asks for docker.io/**');
  });

  it('takes what was signed for another repository when it says so', () => {
    const copy = [signedBy('ecdsa', { name: 'index.docker.io/team/app:1' })];
    expect(refusalOf(demand({ publicKeys: [pem('ecdsa')], signedAs: 'docker.io/team/*' }), copy, [digest], repository)).toBeUndefined();
    expect(refusalOf(demand({ publicKeys: [pem('ecdsa')], signedAs: 'docker.io/*' }), copy, [digest], repository)).toMatch(/is for docker\.io\/team\/app/);
  });
});

describe('what policies demand', () => {
  const policy = (name: string, ...images: readonly string[]): ImagePolicy => ({ metadata: { name }, spec: { rules: images.map((image, position) => ({ image, ...(position === 0 ? { publicKeys: ['k'] } : { allow: 'unsigned' }) })) } });
  const names = (policies: readonly ImagePolicy[], of: string): readonly string[] => demandsOn(policies, of).map(({ name }) => name);

  it('is of each policy the first rule that matches', () => {
    const policies = [policy('a', 'registry.example/team/*', 'registry.example/**'), policy('b', 'docker.io/**', '**'), policy('c', 'elsewhere.example/*')];
    expect(names(policies, repository)).toEqual(['rule 1 of ImagePolicy "a" (registry.example/team/*)', 'rule 2 of ImagePolicy "b" (**)']);
    expect(demandsOn(policies, repository).map(allowsUnsigned)).toEqual([false, true]);
  });

  it.each([
    ['registry.example/team/app', true], ['registry.example/team/*', true], ['registry.example/*', false], ['registry.example/**', true], ['**', true], ['*', false],
    ['registry.example/team/a', false], ['registry-example/team/app', false], ['registryxexample/**', false], ['*.example/team/app', true], ['**/app', true], ['Registry.Example/**', true],
  ])('matches by %s: %s', (image, isMatch) => {
    expect(names([policy('p', image)], repository)).toHaveLength(isMatch ? 1 : 0);
  });

  it('is nothing without policies, and of a policy without rules', () => {
    expect(demandsOn([], repository)).toEqual([]);
    expect(demandsOn([{ metadata: { name: 'x' } }], repository)).toEqual([]);
  });
});
