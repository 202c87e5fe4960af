import { Node, Pod } from '../../machinery/kinds/core.ts';
import type { Kind, KubernetesObject } from '../../machinery/kinds/kind.ts';
import { failure, type ApiError } from '../../machinery/status.ts';
import type { Call, ListResult, Result } from '../request.ts';
import type { NodeUsages } from '../resource-metrics/ask-nodes.ts';
import { nodeMetricsOf, podMetricsOf } from '../resource-metrics/objects.ts';
import { node } from '../resources/core/node.ts';
import { pod } from '../resources/core/pod.ts';
import type { Entry } from '../store/cache.ts';
import { createEntry, entryShape } from '../store/entry.ts';
import { freshEnough } from './reader.ts';
import { selectionOf } from './selection.ts';
import { notFound, type Writer } from './writer.ts';

/** `metrics.k8s.io`: what nodes and pods use, asked of the agents at that moment. Wording and what is left out: metrics-server. */

export interface MetricsDependencies extends Writer {
  readonly usages: NodeUsages;
}

export async function getNodeMetrics(deps: MetricsDependencies, call: Call): Promise<Result> {
  await freshEnough(deps, undefined, call.signal);
  const entry = deps.caches.of(Node).get(undefined, call.info.name);
  if (entry === undefined) throw notFound(node, call.info.name);
  const [found] = await nodeEntries(deps, call, [entry]);
  if (found === undefined) throw unknown('nodemetrics', call.info.name);
  return { type: 'entry', code: 200, resource: call.resource, entry: found };
}

export async function listNodeMetrics(deps: MetricsDependencies, call: Call): Promise<ListResult> {
  const entries = await nodeEntries(deps, call, await chosen(deps, call, Node));
  return { type: 'list', resource: call.resource, entries, revision: deps.caches.revision };
}

export async function getPodMetrics(deps: MetricsDependencies, call: Call): Promise<Result> {
  const { namespace, name } = call.info;
  await freshEnough(deps, undefined, call.signal);
  const entry = deps.caches.of(Pod).get(namespace, name);
  if (entry === undefined) throw notFound(pod, name);
  const [found] = await podEntries(deps, call, [entry]);
  if (found === undefined) throw unknown('podmetrics', `${namespace}/${name}`);
  return { type: 'entry', code: 200, resource: call.resource, entry: found };
}

export async function listPodMetrics(deps: MetricsDependencies, call: Call): Promise<ListResult> {
  const entries = await podEntries(deps, call, await chosen(deps, call, Pod));
  return { type: 'list', resource: call.resource, entries, revision: deps.caches.revision };
}

/** There is such an object, but nothing is known of what it uses. */
function unknown(plural: string, name: string): ApiError {
  return failure('NotFound', `${plural}.metrics.k8s.io ${JSON.stringify(name)} not found`, { name, group: 'metrics.k8s.io', kind: plural });
}

/** The nodes or pods that the call's namespace and selectors choose. */
async function chosen<T extends KubernetesObject>(deps: MetricsDependencies, call: Call, kind: Kind<T>): Promise<readonly Entry<T>[]> {
  const { namespace, matches } = selectionOf(call);
  await freshEnough(deps, undefined, call.signal);
  const all = [...deps.caches.of(kind).list(namespace)];
  return matches === undefined ? all : all.filter(matches);
}

async function nodeEntries(deps: MetricsDependencies, call: Call, nodes: readonly Entry<Node>[]): Promise<readonly Entry[]> {
  const usages = await deps.usages.of(nodes.map(({ name }) => name), call.signal);
  return nodes.flatMap((entry) => {
    const measure = usages.get(entry.name)?.node;
    return measure === undefined ? [] : [entryOf(deps, call, entry.name, nodeMetricsOf(entry, measure, deps.now()))];
  });
}

async function podEntries(deps: MetricsDependencies, call: Call, pods: readonly Entry<Pod>[]): Promise<readonly Entry[]> {
  const running = pods.filter(({ object }) => object.status?.phase === 'Running');
  const usages = await deps.usages.of(running.map(({ object }) => object.spec?.nodeName ?? ''), call.signal);
  return running.flatMap((entry) => {
    const usage = usages.get(entry.object.spec?.nodeName ?? '')?.pods.get(`${entry.namespace}/${entry.name}`);
    return usage?.uid === entry.uid ? [entryOf(deps, call, `${entry.namespace}/${entry.name}`, podMetricsOf(entry, usage, deps.now()))] : [];
  });
}

/** It is made for one answer. */
function entryOf({ codec }: Writer, { resource }: Call, key: string, object: KubernetesObject): Entry {
  const shape = entryShape(resource, { freeze: false, onParsed: () => undefined, encode: codec.encode.bind(codec), encodeProtobuf });
  return createEntry(shape, shape.prefix + key, codec.encode(resource, object), 0);
}

function encodeProtobuf(): never {
  throw failure('NotAcceptable', 'only the following media types are accepted: application/json, application/yaml');
}
