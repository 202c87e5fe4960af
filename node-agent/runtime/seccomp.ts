/**
 * From a profile of system calls to the filter program that the kernel runs before each of them. Pure. Sources: seccomp(2),
 * `linux/filter.h`. A call that the profile does not name gets EPERM; one newer than our table ENOSYS, as from an older
 * kernel, so that programs fall back. Other architectures of the same machine (32-bit programs) get ENOSYS for everything.
 */
import numbersOf from './syscall-numbers.json' with { type: 'json' };
import defaultProfile from './seccomp-default.json' with { type: 'json' };
import { defaultCapabilities } from './capabilities.ts';

/** Allows calls whose masked argument is one of, or none of, some values; others get `errno`. */
export interface SeccompRule {
  readonly names: readonly string[];
  /** A container that has it is not held to the rule. */
  readonly unlessCapability?: string;
  readonly argument: number;
  readonly mask: number;
  readonly oneOf?: readonly number[];
  readonly noneOf?: readonly number[];
  readonly errno?: number;
}

export interface SeccompProfile {
  readonly allow: readonly string[];
  /** Allowed too for containers that have the capability. */
  readonly allowWith: Readonly<Record<string, readonly string[]>>;
  readonly rules: readonly SeccompRule[];
}

export interface SeccompTarget {
  readonly architecture: Architecture;
  readonly capabilities: readonly string[];
}

export interface Instruction {
  readonly code: number;
  readonly jt: number;
  readonly jf: number;
  readonly k: number;
}

/** BPF_MAXINSNS */
const mostInstructions = 4096;
const EPERM = 1;
export const ENOSYS = 38;
const allowed = 0x7fff_0000;
export const errnoOf = (errno: number): number => 0x0005_0000 | errno;
const architectures = { x64: 0xc000_003e, arm64: 0xc000_00b7 } as const;
export type Architecture = keyof typeof architectures;
/** Calls of the x32 kind have this bit: other names for the same calls, which no profile means. */
const x32Bit = 0x4000_0000;
/** Offsets in `struct seccomp_data`. */
const numberOffset = 0;
const architectureOffset = 4;
const argumentOffset = (argument: number): number => 16 + 8 * argument;

export const load = (offset: number): Instruction => ({ code: 0x20, jt: 0, jf: 0, k: offset });
export const and = (mask: number): Instruction => ({ code: 0x54, jt: 0, jf: 0, k: mask });
export const result = (k: number): Instruction => ({ code: 0x06, jt: 0, jf: 0, k });
export const ifEqual = (k: number, jt: number, jf: number): Instruction => ({ code: 0x15, jt, jf, k });
export const ifAtLeast = (k: number, jt: number, jf: number): Instruction => ({ code: 0x35, jt, jf, k });
const skip = (count: number): Instruction => ({ code: 0x05, jt: 0, jf: 0, k: count });

/** Consecutive call numbers with the same answer, from `first` to the next one's. */
interface Span {
  readonly first: number;
  readonly code: readonly Instruction[];
}

function ruleCode(rule: SeccompRule): Instruction[] {
  const values = rule.oneOf ?? rule.noneOf ?? [];
  const [listed, other] = rule.oneOf === undefined ? [errnoOf(rule.errno ?? EPERM), allowed] : [allowed, errnoOf(rule.errno ?? EPERM)];
  // each comparison jumps over those after it and the answer for "not listed"
  const comparisons = values.map((value, index) => ifEqual(value, values.length - index, 0));
  return [load(argumentOffset(rule.argument)), and(rule.mask), ...comparisons, result(other), result(listed)];
}

function answers(profile: SeccompProfile, target: SeccompTarget): ReadonlyMap<string, readonly Instruction[]> {
  const has = (capability: string): boolean => target.capabilities.includes(capability);
  const names = [...profile.allow, ...Object.entries(profile.allowWith).flatMap(([capability, extra]) => (has(capability) ? extra : []))];
  const found = new Map<string, readonly Instruction[]>(names.map((name) => [name, [result(allowed)]]));
  for (const rule of profile.rules) {
    const free = rule.unlessCapability !== undefined && has(rule.unlessCapability);
    for (const name of rule.names) found.set(name, free ? [result(allowed)] : ruleCode(rule));
  }
  return found;
}

const same = (a: readonly Instruction[], b: readonly Instruction[]): boolean => JSON.stringify(a) === JSON.stringify(b);

