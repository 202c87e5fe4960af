import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

/**
 * `api-only.txt` names every entry of Kubernetes 1.36's conformance list. One that needs no running pod has the file of ours that demands the
 * same (and a test of that name in it), the others the reason why they are left out.
 */
const lines = readFileSync(join(import.meta.dirname, 'api-only.txt'), 'utf8').split('\n').filter((line) => line !== '' && !line.startsWith('#'));
const entries = lines.map((line) => {
  const [codename = '', where = ''] = line.split(' => ', 2);
  return { codename, where };
});

describe('the list of conformance entries', () => {
  it('has each entry once, with its file or its reason', () => {
    expect(new Set(entries.map(({ codename }) => codename)).size).toBe(entries.length);
    expect(entries.length).toBe(446);
    expect(entries.filter(({ where }) => !/^(test\/conformance\/[\w/-]+\.test\.ts|left out: .{8,})$/.test(where))).toEqual([]);
  });

  it.each([...new Set(entries.map(({ where }) => where).filter((where) => where.startsWith('test/')))])('%s demands what the list says', (file) => {
    const source = readFileSync(join(import.meta.dirname, '../..', file), 'utf8');
    const missing = entries.filter(({ codename, where }) => where === file && !source.includes(`'${titleOf(codename)}'`));
    expect(missing.map(({ codename }) => codename)).toEqual([]);
  });
});

/** What stands between the group and `[Conformance]`: the title of our test. */
function titleOf(codename: string): string {
  return codename.replace(/^\[sig-[a-z-]+\] /, '').replace(' [Conformance]', '').replaceAll("'", String.raw`\'`);
}
