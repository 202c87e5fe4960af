/**
 * Filters from profiles of the machine's own, as `Localhost` names them. Their form is OCI's (runtime-spec, config-linux,
 * "Seccomp"); what a profile says that can't be held is refused, never left out.
 */
import { and, assemble, ENOSYS, errnoOf, ifAtLeast, ifEqual, load, result, type Architecture, type Instruction } from './seccomp.ts';

const EPERM = 1;
const actions: Readonly<Record<string, (errno: number) => number>> = {
  SCMP_ACT_KILL: () => 0, SCMP_ACT_KILL_THREAD: () => 0, SCMP_ACT_KILL_PROCESS: () => 0x8000_0000, SCMP_ACT_TRAP: () => 0x0003_0000,
  SCMP_ACT_ERRNO: errnoOf, SCMP_ACT_TRACE: (errno) => 0x7ff0_0000 | errno, SCMP_ACT_LOG: () => 0x7ffc_0000, SCMP_ACT_ALLOW: () => 0x7fff_0000,
};
const architectureNames: Readonly<Record<Architecture, string>> = { x64: 'SCMP_ARCH_X86_64', arm64: 'SCMP_ARCH_AARCH64' };
const most = { arguments: 6, errno: 4095 };

interface Condition {
  readonly index: number;
  readonly op: string;
  readonly value: bigint;
  readonly valueTwo: bigint;
}

interface Rule {
  readonly names: readonly string[];
  readonly action: number;
  /** All of them, for the rule to hold. */
  readonly conditions: readonly Condition[];
}

type Fields = Readonly<Record<string, unknown>>;

function fieldsOf(value: unknown, what: string): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new TypeError(`${what} is not an object`);
  return value as Fields;
}

function listOf(value: unknown, what: string): readonly unknown[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw new TypeError(`${what} is not a list`);
  return value;
}

function numberOf(value: unknown, largest: number, what: string): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0 || value > largest) throw new TypeError(`${what} is not a number from 0 to ${largest}`);
  return value;
}

function actionOf(value: unknown, errno: unknown, what: string): number {
  const action = Object.hasOwn(actions, String(value)) ? actions[String(value)] : undefined;
  if (action === undefined) throw new TypeError(`${what} ${JSON.stringify(value)} is not supported`);
  return action(errno === undefined || errno === null ? EPERM : numberOf(errno, most.errno, 'errnoRet'));
}

function conditionOf(value: unknown): Condition {
  const { index, op, value: first, valueTwo } = fieldsOf(value, 'an argument');
  if (!Object.hasOwn(comparisons, String(op))) throw new TypeError(`the comparison ${JSON.stringify(op)} is not supported`);
  const operand = (each: unknown, what: string): bigint => BigInt(each === undefined ? 0 : numberOf(each, Number.MAX_SAFE_INTEGER, what));
  return { index: numberOf(index, most.arguments - 1, 'index'), op: String(op), value: operand(first, 'value'), valueTwo: operand(valueTwo, 'valueTwo') };
}

function rulesOf(value: unknown): Rule[] {
  const { names, action, errnoRet, args } = fieldsOf(value, 'an entry of syscalls');
  const conditions = listOf(args, 'args').map(conditionOf);
  const common = { names: listOf(names, 'names').map(String), action: actionOf(action, errnoRet, 'action') };
  // Two conditions on one argument are alternatives, as runc has it.
  const isRepeated = new Set(conditions.map(({ index }) => index)).size < conditions.length;
  return isRepeated ? conditions.map((condition) => ({ ...common, conditions: [condition] })) : [{ ...common, conditions }];
}

/** `T`: the condition holds; `F`: it doesn't; nothing: go on. */
type Branch = 'T' | 'F' | undefined;
interface Test {
  readonly instruction: Instruction;
  readonly yes: Branch;
  readonly no: Branch;
}

const step = (instruction: Instruction): Test => ({ instruction, yes: undefined, no: undefined });
const test = (instruction: Instruction, yes: Branch, no: Branch): Test => ({ instruction, yes, no });
const low = (value: bigint): number => Number(value & 0xffff_ffffn);
const high = (value: bigint): number => Number(value >> 32n & 0xffff_ffffn);
/** The kernel's `seccomp_data`, on machines whose lower half comes first. */
const lowOf = (index: number): Instruction => load(16 + 8 * index);
const highOf = (index: number): Instruction => load(20 + 8 * index);

