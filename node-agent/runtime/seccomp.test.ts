import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import numbers from './syscall-numbers.json' with { type: 'json' };
import { profileFor } from './oci/seccomp.ts';
import defaultProfile from './seccomp-default.json' with { type: 'json' };
import { compileSeccomp, defaultSeccomp, type SeccompProfile } from './seccomp.ts';
import { compileLocalhost } from './seccomp-localhost.ts';
import { defaultCapabilities } from './capabilities.ts';

const x64 = 0xc000003e;
const allowed = 0x7fff0000;
const errno = (value: number): number => 0x00050000 | value;

/** Runs a filter as the kernel would: the few instructions that the compiler uses. */
function run(program: Buffer, call: { readonly architecture: number; readonly number: number; readonly arguments?: readonly (number | bigint)[] }): number {
  const data = new Map([[0, call.number], [4, call.architecture], ...(call.arguments ?? []).flatMap((value, index) => [[16 + 8 * index, Number(BigInt(value) & 0xffff_ffffn)], [20 + 8 * index, Number(BigInt(value) >> 32n)]] as const)]);
  let accumulator = 0;
  for (let at = 0; at < program.length / 8; at += 1) {
    const [code, jt, jf, k] = [program.readUInt16LE(at * 8), program.readUInt8(at * 8 + 2), program.readUInt8(at * 8 + 3), program.readUInt32LE(at * 8 + 4)];
    if (code === 0x20) accumulator = data.get(k) ?? 0;
    else if (code === 0x54) accumulator = (accumulator & k) >>> 0;
    else if (code === 0x15) at += accumulator === k ? jt : jf;
    else if (code === 0x35) at += accumulator >= k ? jt : jf;
    else if (code === 0x05) at += k;
    else if (code === 0x06) return k;
    else throw new Error(`unknown instruction ${code.toString(16)}`);
  }
  throw new Error('the filter ends without an answer');
}

const answer = (name: keyof (typeof numbers)['x64'], ...args: readonly number[]): number =>
  run(defaultSeccomp(defaultCapabilities, 'x64'), { architecture: x64, number: numbers.x64[name], arguments: args });

describe('the default filter', () => {
  it.each(['read', 'openat', 'execve', 'futex', 'epoll_wait', 'setuid', 'chroot', 'memfd_create', 'clone', 'prctl', 'ptrace'] as const)('allows %s', (name) => {
    expect(answer(name)).toBe(allowed);
  });

  it.each(['mount', 'umount2', 'setns', 'unshare', 'reboot', 'init_module', 'keyctl', 'bpf', 'io_uring_setup', 'kexec_load', 'open_by_handle_at', 'perf_event_open', 'userfaultfd'] as const)('refuses %s', (name) => {
    expect(answer(name)).toBe(errno(1));
  });

  it('refuses new namespaces by clone, and hides clone3, whose flags it cannot see', () => {
    expect(answer('clone', 0x10000000)).toBe(errno(1));
    expect(answer('clone', 0x01200011)).toBe(allowed);
    expect(answer('clone3')).toBe(errno(38));
  });

  it('allows personalities that change nothing, and sockets but VSOCK', () => {
    expect(answer('personality', 0xffffffff)).toBe(allowed);
    expect(answer('personality', 0x40000)).toBe(errno(1));
    expect(answer('socket', 2)).toBe(allowed);
    expect(answer('socket', 40)).toBe(errno(1));
  });

  it('keeps files in their projects where a limit hangs on that, whatever the upper half of the call\'s number says', () => {
    const [setAttributes, setFlags, getAttributes] = [0x401c5820, 0x40086602, 0x801c581f];
    const keeping = defaultSeccomp(defaultCapabilities, 'x64', 'all');
    const ask = (program: Buffer, request: number | bigint): number => run(program, { architecture: x64, number: numbers.x64.ioctl, arguments: [3, request] });
    expect([setAttributes, setFlags, getAttributes, 0x5401].map((request) => ask(keeping, request))).toEqual([errno(1), errno(1), allowed, allowed]);
    expect(ask(keeping, BigInt(setAttributes) + 2n ** 40n)).toBe(errno(1));
    expect(ask(defaultSeccomp(defaultCapabilities, 'x64'), setAttributes)).toBe(allowed);
  });

  it('keeps files out of others\' projects where the container itself has none', () => {
    const ask = (request: number): number => run(defaultSeccomp(defaultCapabilities, 'x64', 'others'), { architecture: x64, number: numbers.x64.ioctl, arguments: [3, request] });
    expect([0x401c5820, 0x40086602].map(ask)).toEqual([errno(1), allowed]);
  });

  it('lets a container with SYS_ADMIN mount', () => {
    const program = defaultSeccomp([...defaultCapabilities, 'CAP_SYS_ADMIN'], 'x64');
    expect(run(program, { architecture: x64, number: numbers.x64.mount })).toBe(allowed);
    expect(run(program, { architecture: x64, number: numbers.x64.clone3 })).toBe(allowed);
  });

  it('answers ENOSYS to calls it does not know and to other architectures, x32 included', () => {
    const program = defaultSeccomp(defaultCapabilities, 'x64');
    expect(run(program, { architecture: x64, number: 9999 })).toBe(errno(38));
    expect(run(program, { architecture: x64, number: 0x40000000 })).toBe(errno(38));
    expect(run(program, { architecture: 0x40000003, number: 3 })).toBe(errno(38));
  });

  it('answers for every call of either architecture as the profile says', () => {
    const profile: SeccompProfile = { allow: ['read', 'write', 'exit_group'], allowWith: {}, rules: [] };
    for (const [architecture, value] of [['x64', x64], ['arm64', 0xc00000b7]] as const) {
      const program = compileSeccomp(profile, { architecture, capabilities: [] });
      for (const [name, number] of Object.entries(numbers[architecture])) {
        expect(run(program, { architecture: value, number }), name).toBe(profile.allow.includes(name) ? allowed : errno(1));
      }
    }
  });
});

