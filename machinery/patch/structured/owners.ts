import { isSame, type JsonObject } from '../json-value.ts';
import { compare, type Comparison } from './compare.ts';
import { fieldsIn, reconciled, withNamedFields } from './extract.ts';
import { difference, differenceBelow, intersection, isEmpty, noFields, pathsOf, union, type FieldSet } from './field-set.ts';
import { mergeConfig } from './merge.ts';
import { removeFields } from './remove.ts';
import type { StructShape } from './shape.ts';

/**
 * Who owns which fields of an object, and how writes change that. Owners are by their identity: who, by which kind of write, through
 * which version and subresource. Source: "Server-Side Apply"; the merges of sigs.k8s.io/structured-merge-diff, as observed.
 */
export interface Owner {
  readonly fields: FieldSet;
  /** The version in which the fields are named. */
  readonly apiVersion: string;
  readonly applied: boolean;
}

export type Owners = ReadonlyMap<string, Owner>;

/** An object in one of its versions. */
export interface Form {
  readonly shape: StructShape;
  /** Fields that writes of this kind can't change: nobody gets to own them, nor what is below. */
  readonly ignored: FieldSet;
  /** An object of any version in this one. */
  readonly convert: (object: JsonObject) => JsonObject;
  /** May the schema be another than when the owners' fields were written? */
  readonly mayHaveChanged: boolean;
}

/** The forms of a kind's objects, by apiVersion; undefined: there is no such version any more. */
export type Forms = (apiVersion: string) => Form | undefined;

export interface Change {
  readonly forms: Forms;
  readonly owners: Owners;
  /** The version of both objects, and of the writer's fields. */
  readonly apiVersion: string;
  /** Who writes. */
  readonly writer: string;
}

export interface Conflict {
  readonly owner: string;
  readonly path: readonly string[];
}

/** What the owners lose when `before` becomes `after`: what others change or remove. `conflicts`: the fields that are taken from them. */
function transfer({ forms, owners, apiVersion, writer }: Change, before: JsonObject, after: JsonObject): { owners: Map<string, Owner>; conflicts: Map<string, FieldSet>; own: Comparison } {
  const comparisons = new Map<string, Comparison | undefined>();
  const compareAt = (version: string): Comparison | undefined => {
    if (!comparisons.has(version)) {
      const form = forms(version);
      const [old, now] = version === apiVersion || form === undefined ? [before, after] : [form.convert(before), form.convert(after)];
      comparisons.set(version, form === undefined ? undefined : compare(form.shape, old, now, form.ignored));
    }
    return comparisons.get(version);
  };
  const kept = new Map<string, Owner>();
  const conflicts = new Map<string, FieldSet>();
  for (const [id, owner] of owners) {
    const changes = compareAt(owner.apiVersion);
    if (id === writer) {
      kept.set(id, owner);
    } else if (changes !== undefined) {
      const taken = intersection(owner.fields, union(changes.modified, changes.added));
      if (!isEmpty(taken)) conflicts.set(id, taken);
      const fields = difference(difference(owner.fields, taken), changes.removed);
      if (!isEmpty(fields)) kept.set(id, fields === owner.fields ? owner : { ...owner, fields });
    }
  }
  return { owners: kept, conflicts, own: compareAt(apiVersion) ?? { added: noFields, modified: noFields, removed: noFields } };
}

/** The owners after a write that isn't an apply: the writer has what it added or modified. */
export function ownersAfterUpdate(change: Change, before: JsonObject, after: JsonObject): Owners {
  const { owners, own } = transfer({ ...change, owners: upToDate(change) }, before, after);
  const { apiVersion, writer } = change;
  const fields = union(union(difference(owners.get(writer)?.fields ?? noFields, own.removed), own.modified), own.added);
  if (isEmpty(fields)) owners.delete(writer);
  else owners.set(writer, { fields, apiVersion, applied: false });
  return owners;
}

