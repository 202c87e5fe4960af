import { isObject } from '../json-value.ts';
import type { FieldSet, FieldSetDraft } from './field-set.ts';
import type { ListShape } from './shape.ts';

/**
 * The steps of a path, as text: `f:` and a field's name or a map's key, `k:` and a list item's key fields as JSON, `v:` and an item of
 * a set as JSON, `i:` and a position. Source: FieldsV1, meta/v1.
 */

/** A value that cannot be an item of its list; the message is Kubernetes'. */
export class ElementProblem extends Error {}

/** The element of a list's item. Throws `ElementProblem`. */
export function itemElement({ keys }: ListShape, item: unknown): string {
  if (keys === undefined) return `v:${written(setItem(item))}`;
  if (item === null) throw new ElementProblem('associative list with keys may not have a null element');
  if (!isObject(item)) throw new ElementProblem('associative list with keys may not have non-map elements');
  let text = '';
  for (const { name, label, missing } of keys) {
    const value = item[name] ?? missing;
    if (value !== undefined) text += `${text === '' ? 'k:{' : ','}${label}${written(value)}`;
  }
  if (text !== '') return `${text}}`;
  const names = keys.map(({ name }) => JSON.stringify(name)).join(' ');
  throw new ElementProblem(`associative list with keys has an element that omits all key fields [${names}] (and doesn't have default values for any key fields)`);
}

/** Whole numbers beyond 2⁵³ come as bigints. */
function written(value: unknown): string {
  return typeof value === 'bigint' ? String(value) : JSON.stringify(value);
}

function setItem(item: unknown): unknown {
  if (Array.isArray(item)) throw new ElementProblem('not supported: associative list with lists as elements');
  if (item === null) throw new ElementProblem("associative list without keys has an element that's an explicit null");
  if (typeof item === 'object') throw new ElementProblem("associative list without keys has an element that's a map type");
  return item;
}

/** `.spec`, `[name="web"]`, `[="a"]`, `[0]`: an element as people read it. */
export function elementText(element: string): string {
  const content = element.slice(2);
  switch (element.slice(0, 2)) {
    case 'f:': return `.${content}`;
    case 'v:': return `[=${content}]`;
    case 'i:': return `[${content}]`;
    default: return `[${Object.entries(Object(JSON.parse(content))).map(([name, value]) => `${name}=${JSON.stringify(value)}`).join(',')}]`;
  }
}

/** `.spec.containers[name="web"].image`. */
export function pathText(path: readonly string[]): string {
  return path.map(elementText).join('');
}

/** The set that a FieldsV1 from outside holds; undefined when it holds none. Elements of kinds that are not known are passed over. */
export function readFields(value: unknown): FieldSet | undefined {
  if (!isObject(value)) return undefined;
  const out: FieldSetDraft = {};
  for (const [key, below] of Object.entries(value)) {
    const element = key === '.' ? key : readElement(key);
    const node = readFields(below);
    if (element === undefined || node === undefined) return undefined;
    if (element !== '') out[element] = key !== '.' && Object.keys(node).length === 1 && node['.'] !== undefined ? {} : node;
  }
  return out;
}

/** In canonical form; '': to be passed over; undefined: none. */
function readElement(key: string): string | undefined {
  if (key[1] !== ':') return undefined;
  const content = key.slice(2);
  switch (key[0]) {
    case 'f': return key;
    case 'i': return /^[+-]?\d+$/.test(content) ? `i:${Number(content)}` : undefined;
    case 'v': return mapped(content, (value) => `v:${JSON.stringify(value)}`);
    case 'k': return mapped(content, (value) => (isObject(value) ? `k:${JSON.stringify(Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1))))}` : undefined));
    default: return '';
  }
}

function mapped(json: string, write: (value: unknown) => string | undefined): string | undefined {
  try {
    return write(JSON.parse(json));
  } catch {
    return undefined;
  }
}
