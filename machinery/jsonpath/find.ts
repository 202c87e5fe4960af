import type { JsonPath, JsonPathStep, Operand } from './parse.ts';

/** All values that a path finds, in order; none when a field is absent. */
export function findJsonPath(value: unknown, path: JsonPath): readonly unknown[] {
  return path.reduce<readonly unknown[]>((found, step) => found.flatMap((one) => take(one, step)), [value]);
}

function take(value: unknown, step: JsonPathStep): readonly unknown[] {
  switch (step.type) {
    case 'field': return member(value, step.name);
    case 'fields': return step.names.flatMap((name) => member(value, name));
    case 'every': return children(value);
    case 'deep': return [...deep(value, step.name)];
    case 'items': return Array.isArray(value) ? step.indices.map((index): unknown => value.at(index)).filter((one) => one !== undefined) : [];
    case 'slice': return Array.isArray(value) ? value.slice(step.from, step.to).filter((_, index) => index % step.step === 0) : [];
    case 'filter': return children(value).filter((one) => holds(one, step));
  }
}

function member(value: unknown, name: string): readonly unknown[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [];
  return Object.hasOwn(value, name) ? [Reflect.get(value, name)] : [];
}

function children(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  return typeof value === 'object' && value !== null ? Object.values(value) : [];
}

function* deep(value: unknown, name: string): Generator<unknown> {
  if (name === '') yield value;
  else yield* name === '*' ? children(value) : member(value, name);
  for (const child of children(value)) yield* deep(child, name);
}

function holds(value: unknown, { left, operator, right }: Extract<JsonPathStep, { type: 'filter' }>): boolean {
  const [a, b] = [operandOf(value, left), operandOf(value, right)];
  if (operator === 'exists') return a !== undefined;
  if (a === undefined || b === undefined) return false;
  switch (operator) {
    case '==': return a === b;
    case '!=': return a !== b;
    case '<': return isOrdered(a, b) && a < b;
    case '<=': return isOrdered(a, b) && a <= b;
    case '>': return isOrdered(a, b) && a > b;
    case '>=': return isOrdered(a, b) && a >= b;
  }
}

function isOrdered(a: unknown, b: unknown): a is number | string {
  return typeof a === typeof b && (typeof a === 'number' || typeof a === 'string');
}

function operandOf(value: unknown, operand: Operand): string | number | boolean | object | undefined {
  if ('value' in operand) return operand.value;
  const [found] = findJsonPath(value, operand.path);
  return typeof found === 'string' || typeof found === 'number' || typeof found === 'boolean' || (typeof found === 'object' && found !== null) ? found : undefined;
}
