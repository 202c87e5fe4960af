import { describe, expect, it } from 'vitest';
import type { Pod } from '../../machinery/kinds/core.ts';
import type { PodStorage } from '../stats/storage.ts';
import { brokenLimit, hasStorageLimits } from './limits.ts';

const mebibyte = 1024 ** 2;
const used = (mebibytes: number) => ({ bytes: mebibytes * mebibyte, inodes: 1 });

/** Containers `a` and `b` with limits; volume `v` with a size. */
function podOf({ a, b, v }: { readonly a?: string; readonly b?: string; readonly v?: string }): Pod {
  const container = (name: string, limit: string | undefined) => ({ name, ...(limit === undefined ? {} : { resources: { limits: { 'ephemeral-storage': limit } } }) });
  return { spec: { containers: [container('a', a), container('b', b)], volumes: [{ name: 'v', emptyDir: v === undefined ? {} : { sizeLimit: v } }, { name: 'h', hostPath: { path: '/' } }] } };
}

function storageOf([rootfs, logs, volume]: readonly [number, number, number]): PodStorage {
  return { at: 0, containers: new Map([['a', { rootfs: used(rootfs), logs: used(logs) }], ['b', { rootfs: used(0), logs: used(0) }]]), volumes: new Map([['v', used(volume)]]) };
}

describe('a pod\'s limits on the node\'s disk', () => {
  it.each<[string, Parameters<typeof podOf>[0], Parameters<typeof storageOf>[0], string | undefined]>([
    ['none', {}, [500, 500, 500], undefined],
    ['a volume that keeps to its own', { v: '10Mi' }, [50, 50, 10], undefined],
    ['a volume that does not', { v: '10Mi' }, [0, 0, 11], 'Usage of EmptyDir volume "v" exceeds the limit "10Mi". '],
    ['a volume whose size is 0', { v: '0' }, [0, 0, 11], undefined],
    ['a container that keeps to its own', { a: '10Mi' }, [5, 5, 0], undefined],
    ['a container with logs that are too much beside its files', { a: '10Mi', b: '90Mi' }, [6, 5, 0], 'Container a exceeded its local ephemeral storage limit "10Mi". '],
    ['a pod whose volumes make it too much', { a: '10Mi', b: '1Gi' }, [5, 5, 1030], 'Pod ephemeral local storage usage exceeds the total limit of containers 1034Mi. '],
  ])('%s', (_name, limits, storage, message) => {
    const pod = podOf(limits);
    expect(brokenLimit(pod, storageOf(storage))).toBe(message);
    expect(hasStorageLimits(pod)).toBe(Object.keys(limits).length > 0);
  });
});
