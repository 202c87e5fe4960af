import { failure } from '../../../machinery/status.ts';
import { createMessages, messageName, scalars, type FieldRule, type Messages } from './messages.ts';
import { wellKnownReaders } from './read-well-known.ts';
import { bytesOf, fieldsIn, malformed, scalar, type Value } from './wire.ts';

/**
 * Bodies in Kubernetes' protobuf, which typed clients send, as the JSON values they stand for. Source: "Protobuf encoding", API concepts.
 */

export const protobufType = 'application/vnd.kubernetes.protobuf';

const magic = Buffer.from('k8s\0');
const maxDepth = 64;

export interface ProtobufDecoder {
  /** Throws 400 when the bytes are not well-formed, 415 when the kind has no known protobuf form. */
  decode(bytes: Buffer): Readonly<Record<string, unknown>>;
}

export function createProtobufDecoder(messages: Messages = createMessages()): ProtobufDecoder {
  const byNumber = new Map<string, ReadonlyMap<number, FieldRule>>();

  function messageOf(name: string): ReadonlyMap<number, FieldRule> | undefined {
    const known = byNumber.get(name);
    if (known !== undefined) return known;
    const rules = messages(name);
    if (rules === undefined) return undefined;
    const message = new Map(rules.map((rule) => [rule.number, rule]));
    byNumber.set(name, message);
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
      if (one !== undefined && !(meansAbsent(rule) && isZero(one))) members.set(rule.name, one);
    }
  }

  /** Undefined: absent (a zero time). */
  function single(type: string, value: Value, depth: number): unknown {
    if (scalars.has(type)) return scalar(type, value);
    if (type.startsWith('[')) return fieldsIn(bytesOf(value)).map(([, item]) => scalar('string', item));
    const bytes = bytesOf(value);
    const read = (name: string, inner: Value): unknown => Object.fromEntries(object(name, bytesOf(inner), depth + 1));
    const wellKnown = wellKnownReaders[type];
    return wellKnown === undefined ? read(type, bytes) : wellKnown(fieldsIn(bytes), read);
  }

  return {
    decode(bytes) {
      if (!bytes.subarray(0, magic.length).equals(magic)) throw malformed('provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]');
      const envelope = new Map(fieldsIn(bytes.subarray(magic.length)));
      const meta = new Map(fieldsIn(bytesOf(envelope.get(1) ?? empty)));
      const apiVersion = String(scalar('string', meta.get(1) ?? empty));
      const kind = String(scalar('string', meta.get(2) ?? empty));
      const name = messageName(messages, apiVersion, kind);
      if (name === undefined) {
        throw failure('UnsupportedMediaType', `the body of the request was in an unknown format: ${apiVersion}, Kind=${kind} is accepted as application/json or application/yaml`);
      }
      return Object.fromEntries([['kind', kind], ['apiVersion', apiVersion], ...object(name, bytesOf(envelope.get(2) ?? empty), 0)]);
    },
  };
}

const empty = Buffer.alloc(0);

function zeroOf(type: string): unknown {
  return type === 'string' || type === 'bytes' ? '' : null;
}

/** Is zero how nothing is written? */
function meansAbsent({ type, isOptional, isAlways }: FieldRule): boolean {
  return isAlways || (scalars.has(type) && !isOptional);
}

function isZero(value: unknown): boolean {
  return value === '' || value === 0 || value === false;
}
