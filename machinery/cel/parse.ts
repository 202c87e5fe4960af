import type { CallNode, Element, Entry, FieldEntry, Literal, Node } from './ast.ts';
import { qualifiedName } from './ast.ts';
import { expandMacro } from './macros.ts';
import { SyntaxProblem, tokenize, type Token } from './tokens.ts';

/** Nested deeper, or more operators in one chain, than any walk over the tree has stack for. */
const mostDepth = 250;
/** Code points of one expression. */
const mostLength = 100_000;

/** Names that the specification keeps for itself; as names of fields they are fine. */
const reserved: ReadonlySet<string> = new Set([
  'as', 'break', 'const', 'continue', 'else', 'for', 'function', 'if', 'import', 'let', 'loop', 'package', 'namespace', 'return', 'var', 'void', 'while',
]);

const relations: ReadonlySet<string> = new Set(['==', '!=', '<', '<=', '>', '>=', 'in']);
const sums: ReadonlySet<string> = new Set(['+', '-']);
const products: ReadonlySet<string> = new Set(['*', '/', '%']);

/** Parses an expression and expands its macros. Throws `SyntaxProblem`. */
export function parse(source: string): Node {
  if (source.length > mostLength) throw new SyntaxProblem(0, `expression code point size exceeds limit: size: ${source.length}, limit ${mostLength}`);
  const parser = new Parser(tokenize(source));
  return parser.whole();
}

class Parser {
  private readonly tokens: readonly Token[];
  private next = 0;
  private nesting = 0;
  private readonly depths = new WeakMap<Node, number>();

  constructor(tokens: readonly Token[]) {
    this.tokens = tokens;
  }

  whole(): Node {
    const node = this.expression();
    if (this.token.type !== 'end') throw this.unexpected('<EOF>');
    return node;
  }

  private get token(): Token {
    const token = this.tokens[this.next];
    if (token === undefined) throw new Error('read past the end of an expression');
    return token;
  }

  private is(op: string): boolean {
    return this.token.type === 'op' && this.token.text === op;
  }

  private take(op: string): Token | undefined {
    if (!this.is(op)) return undefined;
    const { token } = this;
    this.next++;
    return token;
  }

  private expect(op: string): Token {
    const token = this.take(op);
    if (token === undefined) throw this.unexpected(`'${op}'`);
    return token;
  }

  private unexpected(expecting: string): SyntaxProblem {
    return new SyntaxProblem(this.token.at, `mismatched input '${this.token.text}' expecting ${expecting}`);
  }

  private made<T extends Node>(node: T, ...children: readonly (Node | undefined)[]): T {
    let depth = 0;
    for (const child of children) if (child !== undefined) depth = Math.max(depth, this.depths.get(child) ?? 1);
    if (depth >= mostDepth) throw new SyntaxProblem(node.at, `expression recursion limit exceeded: ${mostDepth}`);
    this.depths.set(node, depth + 1);
    return node;
  }

  private call(at: number, name: string, args: readonly Node[]): CallNode {
    return this.made({ kind: 'call', at, name, target: undefined, args }, ...args);
  }

  private expression(): Node {
    if (++this.nesting > mostDepth) throw new SyntaxProblem(this.token.at, `expression recursion limit exceeded: ${mostDepth}`);
    const condition = this.chain('||');
    const question = this.take('?');
    let result = condition;
    if (question !== undefined) {
      const yes = this.chain('||');
      this.expect(':');
      const no = this.expression();
      result = this.call(question.at, '_?_:_', [condition, yes, no]);
    }
    this.nesting--;
    return result;
  }

  /** A chain of `&&` or `||`, as a balanced tree: long ones are common, and their order of evaluation stays. */
  private chain(op: '||' | '&&'): Node {
    const term = (): Node => (op === '||' ? this.chain('&&') : this.relation());
    const terms = [term()];
    const ops: number[] = [];
    for (let token = this.take(op); token !== undefined; token = this.take(op)) {
      ops.push(token.at);
      terms.push(term());
    }
    const balanced = (from: number, to: number): Node => {
      const first = terms[from];
      if (first === undefined) throw new Error('a chain without terms');
      if (to - from === 1) return first;
      const middle = Math.floor((from + to) / 2);
      return this.call(ops[middle - 1] ?? 0, op === '||' ? '_||_' : '_&&_', [balanced(from, middle), balanced(middle, to)]);
    };
    return balanced(0, terms.length);
  }

  private leftToRight(ops: ReadonlySet<string>, operand: () => Node, nameOf: (op: string) => string): Node {
    let left = operand();
    while (this.token.type === 'op' && ops.has(this.token.text)) {
      const { token } = this;
      this.next++;
      left = this.call(token.at, nameOf(token.text), [left, operand()]);
    }
    return left;
  }

  private relation(): Node {
    return this.leftToRight(relations, () => this.sum(), (op) => (op === 'in' ? '@in' : `_${op}_`));
  }

  private sum(): Node {
    return this.leftToRight(sums, () => this.leftToRight(products, () => this.unary(), (op) => `_${op}_`), (op) => `_${op}_`);
  }

