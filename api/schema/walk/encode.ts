import type { Field, ObjectSchema, Schema } from '../../../machinery/schema.ts';
import { writable } from '../json-exact.ts';
import { define, zeros } from './scalars.ts';

/**
 * The walk that writes objects: one text for one meaning. Fields in schema order, keys of maps sorted, nothing that means
 * absent. The walk arranges and `JSON.stringify` writes, which is several times as fast as putting text together; what is in
 * order already is not copied.
 */

/** The value as it is written; undefined when it means absent. */
type Arrange = (value: unknown) => unknown;

interface Row {
  readonly name: string;
  /** Place in schema order. */
  readonly place: number;
  readonly arrange: Arrange;
  readonly isWritten: boolean;
  readonly isNonzero: boolean;
  /** What is written for an absent value. */
  readonly empty: () => unknown;
}

/** How the fields of a definition are written. */
interface Plan {
  readonly rows: ReadonlyMap<string, Row>;
  /** Those that are written when absent. */
  readonly always: readonly Row[];
}

/** How a kind's objects are written: their metadata without `resourceVersion`, and all that follows it. */
interface Whole {
  readonly metadata: Plan | undefined;
  readonly rest: Plan;
}

type Json = Readonly<Record<string, unknown>>;

export interface Encoder {
  /** The canonical text of a whole object. Leaves out `metadata.resourceVersion`; unknown fields too. */
  encode(schema: ObjectSchema, apiVersion: string, kind: string, object: object): string;
}

export function createEncoder(): Encoder {
  const wholes = new WeakMap<ObjectSchema, Whole>();
  const plans = new WeakMap<ObjectSchema, Plan>();

  function planOf(schema: ObjectSchema): Plan {
    let known = plans.get(schema);
    if (known === undefined) {
      known = planWithout(schema);
      plans.set(schema, known);
    }
    return known;
  }

  function planWithout(schema: ObjectSchema, ...left: readonly string[]): Plan {
    const rows = Object.entries(schema.fields).filter(([name]) => !left.includes(name)).map(([name, field], place) => row(name, place, field));
    return { rows: new Map(rows.map((one) => [one.name, one])), always: rows.filter(({ isWritten }) => isWritten) };
  }

  function row(name: string, place: number, { schema, required, presence }: Field): Row {
    const arrange = compile(schema);
    const isWritten = presence === 'always' || (required === true && presence === undefined);
    const isCollection = schema.type === 'list' || schema.type === 'map';
    return { name, place, isWritten, isNonzero: presence === 'nonzero', empty: () => emptyOf(schema, arrange), arrange: isCollection && !isWritten ? nonempty(arrange) : arrange };
  }

  function compile(schema: Schema): Arrange {
    switch (schema.type) {
      case 'object': return (value) => fields(planOf(schema), value as Json);
      case 'list': return list(compile(schema.items));
      case 'map': return map(compile(schema.values));
      case 'any': return schema.name === fieldsV1 ? fieldSet : sorted;
      case 'int64': return wholeNumber;
      default: return asItIs;
    }
  }

  function wholeOf(schema: ObjectSchema): Whole {
    let known = wholes.get(schema);
    if (known === undefined) {
      const metadata = schema.fields['metadata']?.schema;
      known = {
        metadata: metadata?.type === 'object' ? planWithout(metadata, 'resourceVersion') : undefined,
        rest: planWithout(schema, 'kind', 'apiVersion', 'metadata'),
      };
      wholes.set(schema, known);
    }
    return known;
  }

  return {
    encode(schema, apiVersion, kind, value) {
      const { metadata, rest } = wholeOf(schema);
      const own = metadata === undefined ? {} : { metadata: fields(metadata, (Reflect.get(value, 'metadata') ?? {}) as Json) };
      return JSON.stringify({ kind, apiVersion, ...own, ...fields(rest, value as Json) });
    },
  };
}