type Answers = ReadonlyMap<string, readonly Instruction[]>;

function spansOf(architecture: Architecture, byName: Answers, unnamed: readonly Instruction[], unknown: readonly Instruction[]): Span[] {
  const numbers: Readonly<Record<string, number>> = numbersOf[architecture];
  const byNumber = new Map(Object.entries(numbers).map(([name, number]) => [number, byName.get(name) ?? unnamed]));
  const last = Math.max(...byNumber.keys());
  const spans: Span[] = [];
  for (let number = 0; number <= last + 1; number += 1) {
    const code = byNumber.get(number) ?? unknown;
    const previous = spans.at(-1);
    if (previous === undefined || !same(previous.code, code)) spans.push({ first: number, code });
  }
  return [...spans, { first: x32Bit, code: [result(errnoOf(ENOSYS))] }];
}

/** A binary search over the spans; the call's number is in the accumulator. */
function search(spans: readonly Span[]): Instruction[] {
  const [only] = spans;
  if (spans.length <= 1) return [...(only?.code ?? [result(errnoOf(ENOSYS))])];
  const middle = spans.length >> 1;
  const [left, right] = [search(spans.slice(0, middle)), search(spans.slice(middle))];
  // a conditional jump reaches 255 instructions, the unconditional one anywhere
  return [ifAtLeast(spans[middle]?.first ?? 0, 0, 1), skip(left.length), ...left, ...right];
}

/** The program as the kernel takes it: `struct sock_filter[]`. */
export function compileSeccomp(profile: SeccompProfile, target: SeccompTarget): Buffer {
  return assemble(target.architecture, answers(profile, target), [result(errnoOf(EPERM))], [result(errnoOf(ENOSYS))]);
}

/** By the answer to each call: to those of `byName`, to `unnamed` others that our table has, and to `unknown` ones. */
export function assemble(architecture: Architecture, byName: Answers, unnamed: readonly Instruction[], unknown: readonly Instruction[]): Buffer {
  const body = [load(numberOffset), ...search(spansOf(architecture, byName, unnamed, unknown))];
  const program = [load(architectureOffset), ifEqual(architectures[architecture], 1, 0), result(errnoOf(ENOSYS)), ...body];
  if (program.length > mostInstructions) throw new Error(`the filter has ${program.length} instructions, and the kernel takes ${mostInstructions}`);
  const bytes = Buffer.alloc(program.length * 8);
  for (const [index, { code, jt, jf, k }] of program.entries()) {
    bytes.writeUInt16LE(code, index * 8);
    bytes.writeUInt8(jt, index * 8 + 2);
    bytes.writeUInt8(jf, index * 8 + 3);
    bytes.writeUInt32LE(k >>> 0, index * 8 + 4);
  }
  return bytes;
}

/** What is kept of the projects by which a file system limits directories: nothing, others' from being filled with this container's files, or also its files in theirs. */
export type KeptProjects = 'none' | 'others' | 'all';

/**
 * An owner may put a file into any project (FS_IOC_FSSETXATTR), or have a directory hand its project on no longer (FS_IOC_SETFLAGS),
 * but for users of a pod's own: the kernel itself keeps those from it. Its newer call for both, file_setattr, no profile names.
 * Only the lower half of an ioctl's number counts. Source: ioctl_xfs_fsgetxattr(2), FS_IOC_SETFLAGS(2const).
 */
const keepProjects = (requests: readonly number[]): SeccompRule => ({ names: ['ioctl'], argument: 1, mask: 0xffff_ffff, noneOf: requests });
const projectRules: Readonly<Record<KeptProjects, readonly SeccompRule[]>> = { none: [], others: [keepProjects([0x401c_5820])], all: [keepProjects([0x401c_5820, 0x4008_6602])] };

/** `RuntimeDefault` for a container with these capabilities, on this machine. */
export function defaultSeccomp(capabilities: readonly string[] = defaultCapabilities, architecture: string = process.arch, projects: KeptProjects = 'none'): Buffer {
  if (architecture !== 'x64' && architecture !== 'arm64') throw new Error(`there is no system call table for ${architecture}`);
  const rules = [...defaultProfile.rules, ...projectRules[projects]];
  return compileSeccomp({ ...defaultProfile, rules }, { architecture, capabilities });
}
