import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bind, compile } from '../compile.ts';
import type { Overload } from '../functions.ts';
import { authorizerType, authorizerValue } from './authorizers.ts';
import { show } from '../types.ts';
import { kubernetesLibrary } from './all.ts';

const variables = { authorizer: authorizerType };
const bindings = () => bind(variables, { authorizer: authorizerValue(() => ({ allowed: true })) });

/** Expressions for values of each type, the awkward ones among them. */
const pools: Readonly<Record<string, readonly string[]>> = {
  bool: ['true', 'false'],
  int: ['0', '1', '-1', '9223372036854775807', '-9223372036854775808', '253402300800', '1000'],
  uint: ['0u', '18446744073709551615u', '7u'],
  double: ['0.0', '-0.0', '1e308', '-1.5', 'double("NaN")', 'double("-inf")', '0.1', '9.3e18'],
  string: ['""', '"a"', '"aé😀\\ud7ff"', '"1Gi"', '"10.0.0.1"', '"::1/64"', '"https://[::1]:443/a?b=c"', '"1.2.3-rc.1"', '"%s %d %.999f %x %e %b"', '"(a+)+$"', '"["', '"2024-02-29T23:59:59Z"', '"-1h1ns"', '"1h"', '"30m"', '"2023-01-01T00:00:00+01:00"', '"\\u0000"', '"a/b~"', '"UTC"', '"+25:00"', '"Europe/Berlin"', '"1e999"'],
  bytes: ['b""', 'b"\\xff"', 'b"abc"'],
  null: ['null'],
  timestamp: ['timestamp(0)', 'timestamp("0001-01-01T00:00:00Z")', 'timestamp("9999-12-31T23:59:59.999999999Z")'],
  duration: ['duration("0")', 'duration(9223372036854775807)', 'duration("-1ns")'],
  'kubernetes.Quantity': ['quantity("1Gi")', 'quantity("-1n")', 'quantity("9e18")'],
  'net.IP': ['ip("10.0.0.1")', 'ip("::1")'],
  'net.CIDR': ['cidr("10.0.0.0/8")', 'cidr("::/0")', 'cidr("0.0.0.0/32")'],
  'kubernetes.URL': ['url("https://[::1]:443/a?b=c#d")', 'url("/")'],
  'kubernetes.Semver': ['semver("1.2.3-rc.1")', 'semver("0.0.0")'],
  'kubernetes.NamedFormat': ['format.dns1123Label()', 'format.uuid()', 'format.uri()', 'format.labelValue()', 'format.byte()'],
  'kubernetes.authorization.Authorizer': ['authorizer'],
  'kubernetes.authorization.PathCheck': ['authorizer.path("/x")'],
  'kubernetes.authorization.GroupCheck': ['authorizer.group("")'],
  'kubernetes.authorization.ResourceCheck': ['authorizer.group("").resource("pods")'],
  'kubernetes.authorization.Decision': ['authorizer.path("/x").check("get")'],
};
const everything = ['bool', 'int', 'uint', 'double', 'string', 'bytes', 'timestamp', 'duration', 'null'].flatMap((type) => pools[type] ?? []);

type Parameter = Overload['parameters'][number];

function valueOf(type: Parameter): fc.Arbitrary<string> {
  if (type.kind === 'list') return fc.array(valueOf(type.element), { maxLength: 3 }).map((items) => `[${items.map((item) => `dyn(${item})`).join(', ')}]`);
  if (type.kind === 'map') return fc.uniqueArray(fc.constantFrom(...pools['string'] ?? []), { maxLength: 2 }).map((keys) => `{${keys.map((key) => `${key}: dyn(1)`).join(', ')}}`);
  if (type.kind === 'opaque' && type.name === 'optional_type') return fc.oneof(fc.constant('optional.none()'), valueOf(type.parameters[0] ?? type).map((value) => `optional.of(dyn(${value}))`));
  return fc.constantFrom(...pools[show(type)] ?? everything);
}

/** A call as it is written: operators have no names. */
function written({ name, member }: Overload, args: readonly string[]): string {
  const [first = '', second = '', third = ''] = args;
  if (name === '_?_:_') return `(${first}) ? (${second}) : (${third})`;
  if (name === '_[_]' || name === '_[?_]') return `(${first})[${name.includes('?') ? '?' : ''}${second}]`;
  if (name === '@in') return `(${first}) in (${second})`;
  if (name.startsWith('_')) return `(${first}) ${name.slice(1, -1)} (${second})`;
  if (name.endsWith('_')) return `${name.slice(0, -1)}(${first})`;
  return member ? `(${first}).${name}(${args.slice(1).join(', ')})` : `${name}(${args.join(', ')})`;
}

describe('every function', () => {
  it.each([...kubernetesLibrary.values()].flat().map((overload) => [overload.signature, overload] as const))('%s takes whatever its types let in', (_signature, overload) => {
    let ran = 0;
    fc.assert(fc.property(fc.tuple(...overload.parameters.map(valueOf)), (args) => {
      const { program, errors } = compile(written(overload, args), { variables });
      // Literals are judged before they run, and a parameter that occurs twice wants one type.
      if (program === undefined) return /invalid (matches|timestamp|duration) argument|no matching overload/.test(errors);
      ran++;
      const { value, error } = program.evaluate(bindings());
      return value !== undefined || (error !== undefined && error.message !== '');
    }), { numRuns: 100 });
    expect(ran).toBeGreaterThan(0);
  });
});
