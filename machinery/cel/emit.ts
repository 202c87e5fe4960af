import type { CallNode, ListNode, MapNode, Node, OptMapNode, SelectNode, StructNode } from './ast.ts';
import type { Checked } from './check.ts';
import type { Constants } from './constants.ts';
import { CelError, type Issue } from './errors.ts';
import { emitCall, type CallParts } from './emit-call.ts';
import { emitFold } from './emit-fold.ts';
import type { Step } from './frame.ts';
import type { PrepareBudget } from './functions.ts';
import { dyn } from './types.ts';
import { ListValue, MapValue, ObjectValue, Optional, TypeValue, type Value } from './values.ts';

/** What a node becomes code with: what the checker found, and which local variables there are (their places are their order). */
export interface Emission {
  readonly checked: Checked;
  readonly locals: readonly string[];
  readonly issues: Issue[];
  readonly budget: PrepareBudget;
  readonly constants: Constants;
}

/** Kubernetes' costs of steps that are no calls. */
const look = 1;
const newList = 10;
const newMap = 30;
const newObject = 40;

/** Turns a checked node into a function that evaluates it. */
export function emit(node: Node, emission: Emission): Step {
  const constant = emission.constants.of(node);
  if (constant !== undefined) return () => constant;
  switch (node.kind) {
    case 'const': return () => null;
    case 'ident': return emitName(node.name, node, emission);
    case 'select': return emitSelect(node, emission);
    case 'call': return emitCallOf(node, emission);
    case 'list': return emitList(node, emission);
    case 'map': return emitMap(node, emission);
    case 'struct': return emitStruct(node, emission);
    case 'fold': return emitFold(node, (child, names) => emit(child, { ...emission, locals: [...emission.locals, ...names] }), emission.locals.length);
    case 'optMap': return emitOptMap(node, emission);
  }
}

function emitName(name: string, node: Node, { checked, locals }: Emission): Step {
  const slot = locals.lastIndexOf(name);
  if (slot >= 0) {
    return (frame) => {
      frame.charge(look);
      return frame.locals[slot] ?? null;
    };
  }
  const named = checked.typeNames.get(node);
  if (named !== undefined) {
    const constant = new TypeValue(named);
    return () => constant;
  }
  return (frame) => {
    frame.charge(look);
    const value = frame.bindings.get(name);
    if (value === undefined) throw new CelError(`no such attribute(s): ${name}`);
    return value;
  };
}

function emitSelect(node: SelectNode, emission: Emission): Step {
  const named = emission.checked.typeNames.get(node);
  if (named !== undefined) {
    const constant = new TypeValue(named);
    return () => constant;
  }
  const dotted = emission.checked.dotted.get(node);
  if (dotted !== undefined) return emitName(dotted, node, { ...emission, locals: [] });
  const { field, test, optional } = node;
  const operand = emit(node.operand, emission);
  if (test) return (frame) => isSet(operand(frame), field);
  return (frame) => {
    const target = operand(frame);
    frame.charge(look);
    if (target instanceof Optional) return target.value === undefined ? target : wrap(fieldOf(target.value, field));
    const value = fieldOf(target, field);
    if (optional) return wrap(value);
    if (value === undefined) throw new CelError(`no such key: ${field}`);
    return value;
  };
}

function wrap(value: Value | undefined): Value {
  if (value === undefined) return Optional.none;
  return value instanceof Optional ? value : new Optional(value);
}

function fieldOf(target: Value, field: string): Value | undefined {
  if (target instanceof MapValue || target instanceof ObjectValue) return target.get(field);
  throw new CelError('no such overload');
}

function isSet(target: Value, field: string): boolean {
  if (target instanceof Optional) return target.value !== undefined && isSet(target.value, field);
  return fieldOf(target, field) !== undefined;
}

function emitCallOf(node: CallNode, emission: Emission): Step {
  const { checked } = emission;
  const operands = node.target === undefined || checked.namespaced.has(node) ? node.args : [node.target, ...node.args];
  const isBranch = (index: number): boolean => index > 0 && (node.name === '_?_:_' || node.name === '_[_]');
  const parts: CallParts = {
    name: node.name, at: node.at,
    overloads: checked.overloads.get(node) ?? [],
    args: operands.map((operand, index) => (isBranch(index) ? emitBranch(operand, emission) : emit(operand, emission))),
    types: operands.map((operand) => checked.types.get(operand) ?? dyn),
    constants: operands.map((operand) => emission.constants.of(operand)),
  };
  return emitCall(parts, emission);
}

/** A branch or index that only names a variable, or fields of it: the look at the variable is part of the operation. Kubernetes has it so. */
function emitBranch(node: Node, emission: Emission): Step {
  const step = emit(node, emission);
  let root = node;
  while (root.kind === 'select' && !root.test && !root.optional) root = root.operand;
  if (root.kind !== 'ident' || emission.constants.of(root) !== undefined || emission.checked.typeNames.has(root)) return step;
  return (frame) => {
    frame.charge(-look);
    return step(frame);
  };
}

function emitList({ elements }: ListNode, emission: Emission): Step {
  const steps = elements.map(({ value, optional }) => ({ step: emit(value, emission), optional }));
  return (frame) => {
    const items: Value[] = [];
    for (const { step, optional } of steps) {
      const value = step(frame);
      if (!optional) items.push(value);
      else if (!(value instanceof Optional)) throw new CelError('no such overload');
      else if (value.value !== undefined) items.push(value.value);
    }
    frame.charge(newList);
    return ListValue.of(items);
  };
}

function emitMap({ entries }: MapNode, emission: Emission): Step {
  const steps = entries.map(({ key, value, optional }) => ({ key: emit(key, emission), value: emit(value, emission), optional }));
  return (frame) => {
    const pairs: [Value, Value][] = [];
    for (const { key, value, optional } of steps) {
      const name = key(frame);
      const given = value(frame);
      if (!optional) pairs.push([name, given]);
      else if (!(given instanceof Optional)) throw new CelError('no such overload');
      else if (given.value !== undefined) pairs.push([name, given.value]);
    }
    frame.charge(newMap);
    return MapValue.of(pairs);
  };
}

function emitStruct(node: StructNode, emission: Emission): Step {
  const type = emission.checked.structs.get(node);
  const steps = node.entries.map(({ field, value, optional }) => ({ field, step: emit(value, emission), optional }));
  return (frame) => {
    if (type === undefined) throw new CelError(`unknown type: ${node.typeName}`);
    const fields = new Map<string, Value>();
    for (const { field, step, optional } of steps) {
      const value = step(frame);
      if (!optional) fields.set(field, value);
      else if (!(value instanceof Optional)) throw new CelError('no such overload');
      else if (value.value !== undefined) fields.set(field, value.value);
    }
    frame.charge(newObject);
    return ObjectValue.of(type, fields);
  };
}

function emitOptMap({ target, variable, body, flat }: OptMapNode, emission: Emission): Step {
  const operand = emit(target, emission);
  const slot = emission.locals.length;
  const within = emit(body, { ...emission, locals: [...emission.locals, variable] });
  return (frame) => {
    const value = operand(frame);
    frame.charge(look);
    if (!(value instanceof Optional)) throw new CelError('no such overload');
    if (value.value === undefined) return value;
    frame.locals[slot] = value.value;
    const result = within(frame);
    if (!flat) return new Optional(result);
    if (!(result instanceof Optional)) throw new CelError('no such overload');
    return result;
  };
}
