import { describe, expect, it } from 'vitest';
import { bodyType, isPretty, negotiate } from './negotiation.ts';

const all = { protobuf: true, table: true };
const table = 'application/json;as=Table;v=v1;g=meta.k8s.io';

describe('content negotiation', () => {
  it.each([
    ['nothing asked', undefined, 'json application/json'],
    ['anything', '*/*', 'json application/json'],
    ['kubectl get', `${table},application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json`, 'Table application/json'],
    ['a table version that is gone', 'application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json', 'json application/json'],
    ['metadata only', 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1', 'PartialObjectMetadataList application/json'],
    ['protobuf first, JSON second', 'application/vnd.kubernetes.protobuf,application/json', 'json application/vnd.kubernetes.protobuf'],
    ['a watch in protobuf', 'application/vnd.kubernetes.protobuf;stream=watch', 'json application/vnd.kubernetes.protobuf'],
    ['a table in protobuf, which there is not', 'application/vnd.kubernetes.protobuf;as=Table;v=v1;g=meta.k8s.io,application/json', 'json application/json'],
    ['metadata in protobuf', 'application/vnd.kubernetes.protobuf;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1', 'PartialObjectMetadataList application/vnd.kubernetes.protobuf'],
    ['YAML', 'application/yaml', 'json application/yaml'],
  ])('%s', (_what, header, expected) => {
    const { as, media } = negotiate(header, all);
    expect(`${as} ${media}`).toBe(expected);
  });

  it('refuses what it cannot write with 406', () => {
    expect(() => negotiate('text/html', all)).toThrow(expect.objectContaining({ code: 406, reason: 'NotAcceptable' }));
  });

  it('writes what has no protobuf form in JSON, but its metadata in protobuf', () => {
    expect(negotiate('application/vnd.kubernetes.protobuf,application/json', { ...all, protobuf: false }).media).toBe('application/json');
    expect(negotiate('application/vnd.kubernetes.protobuf;as=PartialObjectMetadata;g=meta.k8s.io;v=v1', { ...all, protobuf: false }).media).toBe('application/vnd.kubernetes.protobuf');
    expect(() => negotiate('application/vnd.kubernetes.protobuf', { ...all, protobuf: false })).toThrow(expect.objectContaining({ code: 406 }));
  });

  it('has no table of what cannot be read again: the next shape, or 406', () => {
    expect(negotiate(`${table},application/json`, { ...all, table: false })).toEqual({ as: 'json', media: 'application/json' });
    expect(() => negotiate(table, { ...all, table: false })).toThrow(expect.objectContaining({ code: 406 }));
  });

  it('takes a body without a type for JSON and refuses types it cannot read with 415', () => {
    expect(bodyType(undefined)).toBe('application/json');
    expect(bodyType('application/json; charset=utf-8')).toBe('application/json');
    expect(() => bodyType('text/plain')).toThrow(expect.objectContaining({ code: 415, reason: 'UnsupportedMediaType' }));
  });

  it('lays answers out for people: when asked, and for curl', () => {
    expect(isPretty({}, 'curl/8.0')).toBe(true);
    expect(isPretty({}, 'kubectl/v1.36')).toBe(false);
    expect(isPretty({ pretty: 'true' }, 'kubectl/v1.36')).toBe(true);
    expect(isPretty({ pretty: 'false' }, 'curl/8.0')).toBe(false);
  });
});
