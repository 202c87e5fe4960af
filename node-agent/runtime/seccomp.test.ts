import { describe, expect, it } from 'vitest';
import numbers from './syscall-numbers.json' with { type: 'json' };
import { compileSeccomp, defaultSeccomp, type SeccompProfile } from './seccomp.ts';
import { defaultCapabilities } from './capabilities.ts';

const x64 = 0xc000003e;
const allowed = 0x7fff0000;
const errno = (value: number): number => 0x00050000 | value;

/** Runs a filter as the kernel would: the few instructions that the compiler uses. */
function run(program: Buffer, call: { readonly architecture: number; readonly number: number; readonly arguments?: readonly number[] }): number {
  const data = new Map([[0, call.number], [4, call.architecture], ...(call.arguments ?? []).map((value, index) => [16 + 8 * index, value] as const)]);
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
