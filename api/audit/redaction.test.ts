import { describe, expect, it } from 'vitest';
import { failure } from '../../machinery/status.ts';
import { redacted, redactedStatus } from './redaction.ts';

const secrets = { group: '', resource: 'secrets', subresource: '' };

describe('what the audit log never holds', () => {
  it.each([
    ['the data of a Secret', secrets, { data: { a: 'eA==' }, stringData: { b: 'x' } }, { data: { a: '<redacted>' }, stringData: { b: '<redacted>' } }],
    ['the data of Secrets in a list', secrets, { items: [{ data: { a: 'eA==' } }] }, { items: [{ data: { a: '<redacted>' } }] }],
    ['what kubectl last applied', secrets, { metadata: { annotations: { 'kubectl.kubernetes.io/last-applied-configuration': '{"data":{}}', x: 'y' } } },
      { metadata: { annotations: { 'kubectl.kubernetes.io/last-applied-configuration': '<redacted>', x: 'y' } } }],
    ['a patch of a Secret in operations', secrets, [{ op: 'add', path: '/data/a', value: 'eA==' }], undefined],
    ['a merge patch of a Secret', secrets, { data: { a: 'eA==', b: null } }, { data: { a: '<redacted>', b: '<redacted>' } }],
    ['data under a misspelt name', secrets, { Data: { a: 'x' }, value: 'y' }, { Data: { a: '<redacted>' }, value: '<redacted>' }],
    ['data that is no object', secrets, { stringData: 'x', data: ['y'] }, { stringData: '<redacted>', data: '<redacted>' }],
    ['a token under a misspelt name', { ...secrets, resource: 'tokenreviews' }, { spec: { Token: 'ey', audiences: ['a'] }, Spec: ['ey'] }, { spec: { Token: '<redacted>', audiences: ['a'] }, Spec: '<redacted>' }],
    ['a token that was asked for', { group: '', resource: 'serviceaccounts', subresource: 'token' }, { status: { token: 'ey', expirationTimestamp: 't' } }, { status: { token: '<redacted>', expirationTimestamp: 't' } }],
    ['a token to be reviewed', { group: 'authentication.k8s.io', resource: 'tokenreviews', subresource: '' }, { spec: { token: 'ey' } }, { spec: { token: '<redacted>' } }],
  ])('%s', (_what, info, value, expected) => {
    expect(redacted(info, value)).toEqual(expected);
  });

  it('is nothing of other kinds', () => {
    const value = { data: { a: 'x' } };
    expect(redacted({ group: '', resource: 'configmaps', subresource: '' }, value)).toBe(value);
  });

  it('is what a failure quotes of a Secret', () => {
    const status = failure('Invalid', 'patch: Invalid value: "{"data":{}}"', { name: 's', causes: [{ message: 'Invalid value: "x"', field: 'data[a]' }] }).status;
    expect(redactedStatus(secrets, status)).toMatchObject({ message: '<redacted>', reason: 'Invalid', details: { name: 's', causes: [{ message: '<redacted>', field: 'data[a]' }] } });
    expect(redactedStatus({ ...secrets, resource: 'configmaps' }, status)).toBe(status);
    const missing = failure('NotFound', 'secrets "s" not found').status;
    expect(redactedStatus(secrets, missing)).toBe(missing);
  });
});
