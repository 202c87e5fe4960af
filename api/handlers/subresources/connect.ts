import { failure } from '../../../machinery/status.ts';
import type { AgentResult, Call } from '../../request.ts';
import type { Resource } from '../../resources/define.ts';
import { admitConnection } from '../admitted.ts';
import type { Reader } from '../reader.ts';
import type { Writer } from '../writer.ts';
import { agentOf, containerOf, nodeOf, pick, podOf } from './agent.ts';

const streams = { stdin: 'input', stdout: 'output', stderr: 'error', tty: 'tty' };

/** GET and POST `pods/exec`: an upgraded connection that the node's agent speaks. */
export async function exec(deps: Reader & Writer, nodes: Resource, call: Call): Promise<AgentResult> {
  if (!new URLSearchParams(call.search).has('command')) throw failure('BadRequest', 'you must specify at least one command for the container');
  return toContainer(deps, nodes, call, 'exec', { ...streams, command: 'command' });
}

/** GET and POST `pods/attach`. */
export function attach(deps: Reader & Writer, nodes: Resource, call: Call): Promise<AgentResult> {
  return toContainer(deps, nodes, call, 'attach', streams);
}

async function toContainer(deps: Reader & Writer, nodes: Resource, call: Call, what: string, parameters: Readonly<Record<string, string>>) {
  const pod = await podOf(deps, call);
  if (pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed') {
    throw failure('BadRequest', `cannot ${what} into a container in a completed pod; current phase is ${pod.status.phase}`);
  }
  const container = containerOf(pod, call.query['container']);
  await admitConnection(deps, call, { container, ...streamsOf(call), ...(what === 'exec' ? { command: new URLSearchParams(call.search).getAll('command') } : {}) });
  const query = pick(call.search, parameters);
  for (const name of ['input', 'output', 'error', 'tty']) if (query.get(name) === 'true') query.set(name, '1');
  return agentOf(deps, nodes, nodeOf(pod), `/${what}/${call.info.namespace}/${call.info.name}/${container}`, query);
}

/** GET and POST `pods/portforward`. */
export async function portForward(deps: Reader & Writer, nodes: Resource, call: Call): Promise<AgentResult> {
  const pod = await podOf(deps, call);
  const ports = new URLSearchParams(call.search).getAll('ports').flatMap((text) => text.split(',')).map(Number).filter(Number.isSafeInteger);
  await admitConnection(deps, call, ports.length === 0 ? {} : { ports });
  return agentOf(deps, nodes, nodeOf(pod), `/portForward/${call.info.namespace}/${call.info.name}`, pick(call.search, { ports: 'port' }));
}

function streamsOf({ query }: Call): object {
  return Object.fromEntries(Object.keys(streams).flatMap((name) => (query[name] === 'true' || query[name] === '1' ? [[name, true]] : [])));
}
