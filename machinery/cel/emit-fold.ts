import type { FoldNode, Node } from './ast.ts';
import { CelError } from './errors.ts';
import type { Frame, Step } from './frame.ts';
import { character } from './cost.ts';
import { compareValues, sortingCost } from './sorting.ts';
import { ListValue, MapValue, type Value } from './values.ts';

type EmitWithin = (child: Node, locals: readonly string[]) => Step;

/** One turn of a comprehension. `undefined` from a quantifier's turn goes on; anything else is the result. */
interface Turn {
  readonly frame: Frame;
  readonly body: Step;
  readonly filter: Step | undefined;
  readonly first: Value;
  readonly second: Value;
}

/**
 * What Kubernetes charges around the body: its macros are expanded to loops over an accumulator, whose steps count. `again`: the condition
 * that ends a loop is looked at once more when it does so before the end.
 */
const costs = { all: { turn: 3, again: 2 }, exists: { turn: 4, again: 3 }, counted: 2, appended: 12, kept: 13, inserted: 3, merged: 2, result: 1, counts: 2 };

/** A comprehension. `slot` is where its variables are among the locals. */
export function emitFold(node: FoldNode, within: EmitWithin, slot: number): Step {
  const range = within(node.range, []);
  const names = node.second === undefined ? [node.first] : [node.first, node.second];
  const body = within(node.body, names);
  const filter = node.filter === undefined ? undefined : within(node.filter, names);
  const run = runs[node.macro];
  const both = node.second !== undefined;
  return (frame) => {
    const values = range(frame);
    return run(frame, turns(frame, values, { slot, both, body, filter }));
  };
}

interface Loop { readonly slot: number; readonly both: boolean; readonly body: Step; readonly filter: Step | undefined }

function* turns(frame: Frame, range: Value, { slot, both, body, filter }: Loop): Generator<Turn> {
  if (range instanceof ListValue) {
    for (let i = 0; i < range.length; i++) {
      const second = range.at(i);
      const first = both ? BigInt(i) : second;
      frame.locals[slot] = first;
      if (both) frame.locals[slot + 1] = second;
      yield { frame, body, filter, first, second };
    }
    return;
  }
  if (!(range instanceof MapValue)) throw new CelError('no such overload');
  for (const first of range.keys()) {
    const second = both ? range.get(first) ?? null : first;
    frame.locals[slot] = first;
    if (both) frame.locals[slot + 1] = second;
    yield { frame, body, filter, first, second };
  }
}

function holds(step: Step | undefined, frame: Frame): boolean {
  if (step === undefined) return true;
  const value = step(frame);
  if (typeof value !== 'boolean') throw new CelError('no such overload');
  return value;
}

type Run = (frame: Frame, turns: Iterable<Turn>) => Value;

/** `all` is decided by false, `exists` by true; an error counts only when no element decides. */
function quantifier(decisive: boolean, cost: { readonly turn: number; readonly again: number }): Run {
  return (frame, all) => {
    let failure: CelError | undefined;
    const turn = all[Symbol.iterator]();
    for (let next = turn.next(); next.done !== true; next = turn.next()) {
      frame.charge(cost.turn);
      try {
        if (holds(next.value.body, frame) === decisive) {
          frame.charge(costs.result + (turn.next().done === true ? 0 : cost.again));
          return decisive;
        }
      } catch (error) {
        if (!(error instanceof CelError)) throw error;
        failure = error;
      }
    }
    frame.charge(costs.result);
    if (failure !== undefined) throw failure;
    return !decisive;
  };
}

const collect: Run = (frame, all) => {
  const items: Value[] = [];
  frame.charge(costs.result);
  for (const { body, filter } of all) {
    if (!holds(filter, frame)) continue;
    items.push(body(frame));
    frame.charge(costs.appended);
  }
  return ListValue.of(items);
};

const runs: Readonly<Record<FoldNode['macro'], Run>> = {
  all: quantifier(false, costs.all),
  exists: quantifier(true, costs.exists),
  existsOne(frame, all) {
    let count = 0;
    for (const { body } of all) {
      if (!holds(body, frame)) continue;
      count++;
      frame.charge(costs.counted);
    }
    frame.charge(costs.counts);
    return count === 1;
  },
  map: collect,
  transformList: collect,
  filter(frame, all) {
    const items: Value[] = [];
    frame.charge(costs.result);
    for (const { body, second } of all) {
      if (!holds(body, frame)) continue;
      items.push(second);
      frame.charge(costs.kept);
    }
    return ListValue.of(items);
  },
  transformMap(frame, all) {
    const pairs: [Value, Value][] = [];
    frame.charge(costs.result);
    for (const { body, filter, first } of all) {
      if (!holds(filter, frame)) continue;
      pairs.push([first, body(frame)]);
      frame.charge(costs.inserted);
    }
    return MapValue.of(pairs);
  },
  transformMapEntry(frame, all) {
    const pairs: [Value, Value][] = [];
    frame.charge(costs.result);
    for (const { body, filter } of all) {
      if (!holds(filter, frame)) continue;
      const entry = body(frame);
      frame.charge(costs.merged);
      if (!(entry instanceof MapValue)) throw new CelError('no such overload');
      for (const key of entry.keys()) pairs.push([key, entry.get(key) ?? null]);
      // One entry is what Kubernetes counts on.
      frame.charge(Math.max(0, entry.size - 1) * character);
    }
    return MapValue.of(pairs);
  },
  sortBy(frame, all) {
    const entries: { readonly item: Value; readonly key: Value }[] = [];
    // A look at the list, one more for the keys that are made of it.
    frame.charge(2 + costs.result);
    for (const { body, second } of all) {
      entries.push({ item: second, key: body(frame) });
      frame.charge(costs.appended);
    }
    frame.charge(sortingCost(entries.map(({ key }) => key)));
    return ListValue.of(entries.toSorted((a, b) => compareValues(a.key, b.key)).map(({ item }) => item));
  },
};
