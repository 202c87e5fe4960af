import { describe, expect, it } from 'vitest';
import { dropProtocolTokens, protocolTokenOf } from './websocket-token.ts';

const offer = (token: string): string => `base64url.bearer.authorization.k8s.io.${Buffer.from(token).toString('base64url')}`;
const headersOf = (protocols: string) => ({ upgrade: 'websocket', 'sec-websocket-protocol': protocols });

describe('the token among the protocols of a WebSocket', () => {
  it.each([
    ['v4.channel.k8s.io', undefined, 'v4.channel.k8s.io'],
    [`${offer('a.b-c')}, v4.channel.k8s.io`, 'a.b-c', 'v4.channel.k8s.io'],
    [`v5.channel.k8s.io,v4.channel.k8s.io,${offer('ü')}`, 'ü', 'v5.channel.k8s.io, v4.channel.k8s.io'],
  ])('of %s is %s, and what is left is %s', (protocols, token, left) => {
    const headers = headersOf(protocols);
    expect(protocolTokenOf(headers)).toBe(token);
    dropProtocolTokens(headers);
    expect(headers['sec-websocket-protocol']).toBe(left);
  });

  it.each([
    ['alone', offer('a'), undefined], ['twice', `${offer('a')}, ${offer('b')}, x`, 'x'], ['in another alphabet', `base64url.bearer.authorization.k8s.io.a+/=, x`, 'x'],
    ['empty', 'base64url.bearer.authorization.k8s.io., x', 'x'], ['as no text', 'base64url.bearer.authorization.k8s.io.__8, x', 'x'],
  ])('is refused when it comes %s', (_how, protocols, left) => {
    const headers = headersOf(protocols);
    expect(() => protocolTokenOf(headers)).toThrow('Unauthorized');
    dropProtocolTokens(headers);
    expect(headers['sec-websocket-protocol']).toBe(left);
  });

  it('is none where no WebSocket is asked for', () => {
    expect(protocolTokenOf({ 'sec-websocket-protocol': `${offer('a')}, x` })).toBeUndefined();
  });
});