const equal = (index: number, value: bigint, yes: Branch, no: Branch): Test[] => [
  step(highOf(index)), test(ifEqual(high(value), 0, 0), undefined, no), step(lowOf(index)), test(ifEqual(low(value), 0, 0), yes, no),
];
/** Whether the argument is at least `value`, or more than it. */
const above = (index: number, value: bigint, orEqual: boolean, yes: Branch, no: Branch): Test[] => [
  step(highOf(index)), test(ifAtLeast(high(value), 0, 0), undefined, no), test(ifEqual(high(value), 0, 0), undefined, yes),
  step(lowOf(index)), test(ifEqual(low(value), 0, 0), orEqual ? yes : no, undefined), test(ifAtLeast(low(value), 0, 0), yes, no),
];
const comparisons: Readonly<Record<string, (condition: Condition) => Test[]>> = {
  SCMP_CMP_EQ: ({ index, value }) => equal(index, value, 'T', 'F'),
  SCMP_CMP_NE: ({ index, value }) => equal(index, value, 'F', 'T'),
  SCMP_CMP_GE: ({ index, value }) => above(index, value, true, 'T', 'F'),
  SCMP_CMP_GT: ({ index, value }) => above(index, value, false, 'T', 'F'),
  SCMP_CMP_LT: ({ index, value }) => above(index, value, true, 'F', 'T'),
  SCMP_CMP_LE: ({ index, value }) => above(index, value, false, 'F', 'T'),
  SCMP_CMP_MASKED_EQ: ({ index, value: mask, valueTwo }) => [
    step(highOf(index)), step(and(high(mask))), test(ifEqual(high(valueTwo), 0, 0), undefined, 'F'), step(lowOf(index)), step(and(low(mask))), test(ifEqual(low(valueTwo), 0, 0), 'T', 'F'),
  ],
};

/** Answers with the rule's action where all its conditions hold, else goes on behind it. */
function codeOf(rule: Rule): Instruction[] {
  const blocks = rule.conditions.map((condition) => comparisons[condition.op]?.(condition) ?? []);
  const length = blocks.reduce((sum, block) => sum + block.length, 0);
  const code: Instruction[] = [];
  for (const block of blocks) {
    const next = code.length + block.length;
    for (const { instruction, yes, no } of block) {
      const distance = (branch: Branch): number => (branch === undefined ? 0 : (branch === 'T' ? next : length + 1) - code.length - 1);
      code.push({ ...instruction, jt: distance(yes), jf: distance(no) });
    }
  }
  return [...code, result(rule.action)];
}

/** The filter of a profile, given as the text of its file. Throws with what is wrong with it. */
export function compileLocalhost(text: string, architecture: Architecture): Buffer {
  const profile = fieldsOf(JSON.parse(text), 'the profile');
  const architectures = listOf(profile['architectures'], 'architectures').map(String);
  if (architectures.length > 0 && !architectures.includes(architectureNames[architecture])) throw new TypeError(`the profile is not for ${architectureNames[architecture]}`);
  if (profile['listenerPath'] !== undefined) throw new TypeError('listenerPath is not supported');
  const otherwise = actionOf(profile['defaultAction'], profile['defaultErrnoRet'], 'defaultAction');
  const byName = new Map<string, Rule[]>();
  for (const rule of listOf(profile['syscalls'], 'syscalls').flatMap(rulesOf)) for (const name of rule.names) byName.set(name, [...(byName.get(name) ?? []), rule]);
  const answers = new Map([...byName].map(([name, rules]): [string, Instruction[]] => {
    // A rule for every call of its name stands for what no condition has taken.
    const rest = rules.find(({ conditions }) => conditions.length === 0)?.action ?? otherwise;
    return [name, [...rules.filter(({ conditions }) => conditions.length > 0).flatMap(codeOf), result(rest)]];
  }));
  // A call newer than our table: programs fall back on ENOSYS, as runc has it, unless the profile lets pass what it doesn't name.
  const isLenient = otherwise === actions['SCMP_ACT_ALLOW']?.(0) || otherwise === actions['SCMP_ACT_LOG']?.(0);
  return assemble(architecture, answers, [result(otherwise)], [result(isLenient ? otherwise : errnoOf(ENOSYS))]);
}
