/**
 * The cgroups between an instance's and its pods': one for each QoS class but Guaranteed, whose pods are the instance's own
 * children. A class weighs what its pods ask for, so that those who ask for nothing never take from those who do. Pure.
 * Source: the kubelet's `--cgroups-per-qos`; its conversions of processors to shares, and the OCI's of shares to weight.
 */
import type { CgroupFiles } from '../../native/host.ts';
import type { Reserved } from '../node/reserved.ts';
import type { CgroupLayout } from './cgroups.ts';
import type { Qos } from './runtime.ts';

export const classCgroups = ['burstable', 'besteffort'] as const;

/** Where a sandbox is, below the instance's cgroup. */
export function sandboxCgroup(qos: Qos, key: string): string {
  return qos === 'Guaranteed' ? key : `${qos === 'Burstable' ? 'burstable' : 'besteffort'}/${key}`;
}

/** What the pods of a class ask for together. */
export interface ClassRequests {
  readonly burstableCpuMillis: number;
  /** Memory that is to be left with them; 0 where none is. */
  readonly guaranteedMemoryBytes: number;
  readonly burstableMemoryBytes: number;
}

const fewestShares = 2;
const mostShares = 262_144;

export function sharesOf(cpuMillis: number): number {
  return Math.min(Math.max(fewestShares, Math.floor(cpuMillis * 1024 / 1000)), mostShares);
}

function weightFile(version: 1 | 2, shares: number): CgroupFiles['files'][number] {
  return version === 1 ? { name: 'cpu.shares', value: String(shares) } : { name: 'cpu.weight', value: String(1 + Math.floor((shares - 2) * 9999 / 262_142)) };
}

/** The machine's, and what it is told to do with them. */
export interface TreeOptions {
  readonly cpus: number;
  readonly memoryBytes: number;
  /** Kept from all pods together. */
  readonly reserved: Reserved;
  /** Whether pods may swap at all. */
  readonly swaps: boolean;
}

/** Every cgroup above the pods', the instance's first, and what its files say. `root`: the instance's, below a hierarchy's mount. */
export function qosTree({ version, hierarchies }: CgroupLayout, root: string, { cpus, memoryBytes, reserved, swaps }: TreeOptions, requests: ClassRequests): readonly CgroupFiles[] {
  const shares = { '': sharesOf(cpus * 1000 - reserved.cpuMillis), '/burstable': sharesOf(requests.burstableCpuMillis), '/besteffort': fewestShares };
  const memory: Readonly<Record<string, CgroupFiles['files']>> = version === 1 ? {} : memoryFiles(requests, swaps);
  const most = limitFile(version, memoryBytes, reserved.memoryBytes);
  return hierarchies.flatMap(({ mount, controllers }) => Object.entries(shares).map(([name, each]): CgroupFiles => ({
    controllers,
    path: `${mount}/${root}${name}`,
    files: [
      ...(controllers.includes('cpu') ? [weightFile(version, each)] : []),
      ...(controllers.includes('memory') ? memory[name] ?? [] : []), ...(controllers.includes('memory') && name === '' ? [most] : []),
    ],
  })));
}

/** Pods together don't get what the machine keeps, whatever they have for limits. Source: "Reserve compute resources", enforcing node allocatable. */
function limitFile(version: 1 | 2, memoryBytes: number, reservedBytes: number): CgroupFiles['files'][number] {
  const most = reservedBytes === 0 ? undefined : String(Math.max(0, memoryBytes - reservedBytes));
  return version === 1 ? { name: 'memory.limit_in_bytes', value: most ?? '-1' } : { name: 'memory.max', value: most ?? 'max' };
}

/** The kernel leaves nothing with whom its parent is left nothing with: what pods are to keep, everything above them is to keep. v1 has no such files. */
function memoryFiles({ guaranteedMemoryBytes, burstableMemoryBytes }: ClassRequests, swaps: boolean): Readonly<Record<string, CgroupFiles['files']>> {
  return {
    '': [
      // Kubernetes' pods don't swap unless a node is told to let them: a limit of memory would be none.
      { name: 'memory.swap.max', value: swaps ? 'max' : '0' },
      { name: 'memory.min', value: String(guaranteedMemoryBytes) }, { name: 'memory.low', value: String(guaranteedMemoryBytes + burstableMemoryBytes) },
    ],
    '/burstable': [{ name: 'memory.low', value: String(burstableMemoryBytes) }],
  };
}

/** What keeps pods from swapping that were started while none did: nothing was said of them then. v2 only. Pure. */
export function swaplessPods({ version, hierarchies }: CgroupLayout, root: string, sandboxes: readonly { readonly cgroup: string; readonly memorySwapBytes: number | undefined }[]): readonly CgroupFiles[] {
  if (version === 1) return [];
  const untold = sandboxes.filter(({ memorySwapBytes }) => memorySwapBytes === undefined);
  return hierarchies.flatMap(({ mount, controllers }) => untold.map(({ cgroup }): CgroupFiles => ({ controllers, path: `${mount}/${root}/${cgroup}`, files: [{ name: 'memory.swap.max', value: '0' }] })));
}