  private unary(): Node {
    const bang = this.take('!');
    if (bang !== undefined) {
      let times = 1;
      while (this.take('!') !== undefined) times++;
      const operand = this.member();
      return times % 2 === 0 ? operand : this.call(bang.at, '!_', [operand]);
    }
    const minus = this.take('-');
    if (minus === undefined) return this.member();
    const { token } = this;
    if (token.type === 'literal' && (typeof token.value === 'bigint' || typeof token.value === 'number') && !token.text.startsWith('-')) {
      this.next++;
      return this.rest(this.constant(minus.at, -token.value));
    }
    let times = 1;
    while (this.take('-') !== undefined) times++;
    const operand = this.member();
    return times % 2 === 0 ? operand : this.call(minus.at, '-_', [operand]);
  }

  private constant(at: number, value: Literal): Node {
    if (typeof value === 'bigint' && value >= 2n ** 63n) throw new SyntaxProblem(at, 'invalid int literal');
    return this.made({ kind: 'const', at, value });
  }

  private member(): Node {
    return this.rest(this.primary());
  }

  /** `.field`, `.method(…)`, `[index]`, `.?field`, `[?index]` after an operand. */
  private rest(operand: Node): Node {
    let node = operand;
    for (;;) {
      const dot = this.take('.');
      const bracket = dot === undefined ? this.take('[') : undefined;
      if (dot !== undefined) node = this.select(node, dot.at);
      else if (bracket !== undefined) {
        const maybe = this.take('?') !== undefined;
        const index = this.expression();
        this.expect(']');
        node = this.call(bracket.at, maybe ? '_[?_]' : '_[_]', [node, index]);
      } else return node;
    }
  }

  private select(operand: Node, at: number): Node {
    const maybe = this.take('?') !== undefined;
    const { token } = this;
    if (token.type !== 'ident' && token.type !== 'quoted-ident') throw this.unexpected('IDENTIFIER');
    this.next++;
    const open = maybe || token.type === 'quoted-ident' ? undefined : this.take('(');
    if (open === undefined) return this.made({ kind: 'select', at, operand, field: token.text, test: false, optional: maybe }, operand);
    const args = this.list(')');
    const node: CallNode = { kind: 'call', at: open.at, name: token.text, target: operand, args };
    return this.made(expandMacro(node) ?? node, operand, ...args);
  }

  private primary(): Node {
    const { token } = this;
    if (token.type === 'literal' && token.value !== undefined) {
      this.next++;
      return this.constant(token.at, token.value);
    }
    if (this.take('(') !== undefined) {
      const inner = this.expression();
      this.expect(')');
      return inner;
    }
    if (this.take('[') !== undefined) {
      const elements = this.elements();
      return this.made({ kind: 'list', at: token.at, elements }, ...elements.map(({ value }) => value));
    }
    if (this.take('{') !== undefined) {
      const entries = this.entries();
      return this.made({ kind: 'map', at: token.at, entries }, ...entries.flatMap(({ key, value }) => [key, value]));
    }
    return this.name();
  }

  private name(): Node {
    this.take('.');
    const { token } = this;
    if (token.type !== 'ident') {
      throw this.unexpected("{'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}");
    }
    if (reserved.has(token.text)) throw new SyntaxProblem(token.at, `reserved identifier: ${token.text}`);
    this.next++;
    const open = this.take('(');
    if (open !== undefined) {
      const args = this.list(')');
      const node: CallNode = { kind: 'call', at: open.at, name: token.text, target: undefined, args };
      return this.made(expandMacro(node) ?? node, ...args);
    }
    return this.structAfter(this.made({ kind: 'ident', at: token.at, name: token.text }));
  }

  /** `Object.spec{…}`: names up to a brace are that of a type. */
  private structAfter(first: Node): Node {
    const start = this.next;
    let node = first;
    for (let dot = this.take('.'); dot !== undefined; dot = this.take('.')) {
      const { token } = this;
      if (token.type !== 'ident') break;
      this.next++;
      node = this.made({ kind: 'select', at: dot.at, operand: node, field: token.text, test: false, optional: false }, node);
    }
    const brace = this.take('{');
    if (brace === undefined) {
      this.next = start;
      return first;
    }
    const entries = this.fields();
    return this.made({ kind: 'struct', at: brace.at, typeName: qualifiedName(node) ?? '', entries }, ...entries.map(({ value }) => value));
  }

  private list(end: ')'): Node[] {
    const nodes: Node[] = [];
    if (this.take(end) !== undefined) return nodes;
    do nodes.push(this.expression()); while (this.take(',') !== undefined);
    this.expect(end);
    return nodes;
  }

  private elements(): Element[] {
    return this.items(']', () => ({ optional: this.take('?') !== undefined, value: this.expression() }));
  }

  private entries(): Entry[] {
    return this.items('}', () => {
      const optional = this.take('?') !== undefined;
      const key = this.expression();
      return { at: this.expect(':').at, key, value: this.expression(), optional };
    });
  }

  private fields(): FieldEntry[] {
    return this.items('}', () => {
      const optional = this.take('?') !== undefined;
      const { token } = this;
      if (token.type !== 'ident' && token.type !== 'quoted-ident') throw this.unexpected("{'}', ',', IDENTIFIER}");
      this.next++;
      return { at: this.expect(':').at, field: token.text, value: this.expression(), optional };
    });
  }

  /** Items between commas; a comma may come last. */
  private items<T>(end: ']' | '}', item: () => T): T[] {
    const items: T[] = [];
    while (this.take(end) === undefined) {
      items.push(item());
      if (this.take(',') === undefined) {
        this.expect(end);
        break;
      }
    }
    return items;
  }
}
