import { describe, expect, it } from 'vitest';
import { formatReference, parseReference } from './reference.ts';

const digest = `sha256:${'a'.repeat(64)}`;

describe('an image name', () => {
  it.each([
    ['busybox', 'docker.io/library/busybox:latest'],
    ['busybox:1.36', 'docker.io/library/busybox:1.36'],
    ['user/app', 'docker.io/user/app:latest'],
    ['docker.io/busybox', 'docker.io/library/busybox:latest'],
    ['index.docker.io/busybox:1', 'docker.io/library/busybox:1'],
    ['localhost/app', 'localhost/app:latest'],
    ['localhost:5000/app:v1', 'localhost:5000/app:v1'],
    ['registry.example.com/team/app', 'registry.example.com/team/app:latest'],
    ['registry.example.com:5000/a/b/c:x.Y_z-1', 'registry.example.com:5000/a/b/c:x.Y_z-1'],
    [`busybox@${digest}`, `docker.io/library/busybox@${digest}`],
    [`busybox:1@${digest}`, `docker.io/library/busybox:1@${digest}`],
    ['a__b/c-d.e', 'docker.io/a__b/c-d.e:latest'],
    ['[::1]:5000/app', '[::1]:5000/app:latest'],
  ])('%s is %s', (text, whole) => {
    const reference = parseReference(text);
    expect(reference === undefined ? undefined : formatReference(reference)).toBe(whole);
  });

  it.each(['', 'Busybox', 'a b', 'a:', 'a:b:c', 'a@sha256:12', `a@md5:${'a'.repeat(32)}`, '/a', 'a/', 'a//b', '../a', `${'a'.repeat(260)}`, 'a:-x', `a@${digest}@${digest}`])(
    '"%s" is none', (text) => {
      expect(parseReference(text)).toBeUndefined();
    },
  );
});
