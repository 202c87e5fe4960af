import { isObject } from '../../machinery/patch/json-value.ts';

/**
 * OpenAPI 2 in protobuf: the only form in which client-go reads it. Each message is a table of its fields' numbers, written over
 * the JSON value of the document. Source of the numbers: google/gnostic-models, openapiv2/OpenAPIv2.proto.
 */

/** Wire types. */
const varint = 0;
const double = 1;

/** Writes a value of JSON as the content of a field. */
type Encoder = (value: unknown, out: Writer) => void;

/** Written from the end: a message's length is known when it is due. `at` is where the written part begins. */
interface Writer {
  readonly unknown: Unknown;
  bytes: Buffer;
  at: number;
}

/** What becomes of what the tables don't know. */
export type Unknown = 'refused' | 'left out';

interface FieldOf {
  readonly number: number;
  readonly encode: Encoder;
  /** A list in JSON is the field repeated. */
  readonly repeated?: true;
  /** A number, not bytes with their length: how it is written. */
  readonly plain?: typeof varint | typeof double;
}

interface Message {
  readonly fields: Readonly<Record<string, FieldOf>>;
  /** Number of the field that takes `x-…`. */
  readonly extensions?: number;
}

/** What a field's value is not, though it has to be. */
function wrong(value: unknown, wanted: string): Error {
  return new TypeError(`${wanted} is wanted, not ${value === null ? 'null' : Array.isArray(value) ? 'a list' : typeof value === 'number' ? String(value) : `of type ${typeof value}`}`);
}

const text: Encoder = (value, out) => {
  if (typeof value !== 'string') throw wrong(value, 'text');
  writeText(out, value);
};
const flag: Encoder = (value, out) => {
  if (typeof value !== 'boolean') throw wrong(value, 'true or false');
  writeVarint(out, value ? 1 : 0);
};
/** int64; below zero it takes ten bytes. The largest of them is no number of JSON as JavaScript reads it, but a limit that many write. */
const integer: Encoder = (value, out) => {
  if (typeof value !== 'number' || !Number.isInteger(value) || Math.abs(value) > 2 ** 63) throw wrong(value, 'a whole number of 64 bits');
  if (value >= 0) return writeVarint(out, Math.min(value, 2 ** 63 - 1024));
  const rest = BigInt.asUintN(64, BigInt(value));
  makeRoom(out, 10);
  out.at -= 10;
  for (let index = 0; index < 10; index++) out.bytes[out.at + index] = Number((rest >> BigInt(7 * index)) & 127n) + (index < 9 ? 128 : 0);
};
const float: Encoder = (value, out) => {
  if (typeof value !== 'number' || !Number.isFinite(value)) throw wrong(value, 'a number');
  makeRoom(out, 8);
  out.at -= 8;
  out.bytes.writeDoubleLE(value, out.at);
};
/** gnostic.openapi.v2.Any: YAML text, of which JSON is a part. */
const any: Encoder = (value, out) => { writeField(out, 2, text, JSON.stringify(value)); };

const one = (number: number, encode: Encoder = text): FieldOf => ({ number, encode });
const many = (number: number, encode: Encoder = text): FieldOf => ({ number, encode, repeated: true });
const bool = (number: number): FieldOf => ({ number, encode: flag, plain: varint });
const whole = (number: number): FieldOf => ({ number, encode: integer, plain: varint });
const real = (number: number): FieldOf => ({ number, encode: float, plain: double });

/** A message whose only content is field `number`: gnostic's wrappers and alternatives. */
function inside(number: number, encode: Encoder): Encoder {
  return (value, out) => { writeField(out, number, encode, value); };
}

/** A map from names: entries of (1: name, 2: value), all in field `number`. */
function named(number: number, encode: Encoder): Encoder {
  const entry = pair(encode);
  return (value, out) => {
    for (const own of entriesOf(value).toReversed()) writeField(out, number, entry, own);
  };
}

function pair(encode: Encoder): Encoder {
  return (value, out) => {
    const [name, own] = Array.isArray(value) ? value : [];
    writeField(out, 2, encode, own);
    writeField(out, 1, text, name);
  };
}

const extension = pair(any);

