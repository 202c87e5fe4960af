import { LimitRange, PersistentVolumeClaim, Pod, type Container, type LimitRangeItem } from '../../machinery/kinds/core.ts';
import type { KubernetesObject } from '../../machinery/kinds/kind.ts';
import type { Draft } from '../../machinery/kinds/wire.ts';
import { podLimits, podRequests } from '../../machinery/pod/requests.ts';
import { formatOf, formatQuantity, parseQuantity, type Quantity } from '../../machinery/quantity.ts';
import { refused } from '../access/refused.ts';
import type { Caches } from '../store/cache.ts';
import { targetOf, type AdmissionPlugin } from './admission.ts';
import { limitFaults, type Amounts } from './limit-ranger/constraints.ts';

/** Bounds and defaults of what pods, containers and claims ask. Source: "Limit ranges"; wording: the LimitRanger plug-in of kube-apiserver. */

const annotation = 'kubernetes.io/limit-ranger';

export const limitRanger: AdmissionPlugin = {
  name: 'LimitRanger',
  handles({ operation, resource: { group, plural }, subresource }) {
    if (group !== '' || operation === 'DELETE') return false;
    // What a pod's containers ask changes in no other update of it.
    if (plural === Pod.plural) return operation === 'CREATE' ? subresource === '' : subresource === 'resize';
    return plural === PersistentVolumeClaim.plural && subresource === '';
  },
  mutate({ resource, namespace, caches }, draft) {
    if (resource.plural !== Pod.plural) return;
    for (const items of limitsOf(caches, namespace)) setDefaults(draft as Draft<Pod>, items);
  },
  validate(write, object) {
    if (object === undefined || object.metadata?.deletionTimestamp !== undefined) return;
    for (const items of limitsOf(write.caches, write.namespace)) {
      const faults = items.flatMap((item) => (write.resource.plural === Pod.plural ? podFaults(item, object as Pod) : claimFaults(item, object)));
      const [only] = faults;
      if (only !== undefined) throw refused(targetOf(write), faults.length === 1 ? only : `[${faults.join(', ')}]`);
    }
  },
};

function limitsOf(caches: Caches, namespace: string): readonly (readonly LimitRangeItem[])[] {
  return [...caches.of(LimitRange).list(namespace)].map(({ object }) => object.spec?.limits ?? []);
}

function setDefaults({ metadata, spec }: Draft<Pod>, items: readonly LimitRangeItem[]): void {
  const ofContainers = items.filter(({ type }) => type === 'Container');
  if (spec === undefined || ofContainers.length === 0) return;
  const limits = Object.assign({}, ...ofContainers.map((item) => item.default ?? {})) as Record<string, string>;
  const requests = Object.assign({}, ...ofContainers.map((item) => item.defaultRequest ?? {})) as Record<string, string>;
  const told = [
    ...spec.containers.flatMap((container) => fill(container, requests, limits, 'container')),
    ...(spec.initContainers ?? []).flatMap((container) => fill(container, requests, limits, 'init container')),
  ];
  if (told.length > 0 && metadata !== undefined) metadata.annotations = { ...metadata.annotations, [annotation]: `LimitRanger plugin set: ${told.join('; ')}` };
}

/** Sets what the container leaves open; says what that was. */
function fill(container: Draft<Container>, requests: Readonly<Record<string, string>>, limits: Readonly<Record<string, string>>, what: string): string[] {
  const told: string[] = [];
  const resources = { ...container.resources };
  for (const [side, defaults, word] of [['requests', requests, 'request'], ['limits', limits, 'limit']] as const) {
    const missing = Object.keys(defaults).filter((name) => resources[side]?.[name] === undefined).toSorted();
    if (missing.length === 0) continue;
    resources[side] = { ...defaults, ...resources[side] };
    told.push(`${missing.join(', ')} ${word} for ${what} ${container.name}`);
  }
  if (told.length > 0) container.resources = resources;
  return told;
}

function podFaults(item: LimitRangeItem, { spec }: Pod): string[] {
  if (spec === undefined) return [];
  switch (item.type) {
    case 'Container': return [...spec.containers, ...(spec.initContainers ?? [])].flatMap(({ resources }) => limitFaults(item, amounts(resources?.requests), amounts(resources?.limits)));
    case 'Pod': return limitFaults(item, shown(podRequests(spec)), shown(podLimits(spec)));
    default: return [];
  }
}

function claimFaults(item: LimitRangeItem, object: KubernetesObject): string[] {
  if (item.type !== 'PersistentVolumeClaim') return [];
  const { spec } = object as PersistentVolumeClaim;
  return limitFaults({ ...item, maxLimitRequestRatio: {} }, amounts(spec?.resources?.requests), undefined);
}

function amounts(texts: Readonly<Record<string, string>> | undefined): Amounts {
  return new Map(Object.entries(texts ?? {}).flatMap(([name, text]) => {
    const quantity = parseQuantity(text);
    return quantity === undefined ? [] : [[name, { quantity, text: formatQuantity(quantity, formatOf(text)) }] as const];
  }));
}

function shown(sums: ReadonlyMap<string, Quantity>): Amounts {
  return new Map([...sums].map(([name, quantity]) => [name, { quantity, text: formatQuantity(quantity, name === 'cpu' ? 'DecimalSI' : 'BinarySI') }]));
}
