import { fieldOf } from '../../machinery/patch/json-value.ts';

/** What a node's agent says of itself and its pods: as much of the kubelet's summary as the metrics API is made of. */
export interface NodeUsage {
  /** Absent: not known yet. */
  readonly node: Measure | undefined;
  /** By `<namespace>/<name>`; a pod of which a container is not known yet is missing. */
  readonly pods: ReadonlyMap<string, PodUsage>;
}

export interface PodUsage {
  readonly uid: string;
  readonly containers: readonly ContainerUsage[];
}

export interface ContainerUsage extends Measure {
  readonly name: string;
}

export interface Measure {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly windowMs: number;
  readonly nanoCores: number;
  readonly workingSetBytes: number;
}

/** Agents of other versions may not say over which time they took the mean: then that of the kubelet's housekeeping. */
const usualWindowMs = 10_000;

/** Reads an agent's answer. What has another form than the summary's is passed over; throws when it is none at all. */
export function usageOf(body: unknown): NodeUsage {
  const node = fieldOf(body, 'node');
  const pods = fieldOf(body, 'pods');
  if (node === undefined || !Array.isArray(pods)) throw new Error('the answer is no summary');
  return { node: measureOf(node), pods: new Map(pods.flatMap(podOf)) };
}

function podOf(value: unknown): readonly (readonly [string, PodUsage])[] {
  const reference = fieldOf(value, 'podRef');
  const [namespace, name, uid] = ['namespace', 'name', 'uid'].map((key) => fieldOf(reference, key));
  const listed = fieldOf(value, 'containers');
  if (typeof namespace !== 'string' || typeof name !== 'string' || typeof uid !== 'string' || !Array.isArray(listed) || listed.length === 0) return [];
  const containers = listed.flatMap((each): readonly ContainerUsage[] => {
    const container = fieldOf(each, 'name');
    const measure = measureOf(each);
    return typeof container === 'string' && measure !== undefined ? [{ name: container, ...measure }] : [];
  });
  // A sum without one of its parts would look like less use.
  return containers.length < listed.length ? [] : [[`${namespace}/${name}`, { uid, containers }]];
}

function measureOf(value: unknown): Measure | undefined {
  const [cpu, memory] = [fieldOf(value, 'cpu'), fieldOf(value, 'memory')];
  const [nanoCores, workingSetBytes, time] = [fieldOf(cpu, 'usageNanoCores'), fieldOf(memory, 'workingSetBytes'), fieldOf(cpu, 'time')];
  const windowSeconds = fieldOf(cpu, 'usageWindowSeconds');
  const at = typeof time === 'string' ? Date.parse(time) : Number.NaN;
  if (typeof nanoCores !== 'number' || typeof workingSetBytes !== 'number' || Number.isNaN(at)) return undefined;
  return { at, nanoCores, workingSetBytes, windowMs: typeof windowSeconds === 'number' ? windowSeconds * 1000 : usualWindowMs };
}
