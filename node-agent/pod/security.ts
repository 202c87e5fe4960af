import type { Container, Pod } from '../../machinery/kinds/core.ts';
import type { ImageUser } from '../images/users.ts';
import { usersPerPod } from '../../native/host.ts';
import { ConfigError } from '../environment.ts';
import { hasStorageLimits } from '../eviction/limits.ts';
import { allCapabilities, defaultCapabilities } from '../runtime/capabilities.ts';
import type { ProcessSecurity } from '../runtime/runtime.ts';
import type { KeptProjects } from '../runtime/seccomp.ts';
import { seccompProfileOf, type LocalhostSeccomp } from './localhost-seccomp.ts';
import { podTitle } from './plan.ts';

/** What a container may do. Pure. Source: "Configure a Security Context"; defaults as containerd's. */

/** `CAP_…` names: the defaults, with what is added and without what is dropped; `ALL` means every one. */
export function capabilitiesOf(container: Container): readonly string[] {
  const { capabilities, privileged } = container.securityContext ?? {};
  if (privileged === true) return allCapabilities;
  const add = fullNames(capabilities?.add);
  const drop = fullNames(capabilities?.drop);
  const all = 'CAP_ALL';
  const kept = new Set(add.includes(all) ? allCapabilities : defaultCapabilities);
  for (const name of drop.includes(all) ? kept : drop) kept.delete(name);
  for (const name of add) if (name !== all) kept.add(name);
  const unknown = [...kept].find((name) => !allCapabilities.includes(name));
  if (unknown !== undefined) throw new ConfigError(`unknown capability "${unknown}"`);
  return [...kept];
}

/** As the kernel names them; users write them with or without `CAP_`, in any case. */
function fullNames(names: readonly string[] | undefined): readonly string[] {
  return (names ?? []).map((name) => `CAP_${name.toUpperCase().replace(/^CAP_/, '')}`);
}

/** On a node whose file system `limitsDisk`. A pod without limits could use up those of others; it is left the flags of its files. */
export function keptProjects(pod: Pod, limitsDisk: boolean): KeptProjects {
  return !limitsDisk ? 'none' : hasStorageLimits(pod) ? 'all' : 'others';
}

export interface SecurityFacts {
  readonly user: ImageUser;
  /** As the image writes it: a name can't be checked against runAsNonRoot. */
  readonly imageUser: string;
  /** The default filter for a container with these capabilities. */
  readonly defaultSeccomp: (capabilities: readonly string[]) => Buffer;
  /** The machine's own profile that it asks for. */
  readonly localhostSeccomp: LocalhostSeccomp | undefined;
  readonly oomScoreAdj: number;
}

export function securityOf(pod: Pod, container: Container, facts: SecurityFacts): ProcessSecurity {
  const ofPod = pod.spec?.securityContext;
  const own = container.securityContext;
  refuseRoot(pod, container, facts);
  refuseUnenforced(pod, container);
  const privileged = own?.privileged === true;
  const uid = own?.runAsUser ?? ofPod?.runAsUser ?? facts.user.uid;
  const gid = own?.runAsGroup ?? ofPod?.runAsGroup ?? facts.user.gid;
  const fromImage = ofPod?.supplementalGroupsPolicy === 'Strict' ? [] : facts.user.groups;
  const groups = new Set([...fromImage, ...(ofPod?.supplementalGroups ?? []), ...(ofPod?.fsGroup === undefined ? [] : [ofPod.fsGroup])]);
  refuseUnmapped(pod, container, [uid, gid, ...groups]);
  const capabilities = capabilitiesOf(container);
  const { localhostSeccomp: profile } = facts;
  const seccomp = seccompProfileOf(pod, container).type === 'RuntimeDefault' ? facts.defaultSeccomp(capabilities) : profile?.filter;
  return {
    uid, gid, groups: [...groups], capabilities, noNewPrivileges: own?.allowPrivilegeEscalation === false, privileged,
    ...(privileged || seccomp === undefined ? {} : { seccomp }), ...(profile === undefined ? {} : { seccompProfile: profile.text }), oomScoreAdj: facts.oomScoreAdj,
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

/** Ids that the pod's user namespace doesn't have would be nobody's. */
function refuseUnmapped({ spec }: Pod, container: Container, ids: readonly number[]): void {
  if (spec?.hostUsers !== false) return;
  const foreign = ids.find((id) => id >= usersPerPod);
  if (foreign !== undefined) throw new ConfigError(`container ${container.name} can't run with the user or group id ${foreign}: a pod with hostUsers false has the ids from 0 to ${usersPerPod - 1}`);
}

/** A container runs no less confined than it asks to be: what this node can't enforce is refused, as Kubernetes does. */
function refuseUnenforced(pod: Pod, container: Container): void {
  const { type = 'Unconfined' } = container.securityContext?.appArmorProfile ?? pod.spec?.securityContext?.appArmorProfile ?? {};
  if (type !== 'Unconfined' && container.securityContext?.privileged !== true) throw new ConfigError(`Cannot enforce AppArmor: this node loads no profiles; ask for type Unconfined or for none, not for ${type}`);
}

/** Nothing of a pod's is spared more. */
export const lastToDie = -997;

/** Who dies first when memory runs out. Source: "Node-pressure eviction", node OOM behaviour. */
export function oomScoreAdjOf(qos: string, memoryRequestBytes: number, capacityBytes: number): number {
  if (qos === 'Guaranteed') return lastToDie;
  if (qos === 'BestEffort' || capacityBytes <= 0) return 1000;
  return Math.min(Math.max(2, 1000 - Math.floor((1000 * memoryRequestBytes) / capacityBytes)), 999);
}
