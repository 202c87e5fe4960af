import { describe, expect, it } from 'vitest';
import { parseReference, type ImageReference } from './reference.ts';
import { endpointsOf, noRegistrySettings, parseMirror, parseRegistry, type RegistrySettings } from './registry-settings.ts';

function named(text: string): ImageReference {
  const reference = parseReference(text);
  if (reference === undefined) throw new Error(`${text} is no name`);
  return reference;
}

describe('the places of a repository', () => {
  const mirrored: RegistrySettings = { insecure: ['plain.example:5000'], mirrors: new Map([['docker.io', [new URL('https://near.example'), new URL('http://far.example:8080/hub/')]]]) };

  it.each([
    ['web', noRegistrySettings, ['https://registry-1.docker.io/v2/library/web/']],
    ['registry.example/team/app:1', mirrored, ['https://registry.example/v2/team/app/']],
    ['plain.example:5000/app', mirrored, ['http://plain.example:5000/v2/app/']],
    ['127.0.0.1:5000/app', noRegistrySettings, ['http://127.0.0.1:5000/v2/app/']],
    ['team/app', mirrored, ['https://near.example/v2/team/app/', 'http://far.example:8080/v2/hub/team/app/', 'https://registry-1.docker.io/v2/team/app/']],
  ])('%s', (name, settings, bases) => {
    const { mirrors, own } = endpointsOf(named(name), 'pull', settings);
    expect([...mirrors, own].map(({ base }) => base)).toEqual(bases);
  });

  it('are named as they are there, and only the registry itself is pushed to', () => {
    const { mirrors, own } = endpointsOf(named('team/app'), 'pull', mirrored);
    expect([mirrors.map(({ repository }) => repository), own.repository]).toEqual([['team/app', 'hub/team/app'], 'team/app']);
    expect(endpointsOf(named('team/app'), 'push', mirrored)).toEqual({ mirrors: [], own: { base: 'https://registry-1.docker.io/v2/team/app/', repository: 'team/app' } });
  });
});

describe('what a user writes', () => {
  it('of a mirror is a registry and an address', () => {
    expect(parseMirror('docker.io=https://mirror.example/hub')).toEqual({ registry: 'docker.io', url: new URL('https://mirror.example/hub') });
  });

  it.each(['docker.io', 'docker.io=mirror.example', '=https://mirror.example', 'docker.io/library=https://mirror.example', 'docker.io=https://user@mirror.example', 'docker.io=ftp://mirror.example'])('of a mirror is not %j', (text) => {
    expect(() => parseMirror(text)).toThrow('docker.io=https://mirror.example');
  });

  it('of a registry is its name', () => {
    expect(['registry.example', '10.0.0.1:5000'].map(parseRegistry)).toEqual(['registry.example', '10.0.0.1:5000']);
    for (const text of ['', 'http://registry.example', 'registry.example/team', 'a:b']) expect(() => parseRegistry(text)).toThrow('registry.example:5000');
  });
});
