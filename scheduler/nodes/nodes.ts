import type { Node } from '../../machinery/kinds/core.ts';
import { parseQuantity } from '../../machinery/quantity.ts';
import { clusterEvent } from '../cluster-event.ts';
import { createChanges, type Changes } from './changes.ts';
import { createDemands, type Demand, type Demands } from './demand.ts';
import { createFlavourColumn, createFlavours } from './flavours.ts';
import { createPortsInUse, type PortsInUse } from './host-ports.ts';
import { amountOf, createResources, type Resources } from './resources.ts';

/**
 * The cluster's nodes and what is taken of them, in columns by row. A node keeps its row while it, or a pod placed on it, is
 * known; then the row is used again. Every change to a row is marked in `changes`.
 */
export interface Nodes {
  /** Rows are below this. */
  readonly rows: number;
  /** Nodes there are. */
  readonly count: number;
  readonly changes: Changes;
  readonly resources: Resources;
  readonly demands: Demands;
  rowOf(name: string): number | undefined;
  nameOf(row: number): string;
  /** Undefined: pods are known there, but no node, or the row is free. */
  nodeAt(row: number): Node | undefined;
  /** -1 where there is no node. */
  flavourAt(row: number): number;
  portsAt(row: number): PortsInUse | undefined;
  /** The node as it is now; the answer is the set of cluster events that this is. */
  put(node: Node): number;
  remove(name: string): void;
  /** Makes labels part of flavours. */
  refer(labels: readonly string[]): void;
  place(name: string, demand: Demand): void;
  displace(name: string, demand: Demand): void;
}

interface Row {
  readonly name: string;
  node: Node | undefined;
  placed: number;
  ports: PortsInUse | undefined;
}

/** Which name has which row. */
interface RowTable {
  readonly rows: readonly Row[];
  rowOf(name: string): number | undefined;
  /** The name's row, given to it if it has none. */
  take(name: string): number;
  at(row: number): Row;
  /** The row may be another's from now on, unless something keeps it. */
  freeIfEmpty(row: number): void;
}

function createRowTable(): RowTable {
  const table: Row[] = [];
  const rows = new Map<string, number>();
  const free: number[] = [];
  const at = (row: number): Row => {
    const found = table[row];
    if (found === undefined) throw new Error(`there is no row ${row}`);
    return found;
  };
  return {
    rows: table,
    rowOf: (name) => rows.get(name),
    at,
    take(name) {
      const known = rows.get(name);
      if (known !== undefined) return known;
      const row = free.pop() ?? table.length;
      table[row] = { name, node: undefined, placed: 0, ports: undefined };
      rows.set(name, row);
      return row;
    },
    freeIfEmpty(row) {
      const { name, node, placed } = at(row);
      if (node !== undefined || placed > 0) return;
      rows.delete(name);
      free.push(row);
    },
  };
}

export function createNodes(): Nodes {
  const { rows: table, rowOf, take, at, freeIfEmpty } = createRowTable();
  const changes = createChanges();
  const resources = createResources();
  const flavours = createFlavours();
  let count = 0;
  const flavourOf = createFlavourColumn();

  return {
    get rows() { return table.length; },
    get count() { return count; },
    changes, resources,
    demands: createDemands(resources),
    rowOf,
    nameOf: (row) => table[row]?.name ?? '',
    nodeAt: (row) => table[row]?.node,
    flavourAt: flavourOf.at,
    portsAt: (row) => table[row]?.ports,
    put(node) {
      const row = take(node.metadata?.name ?? '');
      const entry = at(row);
      const before = entry.node;
      entry.node = node;
      flavourOf.set(row, flavours.of(node));
      const grew = resources.setAllocatable(row, allocatableOf(node, resources));
      if (before === undefined) count += 1;
      const events = before === undefined ? clusterEvent.nodeAdded : difference(before, node) | (grew ? clusterEvent.nodeResourcesChanged : 0);
      if (events !== 0) changes.mark(row);
      return events;
    },
    remove(name) {
      const row = rowOf(name);
      if (row === undefined || at(row).node === undefined) return;
      at(row).node = undefined;
      flavourOf.set(row, -1);
      resources.setAllocatable(row, new Map());
      count -= 1;
      changes.mark(row);
      freeIfEmpty(row);
    },
    refer(labels) {
      if (!flavours.refer(labels)) return;
      table.forEach((entry, row) => {
        if (entry.node === undefined) return;
        flavourOf.set(row, flavours.of(entry.node));
        changes.mark(row);
      });
    },
    place(name, demand) {
      const row = take(name);
      const entry = at(row);
      entry.placed += 1;
      resources.change(row, demand, 1);
      for (const port of demand.ports) (entry.ports ??= createPortsInUse()).add(port);
      changes.mark(row);
    },
    displace(name, demand) {
      const row = rowOf(name);
      if (row === undefined) throw new Error(`no pod is placed on ${name}`);
      const entry = at(row);
      entry.placed -= 1;
      resources.change(row, demand, -1);
      for (const port of demand.ports) entry.ports?.remove(port);
      changes.mark(row);
      freeIfEmpty(row);
    },
  };
}

function allocatableOf({ status }: Node, resources: Resources): ReadonlyMap<number, number> {
  const amounts = new Map<number, number>();
  for (const [name, text] of Object.entries(status?.allocatable ?? {})) {
    const quantity = parseQuantity(text);
    if (quantity !== undefined) amounts.set(resources.idOf(name), amountOf(name, quantity));
  }
  return amounts;
}

/** What of a node has changed, apart from its amounts. */
function difference(before: Node, after: Node): number {
  const changed = (read: (node: Node) => unknown): boolean => JSON.stringify(read(before)) !== JSON.stringify(read(after));
  return (changed(({ metadata }) => Object.entries(metadata?.labels ?? {}).toSorted()) ? clusterEvent.nodeLabelsChanged : 0)
    | (changed(({ spec }) => spec?.taints ?? []) ? clusterEvent.nodeTaintsChanged : 0)
    | (changed(({ spec }) => spec?.unschedulable === true) ? clusterEvent.nodeCordonChanged : 0);
}
