import { isUtf8 } from 'node:buffer';
import { Composer, isMap, isPair, isScalar, LineCounter, Parser, visit, type Document, type ScalarTag, type Tags } from 'yaml';
import { mostDepth } from './json-scan.ts';
import { mayBeLong } from './json-exact.ts';
import { DecodeProblem } from './walk/problem.ts';
import { define } from './walk/scalars.ts';
import { messageOf } from '../../machinery/thrown.ts';

/**
 * YAML bodies as kubectl reads them: YAML 1.1 booleans and octals (`on`, `0755`), but dates and base-60 numbers stay text
 * (`2024-01-01`, `12:30`). The first document counts.
 */

export interface YamlBody {
  readonly value: unknown;
  /** What the strict reading refuses. */
  readonly duplicates: readonly string[];
}

const dropped = new Set(['timestamp', 'binary', 'omap', 'pairs', 'set'].map((name) => `tag:yaml.org,2002:${name}`));
/** Go's `0o755`, which YAML 1.1 doesn't have. */
const octal: ScalarTag = { tag: 'tag:yaml.org,2002:int', default: true, test: /^0o[0-7]+$/, resolve: (text) => Number(text) };
const customTags = (tags: Tags): Tags => [octal, ...tags.filter((tag) => typeof tag === 'string' || (tag.format !== 'TIME' && !dropped.has(tag.tag)))];
/** Against documents that grow by aliases of aliases. */
const mostAliases = 100;

/** Reads a body. Throws `DecodeProblem`. */
export function readYaml(bytes: Buffer): YamlBody {
  if (!isUtf8(bytes)) throw new DecodeProblem('invalid UTF-8 in the body');
  const lines = new LineCounter();
  try {
    const text = bytes.toString();
    const isLong = mayBeLong(text);
    const document = firstDocument(text, lines, { intAsBigInt: isLong, schema: 'yaml-1.1', customTags, uniqueKeys: false, merge: true, logLevel: 'error' });
    if (document === undefined) return { value: null, duplicates: [] };
    const [error] = document.errors;
    if (error !== undefined) throw new DecodeProblem(`error converting YAML to JSON: yaml: line ${lines.linePos(error.pos[0]).line}: ${error.message}`);
    const value: unknown = document.toJS({ maxAliasCount: mostAliases });
    checkDepth(value, 0);
    return { value: isLong ? narrowed(value) : value, duplicates: duplicateKeys(document, lines) };
  } catch (cause) {
    if (cause instanceof DecodeProblem) throw cause;
    throw new DecodeProblem(`error converting YAML to JSON: yaml: ${messageOf(cause)}`, { cause });
  }
}

/** What stands behind the first document is not even looked at. */
function firstDocument(text: string, lines: LineCounter, options: ConstructorParameters<typeof Composer>[0]): Document.Parsed | undefined {
  const { value } = new Composer(options).compose(new Parser(lines.addNewLine).parse(text)).next();
  return value ?? undefined;
}

/** Whether something stands behind the first document. Of what was read without a problem. */
export function hasMoreDocuments(bytes: Buffer): boolean {
  const documents = new Composer({ logLevel: 'error' }).compose(new Parser().parse(bytes.toString()));
  documents.next();
  return documents.some(({ contents }) => contents !== null && !(isScalar(contents) && contents.value === null));
}

/** Whole numbers as numbers where they are exact so. In place: the value was just made. */
function narrowed(value: unknown): unknown {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  if (typeof value !== 'object' || value === null) return value;
  for (const [key, item] of Object.entries(value)) define(value as Record<string, unknown>, key, narrowed(item));
  return value;
}

function checkDepth(value: unknown, depth: number): void {
  if (typeof value !== 'object' || value === null) return;
  if (depth > mostDepth) throw new DecodeProblem('exceeded max depth');
  for (const item of Object.values(value)) checkDepth(item, depth + 1);
}

function duplicateKeys(document: Document.Parsed, lines: LineCounter): string[] {
  const found: string[] = [];
  visit(document, {
    Map(_key, map) {
      if (!isMap(map)) return;
      const seen = new Set<string>();
      for (const pair of map.items) {
        if (!isPair(pair) || !isScalar(pair.key)) continue;
        const key = String(pair.key.value);
        if (seen.has(key) && key !== '<<') found.push(`  line ${lines.linePos(pair.key.range?.[0] ?? 0).line}: key ${JSON.stringify(key)} already set in map`);
        seen.add(key);
      }
    },
  });
  return found.length === 0 ? [] : [`yaml: unmarshal errors:\n${found.join('\n')}`];
}
