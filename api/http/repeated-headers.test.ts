import { describe, expect, it } from 'vitest';
import { withRepeated } from './repeated-headers.ts';

describe('headers', () => {
  it('of impersonation keep their values apart, commas and all', () => {
    const headers = { accept: 'a, b', 'impersonate-user': 'bob', 'impersonate-group': 'dev, O=x, y', 'impersonate-extra-scope': 'one, two' };
    const raw = ['Accept', 'a', 'Accept', 'b', 'Impersonate-User', 'bob', 'Impersonate-Group', 'dev', 'impersonate-group', 'O=x, y', 'Impersonate-Extra-Scope', 'one', 'Impersonate-Extra-Scope', 'two'];
    expect(withRepeated(headers, raw)).toEqual({
      accept: 'a, b', 'impersonate-user': ['bob'], 'impersonate-group': ['dev', 'O=x, y'], 'impersonate-extra-scope': ['one', 'two'],
    });
  });

  it('of users are UTF-8', () => {
    const onTheWire = Buffer.from('Zoë').toString('latin1');
    expect(withRepeated({ 'x-remote-user': onTheWire }, ['X-Remote-User', onTheWire])).toEqual({ 'x-remote-user': ['Zoë'] });
    expect(withRepeated({ 'x-remote-user': 'Zo\xeb' }, ['X-Remote-User', 'Zo\xeb'])).toEqual({ 'x-remote-user': ['Zo\xeb'] });
  });

  it('without impersonation are left as they are', () => {
    const headers = { accept: 'a, b' };
    expect(withRepeated(headers, ['Accept', 'a', 'Accept', 'b'])).toBe(headers);
  });
});