const by = (profile: object, name: keyof (typeof numbers)['x64'], ...args: readonly (number | bigint)[]): number =>
  run(compileLocalhost(JSON.stringify(profile), 'x64'), { architecture: x64, number: numbers.x64[name], arguments: args });
const is = (value: number): object => ({ index: 0, op: 'SCMP_CMP_EQ', value });

describe('a profile of the machine\'s own', () => {
  it('answers what it says to what it names, and its default to everything else', () => {
    const profile = {
      defaultAction: 'SCMP_ACT_ALLOW', architectures: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86'],
      syscalls: [
        { names: ['mkdir', 'nosuchcall'], action: 'SCMP_ACT_ERRNO', errnoRet: 28 }, { names: ['chmod'], action: 'SCMP_ACT_ERRNO' }, { names: ['reboot'], action: 'SCMP_ACT_KILL_PROCESS' },
        { names: ['mount'], action: 'SCMP_ACT_LOG' }, { names: ['kill'], action: 'SCMP_ACT_KILL' }, { names: ['bpf'], action: 'SCMP_ACT_TRAP' },
      ],
    };
    expect((['mkdir', 'chmod', 'reboot', 'mount', 'kill', 'bpf', 'read'] as const).map((name) => by(profile, name))).toEqual([errno(28), errno(1), 0x80000000, 0x7ffc0000, 0, 0x30000, allowed]);
    const program = compileLocalhost(JSON.stringify(profile), 'x64');
    // What is newer than our table passes where all does; the other names that x32 has for the same calls never do.
    expect([run(program, { architecture: x64, number: 9999 }), run(program, { architecture: x64, number: 0x40000000 + numbers.x64.mkdir })]).toEqual([allowed, errno(38)]);
    const strict = compileLocalhost(JSON.stringify({ defaultAction: 'SCMP_ACT_ERRNO', defaultErrnoRet: 13 }), 'x64');
    expect([run(strict, { architecture: x64, number: 0 }), run(strict, { architecture: x64, number: 9999 })]).toEqual([errno(13), errno(38)]);
  });

  it('compares arguments in all 64 bits', () => {
    const operand = fc.oneof(fc.nat(4), fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }), fc.constantFrom(0xffffffff, 0x100000000, 0x100000001));
    const argument = fc.oneof(operand.map(BigInt), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }));
    const holds: Readonly<Record<string, (x: bigint, a: bigint, b: bigint) => boolean>> = {
      SCMP_CMP_EQ: (x, a) => x === a, SCMP_CMP_NE: (x, a) => x !== a, SCMP_CMP_LT: (x, a) => x < a, SCMP_CMP_LE: (x, a) => x <= a, SCMP_CMP_GT: (x, a) => x > a, SCMP_CMP_GE: (x, a) => x >= a,
      SCMP_CMP_MASKED_EQ: (x, a, b) => (x & a) === b,
    };
    const condition = fc.record({ index: fc.nat(2), op: fc.constantFrom(...Object.keys(holds)), value: operand, valueTwo: operand });
    fc.assert(fc.property(fc.uniqueArray(condition, { maxLength: 3, selector: ({ index }) => index }), fc.tuple(argument, argument, argument), fc.boolean(), (args, values, reuse) => {
      // Values that are just what is compared with are rare otherwise.
      const used = values.map((value, index) => (reuse ? BigInt(args.find((each) => each.index === index)?.value ?? 0) : value));
      const expected = args.every(({ index, op, value, valueTwo }) => holds[op]?.(used[index] ?? 0n, BigInt(value), BigInt(valueTwo)));
      const profile = { defaultAction: 'SCMP_ACT_ALLOW', syscalls: [{ names: ['ioctl'], action: 'SCMP_ACT_ERRNO', args }] };
      expect(by(profile, 'ioctl', ...used)).toBe(expected ? errno(1) : allowed);
    }));
  });

  it('takes conditions on one argument, and entries for one call, as alternatives', () => {
    const profile = { defaultAction: 'SCMP_ACT_ERRNO', syscalls: [{ names: ['personality'], action: 'SCMP_ACT_ALLOW', args: [is(0), is(8)] }, { names: ['personality'], action: 'SCMP_ACT_LOG', args: [is(9)] }] };
    expect([0, 8, 9, 10].map((value) => by(profile, 'personality', value))).toEqual([allowed, allowed, 0x7ffc0000, errno(1)]);
  });

  it.each<[string, unknown, string]>([
    ['an action that can\'t be held', { defaultAction: 'SCMP_ACT_NOTIFY' }, 'defaultAction "SCMP_ACT_NOTIFY" is not supported'],
    ['an action named like something else', { defaultAction: 'toString' }, 'defaultAction "toString" is not supported'],
    ['no default', {}, 'defaultAction undefined is not supported'],
    ['a comparison that there is not', { defaultAction: 'SCMP_ACT_ALLOW', syscalls: [{ names: ['read'], action: 'SCMP_ACT_LOG', args: [{ index: 0, op: 'toString', value: 1 }] }] }, 'the comparison "toString" is not supported'],
    ['a value that was rounded', { defaultAction: 'SCMP_ACT_ALLOW', syscalls: [{ names: ['read'], action: 'SCMP_ACT_LOG', args: [{ index: 0, op: 'SCMP_CMP_EQ', value: 2 ** 60 }] }] }, 'value is not a number'],
    ['another machine', { defaultAction: 'SCMP_ACT_ALLOW', architectures: ['SCMP_ARCH_S390X'] }, 'the profile is not for SCMP_ARCH_X86_64'],
    ['a list', [], 'the profile is not an object'],
  ])('is refused for %s', (_what, profile, words) => {
    expect(() => compileLocalhost(JSON.stringify(profile), 'x64')).toThrow(words);
  });
});

