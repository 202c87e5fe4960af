import { failure } from '../../../machinery/status.ts';
import { coreFields } from './fields/core.ts';
import { groupFields } from './fields/groups.ts';
import { fieldsIn, type Value } from './wire.ts';

/**
 * Bodies in Kubernetes' protobuf, which kubectl's typed clients send, as the JSON values they stand for. Answers are JSON: all
 * clients that write protobuf accept that. Source: "Protobuf encoding", API concepts.
 */

export const protobufType = 'application/vnd.kubernetes.protobuf';

interface FieldRule {
  readonly name: string;
  /** Without brackets. */
  readonly type: string;
  readonly shape: 'one' | 'list' | 'map' | 'inline';
  /** Zero is a value of its own. */
  readonly isOptional: boolean;
}

type Message = ReadonlyMap<number, FieldRule>;

const magic = Buffer.from('k8s\0');
const maxDepth = 64;
const scalars: ReadonlySet<string> = new Set(['string', 'int32', 'int64', 'bool', 'bytes', 'double']);

export interface ProtobufDecoder {
  /** Throws 400 when the bytes are not well-formed, 415 when the kind has no known protobuf form. */
  decode(bytes: Buffer): Readonly<Record<string, unknown>>;
}

export function createProtobufDecoder(): ProtobufDecoder {
  const messages = new Map<string, Message>();

  function messageOf(name: string): Message | undefined {
    const known = messages.get(name);
    if (known !== undefined) return known;
    const text = coreFields[name] ?? groupFields[name];
    if (text === undefined) return undefined;
    const message = parseMessage(name, text);
    messages.set(name, message);
    return message;
  }

  function object(name: string, bytes: Buffer, depth: number): [string, unknown][] {
    const message = messageOf(name);
    if (message === undefined || depth > maxDepth) throw malformed(message === undefined ? `no fields are known of ${name}` : 'it is nested too deeply');
    const members = new Map<string, unknown>();
    for (const [number, value] of fieldsIn(bytes)) {
      const rule = message.get(number);
      if (rule !== undefined) add(members, rule, value, depth);
    }
    return [...members].map(([key, value]) => [key, value instanceof Map ? Object.fromEntries(value) : value]);
  }

  function add(members: Map<string, unknown>, rule: FieldRule, value: Value, depth: number): void {
    if (rule.shape === 'inline') {
      for (const [key, inner] of object(rule.type, bytesOf(value), depth + 1)) members.set(key, inner);
    } else if (rule.shape === 'list') {
      const list = members.get(rule.name);
      const item = single(rule.type, value, depth) ?? zeroOf(rule.type);
      if (Array.isArray(list)) list.push(item);
      else members.set(rule.name, [item]);
    } else if (rule.shape === 'map') {
      const entry = new Map(fieldsIn(bytesOf(value)));
      const map = members.get(rule.name);
      const key = String(scalar('string', entry.get(1) ?? empty));
      const item = single(rule.type, entry.get(2) ?? empty, depth) ?? zeroOf(rule.type);
      if (map instanceof Map) map.set(key, item);
      else members.set(rule.name, new Map([[key, item]]));
    } else {
      const one = single(rule.type, value, depth);
      if (one !== undefined && (rule.isOptional || !isZero(one))) members.set(rule.name, one);
    }
  }

  /** Undefined: absent (a zero time). */
  function single(type: string, value: Value, depth: number): unknown {
    if (scalars.has(type)) return scalar(type, value);
    if (type.startsWith('[')) return fieldsIn(bytesOf(value)).map(([, item]) => scalar('string', item));
    const wellKnown = wellKnownTypes[type];
    return wellKnown === undefined ? Object.fromEntries(object(type, bytesOf(value), depth + 1)) : wellKnown(new Map(fieldsIn(bytesOf(value))));
  }

  return {
    decode(bytes) {
      if (!bytes.subarray(0, magic.length).equals(magic)) throw malformed('provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]');
      const envelope = new Map(fieldsIn(bytes.subarray(magic.length)));
      const meta = new Map(fieldsIn(bytesOf(envelope.get(1) ?? empty)));
      const apiVersion = String(scalar('string', meta.get(1) ?? empty));
      const kind = String(scalar('string', meta.get(2) ?? empty));
      const name = messageName(apiVersion, kind);
      if (messageOf(name) === undefined) {
        throw failure('UnsupportedMediaType', `the body of the request was in an unknown format: ${apiVersion}, Kind=${kind} is accepted as application/json or application/yaml`);
      }
      return Object.fromEntries([['kind', kind], ['apiVersion', apiVersion], ...object(name, bytesOf(envelope.get(2) ?? empty), 0)]);
    },
  };
}

