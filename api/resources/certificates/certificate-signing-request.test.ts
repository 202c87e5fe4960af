import { describe, expect, it } from 'vitest';
import type { CertificateSigningRequest } from '../../../machinery/kinds/cluster.ts';
import { certificateSigningRequest } from './certificate-signing-request.ts';

type Status = NonNullable<CertificateSigningRequest['status']>;

const request = (status: Status): CertificateSigningRequest => ({ metadata: { name: 'r' }, spec: { request: '', signerName: 'example.com/signer', usages: ['client auth'] }, status });
const approved = { type: 'Approved', status: 'True' as const, reason: 'Looked', message: '' };
const base64 = (text: string): string => Buffer.from(text).toString('base64');

/** What a write to `subresource` that turns one status into another is refused for. */
function problems(subresource: string, before: Status, after: Status): readonly string[] {
  return (certificateSigningRequest.validateStatusUpdate?.(request(after), request(before), subresource) ?? []).map(String);
}

describe('the status of a certificate signing request', () => {
  it('is approved through /approval only: who signs does not approve', () => {
    expect(problems('approval', {}, { conditions: [approved] })).toEqual([]);
    expect(problems('status', { conditions: [approved] }, { conditions: [approved, { ...approved, type: 'Failed' }] })).toEqual([]);
    expect(problems('status', {}, { conditions: [approved] })).toHaveLength(1);
    expect(problems('status', {}, { conditions: [{ ...approved, type: 'Denied' }] })).toHaveLength(1);
  });

  it.each([
    ['nothing that is PEM', 'AAAA'],
    ['a key', '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n'],
    ['what only looks like a certificate', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'],
  ])('takes for a certificate not %s', (_what, pem) => {
    expect(problems('status', {}, { certificate: base64(pem) })).toHaveLength(1);
    expect(problems('status', { certificate: base64(pem) }, { certificate: base64(pem) })).toEqual([]);
  });
});
