import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareVersions, type Ecosystem } from './versions.ts';

/** Each list in the order of its versions; `=` joins equal ones. */
const ordered: Readonly<Record<Ecosystem, readonly string[]>> = {
  deb: ['0', '0.5', '1.0~~', '1.0~~a', '1.0~', '1.0~rc1-1', '1.0~rc1-2', '1.0=1.00=0:1.0', '1.0-0.1', '1.0-1', '1.0-1+deb12u1', '1.0-1+deb12u2', '1.0-1.1', '1.0-10', '1.0a', '1.0a9', '1.0a10', '1.0+dfsg', '1.0.1',
    '1.1.1n-0+deb11u3', '1.10', '3.0.11-1~deb12u1', '3.0.11-1~deb12u2', '3.0.11-1', '20230101', '1:0.1', '1:0.1-1', '2:0'],
  apk: ['0.1', '1.0_alpha', '1.0_alpha2', '1.0_beta', '1.0_pre1', '1.0_rc1', '1.0_rc1-r1', '1.0_rc2', '1.0', '1.0-r0', '1.0-r1', '1.0-r10', '1.0_git20200101', '1.0_p1', '1.0_p2', '1.0_p2-r1', '1.0a', '1.0b', '1.0.0', '1.0.1', '1.05', '1.1', '1.1.1k-r0', '1.1.1w-r1', '1.2', '1.10', '3.1.4-r5', '3.1.4-r6', '10'],
  npm: ['0.0.1', '0.1.0', '1.0.0-alpha', '1.0.0-alpha.1', '1.0.0-alpha.beta', '1.0.0-beta', '1.0.0-beta.2', '1.0.0-beta.11', '1.0.0-rc.1', '1.0.0=v1.0.0=1.0.0+build.7', '1.2.3', '1.10.0', '2.0.0', '10.0.0'],
};
const ecosystems = Object.keys(ordered) as Ecosystem[];

describe('versions', () => {
  it.each(ecosystems)('of %s are in the order of their makers', (ecosystem) => {
    const steps = ordered[ecosystem].map((step) => step.split('='));
    const wrong = steps.flatMap((equals, at) => [
      ...equals.filter((each) => compareVersions(ecosystem, each, equals[0] ?? '') !== 0),
      ...steps.slice(at + 1).flatMap((later) => later.filter((each) => !(compareVersions(ecosystem, equals[0] ?? '', each) < 0 && compareVersions(ecosystem, each, equals[0] ?? '') > 0)).map((each) => `${equals[0] ?? ''} < ${each}`)),
    ]);
    expect(wrong).toEqual([]);
  });

  const text = fc.stringMatching(/^[0-9][0-9a-z.~+:_-]{0,12}$/);

  it.each(ecosystems)('of %s have one order, whatever they look like', (ecosystem) => {
    fc.assert(fc.property(text, text, (a, b) => Math.sign(compareVersions(ecosystem, a, b)) === -Math.sign(compareVersions(ecosystem, b, a)) && compareVersions(ecosystem, a, a) === 0));
  });

  it('of deb are transitive', () => {
    fc.assert(fc.property(text, text, text, (a, b, c) => {
      const [low = '', middle = '', high = ''] = [a, b, c].toSorted((x, y) => compareVersions('deb', x, y));
      return compareVersions('deb', low, middle) <= 0 && compareVersions('deb', middle, high) <= 0 && compareVersions('deb', low, high) <= 0;
    }));
  });
});
