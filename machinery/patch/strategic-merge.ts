/**
 * Strategic merge: a merge patch that knows from the schema which lists merge, and by which key. Source: "Update API objects
 * in place using kubectl patch"; "Strategic Merge Patch", sig-api-machinery; behaviour held to `kubectl patch --local`.
 */
import { failure } from '../status.ts';
import type { Field, Schema } from '../schema.ts';
import { badDirective, deletePrefix, directive, isDirective, orderPrefix, plainValue, retainKeys, withoutDirectives } from './directives.ts';
import { ordered, splitByPresence } from './element-order.ts';
import { entriesOf, fieldOf, isList, isObject, type JsonObject } from './json-value.ts';

/** `original` with `patch`; neither is changed. Throws 400 for a patch that breaks the rules. */
export function strategicMerge(schema: Schema | undefined, original: unknown, patch: unknown): unknown {
  if (!isObject(patch)) throw failure('BadRequest', 'error decoding patch: a strategic merge patch must be an object');
  return mergeObject(schema, isObject(original) ? original : {}, patch);
}

/** How a field of an object merges; without a schema, or for a map's values, as plain JSON. */
function fieldRule(schema: Schema | undefined, name: string): Field | undefined {
  if (schema?.type === 'map') return { schema: schema.values };
  return schema?.type === 'object' && Object.hasOwn(schema.fields, name) ? schema.fields[name] : undefined;
}

function mergeObject(schema: Schema | undefined, original: JsonObject, patch: JsonObject): JsonObject {
  const whole = fieldOf(patch, directive);
  if (whole === 'replace') return withoutDirectives(patch);
  if (whole === 'delete') return {};
  if (whole !== undefined && whole !== 'merge') throw badDirective(whole);
  const merged = retained(original, patch);
  const { plain, orders } = sorted(patch);
  for (const [name, order] of orders) orderList(schema, merged, plain, name, order);
  for (const [name, value] of plain) mergeField(schema, merged, name, value);
  return Object.fromEntries(merged);
}

/** The patch's own fields, and the wished order of lists, by field. */
function sorted(patch: JsonObject): { plain: Map<string, unknown>; orders: Map<string, readonly unknown[]> } {
  const plain = new Map<string, unknown>();
  const orders = new Map<string, readonly unknown[]>();
  for (const [name, value] of Object.entries(patch)) {
    if (name === directive || name === retainKeys) continue;
    if (!name.startsWith(orderPrefix)) plain.set(name, value);
    else if (isList(value)) orders.set(name.slice(orderPrefix.length), value);
    else throw failure('BadRequest', `${name} must be a list`);
  }
  return { plain, orders };
}

/** `$retainKeys` names the fields that may stay. */
function retained(original: JsonObject, patch: JsonObject): Map<string, unknown> {
  const fields = entriesOf(original);
  const kept = fieldOf(patch, retainKeys);
  if (kept === undefined) return fields;
  if (!isList(kept)) throw failure('BadRequest', `${retainKeys} must be a list of field names`);
  const names = new Set(kept);
  for (const [name, value] of Object.entries(patch)) {
    if (value !== null && !name.startsWith('$') && !names.has(name)) throw failure('BadRequest', `${retainKeys} must name every field that the patch sets: '${name}' is missing`);
  }
  for (const name of fields.keys()) if (!names.has(name)) fields.delete(name);
  return fields;
}

function mergeField(schema: Schema | undefined, merged: Map<string, unknown>, name: string, value: unknown): void {
  if (name.startsWith(deletePrefix)) return deleteItems(merged, name.slice(deletePrefix.length), value);
  if (value === null) {
    merged.delete(name);
    return;
  }
  const present = merged.get(name);
  const rule = fieldRule(schema, name);
  if (isObject(value) && isObject(present)) {
    merged.set(name, replaces(rule) ? withoutDirectives(value) : mergeObject(rule?.schema, present, value));
  } else if (isList(value) && isList(present) && rule?.patchStrategy?.includes('merge') === true) {
    merged.set(name, mergeList(rule, present, value, name));
  } else if (isDirective(value)) {
    merged.delete(name);
  } else {
    merged.set(name, plainValue(value));
  }
}

function replaces(rule: Field | undefined): boolean {
  return rule?.patchStrategy?.includes('replace') === true;
}

function deleteItems(merged: Map<string, unknown>, name: string, value: unknown): void {
  const present = merged.get(name);
  if (!isList(value)) throw failure('BadRequest', `${deletePrefix}${name} must be a list`);
  if (!isList(present)) return;
  const gone = new Set(value);
  merged.set(name, present.filter((item) => !gone.has(item)));
}

function listRule(rule: Field): ListRule {
  return { itemSchema: rule.schema.type === 'list' ? rule.schema.items : undefined, mergeKey: rule.patchMergeKey };
}

function mergeList(rule: Field, original: readonly unknown[], patch: readonly unknown[], name: string): readonly unknown[] {
  const { itemSchema, mergeKey } = listRule(rule);
  const { items, wanted } = mergeItems({ itemSchema, mergeKey }, original, patch, name);
  const identity = identityIn(mergeKey);
  const { inside, outside } = splitByPresence(items, wanted, identity);
  return ordered(inside, outside, wanted, original, identity);
}

