import { describe, expect, it } from 'vitest';
import { createWarnings } from './warnings.ts';

function warned(...texts: readonly string[]): string {
  const headers: { warning?: string } = {};
  const warn = createWarnings(headers);
  for (const text of texts) warn(text);
  return headers.warning ?? '';
}

describe('warnings of an answer', () => {
  it('are told once each, as headers can say them', () => {
    expect(warned('unknown field "a"', 'b\nc', 'unknown field "a"')).toBe(String.raw`299 - "unknown field \"a\"", 299 - "b c"`);
  });

  it('are cut short when they are too long together', () => {
    const text = warned('a'.repeat(3000), 'b'.repeat(3000));
    expect(text).toBe(`299 - "${'a'.repeat(256)}", 299 - "${'b'.repeat(256)}"`);
  });

  it('are left out when they are too many', () => {
    const text = warned(...Array.from({ length: 10_000 }, (_, index) => `warning number ${index}`));
    expect(text.length).toBeLessThan(8192);
    expect(text).toContain('warning number 100');
  });
});
