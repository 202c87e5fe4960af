import { describe, expect, it } from 'vitest';
import { checkHandler, foreignHandler, runtimeOf } from './handlers.ts';

const handlers = new Map([['runc', '/usr/sbin/runc']]);

describe('a runtime handler', () => {
  it.each([['', undefined], ['coracle', undefined], ['runc', 'runc']])('named %j is another runtime than ours: %s', (name, expected) => {
    expect(foreignHandler(name)).toBe(expected);
  });

  it('is a program of this node, or refused with those that there are', () => {
    expect(runtimeOf(handlers, 'runc')).toBe('/usr/sbin/runc');
    expect(() => runtimeOf(handlers, 'kata')).toThrow('no runtime for "kata" is configured: this node has "coracle", "runc"; start it with --runtime-handler kata=/path/to/runtime');
  });

  it.each<[string, { readonly handler?: string; readonly hostUsers: boolean }, string | undefined]>([
    ['our own, with users of its own', { hostUsers: false }, undefined],
    ['one that is there', { handler: 'runc', hostUsers: true }, undefined],
    ['one that is not', { handler: 'kata', hostUsers: true }, 'no runtime for "kata"'],
    ['one, with users of its own', { handler: 'runc', hostUsers: false }, 'RuntimeClass handler "runc" does not support user namespaces'],
  ])('of a pod is looked at before its sandbox is made: %s', (_name, spec, refusal) => {
    const check = () => checkHandler(handlers, spec);
    if (refusal === undefined) check();
    else expect(check).toThrow(refusal);
  });
});
