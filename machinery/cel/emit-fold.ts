import type { FoldNode, Node } from './ast.ts';
import { CelError } from './errors.ts';
import type { Frame, Step } from './frame.ts';
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

/** What Kubernetes charges around the body: its macros are expanded to loops over an accumulator, whose steps count. */
const costs = { all: 3, exists: 4, counted: 2, passed: 1, appended: 12, kept: 13, inserted: 3, list: 10, map: 30, result: 1, counts: 2 };

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
function quantifier(decisive: boolean, cost: number): Run {
  return (frame, all) => {
    let failure: CelError | undefined;
    for (const { body } of all) {
      frame.charge(cost);
      try {
        if (holds(body, frame) === decisive) {
          frame.charge(costs.result);
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
  frame.charge(costs.list + costs.result);
  for (const { body, filter } of all) {
    const kept = holds(filter, frame);
    if (kept) items.push(body(frame));
    frame.charge(kept ? costs.appended : costs.passed);
  }
  return ListValue.of(items);
};

const runs: Readonly<Record<FoldNode['macro'], Run>> = {
  all: quantifier(false, costs.all),
  exists: quantifier(true, costs.exists),
  existsOne(frame, all) {
    let count = 0;
    for (const { body } of all) {
      const found = holds(body, frame);
      if (found) count++;
      frame.charge(found ? costs.counted : costs.passed);
    }
    frame.charge(costs.counts);
    return count === 1;
  },
  map: collect,
  transformList: collect,
  filter(frame, all) {
    const items: Value[] = [];
    frame.charge(costs.list + costs.result);
    for (const { body, second } of all) {
      const kept = holds(body, frame);
      if (kept) items.push(second);
      frame.charge(kept ? costs.kept : costs.passed);
    }
    return ListValue.of(items);
  },
  transformMap(frame, all) {
    const pairs: [Value, Value][] = [];
    frame.charge(costs.map + costs.result);
    for (const { body, filter, first } of all) {
      const kept = holds(filter, frame);
      if (kept) pairs.push([first, body(frame)]);
      frame.charge(kept ? costs.inserted : costs.passed);
    }
    return MapValue.of(pairs);
  },
  transformMapEntry(frame, all) {
    const pairs: [Value, Value][] = [];
    frame.charge(costs.map + costs.result);
    for (const { body, filter } of all) {
      const kept = holds(filter, frame);
      const entry = kept ? body(frame) : undefined;
      frame.charge(kept ? costs.inserted : costs.passed);
      if (entry === undefined) continue;
      if (!(entry instanceof MapValue)) throw new CelError('no such overload');
      for (const key of entry.keys()) {
        frame.charge(1);
        pairs.push([key, entry.get(key) ?? null]);
      }
    }
    return MapValue.of(pairs);
  },
};
