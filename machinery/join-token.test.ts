import { expect, it } from 'vitest';
import { bootstrapTokenOf, formatJoinToken, parseJoinToken } from './join-token.ts';

const token = { caHash: 'ab'.repeat(32), id: 'abc123', secret: '0123456789abcdef' };

it('comes back from its text, as a file holds it', () => {
  expect(parseJoinToken(`${formatJoinToken(token)}\n`)).toEqual(token);
  expect(bootstrapTokenOf(token)).toBe('abc123.0123456789abcdef');
});

it.each(['', 'K::a.b', `K${token.caHash}::abc123.short`, formatJoinToken(token).toUpperCase(), `x${formatJoinToken(token)}`])('is not read from %j', (text) => {
  expect(parseJoinToken(text)).toBeUndefined();
});
