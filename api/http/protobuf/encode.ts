import { createMessages, messageName, scalars, type FieldRule, type Messages } from './messages.ts';
import { createWriter, type Writer } from './writer.ts';
import { wellKnown, type WriteContent } from './write-well-known.ts';

/** Objects in Kubernetes' protobuf. What is written is the server's own canonical JSON: its types are those of the tables. */
export interface ProtobufEncoder {
  /** Has the kind a protobuf form? Custom resources don't. */
  knows(apiVersion: string, kind: string): boolean;
  /** The object as its message, without envelope. Throws when the kind has no protobuf form. */
  message(apiVersion: string, kind: string, object: object): Buffer;
}

/** Writes one field: its content, its length, its tag. The value is there. */
type WriteField = (value: unknown) => void;

interface Field {
  readonly name: string;
  readonly isInline: boolean;
  readonly write: WriteField;
  /** What stands there when the object has no such field: its zero. */
  readonly blank?: () => void;
}

/** By descending number: the end is written first. */
type Encoding = readonly Field[];

const lengthDelimited = 2;

export function createProtobufEncoder(messages: Messages = createMessages()): ProtobufEncoder {
  const out = createWriter();
  const encodings = new Map<string, Encoding>();

  function encodingOf(name: string): Encoding {
    const known = encodings.get(name);
    if (known !== undefined) return known;
    const message = messages(name);
    if (message === undefined) throw new Error(`no fields are known of ${name}`);
    // Messages contain themselves: the list is there before its fields are.
    const fields: Field[] = [];
    encodings.set(name, fields);
    fields.push(...message.toReversed().map(fieldOf));
    return fields;
  }

  function writeMessage(encoding: Encoding, object: object): void {
    for (const { name, isInline, write, blank } of encoding) {
      const value: unknown = isInline ? object : (object as Readonly<Record<string, unknown>>)[name];
      if (value !== undefined && value !== null) write(value);
      else if (blank !== undefined) blank();
    }
  }

  function fieldOf(rule: FieldRule): Field {
    const { name, shape } = rule;
    const isInline = shape === 'inline';
    const content = contentOf(rule.type);
    const tag = tagOf(rule);
    if (shape === 'list') return { name, isInline, write: listWriter(rule, tag, content) };
    if (shape === 'map') return { name, isInline, write: mapWriter(rule.type, tag, content) };
    const write = isDelimited(rule.type) ? delimited(tag, content) : plain(tag, content);
    const blank = blankOf(rule, tag, write);
    return { name, isInline, write, ...(blank === undefined ? {} : { blank }) };
  }

  function plain(tag: number, content: WriteContent): WriteField {
    return (value) => {
      content(value);
      out.varint(tag);
    };
  }

  function delimited(tag: number, content: WriteContent): WriteField {
    return (value) => {
      const end = out.length;
      content(value);
      out.varint(out.length - end);
      out.varint(tag);
    };
  }

  function listWriter({ type }: FieldRule, tag: number, content: WriteContent): WriteField {
    const write = isDelimited(type) ? delimited(tag, content) : plain(tag, content);
    return (list) => {
      if (!Array.isArray(list)) return;
      for (let index = list.length - 1; index >= 0; index--) write(list[index]);
    };
  }

  /** Entries of two fields, in the order of their keys. */
  function mapWriter(type: string, tag: number, content: WriteContent): WriteField {
    const writeKey = delimited(1 * 8 + lengthDelimited, contentOf('string'));
    const writeValue = isDelimited(type) ? delimited(2 * 8 + lengthDelimited, content) : plain(2 * 8 + wireType(type), content);
    return (map) => {
      if (typeof map !== 'object' || map === null) return;
      const entries = Object.entries(map);
      if (entries.length > 1) entries.sort(byKey);
      for (let index = entries.length - 1; index >= 0; index--) {
        const entry = entries[index];
        if (entry === undefined) continue;
        const end = out.length;
        writeValue(entry[1]);
        writeKey(entry[0]);
        out.varint(out.length - end);
        out.varint(tag);
      }
    };
  }

  function contentOf(type: string): WriteContent {
    if (scalars.has(type)) return scalarContent(type, out);
    if (type.startsWith('[')) {
      const write = delimited(1 * 8 + lengthDelimited, contentOf('string'));
      return (list) => { if (Array.isArray(list)) for (let index = list.length - 1; index >= 0; index--) write(list[index]); };
    }
    const special = wellKnown(type, out, (name) => contentOf(name));
    if (special !== undefined) return special;
    let encoding: Encoding | undefined;
    return (value) => { if (typeof value === 'object' && value !== null) writeMessage((encoding ??= encodingOf(type)), value); };
  }

  /** Zeros of what is always written. */
  function blankOf({ type, isOptional, isAlways }: FieldRule, tag: number, write: WriteField): (() => void) | undefined {
    if (isAlways) return () => { write(Object.hasOwn(zeros, type) ? zeros[type] : empty); };
    if (isOptional || !scalars.has(type) || type === 'bytes') return undefined;
    if (type === 'double') return () => { write(0); };
    return () => {
      out.varint(0);
      out.varint(tag);
    };
  }

  return {
    knows: (apiVersion, kind) => messageName(messages, apiVersion, kind) !== undefined,
    message(apiVersion, kind, object) {
      const name = messageName(messages, apiVersion, kind);
      if (name === undefined) throw new Error(`${apiVersion}, Kind=${kind} has no protobuf form`);
      const mark = out.length;
      try {
        writeMessage(encodingOf(name), object);
      } catch (error) {
        out.take(mark);
        throw error;
      }
      return out.take(mark);
    },
  };
}

const empty = Object.freeze({});
/** What messages that are no objects hold when nothing is said. */
const zeros: Readonly<Record<string, unknown>> = {
  'resource.Quantity': '0', 'intstr.IntOrString': 0, 'runtime.RawExtension': undefined, 'meta.FieldsV1': undefined, 'apiextensions.JSON': undefined, '[string]': undefined,
};

function isDelimited(type: string): boolean {
  return !scalars.has(type) || type === 'string' || type === 'bytes';
}

function wireType(type: string): number {
  return type === 'double' ? 1 : isDelimited(type) ? lengthDelimited : 0;
}

function tagOf({ number, type, shape }: FieldRule): number {
  return number * 8 + (shape === 'map' ? lengthDelimited : wireType(type));
}

/** As Go orders text: by bytes, which for what isn't astral is by code units. */
function byKey(a: readonly [string, unknown], b: readonly [string, unknown]): number {
  return a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0;
}

function scalarContent(type: string, out: Writer): WriteContent {
  switch (type) {
    case 'string': return (value) => { out.text(typeof value === 'string' ? value : String(value)); };
    case 'bytes': return (value) => { out.bytes(Buffer.from(String(value), 'base64')); };
    case 'bool': return (value) => { out.varint(value === true ? 1 : 0); };
    case 'double': return (value) => { out.double(Number(value)); };
    default: return (value) => { out.varint(typeof value === 'number' && value >= 0 ? value : signed(value)); };
  }
}

/** Negative numbers take 64 bits; what a double can't hold is kept as text. */
function signed(value: unknown): bigint {
  return typeof value === 'number' ? BigInt(Math.trunc(value)) : BigInt(String(value));
}
