import type { CallNode, FoldNode, ListNode, MapNode, Node, OptMapNode, SelectNode, StructNode } from './ast.ts';
import { qualifiedName } from './ast.ts';
import type { Issue } from './errors.ts';
import type { FunctionTable, Overload } from './functions.ts';
import {
  bool, bytes, double, dyn, errorType, int, isOptional, list, map, namedTypes, nullType, optional, show, string, uint, type ObjectType, type Type,
} from './types.ts';
import { Substitution } from './unify.ts';

/** What names mean in an expression. */
export interface Scope {
  readonly variables: ReadonlyMap<string, Type>;
  readonly functions: FunctionTable;
  /** The types that `Name{…}` may make. */
  readonly structs?: (name: string) => ObjectType | undefined;
}

/** What the checker found out about the nodes of an expression. */
export interface Checked {
  readonly type: Type;
  readonly types: ReadonlyMap<Node, Type>;
  /** The forms that a call may mean; the values decide among several. */
  readonly overloads: ReadonlyMap<CallNode, readonly Overload[]>;
  /** Calls such as `sets.contains(a, b)`, whose target is part of the name. */
  readonly namespaced: ReadonlySet<CallNode>;
  /** Names of types used as values. */
  readonly typeNames: ReadonlyMap<Node, Type>;
  /** Selections that are variables with a dotted name: `authorizer.requestResource`. */
  readonly dotted: ReadonlyMap<Node, string>;
  readonly structs: ReadonlyMap<StructNode, ObjectType>;
}

/** Checks types, bottom up. What is wrong goes to `issues`; the result is whole all the same. Source: langdef.md, "Type checking". */
export function check(root: Node, scope: Scope, issues: Issue[]): Checked {
  const checker = new Checker(scope, issues);
  checker.node(root);
  return checker.result(root);
}

class Checker {
  private readonly scope: Scope;
  private readonly issues: Issue[];
  private readonly locals: { readonly name: string; readonly type: Type }[] = [];
  private readonly types = new Map<Node, Type>();
  private readonly overloads = new Map<CallNode, readonly Overload[]>();
  private readonly namespaced = new Set<CallNode>();
  private readonly typeNames = new Map<Node, Type>();
  private readonly dotted = new Map<Node, string>();
  private readonly structs = new Map<StructNode, ObjectType>();
  private readonly substitution = new Substitution();
  /** Within arguments of `format`, lists and maps may hold values of different types. */
  private formatting = 0;

  constructor(scope: Scope, issues: Issue[]) {
    this.scope = scope;
    this.issues = issues;
  }

  result(root: Node): Checked {
    const types = new Map([...this.types].map(([node, type]): [Node, Type] => [node, this.substitution.resolve(type)]));
    return { type: types.get(root) ?? errorType, types, overloads: this.overloads, namespaced: this.namespaced, typeNames: this.typeNames, dotted: this.dotted, structs: this.structs };
  }

  node(node: Node): Type {
    const type = this.typeOf(node);
    this.types.set(node, type);
    return type;
  }

  private report(at: number, message: string): Type {
    this.issues.push({ offset: at, message });
    return errorType;
  }

  private typeOf(node: Node): Type {
    switch (node.kind) {
      case 'const': return literalType(node.value);
      case 'ident': return this.variable(node.name) ?? this.typeName(node) ?? this.report(node.at, `undeclared reference to '${node.name}' (in container '')`);
      case 'select': return this.select(node);
      case 'call': return this.call(node);
      case 'list': return this.list(node);
      case 'map': return this.map(node);
      case 'struct': return this.struct(node);
      case 'fold': return this.fold(node);
      case 'optMap': return this.optMap(node);
    }
  }

  private variable(name: string): Type | undefined {
    return this.locals.findLast((local) => local.name === name)?.type ?? this.scope.variables.get(name);
  }

  private typeName(node: Node): Type | undefined {
    const name = qualifiedName(node);
    if (name === undefined || !Object.hasOwn(namedTypes, name)) return undefined;
    const of = namedTypes[name];
    if (of === undefined) return undefined;
    this.typeNames.set(node, of);
    return { kind: 'type', of };
  }