describe('the default profile as an OCI runtime gets it', () => {
  it.each([['the usual', defaultCapabilities], ['no', []], ['all', ['CAP_SYS_ADMIN', 'CAP_SYSLOG', 'CAP_BPF']]])('answers every call as our own filter does, with %s capabilities', (_name, capabilities) => {
    const [ours, theirs] = [defaultSeccomp(capabilities, 'x64'), compileLocalhost(JSON.stringify(profileFor(defaultProfile, capabilities, 'x64')), 'x64')];
    const first = [0, 8, 40, 41, 104, 0x20000, 0x10000000, 0x01200011, 0x40000, 0xffffffff, 0x1_0000_0028n, 0x1_0000_0002n];
    for (const [name, number] of Object.entries(numbers.x64)) {
      for (const value of first) expect(run(theirs, { architecture: x64, number, arguments: [value] }), `${name} ${value}`).toBe(run(ours, { architecture: x64, number, arguments: [value] }));
    }
  });

  it('is for the machine\'s architecture, and refused where there is no table', () => {
    expect(profileFor(defaultProfile, [], 'arm64').architectures).toContain('SCMP_ARCH_AARCH64');
    expect(() => profileFor(defaultProfile, [], 'riscv64')).toThrow('there is no system call table for riscv64');
  });

  it.each([
    ['several values', { names: ['socket'], argument: 0, mask: 1, noneOf: [1, 2] }, 'a rule refuses one value'],
    ['values with an errno', { names: ['socket'], argument: 0, mask: 1, oneOf: [1], errno: 38 }, 'can refuse with EPERM only'],
  ])('can\'t be said of a rule with %s', (_name, rule, message) => {
    expect(() => profileFor({ allow: [], allowWith: {}, rules: [rule] }, [], 'x64')).toThrow(message);
  });
});
