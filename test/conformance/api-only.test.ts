import { describe, expect, it } from 'vitest';
import { filesOf, missingFrom, readEntries } from './entries.ts';

/**
 * `api-only.txt` names every entry of Kubernetes 1.36's conformance list. One that needs no running pod has the file of ours that demands the
 * same (and a test of that name in it), the others the reason why they are left out.
 */
const entries = readEntries('api-only.txt');

describe('the list of conformance entries', () => {
  it('has each entry once, with its file or its reason', () => {
    expect(new Set(entries.map(({ codename }) => codename)).size).toBe(entries.length);
    expect(entries.length).toBe(446);
    expect(entries.filter(({ where }) => !/^(test\/conformance\/[\w/-]+\.test\.ts|left out: .{8,})$/.test(where))).toEqual([]);
  });

  it.each(filesOf(entries))('%s demands what the list says', (file) => {
    expect(missingFrom(file, entries)).toEqual([]);
  });
});
