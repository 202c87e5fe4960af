import type { Cpu } from './topology.ts';

/**
 * `count` of the free processors, so that they are near each other and leave whole what others may want whole: whole sockets first,
 * then whole cores, then threads, each from where the least is left. Undefined: there are not as many. Pure. Source: "Control CPU
 * Management Policies on the Node", static policy.
 */
export function takeCpus(topology: readonly Cpu[], free: ReadonlySet<number>, count: number): readonly number[] | undefined {
  if (count > free.size) return undefined;
  const taken = new Set<number>();
  const left = (): readonly Cpu[] => topology.filter(({ id }) => free.has(id) && !taken.has(id));
  const take = (cpus: readonly Cpu[]): void => {
    for (const { id } of cpus.slice(0, count - taken.size)) taken.add(id);
  };
  for (const part of ['socket', 'core'] as const) {
    const sizes = Map.groupBy(topology, (cpu) => cpu[part]);
    for (const cpus of inOrder(left(), part, taken, topology)) {
      if (cpus.length === sizes.get(cpus[0]?.[part] ?? 0)?.length && cpus.length <= count - taken.size) take(cpus);
    }
  }
  // What is left to take is less than any whole core that is left.
  while (taken.size < count) take((inOrder(left(), 'core', taken, topology)[0] ?? []).slice(0, 1));
  return [...taken].toSorted((one, other) => one - other);
}

/** Free processors by socket or core: beside what is taken already first, then where the fewest are free, on the socket and on the core. */
function inOrder(free: readonly Cpu[], part: 'socket' | 'core', taken: ReadonlySet<number>, topology: readonly Cpu[]): readonly (readonly Cpu[])[] {
  const sockets = new Set(topology.filter(({ id }) => taken.has(id)).map(({ socket }) => socket));
  const freeOnSocket = Map.groupBy(free, ({ socket }) => socket);
  const key = (cpus: readonly Cpu[]): readonly number[] => {
    const [first] = cpus;
    if (first === undefined) return [];
    return [sockets.has(first.socket) ? 0 : 1, freeOnSocket.get(first.socket)?.length ?? 0, cpus.length, first.id];
  };
  return [...Map.groupBy(free, (cpu) => cpu[part]).values()].map((cpus) => ({ cpus, key: key(cpus) }))
    .toSorted((one, other) => one.key.map((each, index) => each - (other.key[index] ?? 0)).find((difference) => difference !== 0) ?? 0)
    .map(({ cpus }) => cpus);
}
