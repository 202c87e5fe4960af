import { Pod, Service } from '../../machinery/kinds/core.ts';
import { EndpointSlice } from '../../machinery/kinds/discovery.ts';
import type { Caches } from '../store/cache.ts';

/** Where to connect to. */
export interface Place {
  readonly host: string;
  readonly port: number;
}

/**
 * Where the pods behind a Service answer: the API server resolves Services itself, it may run where no service proxy does. One of the
 * ready endpoints at random, else (before there are any slices) a ready pod of the selector. Throws an Error that says why nowhere.
 */
export function locateService(caches: Caches, random: () => number, { namespace, name, port = 443 }: { readonly namespace: string; readonly name: string; readonly port?: number }): Place {
  const service = caches.of(Service).get(namespace, name)?.object;
  if (service === undefined) throw new Error(`service ${JSON.stringify(name)} not found`);
  if (service.spec?.type === 'ExternalName') return { host: service.spec.externalName ?? '', port };
  const servicePort = service.spec?.ports?.find((one) => one.port === port);
  if (servicePort === undefined) throw new Error(`no service port ${port} found for service ${JSON.stringify(name)}`);
  const places = [...fromSlices(caches, namespace, name, servicePort.name ?? '')];
  const found = places.length > 0 ? places : [...fromPods(caches, service, namespace, servicePort.targetPort ?? port)];
  const chosen = found[Math.floor(random() * found.length)];
  if (chosen === undefined) throw new Error(`no endpoints available for service ${JSON.stringify(name)}`);
  return chosen;
}

function* fromSlices(caches: Caches, namespace: string, name: string, portName: string): Generator<Place> {
  for (const { labels, object } of caches.of(EndpointSlice).list(namespace)) {
    if (labels['kubernetes.io/service-name'] !== name) continue;
    const port = object.ports?.find((one) => (one.name ?? '') === portName)?.port;
    if (port === undefined) continue;
    for (const { addresses, conditions } of object.endpoints ?? []) {
      const [host] = addresses;
      if (host !== undefined && conditions?.ready !== false) yield { host, port };
    }
  }
}

function* fromPods(caches: Caches, { spec }: Service, namespace: string, target: number | string): Generator<Place> {
  const selector = Object.entries(spec?.selector ?? {});
  if (selector.length === 0) return;
  for (const { labels, object } of caches.of(Pod).list(namespace)) {
    if (!selector.every(([key, value]) => labels[key] === value)) continue;
    const host = object.status?.podIP;
    const isReady = object.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') === true;
    const port = typeof target === 'number' ? target : object.spec?.containers.flatMap(({ ports = [] }) => ports).find((one) => one.name === target)?.containerPort;
    if (host !== undefined && host !== '' && isReady && port !== undefined) yield { host, port };
  }
}
