import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { accessOf, writeKubeconfig } from './kubeconfig.ts';

const noFiles = (file: string): Promise<string> => Promise.reject(new Error(`no file ${file}`));

describe('a kubeconfig', () => {
  it('is read as it was written', async () => {
    const credentials = { server: 'https://127.0.0.1:6443', ca: 'CA', cert: 'CERT', key: 'KEY' };
    const text = writeKubeconfig({ cluster: 'coracle', user: 'admin', credentials });
    expect(await accessOf(parse(text), undefined, noFiles)).toEqual({ ...credentials, namespace: 'default', user: 'admin' });
  });

  it('takes certificates and tokens from files beside it', async () => {
    const document = {
      clusters: [{ name: 'c', cluster: { server: 'https://c', 'certificate-authority': 'ca.crt' } }],
      users: [{ name: 'u', user: { tokenFile: 'token' } }],
      contexts: [{ name: 'x', context: { cluster: 'c', user: 'u', namespace: 'n' } }],
    };
    expect(await accessOf(document, 'x', async (file) => `<${file}>\n`)).toEqual({ server: 'https://c', ca: '<ca.crt>\n', token: '<token>', namespace: 'n', user: 'u' });
  });

  it.each([
    ['no context', {}, 'no current-context is set and none was named'],
    ['an unknown context', { 'current-context': 'x' }, 'contexts has no entry named "x"'],
    ['an unknown cluster', { 'current-context': 'x', contexts: [{ name: 'x', context: { cluster: 'c' } }] }, 'clusters has no entry named "c"'],
    ['no server', { 'current-context': 'x', contexts: [{ name: 'x', context: { cluster: 'c' } }], clusters: [{ name: 'c', cluster: {} }] }, 'cluster "c" names no server'],
  ])('says what is wrong: %s', async (_name, document, message) => {
    await expect(accessOf(document, undefined, noFiles)).rejects.toThrow(message);
  });
});