function message(shape: () => Message): Encoder {
  return (value, out) => {
    const { fields, extensions } = shape();
    for (const [key, own] of entriesOf(value).toReversed()) {
      // As everywhere in Kubernetes' JSON: as if it were not there.
      if (own === null || own === undefined) continue;
      const known = Object.hasOwn(fields, key) ? fields[key] : undefined;
      if (known !== undefined) writeKnown(out, known, own);
      else if (extensions !== undefined && key.startsWith('x-')) writeField(out, extensions, extension, [key, own]);
      else if (out.unknown === 'refused') throw new Error(`OpenAPI 2 in protobuf has no field for ${key}`);
    }
  };
}

function writeKnown(out: Writer, { number, encode, repeated, plain }: FieldOf, value: unknown): void {
  if (plain !== undefined) {
    encode(value, out);
    writeVarint(out, number * 8 + plain);
    return;
  }
  const values: readonly unknown[] = repeated === true ? listOf(value).toReversed() : [value];
  for (const own of values) writeField(out, number, encode, own);
}

const schema: Encoder = message(() => schemaMessage);
/** One, or a list of them. */
function each(encode: Encoder): Encoder {
  return (value, out) => {
    for (const own of Array.isArray(value) ? value.toReversed() : [value]) writeField(out, 1, encode, own);
  };
}
const strings = each(text);
const properties: Encoder = named(1, schema);
const schemaOrFlag: Encoder = (value, out) => {
  if (typeof value !== 'boolean') return writeField(out, 1, schema, value);
  flag(value, out);
  writeVarint(out, 2 * 8 + varint);
};
const externalDocs = message(() => ({ fields: { description: one(1), url: one(2) }, extensions: 3 }));

const schemaMessage: Message = {
  fields: {
    $ref: one(1), format: one(2), title: one(3), description: one(4), default: one(5, any),
    multipleOf: real(6), maximum: real(7), exclusiveMaximum: bool(8), minimum: real(9), exclusiveMinimum: bool(10),
    maxLength: whole(11), minLength: whole(12), pattern: one(13), maxItems: whole(14), minItems: whole(15), uniqueItems: bool(16), maxProperties: whole(17), minProperties: whole(18),
    required: many(19), enum: many(20, any), additionalProperties: one(21, schemaOrFlag), type: one(22, strings), items: one(23, each(schema)), allOf: many(24, schema),
    properties: one(25, properties), discriminator: one(26), readOnly: bool(27), externalDocs: one(29, externalDocs), example: one(30, any),
  },
  extensions: 31,
};

/** What a value may be that is no object; the numbers of these fields follow each other everywhere. */
function primitive(first: number): Readonly<Record<string, FieldOf>> {
  return Object.fromEntries([
    one, one, (number: number) => one(number, items), one, (number: number) => one(number, any), real, bool, real, bool, whole, whole, one, whole, whole, bool,
    (number: number) => many(number, any), real,
  ].map((field, index) => [primitiveNames[index] ?? '', field(first + index)]));
}

const primitiveNames = [
  'type', 'format', 'items', 'collectionFormat', 'default', 'maximum', 'exclusiveMaximum', 'minimum', 'exclusiveMinimum', 'maxLength', 'minLength', 'pattern', 'maxItems', 'minItems', 'uniqueItems',
  'enum', 'multipleOf',
];
const items = message(() => itemsMessage);
const itemsMessage: Message = { fields: primitive(1), extensions: 18 };

const bodyParameter = message(() => ({ fields: { description: one(1), name: one(2), in: one(3), required: bool(4), schema: one(5, schema) }, extensions: 6 }));
const parameterFields = { required: bool(1), in: one(2), description: one(3), name: one(4) };
/** Of forms too. */
const queryMessage: Message = { fields: { ...parameterFields, allowEmptyValue: bool(5), ...primitive(6) }, extensions: 23 };
const queryParameter = message(() => queryMessage);
/** Of headers too. */
const pathMessage: Message = { fields: { ...parameterFields, ...primitive(5) }, extensions: 22 };
const pathParameter = message(() => pathMessage);
const reference = message(() => ({ fields: { $ref: one(1), description: one(2) } }));

