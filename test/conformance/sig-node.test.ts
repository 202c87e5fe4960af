import { describe, expect, it } from 'vitest';
import { filesOf, missingFrom, readEntries } from './entries.ts';

/**
 * `sig-node.txt` names every `[sig-node]` entry of Kubernetes 1.36's conformance list, with the file of ours that demands the same (and a test
 * of that name in it), of an API server alone or of pods that run; or with what the product has not yet.
 */
const entries = readEntries('sig-node.txt');
const all = readEntries('api-only.txt').filter(({ codename }) => codename.startsWith('[sig-node] '));

describe('the list of node entries', () => {
  it('has each entry once, with its file or its reason', () => {
    expect(entries.map(({ codename }) => codename)).toEqual(all.map(({ codename }) => codename));
    expect(entries.length).toBe(106);
    expect(entries.filter(({ where }) => !/^(test\/(conformance|e2e)\/[\w/-]+\.test\.ts|not yet: .{8,})$/.test(where))).toEqual([]);
  });

  it('asks an API server alone where that suffices', () => {
    expect(entries).toEqual(expect.arrayContaining(all.filter(({ where }) => where.startsWith('test/'))));
  });

  it.each(filesOf(entries))('%s demands what the list says', (file) => {
    expect(missingFrom(file, entries)).toEqual([]);
  });
});
