import type { CallNode, FoldNode, Node } from './ast.ts';
import { SyntaxProblem } from './tokens.ts';

/**
 * The node that a macro call stands for; undefined when the call is none. Macros: langdef.md; two-variable ones: the extension
 * library "TwoVarComprehensions"; sortBy: "Lists"; optMap and optFlatMap: "Optionals".
 */
export function expandMacro(call: CallNode): Node | undefined {
  const { name, target, args } = call;
  if (target === undefined) return name === 'has' && args.length === 1 ? presence(call) : undefined;
  switch (name) {
    case 'all':
    case 'exists': return fold(call, target, name, { one: [2], two: [3] });
    case 'exists_one':
    case 'existsOne': return fold(call, target, 'existsOne', { one: [2], two: [3] });
    case 'map': return fold(call, target, name, { one: [2, 3], two: [] });
    case 'filter':
    case 'sortBy': return fold(call, target, name, { one: [2], two: [] });
    case 'transformList':
    case 'transformMap':
    case 'transformMapEntry': return fold(call, target, name, { one: [], two: [3, 4] });
    case 'optMap':
    case 'optFlatMap': {
      const [variable, body] = args;
      if (args.length !== 2 || variable === undefined || body === undefined) return undefined;
      return { kind: 'optMap', at: call.at, target, variable: variableName(variable), body, flat: name === 'optFlatMap' };
    }
    default: return undefined;
  }
}

function presence({ at, args: [arg] }: CallNode): Node {
  if (arg?.kind !== 'select' || arg.test) throw new SyntaxProblem(arg?.at ?? at, 'invalid argument to has() macro');
  return { ...arg, at, test: true };
}

/** `one`, `two`: how many arguments the form with one variable and that with two have. */
function fold(call: CallNode, range: Node, macro: FoldNode['macro'], { one, two }: { readonly one: readonly number[]; readonly two: readonly number[] }): FoldNode | undefined {
  const { args, at } = call;
  const variables = one.includes(args.length) ? 1 : two.includes(args.length) ? 2 : 0;
  if (variables === 0) return undefined;
  const names = args.slice(0, variables).map(variableName);
  const [first = '', second] = names;
  if (first === second) throw new SyntaxProblem(args[1]?.at ?? at, `duplicate variable name: ${first}`);
  const rest = args.slice(variables);
  const body = rest.at(-1);
  if (body === undefined) return undefined;
  return { kind: 'fold', at, macro, range, first, second, filter: rest.length === 2 ? rest[0] : undefined, body };
}

function variableName(node: Node): string {
  if (node.kind !== 'ident') throw new SyntaxProblem(node.at, 'argument must be a simple name');
  return node.name;
}
