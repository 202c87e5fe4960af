import { stringifyExact } from '../../schema/json-exact.ts';
import type { Writer } from './writer.ts';

/** Messages whose JSON is no object with their fields. Source: the Marshal methods of k8s.io/apimachinery and apiextensions-apiserver. */

/** Writes the content of a value, without length and tag. */
export type WriteContent = (value: unknown) => void;

const text = (number: number): number => number * 8 + 2;
const number = (field: number): number => field * 8;

/** Undefined: the message is an ordinary one. `contentOf` writes ordinary ones. */
export function wellKnown(type: string, out: Writer, contentOf: (type: string) => WriteContent): WriteContent | undefined {
  const field = (tag: number, write: () => void): void => {
    const end = out.length;
    write();
    out.varint(out.length - end);
    out.varint(tag);
  };
  const whole = (tag: number, value: number | bigint): void => {
    out.varint(value);
    out.varint(tag);
  };
  switch (type) {
    case 'meta.Time': return (value) => { time(value, 0, whole); };
    case 'meta.MicroTime': return (value) => { time(value, 6, whole); };
    case 'resource.Quantity': return (value) => { field(text(1), () => { out.text(String(value)); }); };
    case 'intstr.IntOrString': return (value) => {
      const isText = typeof value === 'string';
      field(text(3), () => { out.text(isText ? value : ''); });
      whole(number(2), isText ? 0 : signed(value));
      whole(number(1), isText ? 1 : 0);
    };
    case 'meta.FieldsV1':
    case 'runtime.RawExtension':
    case 'apiextensions.JSON': return (value) => { if (value !== undefined) field(text(1), () => { out.text(stringifyExact(value)); }); };
    case 'apiextensions.JSONSchemaPropsOrBool': return (value) => {
      if (typeof value === 'object') schema(text(2), value);
      // A schema allows what fits it.
      whole(number(1), value === false ? 0 : 1);
    };
    case 'apiextensions.JSONSchemaPropsOrArray': return (value) => {
      if (Array.isArray(value)) for (const one of value.toReversed()) schema(text(2), one);
      else schema(text(1), value);
    };
    case 'apiextensions.JSONSchemaPropsOrStringArray': return (value) => {
      if (Array.isArray(value)) for (const one of value.toReversed()) field(text(2), () => { out.text(String(one)); });
      else schema(text(1), value);
    };
    default: return undefined;
  }

  function schema(tag: number, value: unknown): void {
    field(tag, () => { contentOf('apiextensions.JSONSchemaProps')(value); });
  }
}

function signed(value: unknown): number | bigint {
  const known = Number(value);
  return known >= 0 ? known : BigInt(Math.trunc(known));
}

/** Seconds and nanoseconds; nothing at all for no time. */
function time(value: unknown, digits: 0 | 6, whole: (tag: number, value: number | bigint) => void): void {
  if (typeof value !== 'string') return;
  const milliseconds = Date.parse(value);
  const fraction = digits === 0 ? '' : (/\.(\d{1,6})/.exec(value)?.[1] ?? '');
  whole(number(2), fraction === '' ? 0 : Number(fraction.padEnd(6, '0')) * 1000);
  whole(number(1), signed(Math.floor(milliseconds / 1000)));
}
