import type { CallNode, FoldNode, Node, SelectNode } from './ast.ts';
import type { Checked } from './check.ts';
import { exactly, none, one, product, sum, union, unknownSize, type ArgumentSize, type Range } from './cost.ts';
import { characters } from './characters.ts';
import { dyn, type Type } from './types.ts';

/**
 * What an expression can cost at least and at most, by the sizes that its variables' types allow. Kubernetes holds
 * CustomResourceDefinitions' rules to a limit of it.
 */
export function estimate(root: Node, checked: Checked): Range {
  return new Estimator(checked).cost(root);
}

class Estimator {
  private readonly checked: Checked;
  /** Sizes of what calls return. */
  private readonly sizes = new Map<Node, Range>();
  /** Types of variables of comprehensions: with the sizes that their range's type tells. */
  private readonly locals: { readonly name: string; readonly type: Type }[] = [];
  private readonly declared = new Map<Node, Type>();

  constructor(checked: Checked) {
    this.checked = checked;
  }

  cost(node: Node): Range {
    switch (node.kind) {
      case 'const': return none;
      case 'ident': return this.name(node);
      case 'select': return this.select(node);
      case 'call': return this.call(node);
      case 'list': return sum(exactly(10), ...node.elements.map(({ value }) => this.cost(value)));
      case 'map': return sum(exactly(30), ...node.entries.flatMap(({ key, value }) => [this.cost(key), this.cost(value)]));
      case 'struct': return sum(exactly(40), ...node.entries.map(({ value }) => this.cost(value)));
      case 'fold': return this.fold(node);
      case 'optMap': {
        const target = this.cost(node.target);
        return sum(target, one, { min: 0, max: this.cost(node.body).max });
      }
    }
  }

  private name(node: Extract<Node, { kind: 'ident' }>): Range {
    if (this.checked.typeNames.has(node)) return none;
    const local = this.locals.findLast(({ name }) => name === node.name);
    if (local !== undefined) this.declared.set(node, local.type);
    return one;
  }

  private select(node: SelectNode): Range {
    if (this.checked.typeNames.has(node)) return none;
    if (this.checked.dotted.has(node)) return one;
    const operand = this.cost(node.operand);
    return node.test ? operand : sum(operand, one);
  }

  /** The type as it was declared, with its sizes where they are known. */
  private typeOf(node: Node): Type {
    return this.declared.get(node) ?? this.checked.types.get(node) ?? dyn;
  }

  private size(node: Node): Range {
    const known = this.sizes.get(node);
    if (known !== undefined) return known;
    switch (node.kind) {
      case 'const': return exactly(typeof node.value === 'string' ? characters(node.value) : node.value instanceof Uint8Array ? node.value.length : 1);
      case 'list': return { min: node.elements.filter(({ optional }) => !optional).length, max: node.elements.length };
      case 'map': return { min: node.entries.filter(({ optional }) => !optional).length, max: node.entries.length };
      default: return sizeOfType(this.typeOf(node));
    }
  }

  private argument(node: Node): ArgumentSize {
    const type = this.typeOf(node);
    if (type.kind !== 'list') return { size: this.size(node) };
    return { size: this.size(node), elements: { size: sizeOfType(type.element), isText: type.element.kind === 'string' || type.element.kind === 'bytes' } };
  }

  private call(node: CallNode): Range {
    const operands = node.target === undefined || this.checked.namespaced.has(node) ? node.args : [node.target, ...node.args];
    const costs = operands.map((operand) => this.cost(operand));
    const [first = none, second = none, third = none] = costs;
    switch (node.name) {
      case '_&&_':
      case '_||_': return { min: first.min, max: first.max + second.max };
      case '_?_:_': {
        const [, yes, no] = operands;
        if (yes !== undefined && no !== undefined) this.sizes.set(node, union(this.size(yes), this.size(no)));
        return sum(first, union(second, third));
      }
      default: return sum(this.functionCost(node, operands), ...costs);
    }
  }

  /** Over all forms that it may mean. */
  private functionCost(node: CallNode, operands: readonly Node[]): Range {
    const args = operands.map((operand) => this.argument(operand));
    let cost: Range | undefined;
    let size: Range | undefined;
    for (const overload of this.checked.overloads.get(node) ?? []) {
      const estimated = overload.cost.estimate(args);
      cost = cost === undefined ? estimated.cost : union(cost, estimated.cost);
      if (estimated.size !== undefined) size = size === undefined ? estimated.size : union(size, estimated.size);
    }
    if (size !== undefined) this.sizes.set(node, size);
    const [target] = operands;
    if (node.name === '_[_]' && target !== undefined) {
      const type = this.typeOf(target);
      if (type.kind === 'list') this.declared.set(node, type.element);
      else if (type.kind === 'map') this.declared.set(node, type.value);
    }
    return cost ?? one;
  }

  private fold(node: FoldNode): Range {
    const range = this.cost(node.range);
    const turns = this.size(node.range);
    const type = this.typeOf(node.range);
    const depth = this.locals.length;
    const [key, value] = type.kind === 'list' ? [dyn, type.element] : type.kind === 'map' ? [type.key, type.value] : [dyn, dyn];
    this.locals.push({ name: node.first, type: node.second === undefined && type.kind === 'list' ? value : key });
    if (node.second !== undefined) this.locals.push({ name: node.second, type: value });
    const filter = node.filter === undefined ? none : this.cost(node.filter);
    const body = this.cost(node.body);
    this.locals.length = depth;
    const { start, passed, taken, end } = loops[node.macro];
    const turn = node.filter === undefined && node.macro !== 'filter' && node.macro !== 'existsOne'
      ? sum(exactly(taken), body)
      : node.filter === undefined ? sum({ min: passed, max: taken }, body) : sum(filter, union(exactly(passed), sum(exactly(taken), body)));
    if (node.macro !== 'all' && node.macro !== 'exists' && node.macro !== 'existsOne') {
      this.sizes.set(node, node.filter === undefined && node.macro !== 'filter' ? turns : { min: 0, max: turns.max });
    }
    const sorting = node.macro === 'sortBy' ? sum(exactly(11), product(exactly(2), product(turns, turns))) : none;
    return sum(range, exactly(start + end), product(turns, turn), sorting);
  }
}

/** As `emit-fold.ts` charges them. */
const loops: Readonly<Record<FoldNode['macro'], { readonly start: number; readonly passed: number; readonly taken: number; readonly end: number }>> = {
  all: { start: 0, passed: 3, taken: 3, end: 1 },
  exists: { start: 0, passed: 4, taken: 4, end: 1 },
  existsOne: { start: 0, passed: 1, taken: 2, end: 2 },
  map: { start: 10, passed: 1, taken: 12, end: 1 },
  transformList: { start: 10, passed: 1, taken: 12, end: 1 },
  filter: { start: 10, passed: 1, taken: 13, end: 1 },
  sortBy: { start: 10, passed: 12, taken: 12, end: 3 },
  transformMap: { start: 30, passed: 1, taken: 3, end: 1 },
  transformMapEntry: { start: 30, passed: 1, taken: 3, end: 1 },
};

/** What `size()` can say of a value of the type; of what has none, 1. */
function sizeOfType(type: Type): Range {
  switch (type.kind) {
    case 'bool':
    case 'int':
    case 'uint':
    case 'double':
    case 'null':
    case 'timestamp':
    case 'duration':
    case 'object':
    case 'type': return one;
    case 'string':
    case 'bytes':
    case 'list':
    case 'map':
    case 'dyn': return { min: 0, max: type.maxSize ?? Infinity };
    default: return unknownSize;
  }
}
