import { timestamp } from '../../machinery/conditions.ts';
import { apiVersionOf, type KubernetesObject } from '../../machinery/kinds/kind.ts';
import type { Draft } from '../../machinery/kinds/wire.ts';
import { isSame, type JsonObject } from '../../machinery/patch/json-value.ts';
import { createdFields } from '../../machinery/patch/structured/created.ts';
import { differenceBelow, isEmpty, union } from '../../machinery/patch/structured/field-set.ts';
import { ownersAfterUpdate, type Forms, type Owners } from '../../machinery/patch/structured/owners.ts';
import { ElementProblem } from '../../machinery/patch/structured/path-element.ts';
import type { Resource } from '../resources/define.ts';
import { capped, entriesProblem, entryOf, identityText, readEntries, setEntries, unmanaged, writeEntries, type Entries, type Managed } from './entries.ts';
import { formsOf } from './forms.ts';

/** Keeps `metadata.managedFields` through writes that are no apply. Source: "Server-Side Apply", field management. */

/** A write of somebody. */
export interface TrackedWrite {
  readonly resource: Resource;
  readonly subresource: string;
  readonly manager: string;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** The resource's further versions. */
  readonly versions?: () => readonly Resource[];
}

/** A write of the server itself, or of what runs within it. */
export function writeAs(manager: string, { now }: { readonly now: () => number }, resource: Resource, subresource = ''): TrackedWrite {
  return { resource, subresource, manager, now: now() };
}

/** Whose fields are looked at as those of this write alone, before they join what the same manager had. */
const current = 'current-operation';

/** Makes the creator the owner of all that the new object has. Entries that it brings along are kept if they are valid. */
export function trackCreate(write: TrackedWrite, draft: Draft<KubernetesObject>): void {
  unlessShapeless(() => { ownAll(write, draft); }, () => { setEntries(draft, []); });
}

/** Objects are tracked before they are validated: one whose items can't be told apart has no owners, or those that it had. */
function unlessShapeless(track: () => void, keep: () => void): void {
  try {
    track();
  } catch (error) {
    if (!(error instanceof ElementProblem)) throw error;
    keep();
  }
}

function ownAll(write: TrackedWrite, draft: Draft<KubernetesObject>): void {
  const given = draft.metadata?.managedFields;
  if (given !== undefined) return setEntries(draft, updated(write, {}, draft, readGiven(given) ?? unmanaged));
  const { resource, subresource, manager, now } = write;
  const apiVersion = apiVersionOf(resource);
  const form = formsOf(resource, subresource)(apiVersion);
  if (form === undefined) return;
  const fields = differenceBelow(createdFields(form.shape, draft as JsonObject), form.ignored);
  if (!isEmpty(fields)) setEntries(draft, [entryOf({ manager, operation: 'Update', subresource }, { fields, apiVersion, applied: false }, timestamp(now))]);
}

/**
 * Keeps the owners through an update: the writer gets what changes. An object whose owners are not tracked stays so until it is
 * applied; entries in the draft replace the stored ones, and an empty list or entry ends the tracking.
 */
export function trackUpdate(write: TrackedWrite, draft: Draft<KubernetesObject>, old: KubernetesObject): void {
  const before = old.metadata?.managedFields ?? [];
  unlessShapeless(() => { ownChanges(write, draft, old, before); }, () => { setEntries(draft, before); });
}

function ownChanges(write: TrackedWrite, draft: Draft<KubernetesObject>, old: KubernetesObject, before: Entries): void {
  const given = write.subresource === '' ? draft.metadata?.managedFields : undefined;
  if (given !== undefined && isReset(given)) return setEntries(draft, []);
  const changed = given === undefined || given.length === 0 || isSame(given, before) ? undefined : readGiven(given);
  const managed = changed ?? readEntries(before, true) ?? unmanaged;
  if (managed.owners.size === 0) return setEntries(draft, []);
  const after = updated(write, old as JsonObject, draft, managed);
  setEntries(draft, changed === undefined && isSame(after, before) ? before : after);
}

function updated(write: TrackedWrite, before: JsonObject, after: KubernetesObject, managed: Managed): Entries {
  const forms = formsOf(write.resource, write.subresource, write.versions);
  return writeEntries(capped(withUpdate(forms, updateBy(write), before, after as JsonObject, managed)));
}

/** Puts the entries back that were there before admission when it has left none that are valid, and says so. Wording: the API server's. */
export function keepValid(draft: Draft<KubernetesObject>, before: Entries | undefined, warn: (text: string) => void): void {
  const entries = draft.metadata?.managedFields;
  const problem = entries === undefined || entries === before ? undefined : entriesProblem(entries);
  if (problem === undefined) return;
  setEntries(draft, before ?? []);
  warn(`.metadata.managedFields was in an invalid state after admission; this could be caused by an outdated mutating admission controller; please fix your requests: ${problem}`);
}

/** An update by one owner. */
export interface OwnersUpdate {
  /** The version of the objects. */
  readonly apiVersion: string;
  /** The writer's identity. */
  readonly id: string;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

export function updateBy({ resource, subresource, manager, now }: TrackedWrite): OwnersUpdate {
  const apiVersion = apiVersionOf(resource);
  return { apiVersion, id: identityText({ manager, operation: 'Update', apiVersion, subresource }), now };
}

/** The owners after an update: its writer also keeps what it had before, but for what the update removes. */
export function withUpdate(forms: Forms, { apiVersion, id, now }: OwnersUpdate, before: JsonObject, after: JsonObject, { owners, times }: Managed): Managed {
  const changed: Owners = ownersAfterUpdate({ forms, owners, apiVersion, writer: current }, before, after);
  const own = changed.get(current);
  if (own === undefined) return { owners: changed, times };
  const next = new Map(changed);
  next.delete(current);
  const previous = next.get(id);
  next.set(id, previous === undefined ? own : { ...own, fields: union(own.fields, previous.fields) });
  return { owners: next, times: new Map(times).set(id, timestamp(now)) };
}

function readGiven(entries: Entries): Managed | undefined {
  const managed = readEntries(entries, false);
  return managed === undefined || managed.owners.size === 0 ? undefined : managed;
}

/** An empty list, or one with an empty entry. */
function isReset(entries: Entries): boolean {
  return entries.length === 0 || (entries.length === 1 && Object.keys(entries[0] ?? {}).length === 0);
}
