import { describe, expect, it } from 'vitest';
import { createProtobufDecoder } from './decode.ts';

/** Builds messages as the protobuf encoding page describes them. */
function varint(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...varint(Math.floor(value / 128))];
}
const number = (field: number, value: number): number[] => [...varint(field * 8), ...varint(value)];
const bytes = (field: number, value: readonly number[] | string): number[] => {
  const content = typeof value === 'string' ? [...Buffer.from(value)] : value;
  return [...varint(field * 8 + 2), ...varint(content.length), ...content];
};
const entry = (key: string, value: string) => [...bytes(1, key), ...bytes(2, value)];
function envelope(apiVersion: string, kind: string, message: readonly number[]): Buffer {
  return Buffer.from([...Buffer.from('k8s\0'), ...bytes(1, [...bytes(1, apiVersion), ...bytes(2, kind)]), ...bytes(2, message), ...bytes(3, ''), ...bytes(4, '')]);
}
const decode = (buffer: Buffer) => createProtobufDecoder().decode(buffer);

describe('bodies in protobuf', () => {
  it('reads text, maps, bytes and lists', () => {
    const metadata = [...bytes(1, 'a'), ...bytes(3, ''), ...bytes(11, entry('app', 'web')), ...bytes(11, entry('__proto__', 'x')), ...bytes(14, 'f1'), ...bytes(14, 'f2')];
    const value = decode(envelope('v1', 'ConfigMap', [...bytes(1, metadata), ...bytes(2, entry('k', 'v')), ...bytes(3, entry('b', 'hi'))]));
    expect(JSON.parse(JSON.stringify(value))).toEqual(JSON.parse(
      '{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"a","labels":{"app":"web","__proto__":"x"},"finalizers":["f1","f2"]},"data":{"k":"v"},"binaryData":{"b":"aGk="}}',
    ));
  });

  it('keeps a zero that differs from nothing, and drops one that is how nothing is written', () => {
    const spec = [...number(1, 0), ...number(5, 0), ...number(6, 0)];
    expect(decode(envelope('apps/v1', 'Deployment', bytes(2, spec)))).toMatchObject({ spec: { replicas: 0, revisionHistoryLimit: 0 } });
    expect(decode(envelope('apps/v1', 'Deployment', bytes(2, spec)))['spec']).not.toHaveProperty('minReadySeconds');
  });

  it('reads embedded messages, quantities, numbers or names, and times', () => {
    const probe = [...bytes(1, bytes(2, [...bytes(1, '/ready'), ...bytes(2, [...number(1, 1), ...number(2, 0), ...bytes(3, 'http')])])), ...number(2, 5)];
    const resources = bytes(2, [...bytes(1, 'cpu'), ...bytes(2, bytes(1, '100m'))]);
    const container = [...bytes(1, 'c'), ...bytes(8, resources), ...bytes(11, probe)];
    const pod = [...bytes(1, bytes(8, number(1, 1_700_000_000))), ...bytes(2, bytes(2, container))];
    expect(decode(envelope('v1', 'Pod', pod))).toEqual({
      kind: 'Pod', apiVersion: 'v1', metadata: { creationTimestamp: '2023-11-14T22:13:20Z' },
      spec: { containers: [{ name: 'c', resources: { requests: { cpu: '100m' } }, readinessProbe: { httpGet: { path: '/ready', port: 'http' }, initialDelaySeconds: 5 } }] },
    });
  });

  it('keeps all digits of numbers of 64 bits', () => {
    const long = [0x81, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10];
    expect(decode(envelope('v1', 'Pod', bytes(2, [...varint(4 * 8), ...long])))).toMatchObject({ spec: { terminationGracePeriodSeconds: 2n ** 53n + 1n } });
  });

  it('skips fields that it does not know', () => {
    expect(decode(envelope('v1', 'ConfigMap', [...bytes(900, 'new'), ...number(901, 7)]))).toEqual({ kind: 'ConfigMap', apiVersion: 'v1' });
  });

  it.each([
    ['no protobuf', Buffer.from('{"kind":"ConfigMap"}'), 400],
    ['a length beyond the end', Buffer.from([...Buffer.from('k8s\0'), 0x0a, 0x7f, 1]), 400],
    ['a number where a message belongs', envelope('v1', 'ConfigMap', number(1, 5)), 400],
    ['a varint without an end', Buffer.from([...Buffer.from('k8s\0'), ...Array.from({ length: 12 }, () => 0xff)]), 400],
    ['a kind without a known form', envelope('example.com/v1', 'Thing', []), 415],
  ])('refuses %s', (_what, buffer, code) => {
    expect(() => decode(buffer)).toThrow(expect.objectContaining({ code }));
  });
});
