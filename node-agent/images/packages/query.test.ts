import { describe, expect, it } from 'vitest';
import type { Package } from './parse.ts';
import { matchesQuery, parseQuery } from './query.ts';

const libssl: Package = { ecosystem: 'deb', name: 'libssl3', version: '3.0.11-1~deb12u2', source: 'openssl' };
const core: Package = { ecosystem: 'npm', name: '@babel/core', version: '7.10.0' };

describe('a question for a package', () => {
  it.each<[string, Package, boolean]>([
    ['libssl3', libssl, true], ['openssl', libssl, true], ['ssl', libssl, false],
    ['openssl<3.0.11-1', libssl, true], ['openssl < 3.0.11-1~deb12u2', libssl, false], ['openssl<=3.0.11-1~deb12u2', libssl, true], ['openssl>=3.0.12', libssl, false],
    ['@babel/core>7.2.0', core, true], ['@babel/core=7.10.0', core, true], ['@babel/core<7.9.0', core, false],
    ['openssl<<3.0.12', libssl, true], ['openssl<<3.0.11-1~deb12u2', libssl, false], ['openssl>>3.0.9', libssl, true], ['openssl==3.0.11-1~deb12u2', libssl, true],
  ])('%s', (text, of, expected) => {
    const query = parseQuery(text);
    expect(query !== undefined && matchesQuery(of, query)).toBe(expected);
  });

  it.each(['', '<1', 'a<', 'a<1 <2', 'a b', '../x', 'a<<1 2', 'a<<<1', 'a=<1', 'a===1'])('is not %j', (text) => {
    expect(parseQuery(text)).toBeUndefined();
  });
});
