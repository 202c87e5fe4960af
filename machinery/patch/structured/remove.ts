import { isList, isObject, type JsonObject } from '../json-value.ts';
import { below, has, isEmpty, type FieldSet } from './field-set.ts';
import { itemElement } from './path-element.ts';
import { fieldAt, shapeFor, type ListShape, type MapShape, type Shape, type StructShape } from './shape.ts';

/** `value` without the fields of `set`; it isn't changed. What is emptied thereby becomes null, which is to say that it is no longer there. */
export function removeFields(shape: StructShape, value: JsonObject, set: FieldSet): JsonObject {
  return isEmpty(set) ? value : withoutFields(shape, value, set) ?? {};
}

function without(shape: Shape, value: unknown, set: FieldSet): unknown {
  const own = shapeFor(shape, value);
  if (own.type === 'list') return isList(value) ? withoutItems(own, value, set) : value;
  if (own.type === 'leaf') return isObject(value) || isList(value) ? null : value;
  return isObject(value) ? withoutFields(own, value, set) : value;
}

function withoutFields(shape: StructShape | MapShape, value: JsonObject, set: FieldSet): JsonObject | null {
  const kept: [string, unknown][] = [];
  for (const [name, inner] of Object.entries(value)) {
    const element = `f:${name}`;
    if (has(set, [element])) continue;
    const own = shape.type === 'map' ? shape.values : fieldAt(shape, name)?.shape;
    const rest = below(set, element);
    kept.push([name, isEmpty(rest) || own === undefined ? inner : without(own, inner, rest)]);
  }
  return kept.length === 0 ? null : Object.fromEntries(kept);
}

function withoutItems(shape: ListShape, items: readonly unknown[], set: FieldSet): readonly unknown[] | null {
  const kept: unknown[] = [];
  for (const item of items) {
    const element = itemElement(shape, item);
    if (has(set, [element])) continue;
    const rest = below(set, element);
    kept.push(isEmpty(rest) ? item : without(shape.items, item, rest));
  }
  return kept.length === 0 ? null : kept;
}
