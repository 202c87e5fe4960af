import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Pod } from '../machinery/kinds/core.ts';
import { binary, hugeLimits, hugeResource, kernelSize, pageSizeOf, readHugePages } from './huge-pages.ts';
import { readNodeFacts } from './node/registration.ts';
import { hugeSize } from './volumes/memory.ts';

const [kibi, mebi, gibi] = [1024, 1024 ** 2, 1024 ** 3];
let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'coracle-huge-'));
});
afterEach(() => rm(directory, { recursive: true }));

describe('a machine\'s huge pages', () => {
  it('are those that it has set aside, by size', async () => {
    for (const [size, count] of [[2048, 5], [1_048_576, 1], [64, 0]]) {
      await mkdir(join(directory, `hugepages-${size}kB`));
      await writeFile(join(directory, `hugepages-${size}kB/nr_hugepages`), `${count}\n`);
    }
    expect(await readHugePages(directory)).toEqual([{ sizeBytes: 2 * mebi, count: 5 }, { sizeBytes: gibi, count: 1 }]);
    expect(await readHugePages(join(directory, 'none'))).toEqual([]);
  });

  it('are the node\'s to give, and not its memory any more', async () => {
    const node = { name: 'a', address: '192.0.2.1', port: 1, labels: {}, maxPods: 1, dataDir: directory, runtimeVersion: 'x', userNamespaces: true };
    const [without, having] = await Promise.all([readNodeFacts(node), readNodeFacts({ ...node, hugePages: [{ sizeBytes: 2 * mebi, count: 5 }] })]);
    const bytes = ({ memory = '' }: Readonly<Record<string, string>>): number => Number(memory.replace('Ki', '')) * kibi;
    expect(having.allocatable).toMatchObject({ 'hugepages-2Mi': '10Mi', 'hugepages-1Gi': '0' });
    expect(having.capacity).toMatchObject({ 'hugepages-2Mi': '10Mi', memory: without.capacity['memory'] });
    expect(bytes(without.allocatable) - bytes(having.allocatable)).toBe(10 * mebi);
  });

  it.each([[64 * kibi, '64Ki', '64KB'], [2 * mebi, '2Mi', '2MB'], [10 * mebi, '10Mi', '10MB'], [gibi, '1Gi', '1GB'], [16 * gibi, '16Gi', '16GB']])('of %i bytes are called %s and %s', (bytes, name, file) => {
    expect([binary(bytes), hugeResource(bytes), kernelSize(bytes)]).toEqual([name, `hugepages-${name}`, file]);
  });
});

it('a container has as much of each size as it asks for, and none of the others', () => {
  expect([...hugeLimits({ name: 'a', resources: { limits: { 'hugepages-2Mi': '4Mi' } } }, [2 * mebi, gibi])]).toEqual([[2 * mebi, 4 * mebi], [gibi, 0]]);
  expect([...hugeLimits({ name: 'a' }, [])]).toEqual([]);
});

describe('the pages of an emptyDir', () => {
  const podOf = (...names: readonly string[]): Pod => ({ spec: { containers: names.map((name, index) => ({ name: `c${index}`, resources: { requests: { cpu: '1', [name]: '1Gi' } } })) } });
  const volume = (medium: string, sizeLimit?: string) => ({ name: 'v', emptyDir: { medium, ...(sizeLimit === undefined ? {} : { sizeLimit }) } });

  it.each([
    ['HugePages', podOf('hugepages-2Mi'), 2 * mebi], ['HugePages', podOf('hugepages-1Gi', 'hugepages-1Gi'), gibi],
    ['HugePages-2Mi', podOf('hugepages-2Mi', 'hugepages-1Gi'), 2 * mebi], ['HugePages-1Gi', podOf('hugepages-2Mi', 'hugepages-1Gi'), gibi],
  ])('of medium %s are those that the pod asks for', (medium, pod, bytes) => {
    expect(pageSizeOf(pod, volume(medium))).toBe(bytes);
  });

  it.each([
    ['HugePages', podOf('memory'), 'exactly one page size'], ['HugePages', podOf('hugepages-2Mi', 'hugepages-1Gi'), 'exactly one page size'], ['HugePages-2Mi', podOf('hugepages-1Gi'), 'no container of the pod requests hugepages-2Mi'],
  ])('of medium %s are none where the pod does not say which', (medium, pod, message) => {
    expect(() => pageSizeOf(pod, volume(medium))).toThrow(message);
  });

  it('are whole within its limit', () => {
    expect([hugeSize(volume('HugePages', '5Mi'), 2 * mebi), hugeSize(volume('HugePages', '1Mi'), 2 * mebi), hugeSize(volume('HugePages'), 2 * mebi)]).toEqual([4 * mebi, 2 * mebi, undefined]);
  });
});
