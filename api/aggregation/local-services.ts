import { isDeepStrictEqual } from 'node:util';
import { timestamp } from '../../machinery/conditions.ts';
import { APIService } from '../../machinery/kinds/api-registration.ts';
import { apiVersionOf } from '../../machinery/kinds/kind.ts';
import { NodeMetrics } from '../../machinery/kinds/resource-metrics.ts';
import type { Resource } from '../resources/define.ts';

/** The APIServices of what this server serves itself: pure. Source: "Kubernetes API aggregation layer"; kube-aggregator's priorities. */

/** Who keeps an APIService: `onstart` those of built-in groups, `true` those of custom resources. */
export const automanaged = 'kube-aggregator.kubernetes.io/automanaged';

interface Priority {
  readonly group: number;
  readonly version: number;
}

/** Of a group, and of its versions where they differ from the usual one. Source: kube-apiserver, as a cluster of 1.36 shows them. */
const groupPriorities: Readonly<Record<string, number>> = {
  '': 18_000, apps: 17_800, 'events.k8s.io': 17_750, 'authentication.k8s.io': 17_700, 'authorization.k8s.io': 17_600, autoscaling: 17_500, batch: 17_400,
  'certificates.k8s.io': 17_300, 'networking.k8s.io': 17_200, policy: 17_100, 'rbac.authorization.k8s.io': 17_000, 'storage.k8s.io': 16_800,
  'apiextensions.k8s.io': 16_700, 'admissionregistration.k8s.io': 16_700, 'scheduling.k8s.io': 16_600, 'coordination.k8s.io': 16_500, 'node.k8s.io': 16_300,
  'discovery.k8s.io': 16_200, 'resource.k8s.io': 16_200, 'flowcontrol.apiserver.k8s.io': 16_100,
};
const versionPriorities: Readonly<Record<string, number>> = { '/v1': 1, 'autoscaling/v2': 30, 'flowcontrol.apiserver.k8s.io/v1': 21 };
const usualVersionPriority = 15;
const customPriority: Priority = { group: 1000, version: 100 };

export interface LocalService {
  readonly name: string;
  readonly group: string;
  readonly version: string;
  readonly isBuiltin: boolean;
}

/** `v1.apps`; the core group's is `v1.`. */
export function serviceName(group: string, version: string): string {
  return `${version}.${group}`;
}

/**
 * Groups without: that of APIServices itself, and the metrics API. Who installs a metrics server brings the APIService by which
 * it takes that over; one that was there already would be in its way.
 */
const unannounced: ReadonlySet<string> = new Set([APIService.group, NodeMetrics.group]);

/** One for each group and version that is served, but for the unannounced. */
export function localServices(resources: readonly Resource[], builtin: ReadonlySet<Resource>): readonly LocalService[] {
  const found = new Map<string, LocalService>();
  for (const resource of resources) {
    const { group, version } = resource;
    const name = serviceName(group, version);
    if (!unannounced.has(group) && !found.has(name)) found.set(name, { name, group, version, isBuiltin: builtin.has(resource) });
  }
  return [...found.values()];
}

function priorityOf({ group, version, isBuiltin }: LocalService): Priority {
  if (!isBuiltin) return customPriority;
  return { group: groupPriorities[group] ?? customPriority.group, version: versionPriorities[`${group}/${version}`] ?? usualVersionPriority };
}

/** The object as it is to be; `present` is what there is. Undefined: it is well as it is, or somebody else's. */
export function wantedService(local: LocalService, present: APIService | undefined, now: number): APIService | undefined {
  const { name, group, version, isBuiltin } = local;
  const priority = priorityOf(local);
  const label = isBuiltin ? 'onstart' : 'true';
  if (present !== undefined && present.metadata?.labels?.[automanaged] === undefined) return undefined;
  const spec = { ...(group === '' ? {} : { group }), version, groupPriorityMinimum: priority.group, versionPriority: priority.version };
  const isWell = present !== undefined && isDeepStrictEqual(present.spec, spec) && present.status?.conditions?.some(({ type, status }) => type === 'Available' && status === 'True') === true;
  if (isWell) return undefined;
  return {
    kind: APIService.kind, apiVersion: apiVersionOf(APIService),
    metadata: { ...present?.metadata, name, labels: { ...present?.metadata?.labels, [automanaged]: label } },
    spec,
    status: { conditions: [{ type: 'Available', status: 'True', lastTransitionTime: timestamp(now), reason: 'Local', message: 'Local APIServices are always available' }] },
  };
}

/** Was it made for a custom resource that is no longer served? */
export function isStale(service: APIService, served: ReadonlySet<string>): boolean {
  return service.metadata?.labels?.[automanaged] === 'true' && service.spec?.service === undefined && !served.has(service.metadata.name ?? '');
}
