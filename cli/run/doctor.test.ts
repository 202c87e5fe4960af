import { describe, expect, it } from 'vitest';
import { hasModule, isAtLeast } from './doctor.ts';

describe('isAtLeast', () => {
  it.each([
    ['6.1.0-18-amd64', true], ['5.11.0', true], ['5.10.0-28-amd64', false], ['4.19.0', false], ['6.18.44-fc', true], ['10.0', true],
  ] as const)('%s is new enough: %s', (release, expected) => {
    expect(isAtLeast(release, [5, 11])).toBe(expected);
  });
});

describe('hasModule', () => {
  const listed = 'kernel/fs/overlayfs/overlay.ko:\nkernel/fs/fuse/virtiofs.ko.xz: kernel/fs/fuse/fuse.ko.xz\n';

  it.each([['overlay', true], ['virtiofs', true], ['fuse', false], ['over', false]] as const)('%s is there: %s', (name, expected) => {
    expect(hasModule(listed, name)).toBe(expected);
  });
});
