import { describe, expect, it } from 'vitest';
import { caBundleProblem, isBlank } from './ca-bundle.ts';

const base64 = (text: string) => Buffer.from(text).toString('base64');
const block = (type: string, content: string) => `-----BEGIN ${type}-----\n${content}\n-----END ${type}-----\n`;

describe('a bundle of authorities', () => {
  it.each([
    ['of white space', base64('\n'), 'unable to parse bytes as PEM block'],
    ['of something else', base64(block('RSA PRIVATE KEY', 'AAAA')), 'no valid certificate authority data seen'],
    ['of a broken certificate', base64(block('CERTIFICATE', 'AAAA')), 'failed to parse certificate: x509: malformed certificate'],
  ])('%s can\'t be read', (_of, bundle, why) => {
    expect(caBundleProblem(bundle)).toBe(`unable to load root certificates: ${why}`);
  });

  it('may be missing', () => {
    expect([undefined, ''].map(caBundleProblem)).toEqual([undefined, undefined]);
    expect([undefined, '', base64(' \n')].map(isBlank)).toEqual([true, true, true]);
  });
});