/** Applies `$setElementOrder/<name>` together with the list's own patch, which is thereby done. */
function orderList(schema: Schema | undefined, merged: Map<string, unknown>, plain: Map<string, unknown>, name: string, order: readonly unknown[]): void {
  const rule = fieldRule(schema, name);
  if (rule?.patchStrategy?.includes('merge') !== true) throw failure('BadRequest', `${orderPrefix}${name}: the field '${name}' is no list that merges`);
  const deletions = plain.get(`${deletePrefix}${name}`);
  if (deletions !== undefined) deleteItems(merged, name, deletions);
  plain.delete(`${deletePrefix}${name}`);
  const [original, patch] = [merged.get(name), plain.get(name)];
  plain.delete(name);
  if (patch === null) {
    merged.delete(name);
    return;
  }
  const before = isList(original) ? original : [];
  const change = isList(patch) ? mergeItems(listRule(rule), before, patch, name) : { items: before, isReplaced: false };
  if (!isList(original) && !isList(patch)) return;
  const identity = identityIn(rule.patchMergeKey);
  const { inside, outside } = splitByPresence(change.items, order, identity);
  // As in Kubernetes, a new item takes the place of one that is deleted when the server's order is looked at.
  const places = change.isReplaced ? before : change.items.slice(0, before.length);
  merged.set(name, ordered(inside, outside, order, places, identity));
}

/** What makes two items of a list the same: their merge key's value, or (primitives) they themselves. */
function identityIn(mergeKey: string | undefined): (item: unknown) => unknown {
  return (item) => (mergeKey !== undefined && isObject(item) ? keyOf(item, mergeKey) : item);
}

/** Lists that merge: items of the same key are one item. Order is `element-order.ts`'s. */
interface ListRule {
  readonly itemSchema: Schema | undefined;
  /** Absent: a list of primitives, which is a set. */
  readonly mergeKey: string | undefined;
}

interface MergedItems {
  /** Original items, merged in place, then new ones. */
  readonly items: readonly unknown[];
  /** The patch's items without directives: the order it wishes. */
  readonly wanted: readonly unknown[];
  /** Did the patch replace the whole list? */
  readonly isReplaced: boolean;
}

/** Throws 400 when an item has no key. */
function mergeItems(rule: ListRule, original: readonly unknown[], patch: readonly unknown[], name: string): MergedItems {
  const hasObjects = [...original, ...patch].some(isObject);
  if (!hasObjects) return { items: union(original, patch), wanted: patch, isReplaced: false };
  const { mergeKey, itemSchema } = rule;
  if (mergeKey === undefined) throw failure('BadRequest', `cannot merge the list '${name}': its items have no merge key`);
  const { wanted, deleted, replacesAll } = directives(patch, mergeKey);
  if (replacesAll) return { items: wanted.map(plainValue), wanted, isReplaced: true };
  const items = original.filter((item) => !(isObject(item) && deleted.has(fieldOf(item, mergeKey))));
  const places = new Map<unknown, number>();
  const place = (item: unknown, at: number) => {
    const key = isObject(item) ? fieldOf(item, mergeKey) : undefined;
    if (key !== undefined && !places.has(key)) places.set(key, at);
  };
  for (const [at, item] of items.entries()) place(item, at);
  for (const item of wanted) {
    const at = places.get(keyOf(item, mergeKey));
    const present = at === undefined ? undefined : items[at];
    if (at !== undefined && isObject(present)) items[at] = mergeObject(itemSchema, present, item);
    else place(plainValue(item), items.push(plainValue(item)) - 1);
  }
  return { items, wanted, isReplaced: false };
}

/** `original`, and what of `patch` it doesn't have, each once. */
function union(original: readonly unknown[], patch: readonly unknown[]): unknown[] {
  const present = new Set(original);
  const items = [...original];
  for (const item of patch) {
    if (present.has(item)) continue;
    present.add(item);
    items.push(item);
  }
  return items;
}

/** Parts a list's patch into items and what `$patch` says: `delete` an item, `replace` the whole list. */
function directives(patch: readonly unknown[], mergeKey: string): { wanted: JsonObject[]; deleted: Set<unknown>; replacesAll: boolean } {
  const wanted: JsonObject[] = [];
  const deleted = new Set<unknown>();
  let replacesAll = false;
  for (const item of patch) {
    if (!isObject(item)) throw failure('BadRequest', `a list whose items merge by '${mergeKey}' holds objects only`);
    const said = fieldOf(item, directive);
    if (said === undefined) wanted.push(item);
    else if (said === 'delete') deleted.add(keyOf(item, mergeKey));
    else if (said === 'replace') replacesAll = true;
    else throw badDirective(said);
  }
  return { wanted, deleted, replacesAll };
}

/** The value that identifies an item. Throws 400 without one. */
function keyOf(item: unknown, mergeKey: string): unknown {
  const key = isObject(item) ? fieldOf(item, mergeKey) : undefined;
  if (key === undefined || key === null) throw failure('BadRequest', `map: ${JSON.stringify(item)} does not contain declared merge key: ${mergeKey}`);
  return key;
}