  private select(node: SelectNode): Type {
    const name = qualifiedName(node);
    const root = name?.split('.')[0] ?? '';
    if (name !== undefined && !this.locals.some((local) => local.name === root)) {
      const variable = this.scope.variables.get(name);
      if (variable !== undefined) {
        this.dotted.set(node, name);
        return variable;
      }
      const named = this.variable(root) === undefined ? this.typeName(node) : undefined;
      if (named !== undefined) return named;
    }
    const operand = this.substitution.resolve(this.node(node.operand));
    const chained = isOptional(operand);
    const within = chained ? operand.parameters[0] ?? dyn : operand;
    const field = this.field(within, node);
    if (node.test) return bool;
    return (chained || node.optional) && !isOptional(field) ? optional(field) : field;
  }

  private field(of: Type, { at, field, operand }: SelectNode): Type {
    switch (of.kind) {
      case 'object': return of.field(field) ?? this.report(at, `undefined field '${field}'`);
      case 'map': return of.value;
      case 'dyn':
      case 'error': return of;
      case 'free':
      case 'parameter': return dyn;
      default: return this.report(operand.at, `type '${show(of)}' does not support field selection`);
    }
  }

  private call(node: CallNode): Type {
    const { name, target, args } = node;
    const qualified = target === undefined ? undefined : qualifiedName(target);
    const root = qualified?.split('.')[0];
    const namespaced = root !== undefined && this.variable(root) === undefined ? this.scope.functions.get(`${qualified ?? ''}.${name}`) : undefined;
    if (namespaced !== undefined) {
      this.namespaced.add(node);
      return this.resolve(node, `${qualified ?? ''}.${name}`, namespaced, args, false);
    }
    const operands = target === undefined ? args : [target, ...args];
    const forms = this.scope.functions.get(name);
    if (forms === undefined) {
      for (const operand of operands) this.node(operand);
      return this.report(node.at, `undeclared reference to '${name}' (in container '')`);
    }
    if (name === 'format') this.formatting++;
    const type = this.resolve(node, name, forms, operands, target !== undefined);
    if (name === 'format') this.formatting--;
    return type;
  }

  private resolve(node: CallNode, name: string, forms: readonly Overload[], operands: readonly Node[], member: boolean): Type {
    const actual = operands.map((operand) => this.node(operand));
    const matching: Overload[] = [];
    let result: Type | undefined;
    for (const form of forms) {
      if (form.member !== member || form.parameters.length !== actual.length) continue;
      const instance = this.substitution.instantiate([...form.parameters, form.result]);
      if (!this.substitution.assignAll(instance.slice(0, -1), actual)) continue;
      matching.push(form);
      const type = this.substitution.resolve(instance.at(-1) ?? dyn);
      result = result === undefined || show(result) === show(type) ? type : dyn;
    }
    this.overloads.set(node, matching);
    if (result !== undefined) return result;
    const types = actual.map((type) => show(this.substitution.resolve(type)));
    // An error that was told already is not told twice.
    if (actual.some((type) => this.substitution.resolve(type).kind === 'error')) return errorType;
    const signature = member ? `${types[0] ?? ''}.(${types.slice(1).join(', ')})` : `(${types.join(', ')})`;
    return this.report(node.at, `found no matching overload for '${name}' applied to '${signature}'`);
  }

  /** The type of `next`, joined to that of the elements before it: literals hold one type. */
  private join(before: Type | undefined, next: Type, at: number): Type {
    if (before === undefined) return next;
    if (this.substitution.assign(before, next)) return this.substitution.general(before, next);
    if (this.formatting > 0) return dyn;
    return this.report(at, `expected type '${show(this.substitution.resolve(before))}' but found '${show(this.substitution.resolve(next))}'`);
  }

  private list(node: ListNode): Type {
    let element: Type | undefined;
    for (const { value, optional: maybe } of node.elements) {
      const type = this.node(value);
      element = this.join(element, maybe ? this.unwrapped(type, value.at) : type, value.at);
    }
    return list(element ?? this.substitution.fresh());
  }

  private unwrapped(type: Type, at: number): Type {
    const resolved = this.substitution.resolve(type);
    if (isOptional(resolved)) return resolved.parameters[0] ?? dyn;
    if (resolved.kind === 'dyn' || resolved.kind === 'error') return resolved;
    return this.report(at, `expected type 'optional_type(${show(resolved)})' but found '${show(resolved)}'`);
  }

