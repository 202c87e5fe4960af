import { setCondition, timestamp } from '../../machinery/conditions.ts';
import type { APIService } from '../../machinery/kinds/api-registration.ts';
import { EndpointSlice } from '../../machinery/kinds/discovery.ts';
import { Service } from '../../machinery/kinds/core.ts';
import { messageOf } from '../../machinery/thrown.ts';
import type { Caches } from '../store/cache.ts';
import { locateService, type Place } from '../webhooks/service-address.ts';
import type { ServiceReference } from './extension.ts';

/** Does an extension server answer? Source: kube-aggregator's availability conditions. */

export type Condition = NonNullable<NonNullable<APIService['status']>['conditions']>[number];

export interface Verdict {
  readonly status: 'True' | 'False';
  readonly reason: string;
  readonly message: string;
}

export const passed: Verdict = { status: 'True', reason: 'Passed', message: 'all checks passed' };

const no = (reason: string, message: string): Verdict => ({ status: 'False', reason, message });

/** Where the server is, or what is missing on the way to it. */
export function locate(caches: Caches, random: () => number, { name = '', namespace = '', port = 443 }: ServiceReference): { readonly place: Place } | { readonly verdict: Verdict } {
  const service = caches.of(Service).get(namespace, name)?.object;
  const where = `service/${name} in ${JSON.stringify(namespace)}`;
  if (service === undefined) return { verdict: no('ServiceNotFound', `${where} is not present`) };
  if (service.spec?.type === 'ExternalName') return { place: { host: service.spec.externalName ?? '', port } };
  const wanted = service.spec?.ports?.find((one) => one.port === port);
  if (wanted === undefined) return { verdict: no('ServicePortError', `${where} is not listening on port ${port}`) };
  try {
    return { place: locateService(caches, random, { namespace, name, port }) };
  } catch (error) {
    const hasSlices = caches.of(EndpointSlice).list(namespace)[Symbol.iterator]().next().done !== true;
    if (!hasSlices) return { verdict: no('EndpointsNotFound', `cannot find endpointslices for ${where}: ${messageOf(error)}`) };
    return { verdict: no('MissingEndpoints', `endpointslices for ${where} have no addresses with port name ${JSON.stringify(wanted.name ?? '')}`) };
  }
}

export function badDiscovery(url: string, why: string): Verdict {
  return no('FailedDiscoveryCheck', `failing or missing response from ${url}: ${why}`);
}

/** The conditions with the verdict; the same list when it says nothing new. */
export function withVerdict(conditions: readonly Condition[] | undefined, verdict: Verdict, now: number): readonly Condition[] {
  const known = conditions?.find(({ type }) => type === 'Available');
  if (conditions !== undefined && known?.status === verdict.status && known.reason === verdict.reason && known.message === verdict.message) return conditions;
  return setCondition(conditions, { type: 'Available', lastTransitionTime: timestamp(now), ...verdict }, now);
}
