import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isHuge } from '../machinery/compute-resources.ts';
import type { Container, Pod, Volume } from '../machinery/kinds/core.ts';
import { unitsOf } from '../machinery/quantity.ts';
import { systemCode } from '../machinery/thrown.ts';

/** Memory that the machine's owner has set aside in pages of one size, for whoever asks for such. Source: "Manage HugePages". */
export interface HugePages {
  readonly sizeBytes: number;
  readonly count: number;
}

/** What the machine has now; none of a size that it has no pages of. */
export async function readHugePages(directory = '/sys/kernel/mm/hugepages'): Promise<readonly HugePages[]> {
  const names = await readdir(directory).catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return [];
    throw error;
  });
  const found = await Promise.all(names.map(async (name): Promise<HugePages> => {
    const kibibytes = /^hugepages-(\d+)kB$/.exec(name)?.[1] ?? '0';
    return { sizeBytes: Number(kibibytes) * 1024, count: Number(await readFile(join(directory, name, 'nr_hugepages'), 'utf8')) };
  }));
  return found.filter(({ sizeBytes, count }) => sizeBytes > 0 && count > 0).toSorted((a, b) => a.sizeBytes - b.sizeBytes);
}

function named(bytes: number, units: readonly [string, string, string]): string {
  const power = bytes % 1024 ** 3 === 0 ? 2 : bytes % 1024 ** 2 === 0 ? 1 : 0;
  return `${bytes / 1024 ** (power + 1)}${units[power]}`;
}

/** `2Mi`: a size, or so many bytes of pages, as Kubernetes writes them. */
export const binary = (bytes: number): string => named(bytes, ['Ki', 'Mi', 'Gi']);

/** `hugepages-2Mi`: what pods ask for. */
export const hugeResource = (sizeBytes: number): string => `hugepages-${binary(sizeBytes)}`;

/** `2MB`, as the kernel names the files of a cgroup. */
export const kernelSize = (sizeBytes: number): string => named(sizeBytes, ['KB', 'MB', 'GB']);

/** Of each size that the node has: bytes that a container may have in such pages. None that it does not ask for. Pure. */
export function hugeLimits(container: Container, sizes: readonly number[]): ReadonlyMap<number, number> {
  return new Map(sizes.map((size) => [size, unitsOf(container.resources?.limits?.[hugeResource(size)]) ?? 0]));
}

export const isInHugePages = ({ emptyDir }: Volume): boolean => emptyDir?.medium?.startsWith('HugePages') === true;

/** The size of an emptyDir's pages: that of its medium, or the one that the pod asks for. Throws in Kubernetes' words when there is no such. Pure. */
export function pageSizeOf({ spec }: Pod, { emptyDir }: Volume): number {
  const medium = emptyDir?.medium ?? '';
  const asked = new Set([...spec?.initContainers ?? [], ...spec?.containers ?? []].flatMap(({ resources }) => Object.keys(resources?.requests ?? {}).filter(isHuge)));
  const own = /^HugePages-(.+)$/.exec(medium)?.[1];
  if (own !== undefined && !asked.has(`hugepages-${own}`)) throw new Error(`medium "${medium}": no container of the pod requests hugepages-${own}`);
  const [only, ...others] = own === undefined ? asked : [`hugepages-${own}`];
  if (only === undefined || others.length > 0) throw new Error('medium "HugePages" can only be used if container requests use exactly one page size');
  const size = unitsOf(only.slice('hugepages-'.length));
  if (size === undefined) throw new Error(`${only} names no page size`);
  return size;
}
