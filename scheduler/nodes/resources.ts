import { toMillis, toUnits, type Quantity } from '../../machinery/quantity.ts';

/**
 * Amounts of every resource by node, a column each: names are interned to a number when first met. CPU is in millicores, all else
 * in whole units (bytes, devices, pods): whole numbers that a double holds exactly.
 */
export interface Resources {
  idOf(name: string): number;
  nameOf(id: number): string;
  /** The answer stays that of the resource; its arrays are exchanged for longer ones as rows are added. */
  column(id: number): Column;
  /** Of cpu and memory: what pods are taken to need for the sake of scores, where some ask for nothing. */
  readonly estimates: Readonly<Record<'cpu' | 'memory', Float64Array>>;
  setAllocatable(row: number, amounts: ReadonlyMap<number, number>): boolean;
  /** Adds a pod's amounts (`sign` 1), or takes them away (-1). */
  change(row: number, demand: Amounts, sign: 1 | -1): void;
}

/** What one pod takes, apart from ports. */
export interface Amounts {
  readonly ids: readonly number[];
  readonly amounts: readonly number[];
  /** Millicores and bytes. */
  readonly estimatedCpu: number;
  readonly estimatedMemory: number;
}

export const cpu = 0;
export const memory = 1;
/** The number of pods is a resource of which each pod takes one. */
export const pods = 2;

/** By row. */
export interface Column {
  readonly allocatable: Float64Array;
  readonly requested: Float64Array;
}

export function createResources(): Resources {
  const names = ['cpu', 'memory', 'pods'];
  const ids = new Map(names.map((name, id) => [name, id]));
  let capacity = 64;
  const column = () => ({ allocatable: new Float64Array(capacity), requested: new Float64Array(capacity) });
  const columns = names.map(column);
  const estimates = { cpu: new Float64Array(capacity), memory: new Float64Array(capacity) };

  const grow = (row: number): void => {
    while (capacity <= row) capacity *= 2;
    for (const each of columns) {
      each.allocatable = longer(each.allocatable, capacity);
      each.requested = longer(each.requested, capacity);
    }
    estimates.cpu = longer(estimates.cpu, capacity);
    estimates.memory = longer(estimates.memory, capacity);
  };
  return {
    estimates,
    idOf(name) {
      const known = ids.get(name);
      if (known !== undefined) return known;
      ids.set(name, names.push(name) - 1);
      return columns.push(column()) - 1;
    },
    nameOf: (id) => names[id] ?? '',
    column(id) {
      const found = columns[id];
      if (found === undefined) throw new Error(`no resource has the number ${id}`);
      return found;
    },
    setAllocatable(row, amounts) {
      if (row >= capacity) grow(row);
      let changed = false;
      columns.forEach(({ allocatable }, id) => {
        const amount = amounts.get(id) ?? 0;
        if (allocatable[row] === amount) return;
        allocatable[row] = amount;
        changed = true;
      });
      return changed;
    },
    change(row, { ids: taken, amounts, estimatedCpu, estimatedMemory }, sign) {
      if (row >= capacity) grow(row);
      for (let i = 0; i < taken.length; i += 1) {
        const requested = columns[taken[i] ?? 0]?.requested;
        if (requested !== undefined) requested[row] = (requested[row] ?? 0) + sign * (amounts[i] ?? 0);
      }
      estimates.cpu[row] = (estimates.cpu[row] ?? 0) + sign * estimatedCpu;
      estimates.memory[row] = (estimates.memory[row] ?? 0) + sign * estimatedMemory;
    },
  };
}

function longer(column: Float64Array<ArrayBuffer>, capacity: number): Float64Array<ArrayBuffer> {
  const grown = new Float64Array(capacity);
  grown.set(column);
  return grown;
}

/** Millicores of cpu, whole units of anything else, rounded up. */
export function amountOf(name: string, quantity: Quantity): number {
  return name === 'cpu' ? toMillis(quantity) : toUnits(quantity);
}