const empty = Buffer.alloc(0);

/** `rbac.authorization.k8s.io/v1`, `Role` → `rbac.Role`; options are the same in every group. */
function messageName(apiVersion: string, kind: string): string {
  const [group = '', version] = apiVersion.includes('/') ? apiVersion.split('/', 2) : ['', apiVersion];
  if (kind === 'DeleteOptions') return 'meta.DeleteOptions';
  return version === 'v1' ? `${group === '' ? 'core' : group.split('.', 1)[0]}.${kind}` : '';
}

function parseMessage(name: string, text: string): Message {
  const home = name.slice(0, name.indexOf('.'));
  return new Map(text.split(' ').filter((part) => part !== '').map((part) => {
    const [, field = '', number = '', written = ''] = /^(\w+)=(\d+):(.+)$/.exec(part) ?? [];
    const isOptional = written.endsWith('?');
    const bare = isOptional ? written.slice(0, -1) : written;
    const shape = bare.startsWith('{') ? 'map' : bare.startsWith('^') ? 'inline' : bare.startsWith('[') && bare !== '[[string]]' ? 'list' : 'one';
    const inner = shape === 'map' || shape === 'list' ? bare.slice(1, -1) : shape === 'inline' ? bare.slice(1) : bare;
    const type = scalars.has(inner) || inner.includes('.') || inner.startsWith('[') ? inner : `${home}.${inner}`;
    return [Number(number), { name: field, type, shape, isOptional }];
  }));
}

function bytesOf(value: Value): Buffer {
  if (Buffer.isBuffer(value)) return value;
  throw malformed('a message was expected where a number stands');
}

function scalar(type: string, value: Value): string | number | boolean {
  if (Buffer.isBuffer(value)) return type === 'bytes' ? value.toString('base64') : type === 'string' ? value.toString('utf8') : zeroNumber(type, value);
  if (type === 'string' || type === 'bytes') throw malformed('text was expected where a number stands');
  return type === 'bool' ? value !== 0 : value;
}

/** An absent value of a map's entry. */
function zeroNumber(type: string, value: Buffer): number | boolean {
  if (value.length > 0) throw malformed('a number was expected where text stands');
  return type === 'bool' ? false : 0;
}

function zeroOf(type: string): unknown {
  return type === 'string' || type === 'bytes' ? '' : null;
}

function isZero(value: unknown): boolean {
  return value === '' || value === 0 || value === false;
}

type Fields = ReadonlyMap<number, Value>;

/** Messages whose JSON is no object. Undefined: absent. */
const wellKnownTypes: Readonly<Record<string, (fields: Fields) => unknown>> = {
  'meta.Time': (fields) => timeOf(fields, 0),
  'meta.MicroTime': (fields) => timeOf(fields, 6),
  'meta.FieldsV1': (fields) => json(fields.get(1) ?? empty),
  'runtime.RawExtension': (fields) => json(fields.get(1) ?? empty),
  'resource.Quantity': (fields) => scalar('string', fields.get(1) ?? empty),
  'intstr.IntOrString': (fields) => (fields.get(1) === 1 ? scalar('string', fields.get(3) ?? empty) : scalar('int32', fields.get(2) ?? empty)),
};

function timeOf(fields: Fields, digits: 0 | 6): string | undefined {
  const seconds = fields.get(1);
  // The zero time of Go is before the year 1.
  if (typeof seconds !== 'number' || seconds < -62_135_596_800 || seconds > 253_402_300_799) return undefined;
  const text = new Date(seconds * 1000).toISOString().slice(0, 19);
  return digits === 0 ? `${text}Z` : `${text}.${String(Math.trunc(Number(fields.get(2) ?? 0) / 1000)).padStart(6, '0')}Z`;
}

function json(value: Value): unknown {
  const bytes = bytesOf(value);
  if (bytes.length === 0) return undefined;
  try {
    return JSON.parse(bytes.toString());
  } catch (cause) {
    throw failure('BadRequest', 'the body of the request holds JSON that is not well-formed', undefined, { cause });
  }
}

function malformed(why: string) {
  return failure('BadRequest', `unable to decode the protobuf body: ${why}`);
}
