import { findCondition } from '../../machinery/conditions.ts';
import { Lease } from '../../machinery/kinds/cluster.ts';
import { Node, Pod } from '../../machinery/kinds/core.ts';
import { referenceTo } from '../../client/events.ts';
import type { Caches } from '../caches.ts';
import { defineController, watching, type Controller } from '../define.ts';
import { event, requeueAfter, type Step } from '../steps.ts';
import { isNodeReady, markSilent, readiness } from './health.ts';
import { taintNode } from './taints.ts';
import { mayEvict } from './zones.ts';

/** Notices nodes that went silent, and taints nodes for what is the matter with them. Source: "Nodes", node controller. */

export interface Observed {
  /** When this process last saw a sign of life, in its own time: clocks of different machines are never compared. */
  readonly heardAt: number;
  /** This process sees the node for the first time. */
  readonly isNew: boolean;
  readonly nodes: readonly Node[];
  /** On this node. */
  readonly pods: readonly Pod[];
}

export interface NodeLifecycleOptions {
  /** How long a node may be silent. */
  readonly graceMs?: number;
}

const leaseNamespace = 'kube-node-lease';

export function nodeLifecycleController({ graceMs = 40_000 }: NodeLifecycleOptions = {}): Controller {
  const heard = new Map<string, { readonly sign: string; readonly at: number }>();
  /** Each new sign of life counts from the time at which we saw it. */
  const heardOf = (node: Node, lease: Lease | undefined, now: number): number => {
    const name = node.metadata?.name ?? '';
    const posted = findCondition(node.status?.conditions, 'Ready')?.lastHeartbeatTime ?? '';
    const sign = [node.metadata?.uid, lease?.spec?.renewTime ?? '', posted].join('\0');
    const known = heard.get(name);
    if (known?.sign === sign) return known.at;
    heard.set(name, { sign, at: now });
    return now;
  };
  return defineController<Node, Observed>({
    name: 'node-lifecycle',
    component: 'node-controller',
    primary: Node,
    watches: [
      watching(Lease, (lease) => (lease.metadata?.namespace === leaseNamespace ? [lease.metadata.name ?? ''] : [])),
      watching(Node, nodesThatFail, readinessChanged),
    ],
    observe(node, { caches, now }) {
      const name = node.metadata?.name ?? '';
      const nodes = caches.of(Node).list();
      if (heard.size > nodes.length) for (const known of heard.keys()) if (caches.of(Node).get(undefined, known) === undefined) heard.delete(known);
      const isNew = !heard.has(name);
      return { isNew, heardAt: heardOf(node, caches.of(Lease).get(leaseNamespace, name), now), nodes, pods: caches.of(Pod).onNode(name) };
    },
    plan: (node, observed, now) => plan(node, observed, now, graceMs),
  });
}

/** What becomes of one node depends on how many others fail. */
function nodesThatFail(_node: Node, caches: Caches): readonly string[] {
  return caches.of(Node).list().filter((node) => !isNodeReady(node)).map((node) => node.metadata?.name ?? '');
}

function readinessChanged(before: Node | undefined, after: Node | undefined): boolean {
  return before === undefined || after === undefined || isNodeReady(before) !== isNodeReady(after);
}

export function plan(node: Node, observed: Observed, now: number, graceMs: number): readonly Step[] {
  if (node.metadata?.deletionTimestamp !== undefined) return [];
  const registered = observed.isNew ? [registeredEvent(node)] : [];
  const silent = now - observed.heardAt >= graceMs;
  const wait = silent ? [] : [requeueAfter(observed.heardAt + graceMs - now)];
  const marks = silent ? markSilent(node, observed.pods, now) : [];
  // The taints follow from conditions that the next pass sees.
  if (marks.some((step) => step.type === 'patch' && step.kind.plural === 'nodes')) return [...registered, ...marks];
  const evicts = readiness(node) !== 'True' && hasPosted(node) && mayEvict(node, observed.nodes);
  return [...registered, ...marks, ...taintNode(node, evicts, now), ...wait];
}

function registeredEvent(node: Node): Step {
  const name = node.metadata?.name ?? '';
  return event(referenceTo(Node, node), 'Normal', 'RegisteredNode', `Node ${name} event: Registered Node ${name} in Controller`);
}

/** A node that has only just come has no pods to drive off, and a while to say how it is. */
function hasPosted(node: Node): boolean {
  return (node.status?.conditions ?? []).some(({ type }) => type === 'Ready');
}
