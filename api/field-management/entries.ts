import type { KubernetesObject, ObjectMeta } from '../../machinery/kinds/kind.ts';
import type { Draft } from '../../machinery/kinds/wire.ts';
import { isSame } from '../../machinery/patch/json-value.ts';
import { isEmpty, union, type FieldSet } from '../../machinery/patch/structured/field-set.ts';
import type { Owner, Owners } from '../../machinery/patch/structured/owners.ts';
import { readFields } from '../../machinery/patch/structured/path-element.ts';

/** `metadata.managedFields` and what it says. Source: ManagedFieldsEntry, meta/v1. */
export type Entries = NonNullable<ObjectMeta['managedFields']>;
type Entry = Entries[number];

/** Who writes how: all that an owner's identity is made of. */
export interface Identity {
  readonly manager: string;
  readonly operation: 'Apply' | 'Update';
  /** Of updates only: who applies is the same through every version. */
  readonly apiVersion?: string;
  readonly subresource?: string;
}

/** Owners by the text of their identity, and when each last changed something (RFC 3339). */
export interface Managed {
  readonly owners: Owners;
  readonly times: ReadonlyMap<string, string>;
}

export const unmanaged: Managed = { owners: new Map(), times: new Map() };

/** The text that identifies an owner. */
export function identityText({ manager, operation, apiVersion, subresource }: Identity): string {
  return JSON.stringify({
    manager, operation, ...(operation === 'Update' && apiVersion !== undefined ? { apiVersion } : {}), ...(subresource === undefined || subresource === '' ? {} : { subresource }),
  });
}

/** The identity that such a text holds: `identityText` alone writes them. */
export function identityOf(text: string): Identity {
  return JSON.parse(text) as Identity;
}

/** What the entries say; undefined when they aren't valid. `trusted`: the server wrote them. */
export function readEntries(entries: Entries, trusted: boolean): Managed | undefined {
  const owners = new Map<string, Owner>();
  const times = new Map<string, string>();
  for (const { manager = '', operation, apiVersion = '', subresource = '', time, fieldsType, fieldsV1 = {} } of entries) {
    if ((operation !== 'Apply' && operation !== 'Update') || apiVersion === '' || fieldsType !== 'FieldsV1') return undefined;
    const fields = trusted ? (fieldsV1 as FieldSet) : readFields(fieldsV1);
    if (fields === undefined) return undefined;
    const id = identityText({ manager, operation, apiVersion, subresource });
    owners.set(id, { fields, apiVersion, applied: operation === 'Apply' });
    if (time !== undefined) times.set(id, time);
  }
  return { owners, times };
}

/** What is wrong with entries, in Kubernetes' words; undefined: nothing. */
export function entriesProblem(entries: Entries): string | undefined {
  for (const [index, { operation = '', apiVersion = '', fieldsType = '', fieldsV1 = {} }] of entries.entries()) {
    if (operation !== 'Apply' && operation !== 'Update') return 'operation must be `Apply` or `Update`';
    if (apiVersion === '') return 'apiVersion must not be empty';
    if (fieldsType === '') return `missing fieldsType in managed fields entry ${index}`;
    if (fieldsType !== 'FieldsV1') return `invalid fieldsType ${JSON.stringify(fieldsType)} in managed fields entry ${index}`;
    if (readFields(fieldsV1) === undefined) return `error decoding set in managed fields entry ${index}`;
  }
  return undefined;
}

/** In the order in which Kubernetes has them: by operation, age and name. */
export function writeEntries({ owners, times }: Managed): Entries {
  const entries = [...owners].filter(([, { fields }]) => !isEmpty(fields)).map(([id, owner]): Entry => entryOf(identityOf(id), owner, times.get(id)));
  return entries.toSorted((a, b) => compareTexts(sortKey(a), sortKey(b)));
}

export function entryOf({ manager, operation, subresource }: Identity, { apiVersion, fields }: Owner, time: string | undefined): Entry {
  return {
    manager, operation, apiVersion, ...(time === undefined ? {} : { time }), fieldsType: 'FieldsV1', fieldsV1: fields, ...(subresource === undefined || subresource === '' ? {} : { subresource }),
  };
}

function sortKey({ operation = '', time = '', manager = '', apiVersion = '', subresource = '' }: Entry): readonly string[] {
  return [operation, time, manager, apiVersion, subresource];
}

function compareTexts(a: readonly string[], b: readonly string[]): number {
  for (const [index, text] of a.entries()) {
    const other = b[index] ?? '';
    if (text !== other) return text < other ? -1 : 1;
  }
  return 0;
}

/** As many updaters as an object remembers, and who has the fields of those that it forgets. */
const mostUpdaters = 10;
const forgotten = 'ancient-changes';

/** Puts the oldest updaters together when there are too many: one for each version. */
export function capped({ owners, times }: Managed): Managed {
  const updaters = [...owners].filter(([, { applied }]) => !applied);
  if (updaters.length <= mostUpdaters) return { owners, times };
  const [left, moments] = [new Map(owners), new Map(times)];
  const oldest = updaters.toSorted(([a], [b]) => compareTexts([times.get(a) ?? '', a], [times.get(b) ?? '', b]));
  const first = new Map<string, string>();
  let count = updaters.length;
  for (const [id, owner] of oldest) {
    if (count <= mostUpdaters) break;
    const { apiVersion } = owner;
    const bucket = identityText({ manager: forgotten, operation: 'Update', apiVersion });
    const before = first.get(apiVersion);
    if (before === undefined) {
      first.set(apiVersion, id);
      continue;
    }
    const held = left.get(bucket) ?? left.get(before);
    if (!left.has(bucket)) left.delete(before);
    left.delete(id);
    left.set(bucket, { ...owner, fields: union(owner.fields, held?.fields ?? {}) });
    const time = times.get(id);
    if (time !== undefined) moments.set(bucket, time);
    count--;
  }
  return { owners: left, times: moments };
}

/** Puts the entries into the draft; none at all when they are empty. */
export function setEntries(draft: Draft<KubernetesObject>, entries: Entries): void {
  draft.metadata ??= {};
  if (entries.length === 0) delete draft.metadata.managedFields;
  else draft.metadata.managedFields = entries as Draft<Entries>;
}

/** Do the entries say the same, but for when? */
export function isSameButTimes(a: Entries | undefined, b: Entries): boolean {
  return isSame(a?.map(timeless), b.map(timeless));
}

function timeless({ time: _time, ...rest }: Entry): Omit<Entry, 'time'> {
  return rest;
}
