import { expect, it } from 'vitest';
import { keptBytes, keptCopy, keptText } from './kept-bytes.ts';

it('has no more memory than it needs, so that it holds nothing else', () => {
  const text = 'Grüße';
  for (const kept of [keptText(text), keptCopy(Buffer.from(text)), keptBytes(7).fill(Buffer.from(text))]) {
    expect([kept.toString(), kept.buffer.byteLength, kept.byteOffset]).toEqual([text, 7, 0]);
  }
});
