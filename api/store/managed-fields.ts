import { deepFreeze } from '../../machinery/freeze.ts';
import type { ObjectMeta } from '../../machinery/kinds/kind.ts';
import { endOfValue, memberStart } from './metadata-scan.ts';

/**
 * Reads objects with their `metadata.managedFields`. Sets of fields are trees with a key for each field: to parse them takes several
 * times as long as all the rest of a pod, and they would fill most of its memory. There are few of them: what is made of one template
 * and written by the same components has the same. So each set is parsed once, and shared.
 */

type Entry = NonNullable<ObjectMeta['managedFields']>[number];

/** The value of an object's canonical bytes, made by `read` of JSON text. What it shares with others is frozen. */
export function readWithOwners(json: Buffer, read: (text: string) => unknown): unknown {
  const parts = takenApart(json);
  if (parts === undefined) return read(json.toString());
  const object = read(parts.rest);
  const metadata: unknown = Reflect.get(Object(object), 'metadata');
  Reflect.set(Object(metadata), 'managedFields', parts.entries);
  return object;
}

const key = '"managedFields":';
const fieldsKey = '"fieldsV1":';
/** What ends a set: in it, nothing but objects is a value. */
const afterFields = '},"manager":"';
const openBrace = 0x7b;
const comma = 0x2c;

interface Parts {
  /** The object without its entries. */
  readonly rest: string;
  readonly entries: readonly Entry[];
}

/** Undefined: it has no entries, or not as the server writes them. */
function takenApart(json: Buffer): Parts | undefined {
  const metadata = memberStart(json, 0, 'metadata');
  const list = metadata === undefined ? undefined : memberStart(json, metadata, 'managedFields');
  if (list === undefined) return undefined;
  const entries: Entry[] = [];
  let at = list;
  do {
    const start = at + 1;
    const fields = memberStart(json, start, 'fieldsV1');
    if (fields === undefined || json[fields] !== openBrace) return undefined;
    const end = json.indexOf(afterFields, fields, 'latin1') + 1;
    const text = json.toString('utf8', fields, end);
    if (end <= fields || text.includes(fieldsKey)) return undefined;
    // The entry is an object with members left, so its end is where a value in it would end.
    const close = closing(json, end);
    const entry = JSON.parse(json.toString('utf8', start, fields - fieldsKey.length) + json.toString('utf8', end + 1, close + 1)) as Entry;
    const { apiVersion, fieldsType, ...others } = entry;
    entries.push({ ...(apiVersion === undefined ? {} : { apiVersion }), ...(fieldsType === undefined ? {} : { fieldsType }), fieldsV1: setOf(text), ...others });
    at = close + 1;
  } while (json[at] === comma);
  const after = at + 1;
  const hasNext = json[after] === comma;
  const before = list - key.length;
  return { rest: json.toString('utf8', 0, hasNext || json[before - 1] !== comma ? before : before - 1) + json.toString('utf8', hasNext ? after + 1 : after), entries };
}

/** The brace that closes the object in which `at` is behind a value. */
function closing(json: Buffer, at: number): number {
  let i = at;
  while (json[i] === comma) i = endOfValue(json, json.indexOf(':', i, 'latin1') + 1);
  return i;
}

/** Sets that are remembered, and how long a text one may have. */
const mostSets = 4096;
const longestText = 8192;
const sets = new Map<string, object>();

function setOf(text: string): object {
  const known = sets.get(text);
  if (known !== undefined) return known;
  const set = JSON.parse(text) as object;
  if (text.length > longestText) return set;
  if (sets.size >= mostSets) sets.clear();
  sets.set(text, deepFreeze(set));
  return set;
}
