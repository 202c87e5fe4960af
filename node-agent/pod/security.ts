import type { Container, Pod } from '../../machinery/kinds/core.ts';
import type { ImageUser } from '../images/users.ts';
import { ConfigError } from '../environment.ts';
import type { ProcessSecurity } from '../runtime/runtime.ts';
import { podTitle } from './plan.ts';

/** What a container may do. Pure. Source: "Configure a Security Context"; defaults as containerd's. */

/** Kept by a container that asks for nothing. */
const defaultCapabilities = [
  'CHOWN', 'DAC_OVERRIDE', 'FSETID', 'FOWNER', 'MKNOD', 'NET_RAW', 'SETGID', 'SETUID', 'SETFCAP', 'SETPCAP', 'NET_BIND_SERVICE', 'SYS_CHROOT', 'KILL', 'AUDIT_WRITE',
];

const allCapabilities = [
  ...defaultCapabilities, 'DAC_READ_SEARCH', 'LINUX_IMMUTABLE', 'NET_BROADCAST', 'NET_ADMIN', 'IPC_LOCK', 'IPC_OWNER', 'SYS_MODULE', 'SYS_RAWIO', 'SYS_PTRACE',
  'SYS_PACCT', 'SYS_ADMIN', 'SYS_BOOT', 'SYS_NICE', 'SYS_RESOURCE', 'SYS_TIME', 'SYS_TTY_CONFIG', 'LEASE', 'AUDIT_CONTROL', 'MAC_OVERRIDE', 'MAC_ADMIN', 'SYSLOG',
  'WAKE_ALARM', 'BLOCK_SUSPEND', 'AUDIT_READ', 'PERFMON', 'BPF', 'CHECKPOINT_RESTORE',
];

export const maskedPaths = [
  '/proc/asound', '/proc/acpi', '/proc/kcore', '/proc/keys', '/proc/latency_stats', '/proc/timer_list', '/proc/timer_stats', '/proc/sched_debug', '/proc/scsi',
  '/sys/firmware', '/sys/devices/virtual/powercap', '/proc/interrupts',
];

export const readOnlyPaths = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'];

/** `CAP_…` names: the defaults, with what is added and without what is dropped; `ALL` means every one. */
export function capabilitiesOf(container: Container): readonly string[] {
  const { capabilities, privileged } = container.securityContext ?? {};
  if (privileged === true) return allCapabilities.map((name) => `CAP_${name}`);
  const add = plainNames(capabilities?.add);
  const drop = plainNames(capabilities?.drop);
  const kept = new Set(add.includes('ALL') ? allCapabilities : defaultCapabilities);
  for (const name of drop.includes('ALL') ? kept : drop) kept.delete(name);
  for (const name of add) if (name !== 'ALL') kept.add(name);
  return [...kept].map((name) => `CAP_${name}`);
}

/** Names as users write them: with or without `CAP_`, in any case. */
function plainNames(names: readonly string[] | undefined): readonly string[] {
  return (names ?? []).map((name) => name.toUpperCase().replace(/^CAP_/, ''));
}

export interface SecurityFacts {
  readonly user: ImageUser;
  /** As the image writes it: a name can't be checked against runAsNonRoot. */
  readonly imageUser: string;
  readonly defaultSeccomp: Buffer | undefined;
  readonly oomScoreAdj: number;
}

export function securityOf(pod: Pod, container: Container, facts: SecurityFacts): ProcessSecurity {
  const ofPod = pod.spec?.securityContext;
  const own = container.securityContext;
  refuseRoot(pod, container, facts);
  const privileged = own?.privileged === true;
  const uid = own?.runAsUser ?? ofPod?.runAsUser ?? facts.user.uid;
  const gid = own?.runAsGroup ?? ofPod?.runAsGroup ?? facts.user.gid;
  const fromImage = ofPod?.supplementalGroupsPolicy === 'Strict' ? [] : facts.user.groups;
  const groups = new Set([...fromImage, ...(ofPod?.supplementalGroups ?? []), ...(ofPod?.fsGroup === undefined ? [] : [ofPod.fsGroup])]);
  const profile = own?.seccompProfile?.type ?? ofPod?.seccompProfile?.type ?? 'RuntimeDefault';
  if (profile === 'Localhost') throw new ConfigError('cannot load seccomp profile: Localhost profiles are not supported on this node');
  const confined = !privileged && profile === 'RuntimeDefault' && facts.defaultSeccomp !== undefined;
  return {
    uid, gid, groups: [...groups], capabilities: capabilitiesOf(container), noNewPrivileges: own?.allowPrivilegeEscalation === false, privileged,
    ...(confined && facts.defaultSeccomp !== undefined ? { seccomp: facts.defaultSeccomp } : {}), oomScoreAdj: facts.oomScoreAdj,
  };
}

function refuseRoot(pod: Pod, container: Container, facts: SecurityFacts): void {
  const ofPod = pod.spec?.securityContext;
  const own = container.securityContext;
  if ((own?.runAsNonRoot ?? ofPod?.runAsNonRoot) !== true) return;
  const where = `(pod: "${podTitle(pod)}", container: ${container.name})`;
  const wanted = own?.runAsUser ?? ofPod?.runAsUser;
  if (wanted === 0) throw new ConfigError(`container's runAsUser breaks non-root policy ${where}`);
  if (wanted !== undefined) return;
  const name = facts.imageUser.split(':')[0] ?? '';
  if (name !== '' && !/^\d+$/.test(name)) throw new ConfigError(`container has runAsNonRoot and image has non-numeric user (${name}), cannot verify user is non-root ${where}`);
  if (facts.user.uid === 0) throw new ConfigError(`container has runAsNonRoot and image will run as root ${where}`);
}

/** Who dies first when memory runs out. Source: "Node-pressure eviction", node OOM behaviour. */
export function oomScoreAdjOf(qos: string, memoryRequestBytes: number, capacityBytes: number): number {
  if (qos === 'Guaranteed') return -997;
  if (qos === 'BestEffort' || capacityBytes <= 0) return 1000;
  return Math.min(Math.max(2, 1000 - Math.floor((1000 * memoryRequestBytes) / capacityBytes)), 999);
}
