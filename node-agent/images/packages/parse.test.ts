import { describe, expect, it } from 'vitest';
import { parseAlpineInstalled, parseDebianStatus, parseNpmPackage } from './parse.ts';

describe('what package managers say is installed', () => {
  it('is read from dpkg’s status: what has files here, and what it was built from', () => {
    const status = [
      'Package: libssl3', 'Status: install ok installed', 'Source: openssl (3.0.11-1)', 'Version: 3.0.11-1~deb12u2', 'Description: toolkit', ' Version: not this one', '',
      'Package: gone', 'Status: deinstall ok config-files', 'Version: 1', '',
      'Package: half', 'Status: install reinstreq half-installed', 'Version: 2', '',
      'Package: base-files', 'Essential: yes', 'Status: hold ok installed', 'Source: base-files', 'Version: 12.4',
    ].join('\n');
    expect(parseDebianStatus(status)).toEqual([
      { ecosystem: 'deb', name: 'libssl3', version: '3.0.11-1~deb12u2', source: 'openssl' }, { ecosystem: 'deb', name: 'half', version: '2' }, { ecosystem: 'deb', name: 'base-files', version: '12.4' },
    ]);
  });

  it('is read from files without a status, as images without dpkg have them', () => {
    expect(parseDebianStatus('Package: tzdata\nVersion: 2024a-0+deb12u1\nArchitecture: all\n')).toEqual([{ ecosystem: 'deb', name: 'tzdata', version: '2024a-0+deb12u1' }]);
  });

  it('is read from apk’s database', () => {
    const installed = 'C:Q1abc=\nP:libcrypto3\nV:3.1.4-r5\no:openssl\nF:lib\nR:libcrypto.so.3\n\nP:musl\nV:1.2.4_git20230717-r4\no:musl\n\n';
    expect(parseAlpineInstalled(installed)).toEqual([{ ecosystem: 'apk', name: 'libcrypto3', version: '3.1.4-r5', source: 'openssl' }, { ecosystem: 'apk', name: 'musl', version: '1.2.4_git20230717-r4' }]);
  });

  it.each([
    ['{"name":"@babel/core","version":"7.1.0"}', { ecosystem: 'npm', name: '@babel/core', version: '7.1.0' }],
    ['{"type":"module"}', undefined], ['{', undefined], ['null', undefined], ['{"name":1,"version":"1.0.0"}', undefined],
  ])('is read from package.json (%s)', (text, expected) => {
    expect(parseNpmPackage(text)).toEqual(expected);
  });

  it.each(['', '\n\n\n', 'no colon', 'Package:\n'])('is nothing where nothing is (%j)', (text) => {
    expect([...parseDebianStatus(text), ...parseAlpineInstalled(text)]).toEqual([]);
  });
});
