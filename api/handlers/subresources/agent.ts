import { Node, Pod } from '../../../machinery/kinds/core.ts';
import { failure } from '../../../machinery/status.ts';
import type { AgentResult, Call } from '../../request.ts';
import type { Resource } from '../../resources/define.ts';
import { freshEnough, type Reader } from '../reader.ts';
import { existing, type Writer } from '../writer.ts';

/** What leads to a node's agent: the pod's containers, and where the agent listens. Source: the kubelet's own paths. */

/** The pod of a call, newest state. Throws 404. */
export async function podOf(deps: Reader & Writer, call: Call): Promise<Pod> {
  await freshEnough(deps, undefined, call.signal);
  return existing(deps, call.resource, call.info.namespace, call.info.name).object as Pod;
}

/** The node that a pod runs on. Throws 400 when it has none yet. */
export function nodeOf({ metadata, spec }: Pod): string {
  const node = spec?.nodeName ?? '';
  if (node === '') throw failure('BadRequest', `pod ${metadata?.name ?? ''} does not have a host assigned`);
  return node;
}

/** The container that a call means: the one it names, else the default or only one. Throws 400 in kubelet's words. */
export function containerOf(pod: Pod, asked: string | undefined): string {
  const name = pod.metadata?.name ?? '';
  const { containers = [], initContainers = [], ephemeralContainers = [] } = pod.spec ?? {};
  if (asked !== undefined && asked !== '') {
    if ([...containers, ...initContainers, ...ephemeralContainers].some((one) => one.name === asked)) return asked;
    throw failure('BadRequest', `container ${asked} is not valid for pod ${name}`);
  }
  const [only] = containers;
  if (only !== undefined && containers.length === 1) return only.name;
  const choice = `a container name must be specified for pod ${name}, choose one of: [${nameList(containers)}]`;
  throw failure('BadRequest', initContainers.length === 0 ? choice : `${choice} or one of the init containers: [${nameList(initContainers)}]`);
}

function nameList(list: readonly { readonly name: string }[]): string {
  return list.map((one) => one.name).join(' ');
}

/** Where the agent of `node` answers `path` with `query`. Throws 503 when the node is gone or tells no address. */
export function agentOf(deps: Pick<Writer, 'caches'>, nodes: Resource, node: string, path: string, query: URLSearchParams): AgentResult {
  const object = deps.caches.of(nodes).get(undefined, node)?.object as Node | undefined;
  const addresses = object?.status?.addresses ?? [];
  const host = ['InternalIP', 'Hostname', 'ExternalIP'].map((type) => addresses.find((one) => one.type === type)?.address).find((one) => one !== undefined);
  const port = object?.status?.daemonEndpoints?.kubeletEndpoint?.Port;
  if (host === undefined || port === undefined) throw failure('ServiceUnavailable', `no preferred addresses found for node ${JSON.stringify(node)}; known addresses: []`);
  return { type: 'agent', host, port, path: query.size === 0 ? path : `${path}?${query.toString()}` };
}

/** The parameters of `search` that are in `names`, repeated ones included, renamed as the agent calls them. */
export function pick(search: string, names: Readonly<Record<string, string>>): URLSearchParams {
  const from = new URLSearchParams(search);
  const to = new URLSearchParams();
  for (const [name, value] of from) if (Object.hasOwn(names, name)) to.append(names[name] ?? name, value);
  return to;
}