/** Parameter: a body, or one of the others in its own message. */
const parameter: Encoder = (value, out) => {
  const place = placeOf(value);
  if (place === 'body') writeField(out, 1, bodyParameter, value);
  else writeField(out, 2, (typeof place === 'string' ? places.get(place) : undefined) ?? inside(3, queryParameter), value);
};
const places: ReadonlyMap<string, Encoder> = new Map([['header', inside(1, pathParameter)], ['formData', inside(2, queryParameter)], ['query', inside(3, queryParameter)], ['path', inside(4, pathParameter)]]);

const parametersItem: Encoder = (value, out) => {
  if (placeOf(value) === undefined) writeField(out, 2, reference, value);
  else writeField(out, 1, parameter, value);
};

const response = message(() => ({ fields: { description: one(1), schema: one(2, inside(1, schema)) }, extensions: 5 }));
const responseItem: Encoder = (value, out) => {
  const isReference = typeof value === 'object' && value !== null && '$ref' in value;
  writeField(out, isReference ? 2 : 1, isReference ? reference : response, value);
};
const operation = message(() => ({
  fields: {
    tags: many(1), summary: one(2), description: one(3), externalDocs: one(4, externalDocs), operationId: one(5), produces: many(6), consumes: many(7), parameters: many(8, parametersItem),
    responses: one(9, named(1, responseItem)), schemes: many(10), deprecated: bool(11),
  },
  extensions: 13,
}));
const pathItem = message(() => ({
  fields: {
    $ref: one(1), get: one(2, operation), put: one(3, operation), post: one(4, operation), delete: one(5, operation), options: one(6, operation), head: one(7, operation), patch: one(8, operation),
    parameters: many(9, parametersItem),
  },
  extensions: 10,
}));
const info = message(() => ({ fields: { title: one(1), version: one(2) } }));
const apiKey = message(() => ({ fields: { type: one(1), name: one(2), in: one(3), description: one(4) } }));
const document = message(() => ({
  fields: {
    swagger: one(1), info: one(2, info), paths: one(8, named(2, pathItem)), definitions: one(9, properties), parameters: one(10, named(1, parameter)),
    security: many(12, named(1, strings)), securityDefinitions: one(13, named(1, inside(2, apiKey))),
  },
}));

/**
 * The document, or a part of it: parts written one after the other are read as one. Throws when it holds what the tables don't know,
 * unless that is left out, and when a value is not of its field's type.
 */
export function encodeDocument(swagger: Readonly<Record<string, unknown>>, unknown: Unknown = 'refused'): Buffer {
  const out: Writer = { unknown, bytes: Buffer.allocUnsafe(4096), at: 4096 };
  document(swagger, out);
  return out.bytes.subarray(out.at);
}

function placeOf(value: unknown): unknown {
  return typeof value === 'object' && value !== null && 'in' in value ? value.in : undefined;
}

function entriesOf(value: unknown): [string, unknown][] {
  if (!isObject(value)) throw wrong(value, 'an object');
  return Object.entries(value);
}

function listOf(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw wrong(value, 'a list');
  return value;
}

/** A field of bytes: its content, before that its length and its tag. */
function writeField(out: Writer, number: number, encode: Encoder, value: unknown): void {
  const end = out.bytes.length - out.at;
  encode(value, out);
  writeVarint(out, out.bytes.length - out.at - end);
  writeVarint(out, number * 8 + 2);
}

function writeText(out: Writer, value: string): void {
  const length = Buffer.byteLength(value);
  makeRoom(out, length);
  out.at -= length;
  out.bytes.write(value, out.at);
}

function writeVarint(out: Writer, value: number): void {
  let length = 1;
  for (let rest = value; rest > 127; rest = Math.floor(rest / 128)) length += 1;
  makeRoom(out, length);
  out.at -= length;
  let rest = value;
  for (let index = 0; index < length; index++) {
    out.bytes[out.at + index] = (rest % 128) + (index < length - 1 ? 128 : 0);
    rest = Math.floor(rest / 128);
  }
}

function makeRoom(out: Writer, length: number): void {
  if (out.at >= length) return;
  const written = out.bytes.subarray(out.at);
  const larger = Buffer.allocUnsafe(2 * (out.bytes.length + length));
  written.copy(larger, larger.length - written.length);
  out.bytes = larger;
  out.at = larger.length - written.length;
}
