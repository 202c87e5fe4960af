import type { Container, Pod } from '../../machinery/kinds/core.ts';
import { qosClass } from '../../machinery/pod/qos.ts';
import { isSidecar, podRequests } from '../../machinery/pod/requests.ts';
import { add, compare, parseQuantity, toMillis, toUnits, zero, type Quantity } from '../../machinery/quantity.ts';
import { isRunning, recordOf, type Grants, type PodState, type ResizeRefusal } from './state.ts';

/**
 * In-place resizes: what a pod's containers are granted of what they ask, and whether what runs has it already. Pure.
 * Source: "Resize CPU and memory resources assigned to containers"; KEP-1287. Wording: the kubelet's.
 */

type Resources = Container['resources'];

const resizable = ['cpu', 'memory'] as const;

/** Containers whose resources may change while the pod is there. */
function resizableOf({ spec }: Pod): readonly Container[] {
  return [...(spec?.initContainers ?? []).filter(isSidecar), ...(spec?.containers ?? [])];
}

/** What a pod's spec asks. */
export function asked(pod: Pod): Grants {
  return Object.fromEntries(resizableOf(pod).map(({ name, resources }) => [name, resources]));
}

export function generationOf({ metadata }: Pod): number {
  return metadata?.generation ?? 1;
}

/** The pod with what it is granted in place of what it asks. */
export function granted(pod: Pod, grants: Grants | undefined): Pod {
  const { spec } = pod;
  if (spec === undefined || grants === undefined || isGranted(pod, grants)) return pod;
  const withGrant = (container: Container): Container => (Object.hasOwn(grants, container.name) ? { ...container, resources: grants[container.name] ?? {} } : container);
  return { ...pod, spec: { ...spec, containers: spec.containers.map(withGrant), ...(spec.initContainers === undefined ? {} : { initContainers: spec.initContainers.map(withGrant) }) } };
}

/** Does the pod ask for just what it is granted? */
export function isGranted(pod: Pod, grants: Grants): boolean {
  return resizableOf(pod).every(({ name, resources }) => !Object.hasOwn(grants, name) || isSame(resources, grants[name]));
}

/** Equal amounts, however they are written. */
export function isSame(one: Resources, other: Resources): boolean {
  return changedBetween(one, other).length === 0;
}

function changedBetween(one: Resources, other: Resources): readonly (typeof resizable)[number][] {
  return resizable.filter((name) => (['requests', 'limits'] as const).some((side) => !isEqual(one?.[side]?.[name], other?.[side]?.[name])));
}

function isEqual(one: string | undefined, other: string | undefined): boolean {
  const [left, right] = [parseQuantity(one ?? ''), parseQuantity(other ?? '')];
  return left === undefined || right === undefined ? left === right : compare(left, right) === 0;
}

/** A running container that has something else than it is granted. */
export interface Unequal {
  readonly container: Container;
  /** `resizePolicy` asks for a new start when what changes does. */
  readonly restarts: boolean;
  /** It is being ended already. */
  readonly isStopping: boolean;
}

export function unequal(pod: Pod, state: PodState): readonly Unequal[] {
  const grants = state.grants ?? {};
  return resizableOf(pod).flatMap((container) => {
    const record = recordOf(state, container.name);
    if (!isRunning(record) || !Object.hasOwn(grants, container.name)) return [];
    // What it was started with, or resized to since; records of earlier versions don't say.
    const changed = record.current?.resources === undefined ? [] : changedBetween(record.current.resources, grants[container.name]);
    if (changed.length === 0) return [];
    const restarts = changed.some((name) => container.resizePolicy?.some((each) => each.resourceName === name && each.restartPolicy === 'RestartContainer'));
    return [{ container, restarts, isStopping: record.stopping !== undefined }];
  });
}

/** What processors a container has to itself is settled when its pod is let in. `before`: as it is granted. The kubelet's rule and words, for any Guaranteed pod. */
export function judgeCpus(pod: Pod, before: Pod): ResizeRefusal | undefined {
  if (qosClass(pod.spec ?? { containers: [] }) !== 'Guaranteed') return undefined;
  const now = asked(pod);
  if (resizableOf(before).every(({ name, resources }) => !changedBetween(resources, now[name]).includes('cpu'))) return undefined;
  return { reason: 'Infeasible', message: 'Resize is infeasible for Guaranteed Pods alongside CPU Manager policy "static"' };
}

/** Whether what the pod asks can be had on this node. `others`: as they are granted. `allocatable`: the node's, as quantities. */
export function judge(pod: Pod, others: readonly Pod[], allocatable: Readonly<Record<string, string>>): ResizeRefusal | undefined {
  const requests = podRequests(pod.spec ?? { containers: [] });
  for (const name of resizable) {
    const [capacity, request] = [parseQuantity(allocatable[name] ?? ''), requests.get(name)];
    if (capacity === undefined || request === undefined || compare(request, capacity) <= 0) continue;
    return { reason: 'Infeasible', message: `Node didn't have enough capacity: ${name}, requested: ${amount(name, request)}, capacity: ${amount(name, capacity)}` };
  }
  for (const name of resizable) {
    const [capacity, request] = [parseQuantity(allocatable[name] ?? ''), requests.get(name)];
    if (capacity === undefined || request === undefined) continue;
    const used = others.map(({ spec }) => podRequests(spec ?? { containers: [] }).get(name)).reduce<Quantity>((sum, each) => (each === undefined ? sum : add(sum, each)), zero);
    if (compare(add(used, request), capacity) <= 0) continue;
    return { reason: 'Deferred', message: `Node didn't have enough resource: ${name}, requested: ${amount(name, request)}, used: ${amount(name, used)}, capacity: ${amount(name, capacity)}` };
  }
  return undefined;
}

/** Thousandths of a core, and bytes. */
function amount(name: (typeof resizable)[number], quantity: Quantity): number {
  return name === 'cpu' ? toMillis(quantity) : toUnits(quantity);
}
