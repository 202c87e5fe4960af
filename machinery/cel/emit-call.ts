import { character, comparison } from './cost.ts';
import { accepts } from './dispatch.ts';
import { equals, type Meter } from './equality.ts';
import { CelError, type Issue } from './errors.ts';
import type { Frame, Step } from './frame.ts';
import type { Overload, PrepareBudget } from './functions.ts';
import { elementAt, showKey } from './library/operators.ts';
import type { Type } from './types.ts';
import { keyOf, ListValue, MapValue, Optional, Uint, type Value } from './values.ts';

export interface CallParts {
  readonly name: string;
  readonly at: number;
  readonly overloads: readonly Overload[];
  readonly args: readonly Step[];
  /** Of the arguments, as the checker found them. */
  readonly types: readonly Type[];
  /** The arguments that are constants. */
  readonly constants: readonly (Value | undefined)[];
}

/** Where constants that can't be right are told, and what may be prepared. */
export interface Preparing {
  readonly issues: Issue[];
  readonly budget: PrepareBudget;
}

const absent: Step = () => { throw new CelError('no such overload'); };

/** A call. Operators that don't evaluate all of their operands, and equality, are made here; all else is a function's form. */
export function emitCall(parts: CallParts, known: Preparing): Step {
  const [first = absent, second = absent, third = absent] = parts.args;
  switch (parts.name) {
    case '_&&_': return parts.args.length === 2 ? logical(first, second, false) : absent;
    case '_||_': return logical(first, second, true);
    case '_?_:_': return (frame) => (truth(first(frame)) ? second(frame) : third(frame));
    case '_==_': return (frame) => same(first(frame), second(frame), frame);
    case '_!=_': return (frame) => !same(first(frame), second(frame), frame);
    case '@in': return membership(first, parts.constants[1]) ?? ((frame) => isIn(first(frame), second(frame), frame));
    case 'orValue': return otherwise(first, second, (value) => value);
    case 'or': return otherwise(first, second, (value) => new Optional(value));
    case '_[?_]': return (frame) => optionalAt(first(frame), second(frame), frame);
    case '_[_]': return (frame) => indexed(first(frame), second(frame), frame);
    default: return call(parts, known);
  }
}

function truth(value: Value): boolean {
  if (typeof value !== 'boolean') throw new CelError('no such overload');
  return value;
}

/** `&&` (decided by false) and `||` (by true): an error on one side counts only when the other doesn't decide. */
function logical(left: Step, right: Step, decisive: boolean): Step {
  return (frame) => {
    const before = attempt(left, frame);
    if (before === decisive) return decisive;
    const after = truth(right(frame));
    if (before instanceof CelError && after !== decisive) throw before;
    return after;
  };
}

function attempt(step: Step, frame: Frame): boolean | CelError {
  try {
    return truth(step(frame));
  } catch (error) {
    if (error instanceof CelError) return error;
    throw error;
  }
}

/** The second operand is evaluated when the first is an optional without value. What is no optional is itself: Kubernetes' evaluator has it so. */
function otherwise(first: Step, second: Step, given: (value: Value) => Value): Step {
  return (frame) => {
    const value = first(frame);
    if (!(value instanceof Optional)) return value;
    return value.value === undefined ? second(frame) : given(value.value);
  };
}

/** Of a comparison: what Kubernetes' one unit covers as well. */
const freeUnits = 100;

function meterOf(frame: Frame, allowance: number): Meter {
  let left = allowance / character + freeUnits;
  return (units) => {
    if (left >= units) left -= units;
    else {
      frame.charge((units - left) * character);
      left = 0;
    }
  };
}

function same(a: Value, b: Value, frame: Frame): boolean {
  const cost = comparison.before([a, b]);
  frame.charge(cost);
  return equals(a, b, meterOf(frame, cost));
}

