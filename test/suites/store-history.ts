/** A model of a store, and what its answers must have in common with one history. */
import fc from 'fast-check';
import { expect } from 'vitest';
import type { Store, Transaction, TransactionResult, Write } from '../../api/store/store.ts';

export interface Issued {
  /** Transactions of one turn run concurrently; a turn begins when the one before has been answered. */
  readonly turn: number;
  readonly transaction: Transaction;
  readonly result: TransactionResult;
}

interface Operation {
  readonly writes: readonly { readonly key: string; readonly value: number | undefined }[];
  /** Compare this key with the revision that was last seen of it, or (stale) with one that it never had. */
  readonly compare: { readonly key: string; readonly stale: boolean } | undefined;
}

const key = fc.constantFrom('a', 'b', 'c');

const operation: fc.Arbitrary<Operation> = fc.record({
  writes: fc.uniqueArray(fc.record({ key, value: fc.option(fc.nat(99), { nil: undefined }) }), { minLength: 1, maxLength: 3, selector: (each) => each.key }),
  compare: fc.option(fc.record({ key, stale: fc.boolean() }), { nil: undefined }),
});

export const turns = fc.array(fc.array(operation, { minLength: 1, maxLength: 5 }), { minLength: 1, maxLength: 6 });

export function transactionsOf(prefix: string, { writes, compare }: Operation, revisions: ReadonlyMap<string, number>): Transaction {
  return {
    compares: compare === undefined ? [] : [{ key: prefix + compare.key, revision: compare.stale ? 1 : (revisions.get(prefix + compare.key) ?? 0) }],
    writes: writes.map((each): Write => (each.value === undefined
      ? { type: 'delete', key: prefix + each.key }
      : { type: 'put', key: prefix + each.key, value: Buffer.from(`${each.value}`) })),
  };
}

interface Held {
  readonly value: string;
  readonly created: number;
  readonly modified: number;
}

type State = ReadonlyMap<string, Held>;

export interface Observed {
  readonly store: Store;
  readonly prefix: string;
  /** The revision before the first transaction. */
  readonly base: number;
  readonly issued: readonly Issued[];
  /** What watches of `prefix` from `base + 1` were given. */
  readonly watched: readonly (readonly string[])[];
}

/** Replays what was acknowledged in revision order and holds every answer against it. */
export async function checkHistory({ store, prefix, base, issued, watched }: Observed): Promise<void> {
  const { states, events } = replay(base, issued);
  for (const seen of watched) expect(seen).toEqual(events);
  for (const { transaction, result } of issued) checkAnswer(transaction, result, states);
  checkRealTime(issued);
  for (const [revision, state] of states) {
    const { items, count } = await store.range({ from: prefix, to: `${prefix}~`, revision });
    expect(items.map((kv) => [kv.key, { value: kv.value.toString(), created: kv.createRevision, modified: kv.modRevision }])).toEqual([...state].toSorted(byKey));
    expect(count).toBe(state.size);
  }
}

function byKey([a]: readonly [string, Held], [b]: readonly [string, Held]): number {
  return a < b ? -1 : 1;
}

function replay(base: number, issued: readonly Issued[]): { states: ReadonlyMap<number, State>; events: readonly string[] } {
  const states = new Map<number, State>([[base, new Map()]]);
  const events: string[] = [];
  let state: State = new Map();
  const committed = issued.filter(({ result }) => result.committed).toSorted((a, b) => a.result.revision - b.result.revision || a.turn - b.turn);
  for (const { transaction, result } of committed) {
    const next = new Map(state);
    const changes: string[] = [];
    for (const write of transaction.writes) {
      const before = next.get(write.key);
      if (write.type === 'put') next.set(write.key, { value: write.value.toString(), created: before?.created ?? result.revision, modified: result.revision });
      else if (!next.delete(write.key)) continue;
      changes.push(write.type === 'put' ? `${write.key}=${write.value.toString()}` : `${write.key} deleted`);
    }
    if (changes.length === 0) continue;
    expect(states.has(result.revision), 'a revision is given once').toBe(false);
    state = next;
    states.set(result.revision, state);
    events.push(`${result.revision}: ${changes.join(', ')}`);
  }
  return { states, events };
}

/** The state that a transaction was decided on: that of the last revision before its own, or, of one that wrote nothing, of its own. */
function checkAnswer({ compares, writes }: Transaction, result: TransactionResult, states: ReadonlyMap<number, State>): void {
  const own = states.get(result.revision);
  const wrote = result.committed && own !== undefined && writes.some((write) => write.type === 'put' && own.get(write.key)?.modified === result.revision);
  const on = result.committed && wrote ? states.get(result.revision - 1) : own;
  if (result.committed && !wrote && writes.some((write) => write.type === 'delete')) return;
  expect(on, 'it was decided on a state of the history').toBeDefined();
  const holds = compares.every((compare) => (on?.get(compare.key)?.modified ?? 0) === compare.revision);
  expect(holds).toBe(result.committed);
  if (!result.committed) expect(result.current.map((kv) => kv?.modRevision)).toEqual(compares.map((compare) => on?.get(compare.key)?.modified));
}

/** Who was answered before another began comes first. */
function checkRealTime(issued: readonly Issued[]): void {
  let newest = 0;
  let turn = 0;
  let inTurn = 0;
  for (const each of issued) {
    if (each.turn !== turn) {
      newest = Math.max(newest, inTurn);
      turn = each.turn;
    }
    expect(each.result.revision).toBeGreaterThanOrEqual(newest);
    inTurn = Math.max(inTurn, each.result.revision);
  }
}
