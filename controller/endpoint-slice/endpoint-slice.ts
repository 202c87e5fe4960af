import { keyOf } from '../../client/informer-store.ts';
import { EndpointSlice } from '../../machinery/kinds/discovery.ts';
import { Node, Pod, Service } from '../../machinery/kinds/core.ts';
import { ownerReference } from '../../machinery/owner-references.ts';
import { matches, selectorOfMap } from '../../machinery/selectors.ts';
import type { Caches } from '../caches.ts';
import { defineController, watching, type Watch } from '../define.ts';
import { at, update, type Step } from '../steps.ts';
import { endpointsOf, familiesOf, type AddressType, type EndpointGroup, type ZoneOf } from './endpoints-of.ts';
import { layOut } from './slices.ts';

/** Keeps the EndpointSlices of Services with a selector. Source: "EndpointSlices". */

export const serviceNameLabel = 'kubernetes.io/service-name';
export const managedByLabel = 'endpointslice.kubernetes.io/managed-by';
const managedBy = 'endpointslice-controller.k8s.io';
const headlessLabel = 'service.kubernetes.io/headless';
const zoneLabel = 'topology.kubernetes.io/zone';

export interface Observed {
  readonly pods: readonly Pod[];
  /** The Service's, made by this controller. */
  readonly slices: readonly EndpointSlice[];
  readonly zoneOf: ZoneOf;
}

export const endpointSliceController = defineController<Service, Observed>({
  name: 'endpointslice',
  component: 'endpoint-slice-controller',
  primary: Service,
  watches: [podsOfServices(), watching(EndpointSlice, (slice) => {
    const service = slice.metadata?.labels?.[serviceNameLabel];
    return service === undefined || slice.metadata?.labels?.[managedByLabel] !== managedBy ? [] : [`${slice.metadata.namespace ?? ''}/${service}`];
  })],
  observe(service, { caches }) {
    const { name = '', namespace = '' } = service.metadata ?? {};
    const nodes = caches.of(Node);
    return {
      pods: podsOf(service, caches),
      slices: caches.of(EndpointSlice).inNamespace(namespace).filter(({ metadata }) => metadata?.labels?.[serviceNameLabel] === name && metadata.labels[managedByLabel] === managedBy),
      zoneOf: (node) => nodes.get(undefined, node)?.metadata?.labels?.[zoneLabel],
    };
  },
  plan,
});

/** A pod concerns the Services that choose it, before or after a change. */
export function podsOfServices(): Watch {
  return watching(Pod, (pod, caches) => caches.of(Service).inNamespace(pod.metadata?.namespace ?? '').filter((service) => chooses(service, pod)).map(keyOf));
}

/** Oldest first: the order in which endpoints came. */
export function podsOf(service: Service, caches: Caches): readonly Pod[] {
  return caches.of(Pod).inNamespace(service.metadata?.namespace ?? '').filter((pod) => chooses(service, pod))
    .toSorted((a, b) => (a.metadata?.creationTimestamp ?? '').localeCompare(b.metadata?.creationTimestamp ?? '') || (a.metadata?.name ?? '').localeCompare(b.metadata?.name ?? ''));
}

/** Has somebody else the care of its endpoints? */
export function hasSelector({ spec }: Service): boolean {
  return spec?.type !== 'ExternalName' && Object.keys(spec?.selector ?? {}).length > 0;
}

function chooses(service: Service, pod: Pod): boolean {
  return hasSelector(service) && matches(selectorOfMap(service.spec?.selector ?? {}), pod.metadata?.labels);
}

/** Pure. */
export function plan(service: Service, { pods, slices, zoneOf }: Observed): readonly Step[] {
  if (!hasSelector(service) || service.metadata?.deletionTimestamp !== undefined) return [];
  const families = familiesOf(service);
  const foreign = slices.filter(({ addressType }) => !(families as readonly string[]).includes(addressType));
  return [
    ...families.flatMap((family) => planFamily(service, family, endpointsOf(service, pods, family, zoneOf), slices.filter(({ addressType }) => addressType === family))),
    ...foreign.map((slice) => removal(slice)),
  ];
}

function planFamily(service: Service, family: AddressType, groups: readonly EndpointGroup[], slices: readonly EndpointSlice[]): readonly Step[] {
  const { changed, made, left } = layOut(groups.length === 0 ? [{ ports: [], endpoints: [] }] : groups, slices);
  const labels = labelsOf(service);
  const relabelled = slices.filter((slice) => !left.includes(slice) && !changed.some(({ metadata }) => metadata?.name === slice.metadata?.name) && !sameTexts(slice.metadata?.labels ?? {}, labels));
  return [
    ...[...changed, ...relabelled].map((slice): Step => update(EndpointSlice, { ...slice, metadata: { ...slice.metadata, labels } })),
    ...made.map((group): Step => ({ type: 'create', kind: EndpointSlice, object: sliceOf(service, family, group, labels) })),
    ...left.map((slice) => removal(slice)),
  ];
}

function sliceOf(service: Service, addressType: AddressType, { ports, endpoints }: EndpointGroup, labels: Readonly<Record<string, string>>): EndpointSlice {
  const { name = '', namespace = '' } = service.metadata ?? {};
  return {
    addressType, endpoints: [...endpoints], ports: [...ports],
    metadata: { generateName: `${name}-`, namespace, labels, ownerReferences: [ownerReference(service, Service)] },
  };
}

/** The Service's own labels, and what says whose slice it is. */
function labelsOf({ metadata, spec }: Service): Readonly<Record<string, string>> {
  const { [headlessLabel]: _headless, ...own } = metadata?.labels ?? {};
  return { ...own, [serviceNameLabel]: metadata?.name ?? '', [managedByLabel]: managedBy, ...(spec?.clusterIP === 'None' ? { [headlessLabel]: '' } : {}) };
}

/** Of two sets of labels, or of annotations. */
export function sameTexts(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean {
  const [first, second] = [Object.entries(a), Object.entries(b)];
  return first.length === second.length && first.every(([key, value]) => b[key] === value);
}

/** Of the slice as it was seen: one that has changed since stays. */
export function removal(slice: EndpointSlice): Step {
  return { type: 'delete', kind: EndpointSlice, at: at(slice), uid: slice.metadata?.uid ?? '' };
}
