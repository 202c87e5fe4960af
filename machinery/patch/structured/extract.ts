import { isList, isObject } from '../json-value.ts';
import { noFields, nodeOf, type FieldSet, type FieldSetDraft } from './field-set.ts';
import { itemElement } from './path-element.ts';
import { fieldAt, shapeFor, type ListShape, type Shape, type StructShape } from './shape.ts';

/** The fields that a configuration speaks of: what its applier owns. Leaves, items of lists, keys of maps, and whatever is null or empty. */
export function fieldsIn(shape: StructShape, value: unknown): FieldSet {
  return inside(shape, value);
}

function inside(shape: Shape, value: unknown): FieldSetDraft {
  const out: FieldSetDraft = {};
  if (shape.type === 'list' && isList(value)) addItems(out, shape, value);
  if ((shape.type !== 'struct' && shape.type !== 'map') || !isObject(value)) return out;
  for (const [name, inner] of Object.entries(value)) {
    const field = shape.type === 'struct' ? fieldAt(shape, name) : undefined;
    if (shape.type === 'struct' && (field === undefined || field.isUntracked)) continue;
    const own = shapeFor(field?.shape ?? (shape.type === 'map' ? shape.values : { type: 'leaf' }), inner);
    const isEmpty = inner === null || (isObject(inner) && Object.keys(inner).length === 0);
    const node = nodeOf(inside(own, inner), own.type === 'leaf' || shape.type === 'map' || field?.isKey === true || isEmpty);
    if (node !== undefined) out[`f:${name}`] = node;
  }
  return out;
}

/** Items that are there more than once are owned as one, with nothing below. */
function addItems(out: FieldSetDraft, shape: ListShape, items: readonly unknown[]): void {
  const seen = new Set<string>();
  for (const item of items) {
    const element = itemElement(shape, item);
    out[element] = seen.has(element) ? noFields : nodeOf(inside(shape.items, item), true) ?? noFields;
    seen.add(element);
  }
}

/**
 * `set`, and the structs on the way to its fields, which sets leave out: what must be taken for there when a field is removed.
 */
export function withNamedFields(shape: Shape, set: FieldSet): FieldSet {
  const out: FieldSetDraft = {};
  for (const element in set) {
    const below = set[element] ?? noFields;
    if (element === '.') {
      out[element] = below;
      continue;
    }
    const field = shape.type === 'struct' ? shape.fields.get(element.slice(2)) : undefined;
    const inner = withNamedFields(shapeAt(shape, element) ?? { type: 'leaf' }, below);
    out[element] = field === undefined || '.' in inner || Object.keys(inner).length === 0 ? inner : { ...inner, '.': noFields };
  }
  return out;
}

/** `set` as the schema of now has it: what has become atomic is owned as a whole. The same object when nothing has. */
export function reconciled(shape: Shape, set: FieldSet): FieldSet {
  let out: FieldSetDraft | undefined;
  for (const element in set) {
    const inner = element === '.' ? undefined : shapeAt(shape, element);
    const below = set[element] ?? noFields;
    if (inner === undefined) continue;
    const now = inner.type === 'leaf' ? noFields : reconciled(inner, below);
    if (now === below || (inner.type === 'leaf' && Object.keys(below).length === 0)) continue;
    out ??= { ...set };
    out[element] = now;
  }
  return out ?? set;
}

/** Undefined: the schema has nothing there, or knows nothing of it. */
function shapeAt(shape: Shape, element: string): Shape | undefined {
  if (shape.type === 'struct') return shape.fields.get(element.slice(2))?.shape;
  if (shape.type === 'list') return shape.items;
  return shape.type === 'map' && shape.isDeduced !== true ? shape.values : undefined;
}
