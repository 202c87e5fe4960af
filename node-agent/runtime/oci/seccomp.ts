import defaultProfile from '../seccomp-default.json' with { type: 'json' };
import type { ProcessSecurity } from '../runtime.ts';
import type { SeccompProfile, SeccompRule } from '../seccomp.ts';

/** `linux.seccomp` of the OCI runtime specification, as far as we write it ourselves. */
export interface OciSeccomp {
  readonly defaultAction: string;
  readonly defaultErrnoRet: number;
  readonly architectures: readonly string[];
  readonly syscalls: readonly OciSyscalls[];
}

export interface OciSyscalls {
  readonly names: readonly string[];
  readonly action: string;
  readonly errnoRet?: number;
  readonly args?: readonly { readonly index: number; readonly value: number; readonly valueTwo: number; readonly op: string }[];
}

const EPERM = 1;
const allow = 'SCMP_ACT_ALLOW';
/** With the kinds of 32-bit programs, which have the same calls by other numbers. */
const architectures: Readonly<Record<string, readonly string[]>> = {
  x64: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_X32'], arm64: ['SCMP_ARCH_AARCH64', 'SCMP_ARCH_ARM'],
};

/** What a container's runtime filters its system calls by; undefined: nothing. Throws for a machine that we have no profile for. */
export function ociSeccomp({ seccomp, seccompProfile, capabilities }: ProcessSecurity, architecture: string): unknown {
  if (seccomp === undefined) return undefined;
  // Read once already, by who made our own filter of it.
  return seccompProfile === undefined ? profileFor(defaultProfile, capabilities, architecture) : JSON.parse(seccompProfile) as unknown;
}

/** Our own way of writing a profile as the specification's, for a container with these capabilities. Pure. */
export function profileFor(profile: SeccompProfile, capabilities: readonly string[], architecture: string): OciSeccomp {
  const known = architectures[architecture];
  if (known === undefined) throw new Error(`there is no system call table for ${architecture}`);
  const ruled = new Set(profile.rules.flatMap(({ names }) => names));
  const extra = Object.entries(profile.allowWith).flatMap(([capability, names]) => (capabilities.includes(capability) ? names : []));
  const free = [...new Set([...profile.allow, ...extra])].filter((name) => !ruled.has(name));
  return {
    defaultAction: 'SCMP_ACT_ERRNO', defaultErrnoRet: EPERM, architectures: known,
    syscalls: [{ names: free, action: allow }, ...profile.rules.flatMap((rule) => entriesOf(rule, capabilities))],
  };
}

function entriesOf({ names, unlessCapability, argument: index, mask, oneOf, noneOf = [], errno = EPERM }: SeccompRule, capabilities: readonly string[]): readonly OciSyscalls[] {
  if (unlessCapability !== undefined && capabilities.includes(unlessCapability)) return [{ names, action: allow }];
  const refused = errno === EPERM ? [] : [{ names, action: 'SCMP_ACT_ERRNO', errnoRet: errno }];
  if (oneOf?.length === 0) return refused;
  if (errno !== EPERM) throw new Error('a rule with values can refuse with EPERM only: the default of the profile');
  const masked = (bits: number, value: number): OciSyscalls => ({ names, action: allow, args: [{ index, value: bits, valueTwo: value, op: 'SCMP_CMP_MASKED_EQ' }] });
  if (oneOf !== undefined) return oneOf.map((value) => masked(mask, value));
  const [unwanted, ...more] = noneOf;
  if (unwanted === undefined || more.length > 0) throw new Error('a rule refuses one value');
  // "Not equal" would compare 64 bits, of which the kernel looks at those of the mask: another value has another bit among them.
  return Array.from({ length: 32 }, (_, bit) => 2 ** bit).filter((bit) => hasBit(mask, bit)).map((bit) => masked(bit, hasBit(unwanted, bit) ? 0 : bit));
}

const hasBit = (value: number, bit: number): boolean => Math.trunc(value / bit) % 2 === 1;