  private map(node: MapNode): Type {
    let key: Type | undefined;
    let value: Type | undefined;
    for (const entry of node.entries) {
      const keyType = this.node(entry.key);
      const valueType = this.node(entry.value);
      key = this.join(key, keyType, entry.key.at);
      value = this.join(value, entry.optional ? this.unwrapped(valueType, entry.value.at) : valueType, entry.value.at);
    }
    return map(key ?? this.substitution.fresh(), value ?? this.substitution.fresh());
  }

  private struct(node: StructNode): Type {
    const type = this.scope.structs?.(node.typeName);
    if (type === undefined) {
      for (const { value } of node.entries) this.node(value);
      return this.report(node.at, `undeclared reference to '${node.typeName}' (in container '')`);
    }
    this.structs.set(node, type);
    for (const { at, field, value, optional: maybe } of node.entries) {
      const given = this.node(value);
      const actual = maybe ? this.unwrapped(given, value.at) : given;
      const declared = type.field(field);
      if (declared === undefined) this.report(at, `undefined field '${field}'`);
      else if (!this.substitution.assign(declared, actual)) {
        this.report(at, `expected type of field '${field}' is '${show(declared)}' but provided type is '${show(this.substitution.resolve(actual))}'`);
      }
    }
    return type;
  }

  private fold(node: FoldNode): Type {
    const { macro, first, second, filter, body } = node;
    const range = this.substitution.resolve(this.node(node.range));
    const [key, value] = this.rangeTypes(range, node.range.at);
    const depth = this.locals.length;
    if (second === undefined) this.locals.push({ name: first, type: range.kind === 'list' ? value : key });
    else this.locals.push({ name: first, type: key }, { name: second, type: value });
    const element = range.kind === 'list' ? value : key;
    if (filter !== undefined) this.expect(bool, this.node(filter), filter.at);
    const type = this.node(body);
    this.locals.length = depth;
    return this.folded(macro, type, { key, element, at: body.at });
  }

  private folded(macro: FoldNode['macro'], type: Type, { key, element, at }: { readonly key: Type; readonly element: Type; readonly at: number }): Type {
    switch (macro) {
      case 'map':
      case 'transformList': return list(type);
      case 'transformMap': return map(key, type);
      case 'transformMapEntry': {
        const resolved = this.substitution.resolve(type);
        if (resolved.kind === 'map') return resolved;
        return resolved.kind === 'dyn' || resolved.kind === 'error' ? map(dyn, dyn) : this.report(at, `expected type 'map(dyn, dyn)' but found '${show(resolved)}'`);
      }
      case 'sortBy': return list(element);
      case 'filter':
        this.expect(bool, type, at);
        return list(element);
      default:
        this.expect(bool, type, at);
        return bool;
    }
  }

  /** Of a list its index and element, of a map its key and value. */
  private rangeTypes(range: Type, at: number): readonly [Type, Type] {
    switch (range.kind) {
      case 'list': return [int, range.element];
      case 'map': return [range.key, range.value];
      case 'dyn':
      case 'error':
      case 'free': return [dyn, dyn];
      default: {
        const error = this.report(at, `expression of type '${show(range)}' cannot be range of a comprehension (must be list, map, or dynamic)`);
        return [error, error];
      }
    }
  }

  private optMap({ target, variable, body, flat, at }: OptMapNode): Type {
    const of = this.substitution.resolve(this.node(target));
    const inner = isOptional(of) ? of.parameters[0] ?? dyn : dyn;
    if (!isOptional(of) && of.kind !== 'dyn' && of.kind !== 'error') this.report(at, `found no matching overload for '${flat ? 'optFlatMap' : 'optMap'}' applied to '${show(of)}.()'`);
    this.locals.push({ name: variable, type: inner });
    const type = this.substitution.resolve(this.node(body));
    this.locals.pop();
    if (!flat) return optional(type);
    if (!isOptional(type) && type.kind !== 'dyn' && type.kind !== 'error') this.report(body.at, `expected type 'optional_type(dyn)' but found '${show(type)}'`);
    return type;
  }

  private expect(expected: Type, actual: Type, at: number): void {
    if (this.substitution.assign(expected, actual)) return;
    this.report(at, `expected type '${show(expected)}' but found '${show(this.substitution.resolve(actual))}'`);
  }
}

function literalType(value: unknown): Type {
  switch (typeof value) {
    case 'boolean': return bool;
    case 'bigint': return int;
    case 'number': return double;
    case 'string': return string;
    default: return value === null ? nullType : value instanceof Uint8Array ? bytes : uint;
  }
}
