import { isIP } from 'node:net';
import { Endpoints, Service } from '../../machinery/kinds/core.ts';
import { EndpointSlice, type Endpoint } from '../../machinery/kinds/discovery.ts';
import { ownerReference } from '../../machinery/owner-references.ts';
import { defineController, watching } from '../define.ts';
import { update, type Step } from '../steps.ts';
import { managedByLabel, removal, sameTexts, serviceNameLabel } from './endpoint-slice.ts';
import type { AddressType, EndpointGroup } from './endpoints-of.ts';
import { layOut } from './slices.ts';

/** Keeps EndpointSlices that say what hand-made Endpoints of Services without a selector say. Source: "EndpointSlices", EndpointSlice mirroring. */

const managedBy = 'endpointslicemirroring-controller.k8s.io';
const skipLabel = 'endpointslice.kubernetes.io/skip-mirror';
const leaderAnnotation = 'control-plane.alpha.kubernetes.io/leader';
/** They tell of the Endpoints object alone. */
const ownAnnotations = ['endpoints.kubernetes.io/last-change-trigger-time', 'kubectl.kubernetes.io/last-applied-configuration'];
/** Addresses of one subset beyond this number are not mirrored. */
const maxAddresses = 1000;
const families: readonly AddressType[] = ['IPv4', 'IPv6'];

export interface Observed {
  readonly service: Service | undefined;
  /** Of this name, made by this controller. */
  readonly slices: readonly EndpointSlice[];
}

export const endpointSliceMirroringController = defineController<Endpoints, Observed>({
  name: 'endpointslicemirroring',
  component: 'endpoint-slice-mirroring-controller',
  primary: Endpoints,
  watches: [
    watching(Service, ({ metadata }) => [`${metadata?.namespace ?? ''}/${metadata?.name ?? ''}`]),
    watching(EndpointSlice, (slice) => {
      const name = slice.metadata?.labels?.[serviceNameLabel];
      return name === undefined || slice.metadata?.labels?.[managedByLabel] !== managedBy ? [] : [`${slice.metadata.namespace ?? ''}/${name}`];
    }),
  ],
  observe(endpoints, { caches }) {
    const { name = '', namespace = '' } = endpoints.metadata ?? {};
    return {
      service: caches.of(Service).get(namespace, name),
      slices: caches.of(EndpointSlice).inNamespace(namespace).filter(({ metadata }) => metadata?.labels?.[serviceNameLabel] === name && metadata.labels[managedByLabel] === managedBy),
    };
  },
  plan,
});

/** Pure. When the Endpoints go, the garbage collector takes their slices. */
export function plan(endpoints: Endpoints, { service, slices }: Observed): readonly Step[] {
  if (endpoints.metadata?.deletionTimestamp !== undefined) return [];
  if (!isMirrored(endpoints, service)) return slices.map((slice) => removal(slice));
  return families.flatMap((family) => planFamily(endpoints, family, slices.filter(({ addressType }) => addressType === family)));
}

function isMirrored({ metadata }: Endpoints, service: Service | undefined): boolean {
  if (service === undefined || Object.keys(service.spec?.selector ?? {}).length > 0) return false;
  return metadata?.labels?.[skipLabel] !== 'true' && metadata?.annotations?.[leaderAnnotation] === undefined;
}

function planFamily(endpoints: Endpoints, family: AddressType, slices: readonly EndpointSlice[]): readonly Step[] {
  const groups = groupsOf(endpoints, family);
  const layout = layOut(groups, slices);
  const metadata = metadataOf(endpoints);
  const stale = slices.filter((slice) => !layout.left.includes(slice) && !layout.changed.some((each) => each.metadata?.name === slice.metadata?.name) && !saysTheSame(slice, metadata));
  return [
    ...[...layout.changed, ...stale].map((slice): Step => update(EndpointSlice, { ...slice, metadata: { ...slice.metadata, ...metadata } })),
    ...layout.made.map((group): Step => ({
      type: 'create', kind: EndpointSlice, object: { ...contentOf(family, group), metadata: { generateName: `${endpoints.metadata?.name ?? ''}-`, namespace: endpoints.metadata?.namespace ?? '', ownerReferences: [ownerReference(endpoints, Endpoints)], ...metadata } },
    })),
    ...layout.left.map((slice) => removal(slice)),
  ];
}

function contentOf(addressType: AddressType, { ports, endpoints }: EndpointGroup): Omit<EndpointSlice, 'metadata'> {
  return { addressType, endpoints: [...endpoints], ports: [...ports] };
}

/** Subsets with the same ports are one group; an address that one of them names twice counts once. */
function groupsOf(endpoints: Endpoints, family: AddressType): readonly EndpointGroup[] {
  const groups = new Map<string, { ports: EndpointGroup['ports']; endpoints: Map<string, Endpoint> }>();
  for (const { ports = [], addresses = [], notReadyAddresses = [] } of endpoints.subsets ?? []) {
    const its = ports.map(({ name = '', port, protocol = 'TCP', appProtocol }) => ({ name, port, protocol, ...(appProtocol === undefined ? {} : { appProtocol }) }));
    const key = JSON.stringify(its.map(({ name, port, protocol }) => `${name}/${port}/${protocol}`).toSorted());
    const group = groups.get(key) ?? { ports: its, endpoints: new Map<string, Endpoint>() };
    const all = [...addresses.map((address) => endpointOf(address, true)), ...notReadyAddresses.map((address) => endpointOf(address, false))].slice(0, maxAddresses);
    for (const endpoint of all) {
      const [ip = ''] = endpoint.addresses;
      if (isIP(ip) === (family === 'IPv4' ? 4 : 6) && !group.endpoints.has(ip)) group.endpoints.set(ip, endpoint);
    }
    if (group.endpoints.size > 0) groups.set(key, group);
  }
  return [...groups.values()].map((group) => ({ ports: group.ports, endpoints: [...group.endpoints.values()] }));
}

type Address = NonNullable<NonNullable<Endpoints['subsets']>[number]['addresses']>[number];

function endpointOf({ ip, hostname, nodeName, targetRef }: Address, ready: boolean): Endpoint {
  return {
    addresses: [ip], conditions: { ready },
    ...(hostname === undefined || hostname === '' ? {} : { hostname }), ...(nodeName === undefined ? {} : { nodeName }), ...(targetRef === undefined ? {} : { targetRef }),
  };
}

interface Mirrored {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

/** The Endpoints' own labels and annotations, and what says whose slice it is. */
function metadataOf({ metadata }: Endpoints): Mirrored {
  return {
    labels: { ...metadata?.labels, [serviceNameLabel]: metadata?.name ?? '', [managedByLabel]: managedBy },
    annotations: Object.fromEntries(Object.entries(metadata?.annotations ?? {}).filter(([key]) => !ownAnnotations.includes(key))),
  };
}

function saysTheSame({ metadata }: EndpointSlice, wanted: Mirrored): boolean {
  return sameTexts(metadata?.labels ?? {}, wanted.labels) && sameTexts(metadata?.annotations ?? {}, wanted.annotations);
}
