import { parseTrusted } from '../../schema/json-exact.ts';
import { failure } from '../../../machinery/status.ts';
import { bytesOf, scalar, type Value } from './wire.ts';

/** Messages whose JSON is no object with their fields. Source: the Unmarshal methods of k8s.io/apimachinery and apiextensions-apiserver. */

type Fields = readonly (readonly [number, Value])[];
/** Reads an ordinary message. */
type Read = (name: string, value: Value) => unknown;

const schema = 'apiextensions.JSONSchemaProps';
const empty = Buffer.alloc(0);

/** The value of a message; undefined: absent. */
export const wellKnownReaders: Readonly<Record<string, (fields: Fields, read: Read) => unknown>> = {
  'meta.Time': (fields) => timeOf(fields, 0),
  'meta.MicroTime': (fields) => timeOf(fields, 6),
  'meta.FieldsV1': (fields) => json(last(fields, 1) ?? empty),
  'runtime.RawExtension': (fields) => json(last(fields, 1) ?? empty),
  'apiextensions.JSON': (fields) => json(last(fields, 1) ?? empty),
  'resource.Quantity': (fields) => scalar('string', last(fields, 1) ?? empty),
  'intstr.IntOrString': (fields) => (last(fields, 1) === 1 ? scalar('string', last(fields, 3) ?? empty) : scalar('int32', last(fields, 2) ?? empty)),
  'apiextensions.JSONSchemaPropsOrBool': (fields, read) => {
    const inner = last(fields, 2);
    return inner === undefined ? last(fields, 1) === 1 : read(schema, inner);
  },
  'apiextensions.JSONSchemaPropsOrArray': (fields, read) => {
    const inner = last(fields, 1);
    return inner === undefined ? all(fields, 2).map((one) => read(schema, one)) : read(schema, inner);
  },
  'apiextensions.JSONSchemaPropsOrStringArray': (fields, read) => {
    const inner = last(fields, 1);
    return inner === undefined ? all(fields, 2).map((one) => scalar('string', one)) : read(schema, inner);
  },
};

function last(fields: Fields, number: number): Value | undefined {
  return fields.findLast(([field]) => field === number)?.[1];
}

function all(fields: Fields, number: number): readonly Value[] {
  return fields.filter(([field]) => field === number).map(([, value]) => value);
}

function timeOf(fields: Fields, digits: 0 | 6): string | undefined {
  const seconds = last(fields, 1);
  // The zero time of Go is before the year 1.
  if (typeof seconds !== 'number' || seconds < -62_135_596_800 || seconds > 253_402_300_799) return undefined;
  const text = new Date(seconds * 1000).toISOString().slice(0, 19);
  return digits === 0 ? `${text}Z` : `${text}.${String(Math.trunc(Number(last(fields, 2) ?? 0) / 1000)).padStart(6, '0')}Z`;
}

function json(value: Value): unknown {
  const bytes = bytesOf(value);
  if (bytes.length === 0) return undefined;
  try {
    return parseTrusted(bytes.toString());
  } catch (cause) {
    throw failure('BadRequest', 'the body of the request holds JSON that is not well-formed', undefined, { cause });
  }
}