/** Sets that were written under an older schema, as the one of now has them. */
function upToDate({ forms, owners }: Change): Owners {
  let changed: Map<string, Owner> | undefined;
  for (const [id, owner] of owners) {
    const form = forms(owner.apiVersion);
    const fields = form?.mayHaveChanged === true ? reconciled(form.shape, owner.fields) : owner.fields;
    if (fields === owner.fields) continue;
    changed ??= new Map(owners);
    changed.set(id, { ...owner, fields });
  }
  return changed ?? owners;
}

export type Applied =
  /** `object` undefined: it is as it was. */
  | { readonly type: 'applied'; readonly object: JsonObject | undefined; readonly owners: Owners }
  | { readonly type: 'conflicts'; readonly conflicts: readonly Conflict[] };

/**
 * `live` with a configuration applied: what it says is merged in, what its writer applied before and leaves out now is removed unless
 * somebody else owns it. Fields that others own with another value are conflicts, unless `force` takes them.
 */
export function applyConfig(change: Change, live: JsonObject, config: JsonObject, force: boolean): Applied {
  const { forms, apiVersion, writer } = change;
  const form = forms(apiVersion);
  if (form === undefined) throw new Error(`there is no form of ${apiVersion}`);
  const before = upToDate(change);
  const last = before.get(writer);
  const owners = new Map(before).set(writer, { fields: differenceBelow(fieldsIn(form.shape, config), form.ignored), apiVersion, applied: true });
  const merged = mergeConfig(form.shape, live, config);
  const object = last === undefined || isEmpty(last.fields) || forms(last.apiVersion) === undefined ? merged : pruned(change, merged, owners, last);
  const result = transfer({ ...change, owners }, live, object);
  if (!force && result.conflicts.size > 0) return { type: 'conflicts', conflicts: listed(result.conflicts) };
  if (isEmpty(result.owners.get(writer)?.fields ?? noFields)) result.owners.delete(writer);
  return { type: 'applied', object: isSame(live, object) ? undefined : object, owners: result.owners };
}

function listed(conflicts: ReadonlyMap<string, FieldSet>): Conflict[] {
  return [...conflicts].flatMap(([owner, fields]) => pathsOf(fields).map((path) => ({ owner, path })));
}

/** `merged` without what the writer applied before, in `last`, and nobody owns now. Never more than that: what nobody owned stays. */
function pruned({ forms, apiVersion }: Change, merged: JsonObject, owners: Owners, last: Owner): JsonObject {
  const formAt = (version: string): Form | undefined => forms(version);
  const lastForm = formAt(last.apiVersion);
  if (lastForm === undefined) return merged;
  const whole = last.apiVersion === apiVersion ? merged : lastForm.convert(merged);
  const before = withNamedFields(lastForm.shape, last.fields);
  const all = withNamedFields(lastForm.shape, fieldsIn(lastForm.shape, whole));
  let left = removeFields(lastForm.shape, whole, before);
  for (const [version, owned] of ownedByVersion(owners, last.apiVersion)) {
    const form = formAt(version);
    if (form === undefined) continue;
    const [mergedHere, leftHere] = version === last.apiVersion ? [whole, left] : [form.convert(whole), form.convert(left)];
    const present = withNamedFields(form.shape, fieldsIn(form.shape, mergedHere));
    const kept = union(withNamedFields(form.shape, fieldsIn(form.shape, leftHere)), withNamedFields(form.shape, owned));
    const restored = removeFields(form.shape, mergedHere, difference(present, kept));
    left = version === last.apiVersion ? restored : lastForm.convert(restored);
  }
  const gone = difference(all, withNamedFields(lastForm.shape, fieldsIn(lastForm.shape, left)));
  const result = removeFields(lastForm.shape, whole, intersection(gone, before));
  return last.apiVersion === apiVersion ? result : (formAt(apiVersion)?.convert(result) ?? merged);
}

/** What all owners have together, per version; `first` comes first. */
function ownedByVersion(owners: Owners, first: string): ReadonlyMap<string, FieldSet> {
  const owned = new Map<string, FieldSet>([[first, noFields]]);
  for (const { apiVersion, fields } of owners.values()) owned.set(apiVersion, union(owned.get(apiVersion) ?? noFields, fields));
  return owned;
}
