import { deepFreeze } from '../../freeze.ts';
import { isList, isObject, type JsonObject } from '../json-value.ts';
import { compare } from './compare.ts';
import { union, type FieldSet } from './field-set.ts';
import { itemElement } from './path-element.ts';
import { fieldAt, shapeFor, type Shape, type StructShape } from './shape.ts';

/**
 * The fields of a new object, all of which belong to its creator. A cluster makes most objects from a few templates, and what is made
 * of one template has one set: sets are remembered by the objects' outline, which takes a third of the time to tell.
 */
export function createdFields(shape: StructShape, object: JsonObject): FieldSet {
  const key = outline(shape, object);
  let sets = remembered.get(shape);
  const known = sets?.get(key);
  if (known !== undefined) return known;
  const { added, modified } = compare(shape, {}, object);
  const fields = deepFreeze(union(added, modified));
  if (key.length > longestOutline) return fields;
  if (sets === undefined || sets.size >= mostOutlines) {
    sets = new Map();
    remembered.set(shape, sets);
  }
  sets.set(key, fields);
  return fields;
}

const mostOutlines = 128;
const longestOutline = 4096;
const remembered = new WeakMap<StructShape, Map<string, FieldSet>>();

/** Which fields, keys and items a value has, without what is in its leaves. No two values with different sets have the same. */
function outline(shape: Shape, value: unknown): string {
  let text = '';
  if (shape.type === 'list') {
    if (isList(value)) for (const item of value) text += named(itemElement(shape, item), shape.items, item);
  } else if (shape.type !== 'leaf' && isObject(value)) {
    for (const name of Object.keys(value)) {
      const inner = value[name];
      if (inner === undefined) continue;
      const field = shape.type === 'struct' ? fieldAt(shape, name) : undefined;
      if (shape.type === 'map') text += named(name, shape.values, inner);
      else if (field !== undefined && !field.isUntracked) text += named(name, field.shape, inner);
    }
  }
  return text;
}

/** With its length, so that no name can look like something else. */
function named(name: string, shape: Shape, value: unknown): string {
  const own = shapeFor(shape, value);
  if (own.type === 'leaf') return `${name.length}:${name};`;
  return value === null ? `${name.length}:${name}?` : `${name.length}:${name}{${outline(own, value)}}`;
}
