import type { Container, Pod } from '../../machinery/kinds/core.ts';
import { heldSpec, podRequests } from '../../machinery/pod/requests.ts';
import { hostPortsOf, type HostPort } from './host-ports.ts';
import { amountOf, pods, type Amounts, type Resources } from './resources.ts';

/** What a pod takes of its node. */
export interface Demand extends Amounts {
  readonly ports: readonly HostPort[];
}

export interface Demands {
  of(pod: Pod): Demand;
}

/** What a container without requests is taken to need, for scores only, so that such pods don't seem to be free. Source: kube-scheduler, non-zero requests. */
const estimatedCpu = '100m';
const estimatedMemory = String(200 * 1024 * 1024);
const mostRemembered = 4096;

/** Reads pods' demands; pods of one template share theirs. */
export function createDemands(resources: Resources): Demands {
  const known = new Map<string, Demand>();
  return {
    of(pod) {
      const text = demandText(pod);
      const found = known.get(text);
      if (found !== undefined) return found;
      const demand = readDemand(pod, resources);
      // The oldest goes; who uses it keeps it, and it is read again when needed.
      if (known.size >= mostRemembered) for (const oldest of known.keys()) {
        known.delete(oldest);
        break;
      }
      known.set(text, demand);
      return demand;
    },
  };
}

/** All of a pod that its demand depends on. */
export function demandText(pod: Pod): string {
  const spec = heldSpec(pod);
  return JSON.stringify([spec.containers.map(partsOf), spec.initContainers?.map(partsOf), spec.overhead, spec.resources?.requests]);
}

function partsOf({ resources, ports, restartPolicy }: Container): readonly unknown[] {
  return [resources?.requests, ports?.filter(({ hostPort }) => hostPort !== undefined), restartPolicy];
}

function readDemand(pod: Pod, resources: Resources): Demand {
  const spec = heldSpec(pod);
  const requests = [...podRequests(spec)].map(([name, quantity]) => ({ id: resources.idOf(name), amount: amountOf(name, quantity) }));
  const wanted = [{ id: pods, amount: 1 }, ...requests.filter(({ id, amount }) => amount > 0 && id !== pods)].toSorted((a, b) => a.id - b.id);
  const estimate = podRequests({ ...spec, containers: spec.containers.map(estimated), ...(spec.initContainers && { initContainers: spec.initContainers.map(estimated) }) });
  const estimateOf = (name: string): number => {
    const quantity = estimate.get(name);
    return quantity === undefined ? 0 : amountOf(name, quantity);
  };
  return {
    ids: wanted.map(({ id }) => id), amounts: wanted.map(({ amount }) => amount),
    estimatedCpu: estimateOf('cpu'), estimatedMemory: estimateOf('memory'), ports: hostPortsOf(pod),
  };
}

function estimated(container: Container): Container {
  const requests = { cpu: estimatedCpu, memory: estimatedMemory, ...container.resources?.requests };
  return { ...container, resources: { ...container.resources, requests } };
}
