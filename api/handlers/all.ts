import type { Call, Handler, Result } from '../request.ts';
import { failure } from '../../machinery/status.ts';
import type { Resource } from '../resources/define.ts';
import { getComponentStatus, listComponentStatuses } from './component-status.ts';
import { create } from './create.ts';
import { deleteObject } from './delete.ts';
import { deleteCollection } from './delete-collection.ts';
import { get } from './get.ts';
import { list } from './list.ts';
import { patch } from './patch.ts';
import type { Reader } from './reader.ts';
import { getNodeMetrics, getPodMetrics, listNodeMetrics, listPodMetrics, type MetricsDependencies } from './resource-metrics.ts';
import { approve } from './subresources/approval.ts';
import { bind, bindNamed } from './subresources/binding.ts';
import { attach, exec, portForward } from './subresources/connect.ts';
import { evict } from './subresources/eviction.ts';
import { finalize } from './subresources/finalize.ts';
import { log } from './subresources/log.ts';
import { podPart } from './subresources/pod-parts.ts';
import { proxyNode, proxyPod, proxyService } from './subresources/proxy.ts';
import { scale } from './subresources/scale.ts';
import { update } from './update.ts';
import { watch } from './watch.ts';
import { handlerKey, type Writer } from './writer.ts';

export interface HandlerDependencies extends Reader, Writer, MetricsDependencies {
  readonly nodes: Resource;
  readonly pods: Resource;
  /** POST on kinds that are answered and not stored, and on `serviceaccounts/token`: by `resource.group` and plural. */
  readonly special: ReadonlyMap<string, Handler>;
}

/** The code of every verb and subresource. */
export function createHandlers(deps: HandlerDependencies): (asked: Pick<Call, 'info' | 'resource'>) => Handler {
  const verbs = new Map<string, Handler>([
    ['get', (call) => get(deps, call)],
    ['list', (call) => list(deps, call)],
    ['watch', (call) => watch(deps, call)],
    ['create', (call) => create(deps, call)],
    ['update', (call) => update(deps, call)],
    ['patch', (call) => patch(deps, call)],
    ['delete', (call) => deleteObject(deps, call)],
    ['deletecollection', (call) => deleteCollection(deps, call)],
  ]);
  const own = subresourceHandlers(deps);
  return ({ resource, info }) => {
    const handler = handlerOf(resource, info);
    const { deprecation } = resource;
    if (deprecation === undefined) return handler;
    return (call) => {
      call.warn(deprecation);
      return handler(call);
    };
  };

  function handlerOf(resource: Resource, info: Call['info']): Handler {
    const { verb, subresource } = info;
    checkAddress(resource, info);
    const found = own.get(`${verb} ${handlerKey(resource, subresource)}`);
    if (found !== undefined) return found;
    if (subresource === '') {
      const special = deps.special.get(handlerKey(resource));
      if (special !== undefined && verb === 'create') return special;
      if (!(resource.verbs as readonly string[]).includes(verb)) throw notAllowed();
      return verbs.get(verb) ?? refuse;
    }
    if (subresource === 'status' && resource.status) return statusVerbs.has(verb) ? verbs.get(verb) ?? refuse : refuse;
    if (subresource === 'scale' && resource.scale !== undefined) return statusVerbs.has(verb) ? (call) => scale(deps, call) : refuse;
    if (resource.subresources.some(({ name }) => name === subresource)) throw notAllowed();
    throw failure('NotFound', 'the server could not find the requested resource');
  }
}

const collectionVerbs: ReadonlySet<string> = new Set(['list', 'watch', 'create', 'deletecollection']);

/** Is the URL one that the resource has? A name where one is needed, a namespace where one belongs. */
function checkAddress(resource: Resource, { verb, namespace, name, subresource }: Call['info']): void {
  const acrossNamespaces = verb === 'list' || verb === 'watch';
  const isSpecial = !resource.stored && namespace === '';
  if (resource.scope === 'Namespaced' && namespace === '' && !acrossNamespaces && !isSpecial) throw notAllowed();
  if (name === '' && (subresource !== '' || !collectionVerbs.has(verb))) throw notAllowed();
  if (name !== '' && subresource === '' && verb === 'create') throw notAllowed();
}

const statusVerbs: ReadonlySet<string> = new Set(['get', 'update', 'patch']);

function notAllowed() {
  return failure('MethodNotAllowed', 'the server does not allow this method on the requested resource');
}

function refuse(): Promise<Result> {
  return Promise.reject(notAllowed());
}

/** By GET (WebSocket) and by POST (SPDY). */
function both(name: string, handler: Handler): [string, Handler][] {
  return [[`get ${name}`, handler], [`create ${name}`, handler]];
}

/** By every method that HTTP has. */
function anyhow(name: string, handler: Handler): [string, Handler][] {
  return ['get', 'create', 'update', 'patch', 'delete', 'options'].map((verb) => [`${verb} ${name}`, handler]);
}

function subresourceHandlers(deps: HandlerDependencies): ReadonlyMap<string, Handler> {
  const { nodes, pods, special } = deps;
  const token = special.get('serviceaccounts./token');
  return new Map<string, Handler>([
    ['create bindings.', (call) => bindNamed(deps, pods, call)],
    ['get componentstatuses.', (call) => getComponentStatus(deps, call)],
    ['list componentstatuses.', (call) => listComponentStatuses(deps, call)],
    ['get nodes.metrics.k8s.io', (call) => getNodeMetrics(deps, call)],
    ['list nodes.metrics.k8s.io', (call) => listNodeMetrics(deps, call)],
    ['get pods.metrics.k8s.io', (call) => getPodMetrics(deps, call)],
    ['list pods.metrics.k8s.io', (call) => listPodMetrics(deps, call)],
    ['create pods./binding', (call) => bind(deps, call)],
    ['create pods./eviction', (call) => evict(deps, call)],
    ...['get', 'patch', 'update'].flatMap((verb) => ['ephemeralcontainers', 'resize'].map((part): [string, Handler] => [`${verb} pods./${part}`, (call) => podPart(deps, call)])),
    ['get pods./log', (call) => log(deps, nodes, call)],
    ...both('pods./exec', (call) => exec(deps, nodes, call)),
    ...both('pods./attach', (call) => attach(deps, nodes, call)),
    ...both('pods./portforward', (call) => portForward(deps, nodes, call)),
    ...anyhow('pods./proxy', (call) => proxyPod(deps, call)),
    ...anyhow('services./proxy', (call) => proxyService(deps, call)),
    ...anyhow('nodes./proxy', (call) => proxyNode(deps, nodes, call)),
    ['update namespaces./finalize', (call) => finalize(deps, call)],
    ...['get', 'update', 'patch'].map((verb): [string, Handler] =>
      [`${verb} certificatesigningrequests.certificates.k8s.io/approval`, verb === 'get' ? (call) => get(deps, call) : (call) => approve(deps, call)]),
    ...(token === undefined ? [] : [['create serviceaccounts./token', token] satisfies [string, Handler]]),
  ]);
}
