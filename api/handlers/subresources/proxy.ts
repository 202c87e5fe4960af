import { BlockList, isIP } from 'node:net';
import { Pod, Service } from '../../../machinery/kinds/core.ts';
import { failure, type ApiError } from '../../../machinery/status.ts';
import { messageOf } from '../../../machinery/thrown.ts';
import type { Call, ProxyResult, ProxyTarget } from '../../request.ts';
import type { Resource } from '../../resources/define.ts';
import { locateService } from '../../webhooks/service-address.ts';
import { admitConnection } from '../admitted.ts';
import { freshEnough, type Reader } from '../reader.ts';
import { existing, type Writer } from '../writer.ts';
import { agentOf } from './agent.ts';

/**
 * `proxy` of pods, services and nodes: whatever is asked below it, by any method, is asked of what runs there. Source: "Manually
 * constructing apiserver proxy URLs"; wording: Kubernetes' REST storage of the three.
 */

interface Named {
  readonly scheme: string;
  readonly name: string;
  /** Number or name; '' is the only or first one. */
  readonly port: string;
}

/** `name`, `name:port` or `scheme:name:port`. Undefined: none of them. */
export function parseNamed(text: string): Named | undefined {
  const parts = text.split(':');
  const [scheme = '', name = '', port = ''] = parts.length === 3 ? parts : ['', ...parts];
  const isKnown = scheme === '' || scheme === 'http' || scheme === 'https';
  return parts.length > 3 || name === '' || !isKnown ? undefined : { scheme, name, port };
}

/** What is asked below `…/proxy`, with the query, and what stands before it. */
export function below(path: string, search: string): { readonly path: string; readonly prefix: string } {
  const [, prefix = '', rest = ''] = /^(\/api\/v1\/(?:namespaces\/[^/]+\/)?(?:pods|services|nodes)\/[^/]+\/proxy)(.*)$/.exec(path) ?? [];
  return { prefix, path: search === '' ? rest : `${rest}?${search}` };
}

function asked(call: Call, kind: string): Named {
  const named = parseNamed(call.info.name);
  if (named === undefined) throw failure('BadRequest', `invalid ${kind} request ${JSON.stringify(call.info.name)}`);
  return named;
}

/** Before it is looked for where it leads. */
async function admitted(deps: Reader & Writer, call: Call): Promise<void> {
  await admitConnection(deps, call, { path: below(call.info.path, '').path.replace(/^\//, '') });
  await freshEnough(deps, undefined, call.signal);
}

/** Whoever it is: what runs there has a certificate of its own, or none. */
const anyone: NonNullable<ProxyTarget['tls']> = { isVerified: false, isNameChecked: false };

function target(call: Call, scheme: string, host: string, port: number): ProxyResult {
  return { type: 'proxy', target: { host, port, ...below(call.info.path, call.search), ...(scheme === 'https' ? { tls: anyone } : {}) } };
}

const usualPort = (scheme: string): number => (scheme === 'https' ? 443 : 80);

export async function proxyPod(deps: Reader & Writer, call: Call): Promise<ProxyResult> {
  const { scheme, name, port } = asked(call, 'pod');
  await admitted(deps, call);
  const pod: Pod = existing(deps, call.resource, call.info.namespace, name).object;
  const first = pod.spec?.containers.flatMap(({ ports = [] }) => ports)[0]?.containerPort;
  const host = proxyable(pod.status?.podIP ?? '');
  return target(call, scheme, host, port === '' ? (first ?? usualPort(scheme)) : portNumber(port, () => failure('BadRequest', `invalid pod request ${JSON.stringify(call.info.name)}`)));
}

export async function proxyService(deps: Reader & Writer & { readonly random: () => number }, call: Call): Promise<ProxyResult> {
  const { scheme, name, port } = asked(call, 'service');
  await admitted(deps, call);
  const service: Service = existing(deps, call.resource, call.info.namespace, name).object;
  const ports = service.spec?.ports ?? [];
  const found = port === '' ? (ports.length === 1 ? ports[0] : ports.find((one) => (one.name ?? '') === '')) : ports.find((one) => one.name === port || String(one.port) === port);
  if (found === undefined) throw failure('ServiceUnavailable', `no service port ${JSON.stringify(port)} found for service ${JSON.stringify(name)}`);
  try {
    const place = locateService(deps.caches, deps.random, { namespace: call.info.namespace, name, port: found.port });
    return target(call, scheme, proxyable(place.host), place.port);
  } catch (error) {
    throw error instanceof Error && 'status' in error ? error : failure('ServiceUnavailable', messageOf(error), undefined, { cause: error });
  }
}

/** What is asked of no port, or of the agent's, is asked of the node's agent, as this server. */
export async function proxyNode(deps: Reader & Writer, nodes: Resource, call: Call): Promise<ProxyResult> {
  const { scheme, name, port } = asked(call, 'node');
  await admitted(deps, call);
  existing(deps, call.resource, '', name);
  const agent = agentOf(deps, nodes, name, '', new URLSearchParams());
  if (port === '' || port === String(agent.port)) return { type: 'proxy', target: { host: agent.host, port: agent.port, ...below(call.info.path, call.search), tls: 'agent' } };
  return target(call, scheme, proxyable(agent.host), portNumber(port, () => failure('BadRequest', `invalid node request ${JSON.stringify(call.info.name)}`)));
}

function portNumber(text: string, wrong: () => ApiError): number {
  const number = Number(text);
  if (!/^\d{1,5}$/.test(text) || number < 1 || number > 65_535) throw wrong();
  return number;
}

/** Addresses that mean this machine, or whoever is nearest: nobody is led to them. */
const near = new BlockList();
near.addSubnet('127.0.0.0', 8, 'ipv4');
near.addSubnet('169.254.0.0', 16, 'ipv4');
near.addSubnet('224.0.0.0', 24, 'ipv4');
near.addAddress('::1', 'ipv6');
near.addSubnet('fe80::', 10, 'ipv6');
near.addSubnet('ff00::', 8, 'ipv6');

function proxyable(address: string): string {
  const family = isIP(address);
  if (family !== 0 && !near.check(address, family === 6 ? 'ipv6' : 'ipv4')) return address;
  throw failure('BadRequest', 'address not allowed');
}
