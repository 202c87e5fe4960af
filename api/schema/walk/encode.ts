import type { Field, ObjectSchema, ScalarSchema, Schema } from '../../../machinery/schema.ts';
import { zeros } from './scalars.ts';

/**
 * The walk that writes objects: one text for one meaning. Fields in schema order, keys of maps sorted, nothing that means
 * absent. Strings and numbers are written as they are: what decoding made or a component set.
 */

/** The JSON text of a value; '' when it means absent and the field may be absent. */
type Encode = (value: unknown) => string;

interface Row {
  readonly name: string;
  /** `"name":` */
  readonly opening: string;
  readonly encode: Encode;
  /** Written for an absent value; '' : nothing. Late: structs are made of structs. */
  readonly absent: () => string;
  readonly isNonzero: boolean;
}

export interface Encoder {
  /** The canonical text of a whole object. Leaves out `metadata.resourceVersion`; unknown fields too. */
  encode(schema: ObjectSchema, apiVersion: string, kind: string, object: object): string;
}

/** How a kind's objects are written: their metadata without `resourceVersion`, and all that follows it. */
interface Whole {
  readonly metadata: readonly Row[] | undefined;
  readonly rest: readonly Row[];
}

export function createEncoder(): Encoder {
  const wholes = new WeakMap<ObjectSchema, Whole>();
  const rowsOf = new WeakMap<ObjectSchema, readonly Row[]>();

  function rows(schema: ObjectSchema): readonly Row[] {
    let known = rowsOf.get(schema);
    if (known === undefined) {
      known = Object.entries(schema.fields).map(([name, field]) => row(name, field));
      rowsOf.set(schema, known);
    }
    return known;
  }

  function row(name: string, field: Field): Row {
    const { schema, required, presence } = field;
    const encode = compile(schema);
    const isWritten = presence === 'always' || (required === true && presence !== 'given' && presence !== 'nonzero');
    const isCollection = schema.type === 'list' || schema.type === 'map';
    const absent = isWritten ? () => emptyText(schema, encode) : () => '';
    return {
      name, opening: `${JSON.stringify(name)}:`, isNonzero: presence === 'nonzero', absent,
      encode: isCollection && !isWritten ? (value) => nonempty(encode(value)) : encode,
    };
  }

  function compile(schema: Schema): Encode {
    switch (schema.type) {
      case 'object': return (value) => object(rows(schema), value);
      case 'list': return list(compile(schema.items));
      case 'map': return map(compile(schema.values));
      case 'any': return (value) => JSON.stringify(sorted(value));
      default: return scalar;
    }
  }

  function wholeOf(schema: ObjectSchema): Whole {
    let known = wholes.get(schema);
    if (known === undefined) {
      const metadata = schema.fields['metadata']?.schema;
      known = {
        metadata: metadata?.type === 'object' ? rows(metadata).filter(({ name }) => name !== 'resourceVersion') : undefined,
        rest: rows(schema).filter(({ name }) => !['kind', 'apiVersion', 'metadata'].includes(name)),
      };
      wholes.set(schema, known);
    }
    return known;
  }

  return {
    encode(schema, apiVersion, kind, value) {
      const { metadata, rest } = wholeOf(schema);
      const head = `{"kind":${JSON.stringify(kind)},"apiVersion":${JSON.stringify(apiVersion)}`;
      const middle = metadata === undefined ? '' : `,"metadata":${object(metadata, Reflect.get(value, 'metadata') ?? {})}`;
      const body = fields(rest, value as Readonly<Record<string, unknown>>);
      return `${head}${middle}${body === '' ? '' : `,${body}`}}`;
    },
  };
}

function object(rows: readonly Row[], value: unknown): string {
  return `{${fields(rows, value as Readonly<Record<string, unknown>>)}}`;
}

function fields(rows: readonly Row[], value: Readonly<Record<string, unknown>>): string {
  let text = '';
  for (const { name, opening, encode, absent, isNonzero } of rows) {
    const item = value[name];
    const isAbsent = item === undefined || item === null || (isNonzero && (item === '' || item === 0 || item === false));
    const written = isAbsent ? absent() : encode(item);
    if (written !== '') text += text === '' ? opening + written : `,${opening}${written}`;
  }
  return text;
}

function list(item: Encode): Encode {
  return (value) => {
    let text = '';
    for (const one of value as readonly unknown[]) text += text === '' ? item(one) : `,${item(one)}`;
    return `[${text}]`;
  };
}

function map(item: Encode): Encode {
  return (value) => {
    const entries = value as Readonly<Record<string, unknown>>;
    let text = '';
    for (const key of Object.keys(entries).toSorted()) {
      const one = entries[key];
      if (one !== undefined) text += `${text === '' ? '' : ','}${JSON.stringify(key)}:${item(one)}`;
    }
    return `{${text}}`;
  };
}

function nonempty(text: string): string {
  return text === '[]' || text === '{}' ? '' : text;
}

/** Printable ASCII without quote and backslash stands in JSON as it is. */
const plain = /^[ !#-[\]-~]*$/;

function scalar(value: unknown): string {
  if (typeof value === 'string' && value.length < 64 && plain.test(value)) return `"${value}"`;
  return JSON.stringify(value);
}

/** Times have no empty form that clients could read: they stay absent. Lists are written [], where Kubernetes writes null: no client tells them apart. */
function emptyText(schema: Schema, encode: Encode): string {
  switch (schema.type) {
    case 'object': return encode({});
    case 'list': return '[]';
    case 'map': return '{}';
    default: return emptyScalar(schema);
  }
}

function emptyScalar({ type }: ScalarSchema): string {
  const zero = zeros[type];
  return zero === null ? '' : JSON.stringify(zero);
}

/** A JSON value with the keys of its objects sorted. */
function sorted(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(sorted);
  const entries = Object.entries(value).filter(([, item]) => item !== undefined);
  return Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)).map(([key, item]) => [key, sorted(item)]));
}
