import { dyn, type Type } from './types.ts';

/** Type parameters found so far. Trying an assignment that fails leaves them as they were. */
export class Substitution {
  private readonly bound: (Type | undefined)[] = [];
  /** What was bound, in order: a failed attempt takes its part back. */
  private readonly trail: number[] = [];

  fresh(): Type {
    this.bound.push(undefined);
    return { kind: 'free', id: this.bound.length - 1 };
  }

  /** The types with a fresh unknown for each parameter. */
  instantiate(types: readonly Type[]): Type[] {
    const fresh = new Map<string, Type>();
    const replace = (type: Type): Type => {
      switch (type.kind) {
        case 'parameter': {
          const known = fresh.get(type.name) ?? this.fresh();
          fresh.set(type.name, known);
          return known;
        }
        case 'list': return { ...type, element: replace(type.element) };
        case 'map': return { ...type, key: replace(type.key), value: replace(type.value) };
        case 'opaque': return type.parameters.length === 0 ? type : { ...type, parameters: type.parameters.map(replace) };
        case 'type': return { ...type, of: replace(type.of) };
        default: return type;
      }
    };
    return types.map(replace);
  }

  /** The type with what is known put in; what is not is `dyn` to whoever reads it. */
  resolve(type: Type): Type {
    switch (type.kind) {
      case 'free': {
        const bound = this.bound[type.id];
        return bound === undefined ? type : this.resolve(bound);
      }
      case 'list': return { ...type, element: this.resolve(type.element) };
      case 'map': return { ...type, key: this.resolve(type.key), value: this.resolve(type.value) };
      case 'opaque': return type.parameters.length === 0 ? type : { ...type, parameters: type.parameters.map((one) => this.resolve(one)) };
      case 'type': return { ...type, of: this.resolve(type.of) };
      default: return type;
    }
  }

  /** Whether values of `actual` go where `expected` is declared. */
  assign(expected: Type, actual: Type): boolean {
    return this.assignAll([expected], [actual]);
  }

  assignAll(expected: readonly Type[], actual: readonly Type[]): boolean {
    const before = this.trail.length;
    if (expected.every((type, i) => this.fits(type, actual[i] ?? dyn))) return true;
    for (const id of this.trail.splice(before)) this.bound[id] = undefined;
    return false;
  }

  /** The less specific of two types that fit each other. */
  general(a: Type, b: Type): Type {
    const left = this.resolve(a);
    const right = this.resolve(b);
    return isGeneral(left, right) ? left : right;
  }

  private fits(expected: Type, actual: Type): boolean {
    const a = this.head(expected);
    const b = this.head(actual);
    if (a.kind === 'free' && b.kind === 'free' && a.id === b.id) return true;
    if (a.kind === 'free') return this.bind(a.id, b);
    if (b.kind === 'free') return this.bind(b.id, a);
    if (a.kind === 'dyn' || b.kind === 'dyn' || a.kind === 'error' || b.kind === 'error') return true;
    if (b.kind === 'null') return a.kind === 'null' || takesNull(a);
    if (a.kind === 'null') return takesNull(b);
    switch (a.kind) {
      case 'list': return b.kind === 'list' && this.fits(a.element, b.element);
      case 'map': return b.kind === 'map' && this.fits(a.key, b.key) && this.fits(a.value, b.value);
      case 'object': return b.kind === 'object' && a.name === b.name;
      case 'opaque': return b.kind === 'opaque' && a.name === b.name && a.parameters.every((one, i) => this.fits(one, b.parameters[i] ?? dyn));
      case 'type': return b.kind === 'type';
      default: return a.kind === b.kind;
    }
  }

  private head(type: Type): Type {
    let current = type;
    while (current.kind === 'free') {
      const bound = this.bound[current.id];
      if (bound === undefined) return current;
      current = bound;
    }
    return current;
  }

  private bind(id: number, type: Type): boolean {
    if (this.contains(type, id)) return false;
    this.bound[id] = type;
    this.trail.push(id);
    return true;
  }

  private contains(type: Type, id: number): boolean {
    const head = this.head(type);
    switch (head.kind) {
      case 'free': return head.id === id;
      case 'list': return this.contains(head.element, id);
      case 'map': return this.contains(head.key, id) || this.contains(head.value, id);
      case 'opaque': return head.parameters.some((one) => this.contains(one, id));
      case 'type': return this.contains(head.of, id);
      default: return false;
    }
  }
}

/** Null stands for an absent object, time or library value. */
function takesNull(type: Type): boolean {
  return type.kind === 'object' || type.kind === 'opaque' || type.kind === 'timestamp' || type.kind === 'duration';
}

/** Whether `a` says no more than `b`. */
function isGeneral(a: Type, b: Type): boolean {
  if (a.kind === 'dyn') return true;
  if (b.kind === 'dyn' || (a.kind === 'null' && b.kind !== 'null')) return false;
  if (a.kind === 'list' && b.kind === 'list') return isGeneral(a.element, b.element);
  if (a.kind === 'map' && b.kind === 'map') return isGeneral(a.key, b.key) && isGeneral(a.value, b.value);
  if (a.kind === 'opaque' && b.kind === 'opaque') return a.parameters.every((one, i) => isGeneral(one, b.parameters[i] ?? dyn));
  return true;
}
