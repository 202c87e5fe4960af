import type { Endpoint } from '../../machinery/kinds/discovery.ts';
import { Endpoints, Service, type Pod } from '../../machinery/kinds/core.ts';
import { ownerReference } from '../../machinery/owner-references.ts';
import { defineController, watching } from '../define.ts';
import { update, type Step } from '../steps.ts';
import { hasSelector, podsOf, podsOfServices } from './endpoint-slice.ts';
import { endpointsOf, familiesOf, type EndpointGroup } from './endpoints-of.ts';

/** Keeps the Endpoints of Services with a selector, for clients that know no EndpointSlices. Source: "Service", Endpoints. */

/** Most addresses that an Endpoints object holds; the rest is in EndpointSlices only. */
const maxAddresses = 1000;
const managedByLabel = 'endpoints.kubernetes.io/managed-by';
const headlessLabel = 'service.kubernetes.io/headless';
const overCapacity = 'endpoints.kubernetes.io/over-capacity';

export interface Observed {
  readonly pods: readonly Pod[];
  readonly endpoints: Endpoints | undefined;
}

export const endpointsController = defineController<Service, Observed>({
  name: 'endpoint',
  primary: Service,
  watches: [podsOfServices(), watching(Endpoints, ({ metadata }) => [`${metadata?.namespace ?? ''}/${metadata?.name ?? ''}`])],
  observe: (service, { caches }) => ({ pods: podsOf(service, caches), endpoints: caches.of(Endpoints).get(service.metadata?.namespace, service.metadata?.name ?? '') }),
  plan,
});

/** Pure. */
export function plan(service: Service, { pods, endpoints: present }: Observed): readonly Step[] {
  if (!hasSelector(service) || service.metadata?.deletionTimestamp !== undefined) return [];
  const [family = 'IPv4'] = familiesOf(service);
  const groups = endpointsOf(service, pods, family, () => undefined);
  const total = groups.reduce((sum, { endpoints }) => sum + endpoints.length, 0);
  const wanted: Endpoints = {
    metadata: {
      name: service.metadata?.name ?? '', namespace: service.metadata?.namespace ?? '', ownerReferences: [ownerReference(service, Service)],
      labels: { ...service.metadata?.labels, [managedByLabel]: 'endpoint-controller', ...(service.spec?.clusterIP === 'None' ? { [headlessLabel]: '' } : {}) },
      ...(total > maxAddresses ? { annotations: { [overCapacity]: 'truncated' } } : {}),
    },
    ...(groups.length === 0 ? {} : { subsets: subsetsOf(service, groups) }),
  };
  if (present === undefined) return [{ type: 'create', kind: Endpoints, object: wanted }];
  if (isSame(present, wanted)) return [];
  return [update(Endpoints, { ...present, metadata: { ...present.metadata, labels: wanted.metadata?.labels ?? {} }, subsets: wanted.subsets ?? [] })];
}

type Subset = NonNullable<Endpoints['subsets']>[number];

/** Pods that are being deleted are left out; those that aren't ready stand apart. */
function subsetsOf(service: Service, groups: readonly EndpointGroup[]): readonly Subset[] {
  let left = maxAddresses;
  return groups.flatMap(({ ports, endpoints }): Subset[] => {
    const living = endpoints.filter(({ conditions }) => conditions?.terminating !== true || service.spec?.publishNotReadyAddresses === true).slice(0, left);
    left -= living.length;
    const addresses = living.filter(({ conditions }) => conditions?.ready === true).map(addressOf);
    const notReadyAddresses = living.filter(({ conditions }) => conditions?.ready !== true).map(addressOf);
    if (living.length === 0) return [];
    return [{ ...(addresses.length === 0 ? {} : { addresses }), ...(notReadyAddresses.length === 0 ? {} : { notReadyAddresses }), ports: ports.map(({ name, ...port }) => ({ ...(name === '' ? {} : { name }), ...port })) }];
  });
}

function addressOf({ addresses, hostname, nodeName, targetRef }: Endpoint): NonNullable<Subset['addresses']>[number] {
  return { ip: addresses[0] ?? '', ...(hostname === undefined ? {} : { hostname }), ...(nodeName === undefined ? {} : { nodeName }), ...(targetRef === undefined ? {} : { targetRef }) };
}

function isSame(present: Endpoints, wanted: Endpoints): boolean {
  const labels = wanted.metadata?.labels ?? {};
  const given = present.metadata?.labels ?? {};
  return textOf(present.subsets) === textOf(wanted.subsets) && Object.keys(given).length === Object.keys(labels).length && Object.entries(labels).every(([key, value]) => given[key] === value);
}

/** The same for the same subsets, in whatever order they are written. */
function textOf(subsets: Endpoints['subsets']): string {
  return JSON.stringify((subsets ?? []).map(({ addresses = [], notReadyAddresses = [], ports = [] }) => ({
    addresses: addresses.map(identity).toSorted(), notReadyAddresses: notReadyAddresses.map(identity).toSorted(),
    ports: ports.map(({ name = '', port, protocol = 'TCP', appProtocol = '' }) => `${name}/${port}/${protocol}/${appProtocol}`).toSorted(),
  })));
}

function identity({ ip, nodeName = '', targetRef }: NonNullable<Subset['addresses']>[number]): string {
  return `${ip}/${nodeName}/${targetRef?.uid ?? ''}`;
}
