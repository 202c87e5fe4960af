import { flat, traversal } from '../cost.ts';
import { CelError } from '../errors.ts';
import { compareStrings } from '../equality.ts';
import { define, type Overload } from '../functions.ts';
import { OpaqueValue } from '../values.ts';

/** A version of semver.org 2.0.0. */
interface Version {
  readonly numbers: readonly [bigint, bigint, bigint];
  readonly pre: readonly string[];
}

class SemverValue extends OpaqueValue {
  override readonly typeName = 'kubernetes.Semver';
  readonly version: Version;

  constructor(version: Version) {
    super();
    this.version = version;
  }

  override equals(other: OpaqueValue): boolean {
    return other instanceof SemverValue && compare(this.version, other.version) === 0;
  }
}

const strict = /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?$/;

/** With `normalize`, a `v` before, missing minor and patch numbers and zeros in front are put right. */
function parse(text: string, normalize: boolean): Version | undefined {
  const match = strict.exec(normalize ? normalized(text) : text);
  if (match === null) return undefined;
  const [, major = '', minor = '', patch = '', pre] = match;
  if (major.length > 19 || minor.length > 19 || patch.length > 19) return undefined;
  const identifiers = pre?.split('.') ?? [];
  if (identifiers.some((one) => /^0\d+$/.test(one))) return undefined;
  return { numbers: [BigInt(major), BigInt(minor), BigInt(patch)], pre: identifiers };
}

function normalized(text: string): string {
  const bare = text.startsWith('v') ? text.slice(1) : text;
  const end = bare.search(/[-+]/);
  const core = end < 0 ? bare : bare.slice(0, end);
  const parts = core.split('.').map((part) => part.replace(/^0+(?=\d)/, ''));
  while (parts.length < 3) parts.push('0');
  return parts.join('.') + (end < 0 ? '' : bare.slice(end));
}

function compare(a: Version, b: Version): number {
  for (let i = 0; i < 3; i++) {
    const [x = 0n, y = 0n] = [a.numbers[i], b.numbers[i]];
    if (x !== y) return x < y ? -1 : 1;
  }
  if (a.pre.length === 0 || b.pre.length === 0) return Math.sign(b.pre.length - a.pre.length);
  for (let i = 0; i < Math.min(a.pre.length, b.pre.length); i++) {
    const order = compareIdentifiers(a.pre[i] ?? '', b.pre[i] ?? '');
    if (order !== 0) return order;
  }
  return Math.sign(a.pre.length - b.pre.length);
}

/** Numbers come before words, and in their own order. */
function compareIdentifiers(a: string, b: string): number {
  const [x, y] = [/^\d+$/.test(a), /^\d+$/.test(b)];
  if (x && y) return BigInt(a) < BigInt(b) ? -1 : BigInt(a) > BigInt(b) ? 1 : 0;
  if (x !== y) return x ? -1 : 1;
  return Math.sign(compareStrings(a, b));
}

function semver(text: string, normalize: unknown): SemverValue {
  const version = parse(text, normalize === true);
  if (version === undefined) {
    throw new CelError(text.split('.').length < 3 ? 'No Major.Minor.Patch elements found' : `Invalid character(s) found in version ${JSON.stringify(text)}`);
  }
  return new SemverValue(version);
}

const isSemver = (text: string, normalize: unknown): boolean => parse(text, normalize === true) !== undefined;
const read = { cost: traversal(0) };
const once = { cost: flat(1) };

/** Kubernetes' functions of semantic versions. */
export const semvers: readonly Overload[] = [
  define('semver(string): semver', semver, read),
  define('semver(string, bool): semver', semver, read),
  define('isSemver(string): bool', isSemver, read),
  define('isSemver(string, bool): bool', isSemver, read),
  define('semver::major(): int', ({ version }: SemverValue) => version.numbers[0], once),
  define('semver::minor(): int', ({ version }: SemverValue) => version.numbers[1], once),
  define('semver::patch(): int', ({ version }: SemverValue) => version.numbers[2], once),
  define('semver::isGreaterThan(semver): bool', (a: SemverValue, b: SemverValue) => compare(a.version, b.version) > 0, once),
  define('semver::isLessThan(semver): bool', (a: SemverValue, b: SemverValue) => compare(a.version, b.version) < 0, once),
  define('semver::compareTo(semver): int', (a: SemverValue, b: SemverValue) => BigInt(compare(a.version, b.version)), once),
];
