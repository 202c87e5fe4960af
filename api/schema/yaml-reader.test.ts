import { afterAll, describe, expect, it } from 'vitest';
import { createYamlReader } from './yaml-reader.ts';
import { readYaml } from './yaml-text.ts';

const reader = createYamlReader();
afterAll(() => reader.close());

describe('YAML that is read on another thread', () => {
  it.each(['a: 1\nb: [on, 0755, 9007199254740993]\n', 'a: 1\na: 2\n', '---\nx: &x {y: 1}\nz: *x\n---\n[', ''])('%j means what it means otherwise', async (text) => {
    const outcome = await reader.read(Buffer.from(text));
    const { value, duplicates } = readYaml(Buffer.from(text));
    expect(outcome).toMatchObject({ duplicates });
    if ('json' in outcome) expect(Buffer.from(outcome.json).toString()).toBe(JSON.stringify(value, (_key, item: unknown) => (typeof item === 'bigint' ? JSON.rawJSON(String(item)) : item)));
  });

  it('is refused in the same words', async () => {
    expect(await reader.read(Buffer.from('a: [b\n'))).toEqual({ problem: expect.stringContaining('error converting YAML to JSON: yaml: line 2') });
  });

  it('is refused once the reader is closed', async () => {
    const closed = createYamlReader();
    const reading = closed.read(Buffer.from('a: 1'));
    await Promise.all([closed.close(), expect(reading).rejects.toThrow('the server is stopping')]);
    await expect(closed.read(Buffer.from('a: 1'))).rejects.toThrow('the server is stopping');
  });
});