/** In a list of constants that are strings, numbers or booleans: looked up, which costs nothing. */
function membership(value: Step, list: Value | undefined): Step | undefined {
  if (!(list instanceof ListValue)) return undefined;
  const keys = [...list].map(keyOf);
  if (keys.includes(undefined)) return undefined;
  const set = new Set(keys);
  return (frame) => {
    const key = keyOf(value(frame));
    return key !== undefined && set.has(key);
  };
}

function isIn(value: Value, container: Value, frame: Frame): boolean {
  if (container instanceof MapValue) {
    frame.charge(1);
    return container.get(value) !== undefined;
  }
  if (!(container instanceof ListValue)) throw new CelError('no such overload');
  frame.charge(container.length);
  const meter = meterOf(frame, container.length);
  for (let i = 0; i < container.length; i++) if (equals(value, container.at(i), meter)) return true;
  return false;
}

function optionalAt(container: Value, index: Value, frame: Frame): Value {
  frame.charge(1);
  if (container instanceof Optional) return container.value === undefined ? container : at(container.value, index);
  return at(container, index);
}

function at(container: Value, index: Value): Optional {
  if (container instanceof MapValue) {
    const value = container.get(index);
    return value === undefined ? Optional.none : new Optional(value);
  }
  if (!(container instanceof ListValue)) throw new CelError('no such overload');
  const position = typeof index === 'bigint' || typeof index === 'number' ? Number(index) : index instanceof Uint ? Number(index.value) : -1;
  return position < 0 || position >= container.length ? Optional.none : new Optional(elementAt(container, index));
}

function indexed(container: Value, index: Value, frame: Frame): Value {
  if (container instanceof Optional) return optionalAt(container, index, frame);
  frame.charge(1);
  if (container instanceof ListValue) return elementAt(container, index);
  if (!(container instanceof MapValue)) throw new CelError('no such overload');
  const value = container.get(index);
  if (value === undefined) throw new CelError(`no such key: ${showKey(index)}`);
  return value;
}

function call(parts: CallParts, known: Preparing): Step {
  const forms = parts.overloads.map((overload) => ({ overload, run: prepared(overload, parts, known) ?? overload.run }));
  const [only] = forms;
  if (only !== undefined && forms.length === 1 && parts.types.every(isKnown)) return invoke(only.overload, only.run, parts.args);
  return (frame) => {
    const values = parts.args.map((arg) => arg(frame));
    const form = forms.find(({ overload }) => overload.parameters.every((type, i) => accepts(type, values[i] ?? null)));
    if (form === undefined) throw new CelError('no such overload');
    return charged(form.overload, form.run, values, frame);
  };
}

/** Whether values of the type need no second look at run time. */
function isKnown(type: Type): boolean {
  return type.kind !== 'dyn' && type.kind !== 'error' && type.kind !== 'free' && type.kind !== 'parameter' && type.kind !== 'object' && type.kind !== 'opaque'
    && type.kind !== 'timestamp' && type.kind !== 'duration';
}

function invoke(overload: Overload, run: Overload['run'], args: readonly Step[]): Step {
  return (frame) => charged(overload, run, args.map((arg) => arg(frame)), frame);
}

function charged(overload: Overload, run: Overload['run'], values: readonly Value[], frame: Frame): Value {
  frame.charge(overload.cost.before(values));
  const result = run(values, frame);
  if (overload.cost.after !== undefined) frame.charge(overload.cost.after(result));
  return result;
}

/** Kubernetes refuses literals of these that can't be right; of all others an error is left to evaluation. */
const checkedLiterals: ReadonlySet<string> = new Set(['matches', 'timestamp', 'duration']);

function prepared(overload: Overload, { name, at: offset, constants }: CallParts, { issues, budget }: Preparing): Overload['run'] | undefined {
  try {
    return overload.prepare?.(constants, budget);
  } catch (error) {
    if (!(error instanceof CelError)) throw error;
    if (checkedLiterals.has(name)) issues.push({ offset, message: `invalid ${name} argument` });
    return undefined;
  }
}
