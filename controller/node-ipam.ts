import { Node } from '../machinery/kinds/core.ts';
import { referenceTo } from '../client/events.ts';
import { defineController, type Controller } from './define.ts';
import { event, update, type Step } from './steps.ts';

/** Gives each node a range of pod addresses of its own: the first free /24 of the cluster's range. What a node has it keeps. */

/** An IPv4 range: its first address as a number, and how many bits are fixed. */
interface Range {
  readonly first: number;
  readonly bits: number;
}

const nodeBits = 24;

/** `clusterCidr`: `10.244.0.0/16`. Throws when it is no IPv4 range that holds a /24. */
export function nodeIpamController(clusterCidr: string): Controller {
  const cluster = parseRange(clusterCidr);
  return defineController<Node, { readonly taken: ReadonlySet<string> }>({
    name: 'node-ipam',
    component: 'cidrAllocator',
    primary: Node,
    watches: [],
    serial: true,
    selects: (node) => (node.spec?.podCIDR ?? '') === '',
    observe: (_node, { caches }) => ({ taken: new Set(caches.of(Node).list().flatMap((node) => node.spec?.podCIDR ?? [])) }),
    plan: (node, { taken }) => plan(node, taken, cluster),
  });
}

export function plan(node: Node, taken: ReadonlySet<string>, cluster: Range): readonly Step[] {
  if ((node.spec?.podCIDR ?? '') !== '' || node.metadata?.deletionTimestamp !== undefined) return [];
  const free = firstFree(cluster, taken);
  if (free === undefined) {
    return [event(referenceTo(Node, node), 'Normal', 'CIDRNotAvailable', `Node ${node.metadata?.name} status is now: CIDRNotAvailable`)];
  }
  // A conflict plans again on the newer node: nobody's range is ever overwritten.
  return [update(Node, { ...node, spec: { ...node.spec, podCIDR: free, podCIDRs: [free] } })];
}

function firstFree({ first, bits }: Range, taken: ReadonlySet<string>): string | undefined {
  for (let index = 0; index < 2 ** (nodeBits - bits); index += 1) {
    const range = `${addressOf(first + index * 2 ** (32 - nodeBits))}/${nodeBits}`;
    if (!taken.has(range)) return range;
  }
  return undefined;
}

export function parseRange(text: string): Range {
  const match = /^(\d+)\.(\d+)\.(\d+)\.(\d+)\/(\d+)$/.exec(text);
  const [a = NaN, b = NaN, c = NaN, d = NaN, bits = NaN] = (match ?? []).slice(1).map(Number);
  const valid = [a, b, c, d].every((part) => part >= 0 && part <= 255) && bits >= 8 && bits <= nodeBits;
  if (!valid) throw new Error(`the cluster's pod range must be an IPv4 range between /8 and /${nodeBits}, not ${JSON.stringify(text)}`);
  const address = ((a * 256 + b) * 256 + c) * 256 + d;
  return { first: address - (address % 2 ** (32 - bits)), bits };
}

function addressOf(number: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(number / 2 ** shift) % 256).join('.');
}