/** Goes by the object's own fields: most definitions have many more than any object uses. */
function fields(plan: Plan, value: Json): Json {
  const rows: Row[] = [];
  const items: unknown[] = [];
  let isSame = true;
  for (const name of Object.keys(value)) {
    const row = plan.rows.get(name);
    const given = value[name];
    const item = row === undefined || isAbsent(row, given) ? undefined : row.arrange(given);
    if (item !== given) isSame = false;
    if (row === undefined || item === undefined) isSame = false;
    else if (insert(rows, items, row, item) < rows.length - 1) isSame = false;
  }
  for (const row of plan.always) {
    if (!isAbsent(row, value[row.name])) continue;
    isSame = false;
    insert(rows, items, row, row.empty());
  }
  return isSame ? value : assembled(rows, items);
}

/** Puts a field where schema order wants it, nearly always at the end; gives its index. */
function insert(rows: Row[], items: unknown[], row: Row, item: unknown): number {
  let at = rows.length;
  rows.push(row);
  items.push(item);
  for (let before = rows[at - 1]; before !== undefined && before.place > row.place; before = rows[at - 1]) {
    rows[at] = before;
    items[at] = items[at - 1];
    at--;
  }
  rows[at] = row;
  items[at] = item;
  return at;
}

function assembled(rows: readonly Row[], items: readonly unknown[]): Json {
  const out: Record<string, unknown> = {};
  for (let i = 0; i < rows.length; i++) out[rows[i]?.name ?? ''] = items[i];
  return out;
}

function isAbsent({ isNonzero }: Row, value: unknown): boolean {
  return value === undefined || value === null || (isNonzero && (value === '' || value === 0 || value === false));
}

function asItIs(value: unknown): unknown {
  return value;
}

const largestInt64 = 2n ** 63n - 1n;

/** Large numbers with all their digits: as JavaScript prints them, 2⁶³-1 would be more than an int64 holds. */
function wholeNumber(value: unknown): unknown {
  if (typeof value === 'bigint') return writable(value);
  if (typeof value !== 'number' || Number.isSafeInteger(value)) return value;
  const exact = BigInt(value);
  return JSON.rawJSON(String(exact > largestInt64 ? largestInt64 : exact));
}

function list(item: Arrange): Arrange {
  if (item === asItIs) return asItIs;
  return (value) => {
    const given = value as readonly unknown[];
    const out = given.map(item);
    return out.every((one, i) => one === given[i]) ? given : out;
  };
}

function map(item: Arrange): Arrange {
  return (value) => {
    const given = value as Json;
    const keys = Object.keys(given);
    if (item === asItIs && isAscending(keys)) return given;
    const out: Record<string, unknown> = {};
    for (const key of keys.toSorted()) if (given[key] !== undefined) define(out, key, item(given[key]));
    return out;
  };
}

function isAscending(keys: readonly string[]): boolean {
  for (let i = 1; i < keys.length; i++) if ((keys[i - 1] ?? '') > (keys[i] ?? '')) return false;
  return true;
}

function nonempty(arrange: Arrange): Arrange {
  return (value) => {
    const arranged = arrange(value);
    return (Array.isArray(arranged) ? arranged.length : Object.keys(arranged as object).length) === 0 ? undefined : arranged;
  };
}

/** Times have no empty form that clients could read: they stay absent. Lists are written [], where Kubernetes writes null: no client tells them apart. */
function emptyOf(schema: Schema, arrange: Arrange): unknown {
  switch (schema.type) {
    case 'object': return arrange({});
    case 'list': return [];
    case 'map': return {};
    default: return zeros[schema.type] ?? undefined;
  }
}

const fieldsV1 = 'io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1';

/** Frozen sets that are in order: new objects that were made of one template share one. */
const inOrder = new WeakSet<object>();

/** There are some in every object, and most come in order: these need no copy. */
function fieldSet(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return sorted(value);
  if (inOrder.has(value)) return value;
  if (!isOrderedTree(value)) return sorted(value);
  if (Object.isFrozen(value)) inOrder.add(value);
  return value;
}

/** Is it nothing but objects within objects, with their keys in order? */
function isOrderedTree(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  let last = '';
  for (const key of Object.keys(value)) {
    if (key < last || !isOrderedTree(Reflect.get(value, key))) return false;
    last = key;
  }
  return true;
}

/** A JSON value with the keys of its objects sorted. */
export function sorted(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return writable(value);
  if (Array.isArray(value)) return value.map(sorted);
  const out: Record<string, unknown> = {};
  for (const key of Object.keys(value).toSorted()) define(out, key, sorted(Reflect.get(value, key)));
  return out;
}
