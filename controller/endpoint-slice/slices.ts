/** Lays endpoints out in slices, changing as few of those that are there as possible. Pure. Source: "EndpointSlices", distribution. */
import type { Endpoint, EndpointSlice } from '../../machinery/kinds/discovery.ts';
import type { EndpointGroup, EndpointPort } from './endpoints-of.ts';

/** Most endpoints of a slice. Kubernetes' default. */
export const maxEndpoints = 100;

export interface Layout {
  /** Slices with other endpoints than before. */
  readonly changed: readonly EndpointSlice[];
  /** Contents of new slices. */
  readonly made: readonly EndpointGroup[];
  /** Slices that hold nothing any more. */
  readonly left: readonly EndpointSlice[];
}

/** `slices` are the Service's, of one address family. A group without endpoints asks for one empty slice when there is no other. */
export function layOut(groups: readonly EndpointGroup[], slices: readonly EndpointSlice[]): Layout {
  const changed: EndpointSlice[] = [];
  const made: EndpointGroup[] = [];
  const used = new Set<EndpointSlice>();
  for (const group of groups) {
    const own = slices.filter((slice) => samePorts(slice.ports ?? [], group.ports));
    for (const slice of own) used.add(slice);
    const result = layOutGroup(group, own);
    changed.push(...result.changed);
    made.push(...result.made);
    for (const slice of result.left) used.delete(slice);
  }
  return { changed, made, left: slices.filter((slice) => !used.has(slice)) };
}

/** Endpoints stay in their slice; new ones fill up slices that change anyway, then the fullest with room for all, then new slices. */
function layOutGroup({ ports, endpoints }: EndpointGroup, slices: readonly EndpointSlice[]): Layout {
  const wanted = new Map(endpoints.map((endpoint) => [identityOf(endpoint), endpoint]));
  const contents = slices.map((slice) => {
    const kept = (slice.endpoints ?? []).flatMap((endpoint) => {
      const now = wanted.get(identityOf(endpoint));
      if (now === undefined) return [];
      wanted.delete(identityOf(endpoint));
      return [now];
    });
    return { slice, kept, isChanged: JSON.stringify(kept) !== JSON.stringify(slice.endpoints ?? []) };
  });
  const fresh = [...wanted.values()];
  const fill = (into: { kept: Endpoint[]; isChanged: boolean }): void => {
    const taken = fresh.splice(0, maxEndpoints - into.kept.length);
    if (taken.length === 0) return;
    into.kept.push(...taken);
    into.isChanged = true;
  };
  for (const content of contents.filter(({ isChanged, kept }) => isChanged && kept.length > 0)) fill(content);
  if (fresh.length > 0 && fresh.length < maxEndpoints) {
    const fullest = contents.filter(({ kept }) => kept.length + fresh.length <= maxEndpoints).toSorted((a, b) => b.kept.length - a.kept.length)[0];
    if (fullest !== undefined) fill(fullest);
  }
  const made: EndpointGroup[] = [];
  while (fresh.length > 0) made.push({ ports, endpoints: fresh.splice(0, maxEndpoints) });
  const empty = contents.filter(({ kept }) => kept.length === 0);
  // One empty slice tells that the Service is known and nobody answers.
  const keepsOne = empty.length === contents.length && made.length === 0;
  if (keepsOne && contents.length === 0) return { changed: [], made: [{ ports, endpoints: [] }], left: [] };
  const left = keepsOne ? empty.slice(1) : empty;
  const changed = contents.filter((content) => content.isChanged && !left.includes(content)).map(({ slice, kept }) => ({ ...slice, endpoints: kept }));
  return { changed, made, left: left.map(({ slice }) => slice) };
}

/** A pod keeps its place as long as its address stays. */
function identityOf({ targetRef, addresses }: Endpoint): string {
  return `${targetRef?.uid ?? ''}/${addresses.join(',')}`;
}

type Port = NonNullable<EndpointSlice['ports']>[number];

function samePorts(given: readonly Port[], wanted: readonly EndpointPort[]): boolean {
  return textOf(given) === textOf(wanted);
}

function textOf(ports: readonly Port[]): string {
  return ports.map(({ name = '', port, protocol = 'TCP', appProtocol = '' }) => `${name}/${port}/${protocol}/${appProtocol}`).toSorted().join();
}
