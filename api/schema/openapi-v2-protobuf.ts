/**
 * OpenAPI 2 in protobuf: the only form in which client-go reads it. Each message is a table of its fields' numbers, written over
 * the JSON value of the document. Source of the numbers: google/gnostic-models, openapiv2/OpenAPIv2.proto.
 */

/** Writes a value of JSON as the content of a field. */
type Encoder = (value: unknown) => Buffer;

interface FieldOf {
  readonly number: number;
  readonly encode: Encoder;
  /** A list in JSON is the field repeated. */
  readonly repeated?: true;
  /** A number, not bytes with their length. */
  readonly plain?: true;
}

interface Message {
  readonly fields: Readonly<Record<string, FieldOf>>;
  /** Number of the field that takes `x-…`. */
  readonly extensions?: number;
}

const text: Encoder = (value) => Buffer.from(String(value));
const flag: Encoder = (value) => Buffer.from([value === true ? 1 : 0]);
/** gnostic.openapi.v2.Any: YAML text, of which JSON is a part. */
const any: Encoder = (value) => field(2, Buffer.from(JSON.stringify(value)));

const one = (number: number, encode: Encoder = text): FieldOf => ({ number, encode });
const many = (number: number, encode: Encoder = text): FieldOf => ({ number, encode, repeated: true });
const bool = (number: number): FieldOf => ({ number, encode: flag, plain: true });

/** A message whose only content is field `number`: gnostic's wrappers and alternatives. */
function inside(number: number, encode: Encoder): Encoder {
  return (value) => field(number, encode(value));
}

/** A map from names: entries of (1: name, 2: value), all in field `number`. */
function named(number: number, encode: Encoder): Encoder {
  return (value) => Buffer.concat(entriesOf(value).map(([name, own]) => field(number, pair(name, encode(own)))));
}

function pair(name: string, value: Buffer): Buffer {
  return Buffer.concat([field(1, Buffer.from(name)), field(2, value)]);
}

function message(shape: () => Message): Encoder {
  return (value) => {
    const { fields, extensions } = shape();
    return Buffer.concat(entriesOf(value).flatMap(([key, own]) => {
      const known = Object.hasOwn(fields, key) ? fields[key] : undefined;
      if (known !== undefined) return fieldsOf(known, own);
      if (extensions === undefined || !key.startsWith('x-')) throw new Error(`OpenAPI 2 in protobuf has no field for ${key}`);
      return [field(extensions, pair(key, any(own)))];
    }));
  };
}

function fieldsOf({ number, encode, repeated, plain }: FieldOf, value: unknown): Buffer[] {
  if (plain === true) return [Buffer.concat([tag(number, 0), encode(value)])];
  const values: readonly unknown[] = repeated === true && Array.isArray(value) ? value : [value];
  return values.map((own) => field(number, encode(own)));
}

const schema: Encoder = message(() => schemaMessage);
const strings: Encoder = (value) => Buffer.concat((Array.isArray(value) ? value : [value]).map((own) => field(1, text(own))));
const properties: Encoder = named(1, schema);

const schemaMessage: Message = {
  fields: {
    $ref: one(1), format: one(2), description: one(4), default: one(5, any), required: many(19), additionalProperties: one(21, inside(1, schema)),
    type: one(22, strings), items: one(23, inside(1, schema)), properties: one(25, properties),
  },
  extensions: 31,
};

const bodyParameter = message(() => ({ fields: { description: one(1), name: one(2), in: one(3), required: bool(4), schema: one(5, schema) } }));
const queryParameter = message(() => ({ fields: { required: bool(1), in: one(2), description: one(3), name: one(4), type: one(6), uniqueItems: bool(20) } }));
const pathParameter = message(() => ({ fields: { required: bool(1), in: one(2), description: one(3), name: one(4), type: one(5), uniqueItems: bool(19) } }));
const reference = message(() => ({ fields: { $ref: one(1), description: one(2) } }));

/** Parameter: a body, or one of the others in its own message. */
const parameter: Encoder = (value) => {
  const place = placeOf(value);
  if (place === 'body') return field(1, bodyParameter(value));
  return field(2, place === 'path' ? field(4, pathParameter(value)) : field(3, queryParameter(value)));
};

const parametersItem: Encoder = (value) => (placeOf(value) === undefined ? field(2, reference(value)) : field(1, parameter(value)));

const response = message(() => ({ fields: { description: one(1), schema: one(2, inside(1, schema)) } }));
const operation = message(() => ({
  fields: {
    tags: many(1), description: one(3), operationId: one(5), produces: many(6), consumes: many(7), parameters: many(8, parametersItem),
    responses: one(9, named(1, inside(1, response))), schemes: many(10),
  },
  extensions: 13,
}));
const pathItem = message(() => ({
  fields: { get: one(2, operation), put: one(3, operation), post: one(4, operation), delete: one(5, operation), patch: one(8, operation), parameters: many(9, parametersItem) },
}));
const info = message(() => ({ fields: { title: one(1), version: one(2) } }));
const apiKey = message(() => ({ fields: { type: one(1), name: one(2), in: one(3), description: one(4) } }));
const document = message(() => ({
  fields: {
    swagger: one(1), info: one(2, info), paths: one(8, named(2, pathItem)), definitions: one(9, properties), parameters: one(10, named(1, parameter)),
    security: many(12, named(1, strings)), securityDefinitions: one(13, named(1, inside(2, apiKey))),
  },
}));

/** The document, or a part of it: parts written one after the other are read as one. Throws when it holds what the tables don't know. */
export function encodeDocument(swagger: Readonly<Record<string, unknown>>): Buffer {
  return document(swagger);
}

function placeOf(value: unknown): unknown {
  return new Map(entriesOf(value)).get('in');
}

function entriesOf(value: unknown): [string, unknown][] {
  return typeof value === 'object' && value !== null ? Object.entries(value) : [];
}

/** A length-delimited field. */
function field(number: number, content: Buffer): Buffer {
  return Buffer.concat([tag(number, 2), varint(content.length), content]);
}

function tag(number: number, wireType: number): Buffer {
  return varint(number * 8 + wireType);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  bytes.push(rest);
  return Buffer.from(bytes);
}
