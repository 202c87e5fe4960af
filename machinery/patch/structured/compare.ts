import { fieldOf, isList, isObject, isSame, type JsonObject } from '../json-value.ts';
import { differenceBelow, has, hasChild, isEmpty, newChildren, noFields, putChild, withChildren, type Children, type FieldSet } from './field-set.ts';
import { itemElement } from './path-element.ts';
import { fieldAt, shapeFor, type FieldShape, type ListShape, type MapShape, type Shape, type StructShape } from './shape.ts';

/** What a write changes: no field is in two of the sets. */
export interface Comparison {
  readonly added: FieldSet;
  readonly modified: FieldSet;
  readonly removed: FieldSet;
}

interface Delta {
  readonly added: Children;
  readonly modified: Children;
  readonly removed: Children;
}

function newDelta(): Delta {
  return { added: newChildren(), modified: newChildren(), removed: newChildren() };
}

const nothing: JsonObject = Object.freeze({});

/** The fields by which two objects differ, in canonical order, without what is in `ignored` or below it. */
export function compare(shape: StructShape, before: JsonObject, after: JsonObject, ignored: FieldSet = noFields): Comparison {
  const delta = newDelta();
  // Fields that are ignored as a whole are most of an object when its status is written: they aren't looked into.
  compareFields(delta, isEmpty(ignored) ? shape : shapeWithout(shape, ignored), before, after);
  const left = (children: Children): FieldSet => differenceBelow(rootOf(children), ignored);
  return { added: left(delta.added), modified: left(delta.modified), removed: left(delta.removed) };
}

const narrowed = new WeakMap<StructShape, WeakMap<FieldSet, StructShape>>();

function shapeWithout(shape: StructShape, ignored: FieldSet): StructShape {
  const ofShape = narrowed.get(shape) ?? new WeakMap<FieldSet, StructShape>();
  let without = ofShape.get(ignored);
  if (without === undefined) {
    const fields = [...shape.fields].map(([name, field]): [string, FieldShape] => [name, has(ignored, [field.element]) ? { ...field, isUntracked: true } : field]);
    without = { ...shape, fields: new Map(fields) };
    narrowed.set(shape, ofShape.set(ignored, without));
  }
  return without;
}

function rootOf(children: Children): FieldSet {
  return withChildren(children, false) ?? noFields;
}

function compareFields(delta: Delta, shape: StructShape | MapShape, before: JsonObject, after: JsonObject): void {
  for (const name of Object.keys(after)) compareField(delta, shape, name, fieldOf(before, name), after[name]);
  for (const name of Object.keys(before)) if (after[name] === undefined || !Object.hasOwn(after, name)) compareField(delta, shape, name, before[name], undefined);
}

function compareField(delta: Delta, shape: StructShape | MapShape, name: string, before: unknown, after: unknown): void {
  if (before === after) return;
  if (shape.type === 'map') return compareValues(delta, `f:${name}`, shape.values, before, after);
  const field = fieldAt(shape, name);
  if (field === undefined || field.isUntracked) return;
  const { element, isHeld, shape: inner } = field;
  if (isHeld && inner.type !== 'leaf') return compareInside(delta, element, inner, before ?? emptyOf(inner), after ?? emptyOf(inner));
  compareValues(delta, element, inner, before, after);
}

function emptyOf(shape: Shape): unknown {
  return shape.type === 'list' ? [] : nothing;
}

/** Undefined: not there. */
function compareValues(delta: Delta, element: string, shape: Shape, before: unknown, after: unknown): void {
  if (before === undefined) putChild(delta.added, element, everything(shape, after));
  else if (after === undefined) putChild(delta.removed, element, everything(shape, before));
  else compareInside(delta, element, shape, before, after);
}

/** Of two values that are there. */
function compareInside(delta: Delta, element: string, shape: Shape, before: unknown, after: unknown): void {
  const [old, now] = [shapeFor(shape, before), shapeFor(shape, after)];
  if (old.type !== now.type || isLeaf(now, before, after)) {
    if (!isSame(before, after)) putChild(delta.modified, element, noFields);
    return;
  }
  const inner = newDelta();
  if (now.type === 'list') compareItems(inner, now, isList(before) ? before : [], isList(after) ? after : []);
  else if (now.type !== 'leaf') compareFields(inner, now, isObject(before) ? before : nothing, isObject(after) ? after : nothing);
  for (const kind of ['added', 'modified', 'removed'] as const) {
    const node = withChildren(inner[kind], false);
    if (node !== undefined) putChild(delta[kind], element, node);
  }
}

/** What is empty on both sides is compared as a whole: an empty value is not an absent one. */
function isLeaf(shape: Shape, before: unknown, after: unknown): boolean {
  return shape.type === 'leaf' || (isBare(before) && isBare(after));
}

function isBare(value: unknown): boolean {
  if (isList(value)) return value.length === 0;
  return !isObject(value) || Object.keys(value).length === 0;
}

function compareItems(delta: Delta, shape: ListShape, before: readonly unknown[], after: readonly unknown[]): void {
  const [old, now] = [grouped(shape, before), grouped(shape, after)];
  for (const [element, items] of now) compareGroup(delta, shape, element, old.get(element) ?? [], items);
  for (const [element, items] of old) if (!now.has(element)) compareGroup(delta, shape, element, items, []);
}

/** Items of the same element; only duplicates make more than one. */
function grouped(shape: ListShape, items: readonly unknown[]): ReadonlyMap<string, readonly unknown[]> {
  const groups = new Map<string, unknown[]>();
  for (const item of items) {
    const element = itemElement(shape, item);
    const group = groups.get(element);
    if (group === undefined) groups.set(element, [item]);
    else group.push(item);
  }
  return groups;
}

/** Duplicates count as one thing without inner fields. */
function compareGroup(delta: Delta, shape: ListShape, element: string, before: readonly unknown[], after: readonly unknown[]): void {
  if (before.length <= 1 && after.length <= 1) {
    const [old, now] = [before[0], after[0]];
    if (old !== now) compareValues(delta, element, shape.items, old, now);
  } else if (before.length > 1 && after.length > 1) {
    if (!isSame(before, after)) putChild(delta.modified, element, noFields);
  } else if (before.length > 1) {
    putChild(delta.removed, element, noFields);
    if (after.length === 1) putChild(delta.added, element, everything(shape.items, after[0]));
  } else {
    putChild(delta.added, element, noFields);
    if (before.length === 1) putChild(delta.removed, element, everything(shape.items, before[0]));
  }
}

/** A value as it is when nothing was there before: itself and all that is in it, in canonical order. */
function everything(shape: Shape, value: unknown): FieldSet {
  const own = shapeFor(shape, value);
  if (own.type === 'leaf') return noFields;
  const children = newChildren();
  if (own.type === 'list') {
    if (isList(value)) for (const item of value) addItem(children, own, item);
  } else if (isObject(value)) {
    for (const name of Object.keys(value)) addField(children, own, name, value[name]);
  }
  return withChildren(children, true) ?? noFields;
}

function addItem(children: Children, shape: ListShape, item: unknown): void {
  const element = itemElement(shape, item);
  putChild(children, element, hasChild(children, element) ? noFields : everything(shape.items, item));
}

function addField(children: Children, shape: StructShape | MapShape, name: string, value: unknown): void {
  if (value === undefined) return;
  if (shape.type === 'map') {
    putChild(children, `f:${name}`, everything(shape.values, value));
  } else {
    const field = fieldAt(shape, name);
    if (field !== undefined && !field.isUntracked) putChild(children, field.element, field.shape.type === 'leaf' ? noFields : everything(field.shape, value));
  }
}
