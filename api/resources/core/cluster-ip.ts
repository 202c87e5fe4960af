import { createHash } from 'node:crypto';
import { isIPv4 } from 'node:net';
import { Path, invalid, type FieldError } from '../../../machinery/field-path.ts';
import type { Service } from '../../../machinery/kinds/core.ts';
import type { Draft } from '../../../machinery/kinds/wire.ts';

/**
 * Which address and node ports a Service gets. Pure: the caller knows what is taken, and writes what is given in the
 * Service's own transaction. Source: "Service ClusterIP allocation", "Avoiding NodePort collisions".
 */

/** Where Services' addresses come from. */
export const serviceRange = '10.43.0.0/16';
/** The API server's own. */
export const apiServiceAddress = '10.43.0.1';
export const nodePortRange = { from: 30_000, to: 32_767 } as const;

const specPath = new Path('spec');

interface Range {
  readonly base: number;
  /** Addresses, network and broadcast included. */
  readonly size: number;
}

function rangeOf(cidr: string): Range {
  const [address = '', bits = ''] = cidr.split('/');
  return { base: numberOf(address), size: 2 ** (32 - Number(bits)) };
}

const numberOf = (address: string): number => address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
const addressOf = (number: number): string => [24, 16, 8, 0].map((shift) => Math.floor(number / 2 ** shift) % 256).join('.');

/** The same place for the same text, whichever server computes it. */
function hashed(seed: string, size: number): number {
  return createHash('sha256').update(seed).digest().readUInt32BE(0) % size;
}

/** Does the Service still lack an address that it needs? */
export function needsClusterIp({ spec }: Service): boolean {
  return spec?.type !== 'ExternalName' && (spec?.clusterIP ?? '') === '';
}

/**
 * A free address, from the upper part of the range first: the lower is left to those who choose their own. `seed`
 * (`namespace/name`) picks the starting point, so that two servers seldom collide. Undefined: the range is full.
 */
export function freeAddress(used: ReadonlySet<string>, seed: string, cidr: string = serviceRange): string | undefined {
  const { base, size } = rangeOf(cidr);
  // The first address names the network, the last is its broadcast.
  const usable = size - 2;
  const reserved = Math.min(Math.max(16, Math.floor(size / 16)), 256, usable);
  return probe(base + 1 + reserved, usable - reserved, used, seed) ?? probe(base + 1, reserved, used, seed);
}

function probe(from: number, size: number, used: ReadonlySet<string>, seed: string): string | undefined {
  if (size <= 0) return undefined;
  const start = hashed(seed, size);
  for (let step = 0; step < size; step++) {
    const address = addressOf(from + ((start + step) % size));
    if (!used.has(address)) return address;
  }
  return undefined;
}

/** What is wrong with an address that the creator asks for. */
export function checkAddress(address: string, used: ReadonlySet<string>, cidr: string = serviceRange): FieldError[] {
  const path = specPath.child('clusterIPs');
  const { base, size } = rangeOf(cidr);
  const offset = isIPv4(address) ? numberOf(address) - base : -1;
  if (offset <= 0 || offset >= size - 1) {
    return [invalid(path, [address], `failed to allocate IP ${address}: the provided IP (${address}) is not in the valid range. The range of valid IPs is ${cidr}`)];
  }
  return used.has(address) ? [invalid(path, [address], `failed to allocate IP ${address}: provided IP is already allocated`)] : [];
}

/**
 * Gives a new Service its address, or checks the one it asks for; `used` are those of all other Services. Headless Services
 * and ExternalNames are left alone. Answers what is wrong; the draft is unchanged then.
 */
export function assignClusterIp(draft: Draft<Service>, used: ReadonlySet<string>, cidr: string = serviceRange): FieldError[] {
  const { spec, metadata } = draft;
  if (spec === undefined || spec.type === 'ExternalName' || spec.clusterIP === 'None') return [];
  const asked = spec.clusterIP ?? '';
  if (asked !== '') return checkAddress(asked, used, cidr);
  const address = freeAddress(used, `${metadata?.namespace ?? ''}/${metadata?.name ?? ''}`, cidr);
  if (address === undefined) return [{ type: 'InternalError', path: specPath.child('clusterIPs'), body: 'Internal error: failed to allocate a serviceIP: range is full' }];
  spec.clusterIP = address;
  spec.clusterIPs = [address];
  return [];
}

/**
 * Gives the ports of a NodePort or LoadBalancer Service their node ports; `used` are those of all other Services. One number
 * serves two protocols of one port. Answers what is wrong.
 */
export function assignNodePorts(draft: Draft<Service>, used: ReadonlySet<number>): FieldError[] {
  const { spec, metadata } = draft;
  const wanted = spec?.type === 'NodePort' || (spec?.type === 'LoadBalancer' && spec.allocateLoadBalancerNodePorts !== false);
  if (spec === undefined || !wanted) return [];
  const taken = new Set(used);
  const errors: FieldError[] = [];
  for (const [index, port] of (spec.ports ?? []).entries()) {
    const asked = port.nodePort ?? 0;
    const path = specPath.child('ports').index(index).child('nodePort');
    if (asked !== 0) errors.push(...checkNodePort(asked, used, path));
    taken.add(asked);
  }
  if (errors.length > 0) return errors;
  for (const port of spec.ports ?? []) {
    if ((port.nodePort ?? 0) !== 0) continue;
    const free = freeNodePort(taken, `${metadata?.namespace ?? ''}/${metadata?.name ?? ''}:${port.port}/${port.protocol ?? ''}`);
    if (free === undefined) return [{ type: 'InternalError', path: specPath.child('ports'), body: 'Internal error: failed to allocate a nodePort: range is full' }];
    port.nodePort = free;
    taken.add(free);
  }
  return [];
}

function checkNodePort(port: number, used: ReadonlySet<number>, path: Path): FieldError[] {
  if (port < nodePortRange.from || port > nodePortRange.to) {
    return [invalid(path, port, `provided port is not in the valid range. The range of valid ports is ${nodePortRange.from}-${nodePortRange.to}`)];
  }
  return used.has(port) ? [invalid(path, port, 'provided port is already allocated')] : [];
}

function freeNodePort(taken: ReadonlySet<number>, seed: string): number | undefined {
  const size = nodePortRange.to - nodePortRange.from + 1;
  const start = hashed(seed, size);
  for (let step = 0; step < size; step++) {
    const port = nodePortRange.from + ((start + step) % size);
    if (!taken.has(port)) return port;
  }
  return undefined;
}
