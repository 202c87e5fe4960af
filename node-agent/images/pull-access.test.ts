import { describe, expect, it } from 'vitest';
import { isOpen, isVerified, withPreloaded, withVerified, type PodCredentials, type VerifiedPulls } from './pull-access.ts';

const repository = 'registry.example/team/app';
const from = (name: string, password: string, uid = `${name}-uid`): PodCredentials => ({ username: 'ali', password, source: { namespace: 'ns', name, uid } });
const pulledWith = (...by: readonly (PodCredentials | undefined)[]): VerifiedPulls | undefined => by.reduce<VerifiedPulls | undefined>((pulls, each) => withVerified(pulls, repository, each), undefined);

describe('an image on the node may be used', () => {
  it.each<[string, VerifiedPulls | undefined, readonly PodCredentials[], boolean]>([
    ['by anyone, when no pod has pulled it', undefined, [], true],
    ['by anyone, when the registry asked for nothing', pulledWith(undefined), [], true],
    ['by anyone, when it did only later', pulledWith(from('a', 'x'), undefined), [], true],
    ['not without credentials, when it was pulled with some', pulledWith(from('a', 'x')), [], false],
    ['with the Secret that it was pulled with', pulledWith(from('a', 'x')), [from('a', 'x')], true],
    ['not with that Secret once it holds other credentials', pulledWith(from('a', 'x')), [from('a', 'y')], false],
    ['with the same credentials in another Secret', pulledWith(from('a', 'x')), [from('b', 'x')], true],
    ['with one of several', pulledWith(from('a', 'x')), [from('c', 'z'), from('b', 'x')], true],
    ['with each that has been verified', pulledWith(from('a', 'x'), from('b', 'y')), [from('a', 'x')], true],
    ['not with what a Secret held before', pulledWith(from('a', 'x'), from('a', 'y')), [from('a', 'x')], false],
    ['by the name that it was imported under, though pods pull it by another', withPreloaded(withVerified(undefined, 'registry.example/other', from('a', 'x')), [repository]), [], true],
    ['not by the name that pods pull it by, though it was imported later', withPreloaded(pulledWith(from('a', 'x')), [repository]), [], false],
    ['by its id, when no repository wants credentials', withVerified(undefined, 'registry.example/other', undefined), [], true],
    ['not by its id, when one does', withVerified(undefined, 'registry.example/other', from('a', 'x')), [], false],
  ])('%s', (_name, pulls, credentials, expected) => {
    expect(isVerified(pulls, repository, credentials)).toBe(expected);
    if (credentials.length === 0) expect(isOpen(pulls, repository)).toBe(expected);
  });

  it('and no password is kept to know it', () => {
    expect(JSON.stringify(pulledWith(from('a', 'open sesame')))).not.toContain('sesame');
  });
});
