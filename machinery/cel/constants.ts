import type { CallNode, Literal, Node } from './ast.ts';
import type { Checked } from './check.ts';
import { accepts } from './dispatch.ts';
import { CelError } from './errors.ts';
import { ListValue, MapValue, Uint, type Value } from './values.ts';

/**
 * What is known before an expression runs, and costs nothing while it does: literals, lists and maps of them, and conversions of them.
 * Kubernetes' evaluator has it so.
 */
export interface Constants {
  readonly of: (node: Node) => Value | undefined;
}

const conversions: ReadonlySet<string> = new Set(['bool', 'bytes', 'double', 'duration', 'dyn', 'int', 'string', 'timestamp', 'type', 'uint']);
/** Of a conversion that takes longer than a literal is long, nothing is known. */
const mostCharge = 1000;

export function createConstants(checked: Checked): Constants {
  const known = new Map<Node, Value | undefined>();
  const of = (node: Node): Value | undefined => {
    if (node.kind === 'const') return literalValue(node.value);
    if (known.has(node)) return known.get(node);
    const value = constantOf(node, checked, of);
    known.set(node, value);
    return value;
  };
  return { of };
}

function constantOf(node: Node, checked: Checked, of: Constants['of']): Value | undefined {
  try {
    switch (node.kind) {
      case 'list': {
        const items = node.elements.flatMap(({ value, optional }) => (optional ? [] : of(value) ?? []));
        return items.length === node.elements.length ? ListValue.of(items) : undefined;
      }
      case 'map': {
        const pairs = node.entries.flatMap(({ key, value, optional }): [Value, Value][] => {
          const [name, given] = [of(key), of(value)];
          return optional || name === undefined || given === undefined ? [] : [[name, given]];
        });
        return pairs.length === node.entries.length ? MapValue.of(pairs) : undefined;
      }
      case 'call': return converted(node, checked, of);
      default: return undefined;
    }
  } catch (error) {
    // What fails, fails when it runs.
    if (error instanceof CelError) return undefined;
    throw error;
  }
}

function converted(node: CallNode, checked: Checked, of: Constants['of']): Value | undefined {
  const [argument] = node.args;
  if (!conversions.has(node.name) || node.target !== undefined || node.args.length !== 1 || argument === undefined) return undefined;
  const value = of(argument);
  if (value === undefined) return undefined;
  const form = checked.overloads.get(node)?.find(({ parameters }) => parameters.every((type) => accepts(type, value)));
  if (form === undefined || form.cost.before([value]) > mostCharge) return undefined;
  return form.run([value], { charge: () => undefined });
}

function literalValue(literal: Literal): Value {
  return typeof literal === 'object' && literal !== null && 'uint' in literal ? new Uint(literal.uint) : literal;
}
